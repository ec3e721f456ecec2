//! Finds touches that no finger makes: a faulty panel that touches itself at one point at a fixed period. One panel is
//! known to do so every 12.864 s.
//!
//! A touch gives a phantom away when it ends a chain of touches at one point (within [`POINT_RADIUS`]) whose last
//! [`PERIOD_COUNT`] gaps are whole multiples (1 to [`MAX_MULTIPLE`]: hits may be missing) of one period within
//! [`PERIOD_TOLERANCE_MS`]. Up to [`MAX_STRAYS`] other touches at the point, of real fingers, may lie between. Every
//! touch counts, whether it hit a control or not.

use std::collections::VecDeque;
use std::fmt;

/// Touches this near to each other are at one point (per mille of the screen's width and height).
pub const POINT_RADIUS: u32 = 15;
/// Gaps that have to agree (count): a chain is one touch longer.
pub const PERIOD_COUNT: usize = 4;
/// How far a gap may be from a multiple of the period (milliseconds).
pub const PERIOD_TOLERANCE_MS: u64 = 60;
/// The most periods a gap may hold (count): up to two hits in a row may be missing.
pub const MAX_MULTIPLE: u64 = 3;
/// The shortest period that counts (milliseconds): faster touches are a `burst`, and people drum.
pub const MIN_PERIOD_MS: u64 = 2_000;
/// The longest period that counts (milliseconds); so no gap longer than [`MAX_MULTIPLE`] of these is looked at.
pub const MAX_PERIOD_MS: u64 = 600_000;
/// Other touches at the point that may lie between those of a chain (count).
pub const MAX_STRAYS: usize = 3;
/// A point without a hit at its period for this long is no longer suspected (milliseconds).
pub const PHANTOM_RELEASE_MS: u64 = 3_600_000;
/// Points suspected at a time (count). A panel with more needs no further proof.
pub const MAX_PHANTOMS: usize = 8;
/// Touches remembered (count): hours of a busy lobby.
const TOUCHES_REMEMBERED: usize = 1_024;

/// A place on the screen, per mille of its width from the left and of its height from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// From the left, 0–1000.
    pub x: u16,
    /// From the top, 0–1000.
    pub y: u16,
}

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

#[derive(Debug, Clone, Copy, PartialEq)]
struct Touch {
    point: Point,
    up_ms: u64,
}

impl From<(u16, u16)> for Point {
    fn from((x, y): (u16, u16)) -> Self {
        Self { x, y }
    }
}

impl Point {
    /// Whether both are one point, as far as a panel can tell.
    #[must_use]
    pub fn is_at(self, other: Point) -> bool {
        let (dx, dy) = (self.x.abs_diff(other.x), self.y.abs_diff(other.y));
        u32::from(dx).pow(2) + u32::from(dy).pow(2) <= POINT_RADIUS.pow(2)
    }
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
    /// The panel was touched at uptime `up_ms`. Answers with the phantom where this touch gave a new one away.
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
        let found = find_chain(touch, &before);
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
        (1..=MAX_MULTIPLE)
            .any(|count| gap_ms.abs_diff(count * self.period_ms) <= PERIOD_TOLERANCE_MS)
    }
}

/// Periods are compared in parts of a millisecond small enough that a gap divides by every multiple.
const PARTS: u64 = 6;

/// A chain that is being followed backwards in time.
#[derive(Clone, Copy)]
struct Chain {
    /// The periods that explain every gap so far, from and to (parts of a millisecond).
    periods: (u64, u64),
    gaps: usize,
    strays: usize,
    /// How many periods the gaps hold together.
    count: u64,
    /// Where its hits were, added up.
    sum: (u32, u32),
}

/// The phantom whose newest hit is `touch`, if there is one. `before`: earlier touches at the point, newest first.
fn find_chain(touch: Touch, before: &[Touch]) -> Option<Phantom> {
    let start = Chain {
        periods: (MIN_PERIOD_MS * PARTS, MAX_PERIOD_MS * PARTS),
        gaps: 0,
        strays: 0,
        count: 0,
        sum: (u32::from(touch.point.x), u32::from(touch.point.y)),
    };
    let (chain, oldest_ms) = follow(start, touch.up_ms, before)?;
    let hits = PERIOD_COUNT as u32 + 1;
    // The mean of numbers is no larger than the largest of them.
    let mean = |sum: u32| ((sum + hits / 2) / hits) as u16;
    Some(Phantom {
        point: Point {
            x: mean(chain.sum.0),
            y: mean(chain.sum.1),
        },
        period_ms: (touch.up_ms - oldest_ms + chain.count / 2) / chain.count,
        last_hit_ms: touch.up_ms,
    })
}

/// Goes on from the hit at `up_ms`; answers with a whole chain and when it began. The nearest hits and the smallest
/// multiples come first, so that the longest period that fits is found.
fn follow(chain: Chain, up_ms: u64, before: &[Touch]) -> Option<(Chain, u64)> {
    if chain.gaps == PERIOD_COUNT {
        return Some((chain, up_ms));
    }
    let reach = MAX_STRAYS - chain.strays + 1;
    before
        .iter()
        .take(reach)
        .enumerate()
        .find_map(|(strays, earlier)| {
            let gap_ms = up_ms.saturating_sub(earlier.up_ms);
            (1..=MAX_MULTIPLE).find_map(|count| {
                let next = chain
                    .with_gap(gap_ms, count)?
                    .with_hit(earlier.point, strays);
                follow(next, earlier.up_ms, &before[strays + 1..])
            })
        })
}

impl Chain {
    /// The chain with one gap of `count` periods more, where some period explains them all.
    fn with_gap(self, gap_ms: u64, count: u64) -> Option<Chain> {
        let least = gap_ms.saturating_sub(PERIOD_TOLERANCE_MS) * PARTS / count;
        let most = (gap_ms + PERIOD_TOLERANCE_MS) * PARTS / count;
        let periods = (self.periods.0.max(least), self.periods.1.min(most));
        (periods.0 <= periods.1).then_some(Chain {
            periods,
            gaps: self.gaps + 1,
            count: self.count + count,
            ..self
        })
    }

    /// The chain with one hit more, and the touches that were skipped before it.
    fn with_hit(self, point: Point, strays: usize) -> Chain {
        let (x, y) = self.sum;
        Chain {
            strays: self.strays + strays,
            sum: (x + u32::from(point.x), y + u32::from(point.y)),
            ..self
        }
    }
}
