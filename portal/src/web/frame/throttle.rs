//! Limits on how often something may be tried, kept in memory only and forgotten after a while.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio::sync::Semaphore;

use crate::platform::proxies::{ClientIp, masked};

/// Keys one throttle remembers; what comes beyond that shares one count.
const MAX_KEYS: usize = 100_000;
/// The key of everything beyond [`MAX_KEYS`].
const REST: &str = "";

/// Reviews from one network address in [`WINDOW_MS`] before further ones are slowed: generous,
/// because a mobile operator puts thousands of phones behind one address. None is refused; whether
/// it counts is for the published rules to say.
pub const REVIEWS_PER_ADDRESS: u32 = 600;
/// Failed sign-ins with one login in [`WINDOW_MS`], after which each further one waits.
pub const FAILURES_PER_LOGIN: u32 = 10;
/// Failed sign-ins from one address in [`WINDOW_MS`]: an office may share one.
pub const FAILURES_PER_ADDRESS: u32 = 100;
/// Wrong terminal codes one member of staff may type in [`WINDOW_MS`].
pub const WRONG_CODES: u32 = 20;
/// Photos from one network address in [`WINDOW_MS`].
pub const PHOTOS_PER_ADDRESS: u32 = 60;
/// Status codes that lead nowhere, from one network address in [`WINDOW_MS`], before further ones
/// are slowed: nobody mistypes so often.
pub const WRONG_STATUS_CODES: u32 = 30;
/// The time over which attempts are counted, milliseconds.
pub const WINDOW_MS: i64 = 10 * 60 * 1000;

/// How much longer the answer to each attempt beyond a limit takes than to the one before.
pub const SLOWER_BY: Duration = Duration::from_millis(250);
/// How long an answer is held back at most: people wait as long, and no proxy gives up.
pub const SLOWEST: Duration = Duration::from_secs(5);
/// Answers that are held back at the same time, a quarter of all connections.
const HELD_BACK: usize = 1_000;
/// Bits of an IPv6 address that one household shares.
const HOUSEHOLD_BITS: u8 = 64;

static HOLDING: Semaphore = Semaphore::const_new(HELD_BACK);

/// The limits of all pages.
#[derive(Debug)]
pub struct Limits {
    /// Reviews by network address.
    pub reviews: Throttle,
    /// Photos by network address.
    pub photos: Throttle,
    /// Unknown status codes by network address.
    pub status_codes: Throttle,
    /// Failed sign-ins by login.
    pub logins: Throttle,
    /// Failed sign-ins by network address.
    pub addresses: Throttle,
    /// Wrong terminal codes by login.
    pub codes: Throttle,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reviews: Throttle::new(REVIEWS_PER_ADDRESS),
            photos: Throttle::new(PHOTOS_PER_ADDRESS),
            status_codes: Throttle::new(WRONG_STATUS_CODES),
            logins: Throttle::new(FAILURES_PER_LOGIN),
            addresses: Throttle::new(FAILURES_PER_ADDRESS),
            codes: Throttle::new(WRONG_CODES),
        }
    }
}

/// Counts attempts by key over [`WINDOW_MS`] from the first one.
#[derive(Debug)]
pub struct Throttle {
    limit: u32,
    counts: Mutex<HashMap<String, Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since_ms: i64,
    attempts: u32,
}

impl Count {
    fn is_current(&self, now_ms: i64) -> bool {
        (self.since_ms..self.since_ms + WINDOW_MS).contains(&now_ms)
    }
}

impl Throttle {
    fn new(limit: u32) -> Self {
        Self {
            limit,
            counts: Mutex::default(),
        }
    }

