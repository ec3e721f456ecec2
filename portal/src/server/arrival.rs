//! Requests on their way in: how long they may be silent, and what they lose by it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

use super::pace::Pace;

/// How long the portal may take over a request since the last of it came.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What is known of a request's way in.
#[derive(Debug)]
pub struct Arrival {
    last: Mutex<Instant>,
    cut_off: AtomicBool,
}

impl Arrival {
    /// A request whose head is there, and its body under watch.
    pub fn of(body: Body) -> (Arc<Self>, Body) {
        let arrival = Arc::new(Self {
            last: Mutex::new(Instant::now()),
            cut_off: AtomicBool::new(false),
        });
        let body = Body::new(Arriving {
            body,
            pace: Pace::default(),
            arrival: Arc::clone(&arrival),
        });
        (arrival, body)
    }

    /// True if the body was given up because it came too slowly.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// The answer; `None` if nothing of the request came and nothing was answered for
    /// [`ANSWER_TIMEOUT`].
    pub async fn wait_for<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        loop {
            let end = self.last() + ANSWER_TIMEOUT;
            tokio::select! {
                answer = &mut answer => return Some(answer),
                () = sleep_until(end) => if self.last() + ANSWER_TIMEOUT <= end {
                    return None;
                },
            }
        }
    }

    fn last(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn came(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// A body that ends in an error when it comes too slowly, so that its reader keeps what has come.
struct Arriving {
    body: Body,
    pace: Pace,
    arrival: Arc<Arrival>,
}

impl Arriving {
    fn cut_off(&self) -> Option<Result<Frame<Bytes>, BoxError>> {
        self.arrival.cut_off.store(true, Ordering::Relaxed);
        Some(Err("the request stopped coming".into()))
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            ready!(this.pace.poll_silence(context));
            return Poll::Ready(this.cut_off());
        };
        this.arrival.came();
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if this.pace.moved(bytes) {
                    Some(Ok(frame))
                } else {
                    this.cut_off()
                }
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
