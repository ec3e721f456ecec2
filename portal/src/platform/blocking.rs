//! Work that takes a processor or much memory: on threads that may wait, a bounded amount at a
//! time.
//!
//! A permit travels with the work. Who gives up waiting for a result, such as a client that hangs
//! up, frees nothing that is still in use.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

/// What may be in use at the same time, in units of the owner's choice.
#[derive(Debug)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// So many units.
    pub fn new(units: usize) -> Self {
        Self(Arc::new(Semaphore::new(units)))
    }

    /// Takes units, waiting for them as long as this.
    pub async fn take(&self, units: u32, patience: Duration) -> Option<OwnedSemaphorePermit> {
        let waiting = Arc::clone(&self.0).acquire_many_owned(units);
        tokio::time::timeout(patience, waiting).await.ok()?.ok()
    }

    /// Takes units if they are free now.
    pub fn try_take(&self, units: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_many_owned(units).ok()
    }
}

/// Runs `work` on a thread that may wait; what it holds is free when the work has ended, not
/// before.
pub async fn run<T: Send + 'static>(
    held: impl Send + 'static,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(move || {
        let result = work();
        drop(held);
        result
    })
    .await
}

/// Blocks of this size and more go back to the system as soon as they are freed, in bytes (256
/// KiB).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const GIVEN_BACK_BYTES: i32 = 256 * 1024;

/// Keeps glibc from holding on to memory. It raises its own threshold to the largest block it ever
/// freed, up to 32 MiB, and keeps what is smaller in as many pools as threads have been busy.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[allow(unsafe_code, reason = "mallopt has no safe wrapper")]
        // SAFETY: it takes two numbers and touches no memory of ours.
        let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, GIVEN_BACK_BYTES) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn work_keeps_its_permit_when_nobody_waits_for_it_any_more() {
        let budget = Budget::new(1);
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
        let permit = budget.try_take(1).unwrap();
        let waiting = tokio::spawn(run(permit, move || {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
        }));
        tokio::task::block_in_place(|| has_begun.recv().unwrap());
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert!(budget.try_take(1).is_none(), "the work goes on");
        go_on.send(()).unwrap();
        assert!(budget.take(1, Duration::from_secs(60)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_free_in_time_is_not_given() {
        let budget = Budget::new(2);
        let held = budget.try_take(1);
        assert!(budget.take(2, Duration::from_secs(5)).await.is_none());
        drop(held);
        assert!(budget.take(2, Duration::from_secs(5)).await.is_some());
    }
}
