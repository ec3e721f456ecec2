//! Exponential back-off with full jitter, so that a fleet that lost its portal does not come back
//! as one herd. (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.) And a
//! pace that nothing the portal answers can drive a terminal beyond.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{BACKOFF_BASE, BACKOFF_CAP, MAX_REQUESTS_PER_MINUTE};
use crate::platform::entropy::Entropy;
use crate::platform::network::NetworkChanges;

/// Counts failures in a row and says how long to wait after each.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A success: the next failure waits briefly again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Another failure: a random time up to the ceiling, never less than the portal asked for.
    pub fn next(&mut self, entropy: &dyn Entropy, asked: Option<Duration>) -> Duration {
        let ceiling = BACKOFF_BASE
            .saturating_mul(1 << self.failures.min(16))
            .min(BACKOFF_CAP);
        self.failures = self.failures.saturating_add(1);
        asked.unwrap_or_default() + ceiling.mul_f64(entropy.fraction())
    }

    /// Waits after a failure: as long as the portal asked, then a random time, which ends when the
    /// network is another one. Returns whether it is.
    pub async fn wait(
        &mut self,
        entropy: &dyn Entropy,
        asked: Option<Duration>,
        network: &mut NetworkChanges,
    ) -> bool {
        let jitter = self.next(entropy, None);
        tokio::time::sleep(asked.unwrap_or_default()).await;
        let changed = tokio::time::timeout(jitter, network.changed())
            .await
            .is_ok();
        if changed {
            self.reset();
        }
        changed
    }
}

/// Spreads the first tries after a start. The power comes back to a whole town at once, and the
/// network some seconds later: neither is a reason for all its terminals to hurry.
#[derive(Debug, Clone, Copy)]
pub struct StartSpread {
    spread: Duration,
    until: Instant,
}

impl StartSpread {
    /// The program starts now.
    #[must_use]
    pub fn begin(spread: Duration) -> Self {
        Self {
            spread,
            until: Instant::now() + spread,
        }
    }

    /// How long to wait before the first try.
    #[must_use]
    pub fn first(&self, entropy: &dyn Entropy) -> Duration {
        self.spread.mul_f64(entropy.fraction())
    }

    /// How long to wait after the network changed: not at all, except soon after the start.
    #[must_use]
    pub fn after_change(&self, entropy: &dyn Entropy) -> Duration {
        if Instant::now() < self.until {
            self.first(entropy)
        } else {
            Duration::ZERO
        }
    }
}

/// Lets through at most [`MAX_REQUESTS_PER_MINUTE`] within any minute.
#[derive(Debug, Default)]
pub struct Pace {
    /// When the requests of the last minute went, oldest first.
    sent: VecDeque<Instant>,
}

impl Pace {
    /// Waits until one more request may go. Returns whether there was anything to wait for.
    pub async fn turn(&mut self) -> bool {
        let mut has_waited = false;
        if self.sent.len() >= MAX_REQUESTS_PER_MINUTE
            && let Some(oldest) = self.sent.pop_front()
        {
            let free_at = oldest + Duration::from_secs(60);
            has_waited = free_at > Instant::now();
            tokio::time::sleep_until(free_at).await;
        }
        self.sent.push_back(Instant::now());
        has_waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::entropy::TestEntropy;

    #[tokio::test(start_paused = true)]
    async fn no_minute_sees_more_requests_than_the_pace_allows() {
        let mut pace = Pace::default();
        let mut sent = Vec::new();
        for _ in 0..MAX_REQUESTS_PER_MINUTE * 3 {
            pace.turn().await;
            sent.push(Instant::now());
        }
        assert!(sent.windows(MAX_REQUESTS_PER_MINUTE + 1).all(|minute| {
            minute[MAX_REQUESTS_PER_MINUTE] - minute[0] >= Duration::from_secs(60)
        }));
        assert_eq!(
            sent[0],
            sent[MAX_REQUESTS_PER_MINUTE - 1],
            "the first minute's share goes at once"
        );
    }

    #[test]
    fn waits_grow_to_the_cap_and_are_spread_over_the_whole_of_it() {
        let entropy = TestEntropy::new(3);
        let mut backoff = Backoff::default();
        for failure in 0..40 {
            let ceiling = BACKOFF_BASE * (1 << failure.min(16));
            assert!(backoff.next(&*entropy, None) <= ceiling.min(BACKOFF_CAP));
        }
        let late: Vec<_> = (0..200).map(|_| backoff.next(&*entropy, None)).collect();
        assert!(
            late.iter().any(|wait| *wait < BACKOFF_CAP / 4)
                && late.iter().any(|wait| *wait > BACKOFF_CAP * 3 / 4)
        );
        backoff.reset();
        assert!(backoff.next(&*entropy, None) <= BACKOFF_BASE);
    }

    #[tokio::test(start_paused = true)]
    async fn another_network_ends_the_back_off_but_not_what_the_portal_asked_for() {
        let (signal, mut changes) = crate::platform::network::channel();
        let entropy = TestEntropy::new(3);
        let mut backoff = Backoff { failures: 9 };
        signal.changed();
        let start = Instant::now();
        assert!(backoff.wait(&*entropy, None, &mut changes).await);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(backoff.failures, 0);
        signal.changed();
        let asked = Duration::from_secs(120);
        assert!(backoff.wait(&*entropy, Some(asked), &mut changes).await);
        assert_eq!(start.elapsed(), asked);
        assert!(!backoff.wait(&*entropy, None, &mut changes).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_comes_up_soon_after_the_start_is_no_reason_to_hurry() {
        let entropy = TestEntropy::new(5);
        let start = StartSpread::begin(Duration::from_secs(30));
        let waits: Vec<_> = (0..100).map(|_| start.after_change(&*entropy)).collect();
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(25)));
        assert!(waits.iter().all(|wait| *wait < Duration::from_secs(30)));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(start.after_change(&*entropy), Duration::ZERO);
        let at_once = StartSpread::begin(Duration::ZERO);
        assert_eq!(at_once.first(&*entropy), Duration::ZERO);
    }

    #[test]
    fn what_the_portal_asks_for_is_waited_at_least() {
        let asked = Duration::from_secs(90);
        assert!(Backoff::default().next(&*TestEntropy::new(3), Some(asked)) >= asked);
    }
}
