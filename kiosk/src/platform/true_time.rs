//! What the terminal knows of the true time in this boot: from the kernel where it is synchronised,
//! else from the portal's answers. Nothing is decided by it; it dates events and makes presence
//! tokens.

use std::sync::Mutex;

use pikir_contract::{BootOffset, OffsetQuality, Time};

use super::clock::SharedClock;
use crate::limits::{CLOCK_DRIFT_PPM, LEARN_STEP_MS, MAX_TIME_ROUND_TRIP_MS};

/// The true time of this boot.
pub struct TrueTime {
    clock: SharedClock,
    /// The best that was learnt from the portal.
    from_portal: Mutex<Option<Sample>>,
}

/// What one answer of the portal taught.
#[derive(Clone, Copy)]
struct Sample {
    /// Unix time minus uptime (ms).
    offset_ms: i64,
    /// How far it may be off: half the round trip (ms).
    doubt_ms: u64,
    /// When it was learnt (uptime, ms).
    at_ms: u64,
    /// When the portal last told a time, this one or a vaguer (uptime, ms).
    heard_ms: u64,
}

impl std::fmt::Debug for TrueTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TrueTime").field(&self.known()).finish()
    }
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
        let round_trip = now.saturating_sub(sent_up_ms);
        if round_trip > MAX_TIME_ROUND_TRIP_MS {
            return;
        }
        let sample = Sample {
            offset_ms: time.unix_ms() - sent_up_ms.midpoint(now) as i64,
            doubt_ms: round_trip / 2,
            at_ms: now,
            heard_ms: now,
        };
        match &mut *self.lock() {
            Some(best) if sample.doubt_ms > best.doubt_by(now) => best.heard_ms = now,
            best => *best = Some(sample),
        }
    }

    /// What is known of this boot's clock, where it is another thing than `known`.
    #[must_use]
    pub fn news(&self, known: Option<BootOffset>) -> Option<BootOffset> {
        let offset = self.offset()?;
        let is_known = known.is_some_and(|known| {
            known.quality == offset.quality
                && known.offset_ms.abs_diff(offset.offset_ms) <= LEARN_STEP_MS
        });
        (!is_known).then_some(offset)
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
        self.lock().map(|sample| BootOffset {
            boot,
            offset_ms: sample.offset_ms,
            quality: OffsetQuality::Portal,
        })
    }

    /// The true Unix time (milliseconds), where it is known.
    #[must_use]
    pub fn unix_ms(&self) -> Option<i64> {
        self.known().map(|(unix_ms, _)| unix_ms)
    }

    /// The true Unix time (milliseconds) and how it is known, where it is.
    #[must_use]
    pub fn known(&self) -> Option<(i64, OffsetQuality)> {
        let offset = self.offset()?;
        Some((self.clock.up_ms() as i64 + offset.offset_ms, offset.quality))
    }

    /// Whether the portal told a time within the last `span_ms` (milliseconds).
    #[must_use]
    pub fn heard_within(&self, span_ms: u64) -> bool {
        let now = self.clock.up_ms();
        self.lock()
            .is_some_and(|sample| now.saturating_sub(sample.heard_ms) <= span_ms)
    }

    /// The wall clock as it stands (Unix milliseconds), for where nothing better is known.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        self.clock.wall_ms()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Sample>> {
        self.from_portal
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Sample {
    /// How far it may be off by then (ms): two clocks drift apart.
    fn doubt_by(&self, now_ms: u64) -> u64 {
        let age_ms = now_ms.saturating_sub(self.at_ms);
        self.doubt_ms + age_ms.saturating_mul(CLOCK_DRIFT_PPM) / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock::{Clock, TestClock};

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
    fn a_vague_answer_replaces_an_exact_one_only_when_that_has_grown_old() {
        let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
        let truth = TrueTime::new(clock.clone());
        truth.learn(time(TRUTH), 1_000);
        clock.advance_ms(8_000);
        truth.learn(time(TRUTH + 1_000), 1_000);
        assert_eq!(
            truth.unix_ms(),
            Some(TRUTH + 8_000),
            "four seconds off at worst, and nothing before was"
        );
        assert!(truth.heard_within(0), "the vague answer was heard");
        clock.advance_ms(1);
        assert!(!truth.heard_within(0));
        clock.advance_ms(4_000 * 1_000_000 / CLOCK_DRIFT_PPM - 1);
        let sent = clock.up_ms() - 8_000;
        truth.learn(time(TRUTH), sent);
        assert_eq!(truth.unix_ms(), Some(TRUTH + 4_000));
    }

    #[test]
    fn what_is_known_is_news_once_and_again_when_it_is_known_better() {
        let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
        let truth = TrueTime::new(clock.clone());
        assert_eq!(truth.news(None), None);
        truth.learn(time(TRUTH), 1_000);
        let known = truth.news(None);
        assert_eq!(known, truth.offset());
        assert_eq!(truth.news(known), None);
        clock.set_wall_ms(TRUTH, true);
        let better = truth.news(known);
        assert_eq!(better.map(|it| it.quality), Some(OffsetQuality::Synced));
        assert_eq!(truth.news(better), None);
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
