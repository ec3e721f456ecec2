//! The only reader of the wall clock, and its test twin.
//!
//! The portal runs on a server whose clock is right; everything that depends on the time takes it
//! from here, so that a test can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pikir_contract::Time;

/// Tells the present time. Cheap to clone; every clone tells the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The present time in milliseconds since 1970 (UTC).
    pub fn unix_ms(&self) -> i64 {
        match &self.0 {
            Source::System => system_unix_ms(),
            Source::Manual(ms) => ms.load(Ordering::SeqCst),
        }
    }

    /// The present time in seconds since 1970 (UTC).
    pub fn unix_s(&self) -> i64 {
        self.unix_ms().div_euclid(1000)
    }

    /// The present time as it is written on the wire.
    pub fn now(&self) -> Time {
        // Either source keeps within years 1970 to 9999, which `Time` holds.
        Time::from_unix_ms(self.unix_ms())
            .expect("the clock is within the years that can be written")
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this module is the one reader of the wall clock"
)]
fn system_unix_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|age| i64::try_from(age.as_millis()).ok())
        .map_or(0, |ms| ms.min(LATEST_UNIX_MS))
}

/// The end of the year 9999 in milliseconds since 1970: the last moment RFC 3339 can write.
const LATEST_UNIX_MS: i64 = 253_402_207_200_000;

/// A clock that a test sets by hand.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `unix_ms` (milliseconds since 1970).
    pub fn at(unix_ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(unix_ms)))
    }

    /// The clock to hand to the program under test.
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(Arc::clone(&self.0)))
    }

    /// Moves the clock forwards.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 2);
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let hand = ManualClock::at(1_000);
        let clock = hand.clock();
        assert_eq!(clock.unix_ms(), 1_000);
        hand.advance(Duration::from_secs(2));
        assert_eq!((clock.unix_ms(), clock.unix_s()), (3_000, 3));
    }

    #[test]
    fn the_machine_s_clock_is_past_the_year_2020() {
        assert!(Clock::system().unix_s() > 1_577_836_800);
    }
}
