//! The gate before deliveries: a bounded number at the same time, the rest are told when to come
//! back.
//!
//! After an outage a whole fleet returns at once. What is beyond the portal's strength is turned
//! away before anything is read or verified, which costs next to nothing, and spread over the time
//! that what was turned away takes to be served.
//!
//! A place is held while a delivery arrives, but by terminals alone: who cannot sign its head
//! ([`super::signed`]) loses it at once, however slowly the rest would come.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::body::drain;
use super::problem::ApiProblem;
use crate::platform::entropy::Entropy;

/// Deliveries at the same time, those that are still arriving included.
pub const MAX_DELIVERIES: usize = 128;
/// The shortest time after which one that was turned away may come back, in seconds.
const MIN_WAIT_S: u64 = 10;
/// The longest such time, in seconds.
const MAX_WAIT_S: u64 = 900;
/// The time over which deliveries are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// Bytes of a delivery that is turned away which are still read and thrown away, so that the sender
/// gets to see the answer instead of a broken connection.
const MAX_DRAINED_BYTES: usize = 256 * 1024;

/// Lets deliveries in.
#[derive(Debug)]
pub struct Gate {
    places: Arc<Semaphore>,
    counts: Mutex<Counts>,
    entropy: Entropy,
}

/// How many were served and turned away in this window and in the one before.
#[derive(Clone, Copy, Debug)]
struct Counts {
    since: Instant,
    served: u64,
    refused: u64,
    before: (u64, u64),
}

impl Gate {
    /// A gate for so many deliveries at the same time.
    pub fn new(places: usize, entropy: Entropy) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            counts: Mutex::new(Counts {
                since: Instant::now(),
                served: 0,
                refused: 0,
                before: (0, 0),
            }),
            entropy,
        }
    }

    /// Counts one, served or not, and says how long serving all that were turned away lately takes,
    /// in seconds.
    fn count(&self, served: bool) -> u64 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let age = now.duration_since(counts.since);
        if age >= WINDOW {
            let recent = age < 2 * WINDOW;
            *counts = Counts {
                since: now,
                served: 0,
                refused: 0,
                before: if recent {
                    (counts.served, counts.refused)
                } else {
                    (0, 0)
                },
            };
        }
        if served {
            counts.served += 1;
        } else {
            counts.refused += 1;
        }
        let served = counts.served.max(counts.before.0).max(1);
        let refused = counts.refused.max(counts.before.1);
        (WINDOW.as_secs() * refused / served).clamp(MIN_WAIT_S, MAX_WAIT_S)
    }

    /// Somewhere between half of `wait_s` and one and a half of it: who is turned away together
    /// does not return together.
    fn spread(&self, wait_s: u64) -> u64 {
        let random = u64::from(u32::from_be_bytes(self.entropy.bytes()));
        wait_s / 2 + random % (wait_s + 1)
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(MAX_DELIVERIES, Entropy::system())
    }
}

/// Serves a delivery if there is a place for it.
pub async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let Ok(place) = Arc::clone(&gate.places).try_acquire_owned() else {
        let wait_s = gate.spread(gate.count(false));
        drain(request.into_body(), MAX_DRAINED_BYTES).await;
        let detail =
            "more terminals deliver at the moment than the portal can serve; try again later";
        let mut response = ApiProblem::unavailable(detail).into_response();
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(wait_s));
        return response;
    };
    // It is held until the work is done, also for a terminal that hangs up meanwhile.
    let serving = tokio::spawn(async move {
        let response = next.run(request).await;
        drop(place);
        response
    });
    let response = serving.await;
    gate.count(true);
    response.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => ApiProblem::unavailable("the portal is stopping").into_response(),
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use tokio::sync::Notify;
    use tower::ServiceExt;

    use super::*;

    fn gate(places: usize) -> Arc<Gate> {
        Arc::new(Gate::new(places, Entropy::seeded(1)))
    }

    fn retry_after(response: &Response) -> u64 {
        let value = response.headers()[RETRY_AFTER].to_str().unwrap();
        value.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_beyond_the_places_is_turned_away_until_one_is_free() {
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (in_handler, released) = (Arc::clone(&reached), Arc::clone(&go_on));
        let slow = async move || {
            in_handler.notify_one();
            released.notified().await;
        };
        let router = Router::new().route("/", post(slow).layer(from_fn_with_state(gate(1), pass)));
        let deliver = || {
            let body = Body::from(vec![7; 100_000]);
            router
                .clone()
                .oneshot(axum::http::Request::post("/").body(body).unwrap())
        };
        let first = tokio::spawn(deliver());
        reached.notified().await;
        let turned_away = deliver().await.unwrap();
        assert_eq!(turned_away.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!((5..=15).contains(&retry_after(&turned_away)));
        go_on.notify_one();
        assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
        go_on.notify_one();
        assert_eq!(deliver().await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_terminal_that_hangs_up_does_not_make_room_for_another() {
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (in_handler, released) = (Arc::clone(&reached), Arc::clone(&go_on));
        let slow = async move || {
            in_handler.notify_one();
            released.notified().await;
        };
        let gate = gate(1);
        let layer = from_fn_with_state(Arc::clone(&gate), pass);
        let router = Router::new().route("/", post(slow).layer(layer));
        let request = axum::http::Request::post("/").body(Body::empty()).unwrap();
        let delivery = tokio::spawn(router.oneshot(request));
        reached.notified().await;
        delivery.abort();
        assert!(delivery.await.unwrap_err().is_cancelled());
        assert_eq!(gate.places.available_permits(), 0);
        go_on.notify_one();
        let _place = gate.places.acquire().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_are_turned_away_the_later_they_are_asked_back() {
        let gate = gate(1);
        for _ in 0..100 {
            gate.count(true);
        }
        for _ in 0..5_000 {
            gate.count(false);
        }
        // 5,000 at 100 in ten seconds take 500 seconds.
        assert_eq!(gate.count(false), 500);
        tokio::time::advance(WINDOW).await;
        assert_eq!(gate.count(true), 500, "the window before still counts");
        tokio::time::advance(2 * WINDOW).await;
        assert_eq!(gate.count(false), MIN_WAIT_S);
        for _ in 0..1_000 {
            gate.count(false);
        }
        assert_eq!(gate.count(false), MAX_WAIT_S);
    }

    #[tokio::test]
    async fn they_are_spread_around_that_time() {
        let gate = gate(1);
        let all: Vec<u64> = (0..1_000).map(|_| gate.spread(100)).collect();
        assert!(all.iter().all(|wait| (50..=150).contains(wait)));
        assert!(all.iter().any(|wait| *wait < 60) && all.iter().any(|wait| *wait > 140));
    }
}
