//! Exponential back-off with full jitter, so that a fleet that lost its portal does not come back as one herd.
//! (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.) And a pace that nothing the portal answers
//! can drive a terminal beyond.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::entropy::Entropy;
use crate::limits::{BACKOFF_BASE, BACKOFF_CAP, MAX_REQUESTS_PER_MINUTE};

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
}

/// Lets through at most [`MAX_REQUESTS_PER_MINUTE`] within any minute.
#[derive(Debug, Default)]
pub struct Pace {
    /// When the requests of the last minute went, oldest first.
    sent: VecDeque<Instant>,
}

impl Pace {
    /// Waits until one more request may go.
    pub async fn turn(&mut self) {
        if self.sent.len() >= MAX_REQUESTS_PER_MINUTE
            && let Some(oldest) = self.sent.pop_front()
        {
            tokio::time::sleep_until(oldest + Duration::from_secs(60)).await;
        }
        self.sent.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::TestEntropy;

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

    #[test]
    fn what_the_portal_asks_for_is_waited_at_least() {
        let asked = Duration::from_secs(90);
        assert!(Backoff::default().next(&*TestEntropy::new(3), Some(asked)) >= asked);
    }
}
