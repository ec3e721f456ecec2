//! Places for connections: a bounded number, and those that wait for nothing give way.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Connections at the same time, if the system lets the portal have as many files.
const MAX_CONNECTIONS: u64 = 4096;
/// Files that are left for everything else: the database, its readers, logs.
const OTHER_FILES: u64 = 64;
/// How often it is looked again for a connection that may give way.
const PAUSE: Duration = Duration::from_millis(100);

/// Every place for a connection.
#[derive(Clone, Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Idle>>,
}

/// Connections without a request, the one that has had none for longest first.
#[derive(Debug, Default)]
struct Idle {
    last: u64,
    leave: BTreeMap<u64, Arc<Notify>>,
}

/// A connection's place.
#[derive(Debug)]
pub struct Place {
    idle: Arc<Mutex<Idle>>,
    leave: Arc<Notify>,
    /// Its number among the idle ones.
    number: Mutex<Option<u64>>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// As many as the system allows.
    pub fn new() -> Self {
        let connections = open_files()
            .saturating_sub(OTHER_FILES)
            .clamp(1, MAX_CONNECTIONS);
        Self::of(usize::try_from(connections).unwrap_or(1))
    }

    /// So many.
    pub fn of(connections: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(connections)),
            idle: Arc::default(),
        }
    }

    /// Whether a place is free.
    #[cfg(test)]
    pub fn is_free(&self) -> bool {
        self.free.available_permits() > 0
    }

    /// A place for a connection that is there. If all are taken, one that waits for a request gives
    /// way.
    pub async fn take(&self) -> Arc<Place> {
        loop {
            let free = Arc::clone(&self.free).acquire_owned();
            let patience = if self.free.available_permits() > 0 {
                Duration::MAX
            } else {
                lock(&self.idle).dismiss();
                PAUSE
            };
            // The semaphore is never closed.
            if let Ok(Ok(permit)) = tokio::time::timeout(patience, free).await {
                let place = Place {
                    idle: Arc::clone(&self.idle),
                    leave: Arc::default(),
                    number: Mutex::default(),
                    _permit: permit,
                };
                place.rest();
                return Arc::new(place);
            }
        }
    }
}

impl Idle {
    fn dismiss(&mut self) {
        if let Some((_, leave)) = self.leave.pop_first() {
            leave.notify_one();
        }
    }
}

impl Place {
    /// Waits until the place is needed by somebody else.
    pub async fn needed(&self) {
        self.leave.notified().await;
    }

    /// A request is there: the place is not given to anybody else until its answer is made.
    pub fn work(self: &Arc<Self>) -> Work {
        self.withdraw();
        Work(Arc::clone(self))
    }

    fn rest(&self) {
        let mut idle = lock(&self.idle);
        idle.last += 1;
        let number = idle.last;
        idle.leave.insert(number, Arc::clone(&self.leave));
        *lock(&self.number) = Some(number);
    }

    fn withdraw(&self) {
        let mut idle = lock(&self.idle);
        if let Some(number) = lock(&self.number).take() {
            idle.leave.remove(&number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Work(Arc<Place>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// An answer that is work until it is handed over.
#[derive(Debug)]
pub struct Answer {
    body: Body,
    _work: Work,
}

impl Answer {
    /// Keeps the connection's place until `body` has been handed over.
    pub fn new(body: Body, work: Work) -> Self {
        Self { body, _work: work }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How many files may be open, after asking for as many as the system gives: shells hand down
/// 1,024.
fn open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // A sandbox may forbid it: the present limit stays.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
