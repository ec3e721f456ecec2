//! Finds touches that no finger makes: a faulty panel that touches itself at one point at a fixed
//! period. One panel is known to do so every 12.864 s.
//!
//! A touch gives a phantom away when it ends a series as [`pikir_contract::rules::series`] finds
//! it. Every touch counts, whether it hit a control or not.

use std::collections::VecDeque;
use std::fmt;

pub use pikir_contract::rules::Point;
use pikir_contract::rules::{PERIOD_MULTIPLE, PERIOD_TOLERANCE_MS, Touch, series};

/// A point without a hit at its period for this long is no longer suspected (milliseconds).
pub const PHANTOM_RELEASE_MS: u64 = 3_600_000;
/// Points suspected at a time (count). A panel with more needs no further proof.
pub const MAX_PHANTOMS: usize = 8;
/// Touches remembered (count): hours of a busy lobby.
const TOUCHES_REMEMBERED: usize = 1_024;

/// A point that touches itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phantom {
    /// Where.
    pub point: Point,
    /// How often (milliseconds).
    pub period_ms: u64,
    /// Uptime of its last hit at its period (milliseconds).
    pub last_hit_ms: u64,
}

/// Remembers touches, and the phantoms found among them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PhantomWatch {
    /// Oldest first.
    touches: VecDeque<Touch>,
    phantoms: Vec<Phantom>,
}

impl fmt::Display for Phantom {
    /// `x,y (per mille) every 12.864 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Phantom {
            point, period_ms, ..
        } = self;
        let (seconds, thousandths) = (period_ms / 1_000, period_ms % 1_000);
        let Point { x, y } = point;
        write!(f, "{x},{y} (per mille) every {seconds}.{thousandths:03} s")
    }
}

impl PhantomWatch {
    /// The panel was touched at uptime `up_ms`. Answers with the phantom where this touch gave a
    /// new one away.
    pub fn touch(&mut self, point: Point, up_ms: u64) -> Option<Phantom> {
        // Newest first.
        let before: Vec<Touch> = self
            .touches
            .iter()
            .rev()
            .filter(|touch| touch.point.is_at(point))
            .copied()
            .collect();
        let touch = Touch { point, up_ms };
        if self.touches.len() == TOUCHES_REMEMBERED {
            self.touches.pop_front();
        }
        self.touches.push_back(touch);
        let found = series(touch, &before).map(|found| Phantom {
            point: found.point,
            period_ms: found.period_ms,
            last_hit_ms: up_ms,
        });
        if let Some(known) = self.phantom_at(point) {
            if let Some(found) = found {
                known.period_ms = found.period_ms;
                known.last_hit_ms = up_ms;
            } else if before
                .iter()
                .any(|earlier| known.is_multiple(up_ms.saturating_sub(earlier.up_ms)))
            {
                known.last_hit_ms = up_ms;
            }
            return None;
        }
        let found = found.filter(|_| self.phantoms.len() < MAX_PHANTOMS)?;
        self.phantoms.push(found);
        Some(found)
    }

    /// Suspects what an earlier run of the program found.
    pub fn recall(&mut self, found: &[Phantom]) {
        self.phantoms = found.iter().take(MAX_PHANTOMS).copied().collect();
    }

    fn phantom_at(&mut self, point: Point) -> Option<&mut Phantom> {
        self.phantoms
            .iter_mut()
            .find(|phantom| phantom.point.is_at(point))
    }

    /// Whether a rating touched here is doubtful.
    #[must_use]
    pub fn suspects(&self, point: Point) -> bool {
        self.phantoms
            .iter()
            .any(|phantom| phantom.point.is_at(point))
    }

    /// The phantoms that have been quiet for [`PHANTOM_RELEASE_MS`]; they are suspected no more.
    pub fn let_time_pass(&mut self, up_ms: u64) -> Vec<Phantom> {
        let quiet = |phantom: &mut Phantom| phantom.release_ms() <= up_ms;
        self.phantoms.extract_if(.., quiet).collect()
    }

    /// The points suspected now.
    #[must_use]
    pub fn known(&self) -> &[Phantom] {
        &self.phantoms
    }

    /// The uptime (ms) at which the next point is suspected no more, if it stays quiet.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.phantoms.iter().map(Phantom::release_ms).min()
    }
}

impl Phantom {
    fn release_ms(&self) -> u64 {
        self.last_hit_ms + PHANTOM_RELEASE_MS
    }

    fn is_multiple(&self, gap_ms: u64) -> bool {
        (1..=PERIOD_MULTIPLE)
            .any(|count| gap_ms.abs_diff(count * self.period_ms) <= PERIOD_TOLERANCE_MS)
    }
}
