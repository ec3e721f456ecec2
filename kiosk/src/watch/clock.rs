//! Watches the wall clock: says so when somebody sets it, and keeps what is known of this boot's
//! time.
//!
//! The kernel steers wall clock and uptime together, so their difference stands still until the
//! clock is set. A difference that moved is a step: NTP after a start without a battery-backed
//! clock, or a person.

use std::sync::Arc;

use pikir_contract::{BootOffset, Notice, Time};

use crate::journal::{JournalHandle, NewEvent};
use crate::limits::{CLOCK_CHECK, CLOCK_JUMP_MS, CLOCK_NOTICE_PAUSE_MS};
use crate::platform::clock::SharedClock;
use crate::platform::entropy::SharedEntropy;
use crate::platform::true_time::TrueTime;

/// What the watch needs.
pub struct ClockWatch {
    /// The clock.
    pub clock: SharedClock,
    /// For ids.
    pub entropy: SharedEntropy,
    /// What is known of the time.
    pub true_time: Arc<TrueTime>,
    /// Keeps both.
    pub journal: JournalHandle,
}

impl ClockWatch {
    /// Watches for ever. Stopping it at any moment loses nothing.
    pub async fn run(self) {
        let mut steps = Steps::default();
        let mut learnt = None;
        loop {
            self.look(&mut steps, &mut learnt).await;
            tokio::time::sleep(CLOCK_CHECK).await;
        }
    }

    async fn look(&self, steps: &mut Steps, learnt: &mut Option<BootOffset>) {
        if let Some(detail) = steps.look(self.clock.wall_ms(), self.clock.up_ms()) {
            tracing::warn!(%detail, "the clock was set");
            let event = NewEvent::notice(&self.clock, &self.entropy, Notice::CLOCK_SET, detail);
            self.journal.append_and_forget(event);
        }
        // NTP may be all this boot ever hears of the time: the portal may be out of reach until the
        // power goes.
        let Some(offset) = self.true_time.news(*learnt) else {
            return;
        };
        match self.journal.learn_offset(offset).await {
            Ok(()) => *learnt = Some(offset),
            Err(error) => {
                tracing::warn!(%error, "what is known of the clock could not be kept; it is tried again");
            }
        }
    }
}

/// What is remembered of the clock from one look to the next.
#[derive(Default)]
struct Steps {
    /// Wall clock minus uptime (ms), as it was last told, or first seen.
    known: Option<i64>,
    /// When it was told (uptime, ms).
    told_at: Option<u64>,
}

impl Steps {
    /// What a person is told of a step, if there was one. A clock that is set again and again is
    /// told of once in a while.
    fn look(&mut self, wall_ms: i64, up_ms: u64) -> Option<String> {
        let offset = wall_ms.saturating_sub_unsigned(up_ms);
        let known = *self.known.get_or_insert(offset);
        let step = offset.saturating_sub(known);
        let is_quiet = self
            .told_at
            .is_some_and(|told| up_ms.saturating_sub(told) < CLOCK_NOTICE_PAUSE_MS);
        if step.unsigned_abs() <= CLOCK_JUMP_MS || is_quiet {
            return None;
        }
        self.known = Some(offset);
        self.told_at = Some(up_ms);
        let direction = if step > 0 { "forwards" } else { "backwards" };
        let (from, to) = (known.saturating_add_unsigned(up_ms), wall_ms);
        let seconds = step.unsigned_abs() / 1_000;
        Some(format!(
            "from {} to {}: {seconds} s {direction}",
            text(from),
            text(to)
        ))
    }
}

fn text(unix_ms: i64) -> String {
    Time::from_unix_ms(unix_ms).map_or_else(
        |_| "a time no calendar has".into(),
        |time| time.timestamp().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use crate::platform::clock::{Clock, TestClock};
    use crate::platform::entropy::TestEntropy;
    use pikir_contract::SealKey;

    const NOON: i64 = 1_795_262_400_000;

    #[test]
    fn a_step_is_told_with_both_times_and_its_size_and_a_small_one_is_not() {
        let mut steps = Steps::default();
        assert_eq!(steps.look(NOON, 5_000), None);
        assert_eq!(steps.look(NOON + 12_000, 15_000), None, "two seconds");
        let told = steps.look(NOON + 3_600_000 + 20_000, 25_000).unwrap();
        assert_eq!(
            told,
            "from 2026-11-21T12:00:20Z to 2026-11-21T13:00:20Z: 3600 s forwards"
        );
    }

    #[test]
    fn a_clock_at_1970_that_is_set_right_and_one_that_jumps_ten_years_back_are_told_of() {
        let mut steps = Steps::default();
        assert_eq!(steps.look(5_000, 5_000), None);
        let told = steps.look(NOON, 6_000).unwrap();
        assert!(
            told.starts_with("from 1970-01-01T00:00:06Z to 2026-11-21T12:00:00Z"),
            "{told}"
        );
        let years = 10 * 365 * 86_400_000;
        let told = steps
            .look(NOON - years, 6_000 + CLOCK_NOTICE_PAUSE_MS)
            .unwrap();
        assert!(told.contains("backwards"), "{told}");
        let told = steps
            .look(i64::MIN, 6_000 + 2 * CLOCK_NOTICE_PAUSE_MS)
            .unwrap();
        assert!(told.contains("a time no calendar has"), "{told}");
    }

    #[test]
    fn a_clock_that_runs_back_all_day_is_told_of_a_few_times_an_hour() {
        let mut steps = Steps::default();
        let told = (0..24 * 360_i64)
            .filter_map(|look| steps.look(NOON - look * 10_000, look as u64 * 10_000))
            .count();
        assert!((1..=24 * 6).contains(&told), "{told} notices in a day");
    }

    #[tokio::test(start_paused = true)]
    async fn a_set_clock_makes_one_notice_and_a_synchronised_one_is_kept_without_the_portal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
        let clock = TestClock::new(boot, 0);
        let entropy = TestEntropy::new(1);
        let id = crate::platform::entropy::Entropy::id(&*entropy, 0);
        drop(Journal::create(&path, &SealKey::from_bytes([1; 32])).unwrap());
        let journal = JournalHandle::start(path, id, clock.clone(), entropy.clone()).unwrap();
        let watch = ClockWatch {
            true_time: Arc::new(TrueTime::new(clock.clone())),
            clock: clock.clone(),
            entropy,
            journal: journal.clone(),
        };
        let (mut steps, mut learnt) = (Steps::default(), None);
        watch.look(&mut steps, &mut learnt).await;
        clock.set_wall_ms(NOON, true);
        watch.look(&mut steps, &mut learnt).await;
        watch.look(&mut steps, &mut learnt).await;
        let answer = pikir_contract::EventsAnswer {
            received_through: 0,
            results: Vec::new(),
            time: Time::from_unix_ms(NOON).unwrap(),
        };
        journal.acknowledge(answer).await.unwrap();
        let batch = journal.batch(10, 10_000).await.unwrap();
        assert_eq!(batch.events.len(), 1);
        assert_eq!(batch.events[0].body["what"], Notice::CLOCK_SET);
        assert_eq!(batch.boots.len(), 1);
        assert_eq!(
            batch.boots[0].offset_ms,
            NOON - clock.up_ms() as i64,
            "kept for the time after this boot"
        );
    }
}
