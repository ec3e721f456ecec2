//! What every request handler is given.

use std::sync::Arc;

use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::storage::Storage;

/// What every request handler is given. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// Everything that is kept.
    pub storage: Storage,
    /// The present time.
    pub clock: Clock,
    /// Randomness for tokens and identifiers.
    pub entropy: Entropy,
    /// The address under which people and terminals reach this portal, without a trailing slash
    /// (`https://pikir.example`).
    pub public_url: Arc<str>,
}

impl AppState {
    /// True if people reach the portal over https, so that cookies are marked `Secure`.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Seconds a terminal waits between two enrolment polls: short on a loopback address, where
    /// only a trial runs.
    pub fn poll_interval_s(&self) -> u64 {
        if self.is_https() { 5 } else { 1 }
    }
}
