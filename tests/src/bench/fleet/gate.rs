//! The portal's gate before deliveries, in virtual time: the rule and the numbers of
//! `portal/src/api/gate.rs`.

use super::simulation::{Moment, SECOND};

/// Deliveries at the same time (`MAX_DELIVERIES` there).
pub const PLACES: usize = 128;
/// Shortest and longest time it asks for before it spreads it (s).
const WAIT_S: (u64, u64) = (10, 900);
/// The time over which it counts (s).
const WINDOW_S: u64 = 10;

/// Counts what was served and turned away lately.
#[derive(Debug, Default)]
pub struct Gate {
    inside: usize,
    since: Moment,
    served: u64,
    refused: u64,
    before: (u64, u64),
}

impl Gate {
    /// Lets a delivery in, if there is a place.
    pub fn enter(&mut self) -> bool {
        let is_free = self.inside < PLACES;
        self.inside += usize::from(is_free);
        is_free
    }

    /// A delivery was answered.
    pub fn leave(&mut self, now: Moment) {
        self.inside -= 1;
        self.turn(now);
        self.served += 1;
    }

    /// A delivery was turned away: the seconds it is asked to wait. `random` is a fraction in
    /// `0.0..1.0`.
    pub fn refuse(&mut self, now: Moment, random: f64) -> u64 {
        self.turn(now);
        self.refused += 1;
        let served = self.served.max(self.before.0).max(1);
        let refused = self.refused.max(self.before.1);
        let wait_s = (WINDOW_S * refused / served).clamp(WAIT_S.0, WAIT_S.1);
        wait_s / 2 + (random * (wait_s + 1) as f64) as u64
    }

    fn turn(&mut self, now: Moment) {
        let age_s = now.saturating_sub(self.since) / SECOND;
        if age_s >= WINDOW_S {
            let is_recent = age_s < 2 * WINDOW_S;
            self.before = if is_recent {
                (self.served, self.refused)
            } else {
                (0, 0)
            };
            (self.since, self.served, self.refused) = (now, 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The portal's own gate: a program has no other modules, so its text is read.
    const SOURCE: &str = include_str!("../../../../portal/src/api/gate.rs");

    #[test]
    fn the_numbers_are_those_of_the_portal() {
        for line in [
            format!("const MAX_DELIVERIES: usize = {PLACES};"),
            format!("const MIN_WAIT_S: u64 = {};", WAIT_S.0),
            format!("const MAX_WAIT_S: u64 = {};", WAIT_S.1),
            format!("const WINDOW: Duration = Duration::from_secs({WINDOW_S});"),
        ] {
            assert!(SOURCE.contains(&line), "{line}");
        }
    }
}
