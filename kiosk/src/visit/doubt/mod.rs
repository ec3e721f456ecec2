//! The published rules by which a rating is doubted.
//!
//! A doubtful rating is kept, thanked for and delivered like any other; its `flags` say why it
//! should not count, and the portal's staff can decide otherwise. Nothing here takes a rating away
//! or changes what the screen does.
//!
//! The numbers and the arithmetic are those of [`pikir_contract::rules`]. What is remembered for
//! them stands here: the ratings of the last minute, the touches ([`phantom`]), the opening hours
//! ([`opening_hours`](crate::config::opening_hours)).
//!
//! A rating that was taken back or could not be saved does not stand: whoever corrects a slip is
//! not doubted.
//!
//! The rules are pure: they read no clock and no file.

pub mod phantom;

pub use crate::config::opening_hours::OpeningHours;
pub use phantom::{Phantom, PhantomWatch, Point};

use std::collections::VecDeque;

use pikir_contract::rules::{BURST_WINDOW_MS, pace};
use pikir_contract::{BootId, ClockReading, Id, Rating};

/// Ratings remembered for the rules (count): more in a minute are a burst however many they are.
const RATINGS_REMEMBERED: usize = 128;

/// What is remembered of the ratings and touches at one terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubt {
    /// Oldest first: the newest rating, and those before it within [`BURST_WINDOW_MS`].
    ratings: VecDeque<Taken>,
    phantoms: PhantomWatch,
}

/// A rating that was taken.
#[derive(Debug, Clone, PartialEq)]
struct Taken {
    /// `None`: before this run of the program.
    id: Option<Id>,
    boot: BootId,
    up_ms: u64,
    /// What took it back, where something did.
    withdrawn: Option<Id>,
}

/// What the rules say of a rating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Since the previous rating at this terminal in this boot (milliseconds). The contract wants
    /// it with every rating: the first one has the whole boot before it, which is the least the gap
    /// can be.
    pub gap_ms: u64,
    /// The flags of the contract that apply, in a fixed order.
    pub flags: Vec<&'static str>,
}

impl Doubt {
    /// Nothing has happened yet. `last_rating`: boot and uptime (ms) of the newest rating in the
    /// journal.
    #[must_use]
    pub fn new(last_rating: Option<(BootId, u64)>) -> Self {
        let last = last_rating.map(|(boot, up_ms)| Taken {
            id: None,
            boot,
            up_ms,
            withdrawn: None,
        });
        Self {
            ratings: last.into_iter().collect(),
            phantoms: PhantomWatch::default(),
        }
    }

    /// Suspects what an earlier run of the program found, until it has been quiet for as long as
    /// any other.
    pub fn recall(&mut self, found: &[Phantom]) {
        self.phantoms.recall(found);
    }

    /// The panel was touched, whatever was hit. Answers with the phantom where this touch gave it
    /// away.
    pub fn touch(&mut self, point: Point, up_ms: u64) -> Option<Phantom> {
        self.phantoms.touch(point, up_ms)
    }

    /// Judges a rating and remembers it. `closed`: the office is known to be closed.
    pub fn rate(
        &mut self,
        id: Id,
        at: &ClockReading,
        touched: Option<Point>,
        closed: bool,
    ) -> Verdict {
        let since = |taken: &Taken| at.up_ms.checked_sub(taken.up_ms);
        self.ratings.retain(|taken| taken.boot == at.boot);
        let gap_ms = self.ratings.back().and_then(since).unwrap_or(at.up_ms);
        let standing = self.ratings.iter().rev();
        let standing = standing.filter(|taken| taken.withdrawn.is_none());
        let pace = pace(standing.filter_map(since));
        let periodic = touched.is_some_and(|point| self.phantoms.suspects(point));
        let flags = [
            (pace.repeat, Rating::REPEAT),
            (pace.burst, Rating::BURST),
            (periodic, Rating::PERIODIC),
            (closed, Rating::CLOSED),
        ];
        self.remember(id, at);
        Verdict {
            gap_ms,
            flags: flags
                .iter()
                .filter_map(|(applies, flag)| applies.then_some(*flag))
                .collect(),
        }
    }

    fn remember(&mut self, id: Id, at: &ClockReading) {
        self.ratings.push_back(Taken {
            id: Some(id),
            boot: at.boot,
            up_ms: at.up_ms,
            withdrawn: None,
        });
        while self.ratings.len() > RATINGS_REMEMBERED
            || self
                .ratings
                .front()
                .is_some_and(|oldest| oldest.up_ms + BURST_WINDOW_MS < at.up_ms)
        {
            self.ratings.pop_front();
        }
    }

    /// Uptime at which this rating was given (milliseconds), as long as it is remembered.
    #[must_use]
    pub fn rated_ms(&self, rating: Id) -> Option<u64> {
        let taken = self.ratings.iter().find(|taken| taken.id == Some(rating));
        taken.map(|taken| taken.up_ms)
    }

    /// The visitor took this rating back: the next one is no repetition of it.
    pub fn withdrawn(&mut self, rating: Id, by: Id) {
        for taken in &mut self.ratings {
            if taken.id == Some(rating) {
                taken.withdrawn = Some(by);
            }
        }
    }

    /// What could not be saved: a rating never was one, and what a withdrawal took back stands
    /// again.
    pub fn not_saved(&mut self, id: Id) {
        self.ratings.retain(|taken| taken.id != Some(id));
        for taken in &mut self.ratings {
            taken.withdrawn.take_if(|by| *by == id);
        }
    }

    /// Whether a touch here is taken for the panel's own.
    #[must_use]
    pub fn suspects(&self, point: Point) -> bool {
        self.phantoms.suspects(point)
    }

    /// The phantoms that have been quiet for long enough; they are suspected no more.
    pub fn let_time_pass(&mut self, up_ms: u64) -> Vec<Phantom> {
        self.phantoms.let_time_pass(up_ms)
    }

    /// Where the panel touches itself, as far as is known.
    #[must_use]
    pub fn phantoms(&self) -> &[Phantom] {
        self.phantoms.known()
    }

    /// The uptime (ms) at which [`Doubt::let_time_pass`] changes something.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.phantoms.deadline()
    }
}

#[cfg(test)]
mod tests;
