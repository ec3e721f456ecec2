//! What the terminal knows of the true time in this boot: from the kernel where it is synchronised, else from the
//! portal's answers. Nothing is decided by it; it dates events and makes presence tokens.

use std::sync::Mutex;

use pikir_contract::{BootOffset, OffsetQuality, Time};

use crate::clock::SharedClock;
use crate::limits::MAX_TIME_ROUND_TRIP_MS;

/// The true time of this boot.
pub struct TrueTime {
    clock: SharedClock,
    /// Unix time minus uptime (ms), as learnt from the portal.
    from_portal: Mutex<Option<i64>>,
}

impl TrueTime {
    /// Nothing learnt yet.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            from_portal: Mutex::new(None),
        }
    }

    /// Learns from an answer: the portal said `time` at some moment between `sent_up_ms` and now.
    pub fn learn(&self, time: Time, sent_up_ms: u64) {
        let now = self.clock.up_ms();
        if now.saturating_sub(sent_up_ms) <= MAX_TIME_ROUND_TRIP_MS {
            let middle = sent_up_ms.midpoint(now) as i64;
            *self.lock() = Some(time.unix_ms() - middle);
        }
    }

    /// What is known of this boot's clock; `None` while nothing is.
    #[must_use]
    pub fn offset(&self) -> Option<BootOffset> {
        let boot = self.clock.boot();
        if self.clock.synced() {
            let offset_ms = self.clock.wall_ms() - self.clock.up_ms() as i64;
            return Some(BootOffset {
                boot,
                offset_ms,
                quality: OffsetQuality::Synced,
            });
        }
        self.lock().map(|offset_ms| BootOffset {
            boot,
            offset_ms,
            quality: OffsetQuality::Portal,
        })
    }

    /// The true Unix time (milliseconds), where it is known.
    #[must_use]
    pub fn unix_ms(&self) -> Option<i64> {
        self.offset()
            .map(|offset| self.clock.up_ms() as i64 + offset.offset_ms)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<i64>> {
        self.from_portal
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;

    const TRUTH: i64 = 1_800_000_000_000;

    fn time(unix_ms: i64) -> Time {
        Time::from_unix_ms(unix_ms).unwrap()
    }

    #[test]
    fn the_portal_teaches_the_time_to_a_terminal_whose_clock_stands_at_1970() {
        let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
        let truth = TrueTime::new(clock.clone());
        assert_eq!(truth.unix_ms(), None);
        clock.advance_ms(400);
        truth.learn(time(TRUTH), 1_000);
        clock.advance_ms(60_000);
        assert_eq!(truth.unix_ms(), Some(TRUTH + 200 + 60_000));
        clock.set_wall_ms(4_000_000_000_000, false);
        assert_eq!(
            truth.unix_ms(),
            Some(TRUTH + 200 + 60_000),
            "a jumping wall clock changes nothing"
        );
    }

    #[test]
    fn a_synchronised_kernel_knows_better_than_the_portal() {
        let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
        let truth = TrueTime::new(clock.clone());
        truth.learn(time(TRUTH), 1_000);
        clock.set_wall_ms(TRUTH + 5_000, true);
        assert_eq!(truth.unix_ms(), Some(TRUTH + 5_000));
    }

    #[test]
    fn an_answer_that_took_too_long_teaches_nothing() {
        let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
        let truth = TrueTime::new(clock.clone());
        clock.advance_ms(MAX_TIME_ROUND_TRIP_MS + 1_001);
        truth.learn(time(TRUTH), 1_000);
        assert_eq!(truth.unix_ms(), None);
    }
}