    /// Seconds until `key` may try again; `None` if it may now. Counts nothing.
    pub fn wait_s(&self, key: &str, now_ms: i64) -> Option<u64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        Self::wait(&counts, self.limit, key, now_ms)
    }

    fn wait(counts: &HashMap<String, Count>, limit: u32, key: &str, now_ms: i64) -> Option<u64> {
        let known = counts.get(key).or_else(|| {
            if counts.len() >= MAX_KEYS {
                counts.get(REST)
            } else {
                None
            }
        });
        let count = known.filter(|count| count.is_current(now_ms) && count.attempts >= limit)?;
        Some(
            u64::try_from(count.since_ms + WINDOW_MS - now_ms)
                .unwrap_or(0)
                .div_ceil(1000),
        )
    }

    /// Counts one attempt, and holds its answer back if there were more than the limit: the longer,
    /// the more there were. Says how many seconds to wait instead if too many answers are held back
    /// already.
    ///
    /// Who guesses is slowed, and whoever has it right behind the same address is served as ever:
    /// call it after the check, for what was wrong.
    pub async fn slow(&self, key: &str, now_ms: i64) -> Result<(), u64> {
        let beyond = self.count(key, now_ms).saturating_sub(self.limit);
        if beyond == 0 {
            return Ok(());
        }
        let Ok(_place) = HOLDING.try_acquire() else {
            return Err(SLOWEST.as_secs());
        };
        tokio::time::sleep(SLOWER_BY.saturating_mul(beyond).min(SLOWEST)).await;
        Ok(())
    }

    /// Counts an attempt if `key` may make one now; otherwise says after how many seconds it may.
    ///
    /// In one step, so that many at the same moment are no more than those allowed.
    pub fn attempt(&self, key: &str, now_ms: i64) -> Option<u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let wait_s = Self::wait(&counts, self.limit, key, now_ms);
        if wait_s.is_none() {
            Self::add(&mut counts, key, now_ms);
        }
        wait_s
    }

    /// Takes back one attempt of `key`: it was a good one.
    pub fn take_back(&self, key: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(key) {
            count.attempts = count.attempts.saturating_sub(1);
        }
    }

    /// Attempts of `key` beyond the limit; 0 as long as it may make another.
    pub fn excess(&self, key: &str, now_ms: i64) -> u32 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(key).filter(|count| count.is_current(now_ms));
        count.map_or(0, |count| count.attempts.saturating_sub(self.limit))
    }

    /// Counts one attempt; gives how many there were.
    pub fn count(&self, key: &str, now_ms: i64) -> u32 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        Self::add(&mut counts, key, now_ms)
    }

    fn add(counts: &mut HashMap<String, Count>, key: &str, now_ms: i64) -> u32 {
        if counts.len() >= MAX_KEYS && !counts.contains_key(key) {
            counts.retain(|_, count| count.is_current(now_ms));
        }
        let key = if counts.len() < MAX_KEYS || counts.contains_key(key) {
            key
        } else {
            REST
        };
        let count = counts.entry(key.to_owned()).or_insert(Count {
            since_ms: now_ms,
            attempts: 0,
        });
        if !count.is_current(now_ms) {
            *count = Count {
                since_ms: now_ms,
                attempts: 0,
            };
        }
        count.attempts = count.attempts.saturating_add(1);
        count.attempts
    }

    /// Forgets what was counted for `key`.
    pub fn forget(&self, key: &str) {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

/// The network a request came from, for throttling only: it is never stored or logged. An IPv6
/// visitor counts by the /64 network, because a household has that many addresses.
#[derive(Clone, Debug)]
pub struct ClientAddress(pub String);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let ClientIp(client) = ClientIp::from_request_parts(parts, state).await?;
        Ok(Self(client.map_or_else(|| "unknown".to_owned(), network)))
    }
}

fn network(address: IpAddr) -> String {
    let prefix = if address.is_ipv4() {
        32
    } else {
        HOUSEHOLD_BITS
    };
    masked(address, prefix).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_waits_once_its_limit_is_reached_and_is_free_after_the_window() {
        let throttle = Throttle::new(2);
        throttle.count("a", 0);
        assert_eq!(throttle.wait_s("a", 1), None);
        throttle.count("a", 1_000);
        assert_eq!(throttle.wait_s("a", 1_000), Some(599));
        assert_eq!(throttle.wait_s("b", 1_000), None);
        assert_eq!(throttle.wait_s("a", WINDOW_MS), None);
        throttle.count("a", WINDOW_MS);
        assert_eq!(throttle.wait_s("a", WINDOW_MS), None);
    }

    #[test]
    fn attempts_at_the_same_moment_are_no_more_than_those_allowed() {
        let throttle = Throttle::new(100);
        let passed = std::thread::scope(|scope| {
            let each = || {
                (0..150)
                    .filter(|_| throttle.attempt("a", 0).is_none())
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(each)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum::<usize>()
        });
        assert_eq!(passed, 100);
        throttle.take_back("a");
        assert_eq!(
            throttle.attempt("a", 1),
            None,
            "a good one makes room again"
        );
        assert_eq!(throttle.attempt("a", 1), Some(600));
    }

    #[test]
    fn a_flood_of_keys_takes_bounded_memory_and_is_itself_limited() {
        let throttle = Throttle::new(2);
        for key in 0..MAX_KEYS + 10 {
            throttle.count(&key.to_string(), 0);
        }
        assert!(throttle.counts.lock().unwrap().len() <= MAX_KEYS + 1);
        assert!(throttle.wait_s("a newcomer", 1).is_some());
        assert_eq!(throttle.wait_s("1", 1), None);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_beyond_the_limit_take_longer_and_longer_up_to_a_bound_and_others_do_not() {
        let throttle = Throttle::new(2);
        let held = async |key: &str| {
            let begun = tokio::time::Instant::now();
            throttle.slow(key, 0).await.unwrap();
            begun.elapsed()
        };
        assert_eq!([held("a").await, held("a").await], [Duration::ZERO; 2]);
        assert_eq!(held("a").await, SLOWER_BY);
        assert_eq!(held("a").await, 2 * SLOWER_BY);
        for _ in 0..30 {
            held("a").await;
        }
        assert_eq!(held("a").await, SLOWEST);
        assert_eq!(held("b").await, Duration::ZERO);
    }

    #[test]
    fn an_ipv6_visitor_counts_by_network() {
        let parse = |text: &str| network(text.parse().unwrap());
        assert_eq!(parse("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(parse("192.0.2.7"), "192.0.2.7");
    }
}
