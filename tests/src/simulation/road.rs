//! The road between terminal and portal, and everything that happens on it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pikir_contract::{EventsAnswer, EventsRequest};
use pikir_kiosk::portal::{Portal, Reply, Request, RequestBody};
use tokio::time::{Instant, sleep};

use super::clock::Truth;
use super::portal::ModelPortal;
use crate::dice::Dice;

/// What the network is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Every request arrives, and so does its answer.
    Fair,
    /// This many requests of 100 meet a fault.
    Stormy(u64),
    /// Nothing arrives.
    Down,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered,
    Refused,
    RequestLost,
    AnswerLost,
    AnswerLate,
    SentTwice,
    /// A copy arrives later, behind requests sent after it.
    Echoed,
    /// Only a copy arrives, later.
    Delayed,
    Instead(u16),
    LogInPage,
    HalfAnswer,
    /// An acknowledgement of what nobody ever wrote.
    Boast,
    /// An acknowledgement of a little more than the portal holds.
    Lie,
}

const FATES: [Fate; 22] = [
    Fate::Refused,
    Fate::RequestLost,
    Fate::AnswerLost,
    Fate::AnswerLost,
    Fate::AnswerLate,
    Fate::SentTwice,
    Fate::Echoed,
    Fate::Delayed,
    Fate::Instead(500),
    Fate::Instead(502),
    Fate::Instead(503),
    Fate::Instead(429),
    Fate::Instead(413),
    Fate::Instead(422),
    Fate::Instead(302),
    Fate::Instead(401),
    Fate::Instead(404),
    Fate::Instead(204),
    Fate::LogInPage,
    Fate::LogInPage,
    Fate::HalfAnswer,
    Fate::Boast,
];

/// The road, as the uploader uses it. Clones are the same road.
#[derive(Clone)]
pub struct Road(Arc<Mutex<State>>);

struct State {
    truth: Truth,
    dice: Dice,
    weather: Weather,
    portal: ModelPortal,
    /// Whether the portal may lie.
    may_lie: bool,
    /// Copies still under way.
    echoes: Vec<EventsRequest>,
    /// When requests were sent.
    sent: Vec<Instant>,
}

impl Road {
    /// A road in fair weather.
    #[must_use]
    pub fn new(truth: Truth, dice: Dice, portal: ModelPortal, may_lie: bool) -> Self {
        Self(Arc::new(Mutex::new(State {
            truth,
            dice,
            weather: Weather::Fair,
            portal,
            may_lie,
            echoes: Vec::new(),
            sent: Vec::new(),
        })))
    }

    /// Changes the weather.
    pub fn set_weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// From now on the portal is honest, its clock right, and what was under way has arrived.
    pub fn calm_down(&self) {
        let mut state = self.lock();
        state.weather = Weather::Fair;
        state.may_lie = false;
        state.portal.set_ahead(0);
        while let Some(echo) = state.echoes.pop() {
            state.deliver_late(&echo);
        }
    }

    /// Looks at the portal.
    pub fn portal<T>(&self, look: impl FnOnce(&mut ModelPortal) -> T) -> T {
        look(&mut self.lock().portal)
    }

    /// When requests were sent.
    #[must_use]
    pub fn sent(&self) -> Vec<Instant> {
        self.lock().sent.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn travel(&self, least_ms: u64, most_ms: u64) {
        let ms = least_ms + self.lock().dice.below(most_ms - least_ms);
        sleep(Duration::from_millis(ms)).await;
    }

    fn deliver(&self, request: &EventsRequest) -> EventsAnswer {
        self.lock().deliver(request)
    }
}

impl State {
    fn deliver(&mut self, request: &EventsRequest) -> EventsAnswer {
        let now_ms = self.truth.now_ms();
        self.portal.deliver(request, now_ms)
    }

    fn deliver_late(&mut self, request: &EventsRequest) {
        let now_ms = self.truth.now_ms();
        self.portal.deliver_late(request, now_ms);
    }

    fn fate(&mut self) -> Fate {
        let fate = match self.weather {
            Weather::Fair => return Fate::Delivered,
            Weather::Down => return self.dice.pick(&[Fate::Refused, Fate::RequestLost]),
            Weather::Stormy(percent) if !self.dice.percent(percent) => return Fate::Delivered,
            Weather::Stormy(_) => self.dice.pick(&FATES),
        };
        match fate {
            Fate::Boast if self.may_lie => Fate::Lie,
            fate => fate,
        }
    }

    fn retry_after(&mut self, status: u16) -> Option<Duration> {
        (matches!(status, 429 | 503) && self.dice.percent(70))
            .then(|| Duration::from_secs(self.dice.below(4_000)))
    }
}

impl Portal for Road {
    async fn send(&self, request: Request) -> Result<Reply, String> {
        let RequestBody::Post(content) = request.body else {
            return Err("the uploader only posts".into());
        };
        let json = content.json().map_err(|error| error.to_string())?;
        let request: EventsRequest =
            serde_json::from_slice(&json).map_err(|error| error.to_string())?;
        let (fate, echo) = {
            let mut state = self.lock();
            state.sent.push(Instant::now());
            let echo = match state.echoes.len() {
                0 => None,
                length if state.dice.percent(50) => {
                    let which = state.dice.index(length);
                    Some(state.echoes.swap_remove(which))
                }
                _ => None,
            };
            (state.fate(), echo)
        };
        if let Some(echo) = echo {
            self.lock().deliver_late(&echo);
        }
        self.travel(1, 200).await;
        let reply = self.meet(fate, &request).await;
        self.travel(1, 200).await;
        reply
    }
}

impl Road {
    async fn meet(&self, fate: Fate, request: &EventsRequest) -> Result<Reply, String> {
        match fate {
            Fate::Delivered => Ok(good(&self.deliver(request))),
            Fate::Refused => Err("connection refused".into()),
            Fate::RequestLost => {
                self.travel(1_000, 60_000).await;
                Err("no answer".into())
            }
            Fate::AnswerLost => {
                self.deliver(request);
                self.travel(1, 60_000).await;
                Err("connection reset".into())
            }
            Fate::AnswerLate => {
                let answer = self.deliver(request);
                self.travel(1_000, 55_000).await;
                Ok(good(&answer))
            }
            Fate::SentTwice => {
                self.deliver(request);
                Ok(good(&self.deliver(request)))
            }
            Fate::Echoed => {
                self.lock().echoes.push(request.clone());
                Ok(good(&self.deliver(request)))
            }
            Fate::Delayed => {
                self.lock().echoes.push(request.clone());
                Err("no answer".into())
            }
            Fate::Instead(status) => Ok(Reply {
                status,
                retry_after: self.lock().retry_after(status),
                ..Reply::default()
            }),
            Fate::LogInPage => Ok(page(b"<html>Welcome to the hotel's Wi-Fi</html>".to_vec())),
            Fate::HalfAnswer => {
                let mut half = good(&self.deliver(request));
                half.body.truncate(half.body.len() / 2);
                Ok(half)
            }
            Fate::Boast => {
                let mut answer = self.deliver(request);
                answer.received_through = 1_000_000_000_000_000;
                Ok(good(&answer))
            }
            Fate::Lie => {
                let mut answer = self.deliver(request);
                answer.received_through += 1 + self.lock().dice.below(5);
                Ok(good(&answer))
            }
        }
    }
}

fn page(body: Vec<u8>) -> Reply {
    Reply {
        status: 200,
        body,
        ..Reply::default()
    }
}

fn good(answer: &EventsAnswer) -> Reply {
    page(serde_json::to_vec(answer).unwrap_or_default())
}
