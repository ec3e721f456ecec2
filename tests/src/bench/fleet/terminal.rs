//! What the simulation keeps of one terminal.

use pikir_contract::MAX_BATCH_EVENTS;
use pikir_kiosk::portal::backoff::Backoff;

use super::simulation::{Moment, SECOND};

/// One terminal of the fleet.
pub struct Terminal {
    /// The uploader's back-off.
    pub uploader: Backoff,
    /// Upkeep's.
    pub upkeep: Backoff,
    /// Largest batch it dares to send (events).
    pub limit: usize,
    /// Events of the delivery under way.
    pub under_way: f64,
    /// Whether what the outage left is delivered.
    pub is_drained: bool,
    /// Ratings not delivered yet, as of `counted`.
    backlog: f64,
    counted: Moment,
}

impl Terminal {
    /// A terminal without a backlog, whose next visitor comes at `tap`.
    pub fn new(tap: Moment, is_drained: bool) -> Self {
        Self {
            uploader: Backoff::default(),
            upkeep: Backoff::default(),
            limit: MAX_BATCH_EVENTS,
            under_way: 0.0,
            is_drained,
            backlog: 1.0,
            counted: tap,
        }
    }

    /// Counts what was rated meanwhile; how many events go into the next delivery.
    pub fn next_batch(&mut self, now: Moment, ratings_per_day: f64) -> f64 {
        let elapsed_s = now.saturating_sub(self.counted) as f64 / SECOND as f64;
        self.backlog += elapsed_s / 86_400.0 * ratings_per_day;
        self.counted = now;
        self.backlog.floor().clamp(1.0, self.limit as f64)
    }

    /// The portal has the delivery; whether there is more to send.
    pub fn was_delivered(&mut self) -> bool {
        self.uploader.reset();
        self.limit = (self.limit * 2).min(MAX_BATCH_EVENTS);
        self.backlog = (self.backlog - self.under_way).max(0.0);
        self.backlog >= 1.0
    }

    /// Nothing is left; the next visitor comes at `tap`.
    pub fn waits_for_tap(&mut self, tap: Moment) {
        self.backlog = 1.0;
        self.counted = tap;
    }
}

/// Seconds as virtual time.
pub fn micros(seconds: f64) -> Moment {
    (seconds * SECOND as f64).round() as Moment
}
