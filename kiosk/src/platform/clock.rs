//! The only reader of time.
//!
//! A Raspberry Pi has no battery-backed clock, so the wall clock is for people; order comes from
//! `seq`, age from boot and uptime.

use std::sync::Arc;

use pikir_contract::{BootId, ClockReading, Time};

use super::entropy::{Entropy as _, SystemEntropy};
use crate::limits::EARLIEST_NOW_S;

/// As [`EARLIEST_NOW_S`], in milliseconds.
const EARLIEST_NOW_MS: i64 = EARLIEST_NOW_S as i64 * 1_000;

/// Where time comes from: [`SystemClock`] on a terminal, [`TestClock`] in tests.
pub trait Clock: Send + Sync {
    /// Which boot this is.
    fn boot(&self) -> BootId;
    /// Milliseconds since that boot, suspend included.
    fn up_ms(&self) -> u64;
    /// The wall clock as it stands, right or wrong (Unix time in milliseconds).
    fn wall_ms(&self) -> i64;
    /// Whether the kernel says that the wall clock is synchronised, and can be right.
    fn synced(&self) -> bool;
    /// Whether the wall clock is said to be synchronised and stands before this program was made:
    /// whoever says so is wrong.
    fn synced_falsely(&self) -> bool {
        false
    }

    /// All of it at one moment, as it goes into events.
    fn reading(&self) -> ClockReading {
        let wall = Time::from_unix_ms(self.wall_ms()).unwrap_or_else(|_| epoch());
        ClockReading {
            boot: self.boot(),
            up_ms: self.up_ms(),
            wall,
            synced: self.synced(),
        }
    }
}

/// What a wall clock outside the years 0000–9999 is written as: it is wrong either way, and only
/// informative.
fn epoch() -> Time {
    Time::from_unix_ms(0).expect("1970 is within the years that can be written")
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// The kernel's clocks.
pub struct SystemClock {
    boot: BootId,
}

impl SystemClock {
    /// Reads the id of this boot. A kernel that does not tell it (`/proc` is not mounted) gets one
    /// for this run: what happens before and after a restart of the program is then of two boots.
    #[allow(clippy::new_without_default, reason = "what it reads is no default")]
    #[must_use]
    pub fn new() -> Self {
        let told = super::files::read_text("/proc/sys/kernel/random/boot_id".as_ref())
            .map_err(anyhow::Error::from)
            .and_then(|text| Ok(text.trim().parse()?));
        Self {
            boot: told.unwrap_or_else(|error| {
                tracing::error!(%error, "the kernel does not tell its boot id");
                made_up_boot()
            }),
        }
    }

    fn said_synced(&self) -> bool {
        kernel_says_synced().unwrap_or_else(|| {
            // A sandbox may forbid adjtimex; systemd-timesyncd leaves this mark.
            super::files::exists("/run/systemd/timesync/synchronized".as_ref())
        })
    }
}

impl Clock for SystemClock {
    fn boot(&self) -> BootId {
        self.boot
    }

    fn up_ms(&self) -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        now.tv_sec as u64 * 1_000 + now.tv_nsec as u64 / 1_000_000
    }

    /// Asked of the C library and not of the kernel, so that a test can put another clock in
    /// between (libfaketime).
    fn wall_ms(&self) -> i64 {
        #[allow(clippy::disallowed_methods, reason = "this is the module that may")]
        let now = std::time::SystemTime::now();
        let ms = |span: std::time::Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        now.duration_since(std::time::UNIX_EPOCH)
            .map_or_else(|before| -ms(before.duration()), ms)
    }

    fn synced(&self) -> bool {
        self.said_synced() && self.wall_ms() >= EARLIEST_NOW_MS
    }

    fn synced_falsely(&self) -> bool {
        self.said_synced() && self.wall_ms() < EARLIEST_NOW_MS
    }
}

/// A boot id that no kernel gave.
fn made_up_boot() -> BootId {
    let id = SystemEntropy.id(0).to_string();
    id.parse().expect("an id is a UUID as a boot id is")
}

/// The kernel's own word (`STA_UNSYNC` of adjtimex(2)); `None` where it may not be asked.
fn kernel_says_synced() -> Option<bool> {
    #[allow(
        unsafe_code,
        reason = "rustix and nix have no adjtimex; with modes = 0 it only reads"
    )]
    // SAFETY: timex is plain integers, for which all zeroes is valid; the pointer outlives the
    // call.
    let (state, status) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut timex), timex.status)
    };
    (state >= 0).then_some(state != libc::TIME_ERROR && status & libc::STA_UNSYNC == 0)
}

/// A clock that tests move by hand.
pub struct TestClock {
    state: std::sync::Mutex<(BootId, u64, i64, bool)>,
}

impl TestClock {
    /// Starts at uptime 1 s with the given wall clock (Unix milliseconds), not synchronised.
    #[must_use]
    pub fn new(boot: BootId, wall_ms: i64) -> Arc<Self> {
        Arc::new(Self {
            state: std::sync::Mutex::new((boot, 1_000, wall_ms, false)),
        })
    }

    /// Lets time pass on both clocks.
    pub fn advance_ms(&self, ms: u64) {
        let mut state = self.lock();
        state.1 += ms;
        state.2 += ms as i64;
    }

    /// Sets the wall clock alone, as a jump does.
    pub fn set_wall_ms(&self, wall_ms: i64, synced: bool) {
        let mut state = self.lock();
        state.2 = wall_ms;
        state.3 = synced;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (BootId, u64, i64, bool)> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for TestClock {
    fn boot(&self) -> BootId {
        self.lock().0
    }
    fn up_ms(&self) -> u64 {
        self.lock().1
    }
    fn wall_ms(&self) -> i64 {
        self.lock().2
    }
    fn synced(&self) -> bool {
        self.lock().3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_id_is_made_up_where_the_kernel_tells_none() {
        assert_ne!(made_up_boot(), made_up_boot());
        assert_eq!(SystemClock::new().boot(), SystemClock::new().boot());
    }
}
