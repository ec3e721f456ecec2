//! The portal's test twin: a portal in memory that misbehaves by script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pikir_contract::{
    BootOffset, ClockReading, Event, EventResult, EventStatus, EventsAnswer, EventsRequest, Time,
};
use tokio::time::Instant;

use super::{Portal, Reply, Request, RequestBody};

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Turn {
    /// The portal does its work and answers.
    Good,
    /// The portal does its work; the answer is lost.
    LostAnswer,
    /// This reply comes back instead, from whoever is in between.
    Instead(Reply),
    /// The portal refuses any batch with this seq.
    RefuseSeq(u64),
    /// The line is too slow for more events than this.
    Slow(usize),
}

/// A portal in memory. Turns not scripted are good.
#[derive(Clone, Default)]
pub struct ScriptedPortal {
    inner: Arc<Mutex<Inner>>,
    requests: tokio::sync::watch::Sender<usize>,
}

#[derive(Default)]
struct Inner {
    script: VecDeque<Turn>,
    always: Option<Turn>,
    held: Vec<Event>,
    batch_sizes: Vec<usize>,
    sent_at: Vec<Instant>,
    boots: Vec<Vec<BootOffset>>,
    clocks: Vec<ClockReading>,
    forgotten: usize,
}

impl ScriptedPortal {
    /// A portal that plays these turns first.
    pub fn new(script: impl IntoIterator<Item = Turn>) -> Self {
        let portal = Self::default();
        portal.inner.lock().unwrap().script = script.into_iter().collect();
        portal
    }

    /// From now on every request meets this turn.
    pub fn always(&self, turn: Turn) {
        self.inner.lock().unwrap().always = Some(turn);
    }

    /// What it holds, in the order it came.
    pub fn held(&self) -> Vec<u64> {
        self.inner
            .lock()
            .unwrap()
            .held
            .iter()
            .map(|event| event.seq)
            .collect()
    }

    /// Forgets everything after this seq, as a restored backup does.
    pub fn restore_to(&self, seq: u64) {
        self.inner
            .lock()
            .unwrap()
            .held
            .retain(|event| event.seq <= seq);
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        *self.requests.borrow()
    }

    /// Waits for this many requests.
    pub async fn reaches_requests(&self, count: usize) {
        self.requests
            .subscribe()
            .wait_for(|requests| *requests >= count)
            .await
            .unwrap();
    }

    /// When each of them came.
    pub fn sent_at(&self) -> Vec<Instant> {
        self.inner.lock().unwrap().sent_at.clone()
    }

    /// What each of them told of boots' clocks.
    pub fn boots(&self) -> Vec<Vec<BootOffset>> {
        self.inner.lock().unwrap().boots.clone()
    }

    /// When each of them said that it was sent.
    pub fn clocks(&self) -> Vec<ClockReading> {
        self.inner.lock().unwrap().clocks.clone()
    }

    /// How often open connections were given up.
    pub fn forgotten(&self) -> usize {
        self.inner.lock().unwrap().forgotten
    }

    /// How many events each of them had.
    pub fn batch_sizes(&self) -> Vec<usize> {
        self.inner.lock().unwrap().batch_sizes.clone()
    }
}

impl Inner {
    fn take(&mut self, request: &EventsRequest) -> Reply {
        let mut results = Vec::new();
        for event in &request.events {
            let known = self.held.iter().any(|held| held.seq == event.seq);
            let status = if known {
                EventStatus::Duplicate
            } else {
                EventStatus::Accepted
            };
            if !known {
                self.held.push(event.clone());
            }
            results.push(EventResult {
                seq: event.seq,
                status,
                reason: None,
            });
        }
        let mut received_through = 0;
        while self
            .held
            .iter()
            .any(|held| held.seq == received_through + 1)
        {
            received_through += 1;
        }
        let time = Time::from_unix_ms(1_800_000_000_000).unwrap();
        let answer = EventsAnswer {
            received_through,
            results,
            time,
        };
        Reply {
            status: 200,
            body: serde_json::to_vec(&answer).unwrap(),
            ..Reply::default()
        }
    }
}

impl Portal for ScriptedPortal {
    async fn send(&self, request: Request) -> Result<Reply, String> {
        let RequestBody::Post(content) = request.body else {
            panic!("the uploader only posts")
        };
        let request: EventsRequest = serde_json::from_slice(&content.json().unwrap()).unwrap();
        let mut inner = self.inner.lock().unwrap();
        self.requests.send_modify(|requests| *requests += 1);
        inner.batch_sizes.push(request.events.len());
        inner.sent_at.push(Instant::now());
        inner.boots.push(request.boots.clone());
        inner.clocks.push(request.clock);
        let turn = inner
            .always
            .clone()
            .or_else(|| inner.script.pop_front())
            .unwrap_or(Turn::Good);
        match turn {
            Turn::Good => Ok(inner.take(&request)),
            Turn::LostAnswer => {
                inner.take(&request);
                Err("connection reset".into())
            }
            Turn::Instead(reply) => Ok(reply),
            Turn::RefuseSeq(seq) if request.events.iter().any(|event| event.seq == seq) => {
                Ok(Reply {
                    status: 422,
                    ..Reply::default()
                })
            }
            Turn::Slow(most) if request.events.len() > most => Err("timed out".into()),
            Turn::RefuseSeq(_) | Turn::Slow(_) => Ok(inner.take(&request)),
        }
    }

    fn forget_connections(&self) {
        self.inner.lock().unwrap().forgotten += 1;
    }
}
