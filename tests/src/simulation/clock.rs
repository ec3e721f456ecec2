//! The terminal's clocks in virtual time: uptime is right, the wall clock is whatever the history
//! makes of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pikir_contract::BootId;
use pikir_kiosk::platform::clock::Clock;
use tokio::time::Instant;

/// When every history begins: 2026-11-22T02:00:00Z (Unix milliseconds).
pub(super) const BEGINNING_MS: i64 = 1_795_312_800_000;

/// The time as it really is, from the beginning of a history on.
#[derive(Debug, Clone, Copy)]
pub struct Truth(Instant);

impl Truth {
    /// The history begins now.
    #[must_use]
    pub fn begins() -> Self {
        Self(Instant::now())
    }

    /// Unix time now (milliseconds).
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        BEGINNING_MS + self.0.elapsed().as_millis() as i64
    }
}

/// The clocks of one boot of the terminal.
pub struct SimClock {
    truth: Truth,
    boot: BootId,
    /// When this boot began (true Unix milliseconds).
    began_ms: i64,
    /// How far ahead of the truth the wall clock is (milliseconds); `None`: the kernel knows it to
    /// be right.
    ahead_ms: Mutex<Option<i64>>,
}

impl SimClock {
    /// Clocks of a boot that begins now, the wall clock at 1970.
    #[must_use]
    pub fn boots(truth: Truth, boot: BootId) -> Arc<Self> {
        let began_ms = truth.now_ms();
        Arc::new(Self {
            truth,
            boot,
            began_ms,
            ahead_ms: Mutex::new(Some(-began_ms)),
        })
    }

    /// Sets the wall clock wrong by this much (milliseconds).
    pub fn set_ahead(&self, ms: i64) {
        *self.lock() = Some(ms);
    }

    /// Sets the wall clock right, and the kernel says so.
    pub fn synchronise(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<i64>> {
        self.ahead_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SimClock {
    fn boot(&self) -> BootId {
        self.boot
    }

    fn up_ms(&self) -> u64 {
        (self.truth.now_ms() - self.began_ms) as u64
    }

    fn wall_ms(&self) -> i64 {
        self.truth.now_ms() + self.lock().unwrap_or(0)
    }

    fn synced(&self) -> bool {
        self.lock().is_none()
    }
}
