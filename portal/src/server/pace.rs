//! How slowly bytes may move. What counts is silence, not duration: a photo on a thin line may take
//! as long as it keeps coming, and whoever sends or reads a byte now and then holds nothing up.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The longest time in which nothing moves.
pub const SILENCE: Duration = Duration::from_secs(30);
/// The waiting after which it is looked at how much moved meanwhile.
pub const WINDOW: Duration = Duration::from_secs(60);
/// What has to move on average while it is waited for, in bytes a second: a twentieth of the
/// slowest line on which a photo is sent.
pub const MIN_BYTES_A_SECOND: u64 = 1024;

/// Watches one direction of a connection.
#[derive(Debug, Default)]
pub struct Pace {
    waiting_since: Option<Instant>,
    waited: Duration,
    moved: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// Nothing can move at the moment. Ready once that has lasted too long.
    pub fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let begins = self.waiting_since.is_none();
        self.waiting_since.get_or_insert(now);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(now + SILENCE)));
        if begins {
            timer.as_mut().reset(now + SILENCE);
        }
        timer.as_mut().poll(context)
    }

    /// So many bytes have moved. False if that was too little for the time it took.
    #[must_use]
    pub fn moved(&mut self, bytes: usize) -> bool {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.moved += bytes as u64;
        if self.waited < WINDOW {
            return true;
        }
        let is_enough = self.moved >= MIN_BYTES_A_SECOND * self.waited.as_secs();
        self.waited = Duration::ZERO;
        self.moved = 0;
        is_enough
    }

    /// Watches a write: what it says, or an error in its place once it is too slow.
    pub fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        write: Poll<std::io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<std::io::Result<T>> {
        match write {
            Poll::Ready(Ok(done)) if self.moved(bytes(&done)) => Poll::Ready(Ok(done)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(_)) => Poll::Ready(Err(std::io::ErrorKind::TimedOut.into())),
            Poll::Pending => {
                ready!(self.poll_silence(context));
                Poll::Ready(Err(std::io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// Waits for so long that a byte moves, again and again; says when that was too slow.
    async fn trickle(bytes: usize, every: Duration, times: u32) -> Option<u32> {
        let mut pace = Pace::default();
        for time in 0..times {
            let silence = poll_fn(|context| pace.poll_silence(context));
            if tokio::time::timeout(every, silence).await.is_ok() || !pace.moved(bytes) {
                return Some(time);
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn what_keeps_coming_may_take_as_long_as_it_takes() {
        assert_eq!(trickle(60_000, Duration::from_secs(1), 10_000).await, None);
        assert_eq!(trickle(30_000, Duration::from_secs(29), 1_000).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_a_byte_now_and_then_end_it() {
        assert_eq!(trickle(60_000, Duration::from_secs(31), 9).await, Some(0));
        let ended = trickle(1, Duration::from_secs(10), 100).await;
        assert_eq!(ended, Some(5), "after a window");
    }
}
