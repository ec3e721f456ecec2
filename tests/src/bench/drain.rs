//! (c) Delivering a backlog to the real portal, beside posting the same bytes to a server that only
//! reads them: over loopback, and over lines as they are in the field.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pikir_kiosk::journal::JournalHandle;
use pikir_kiosk::platform::clock::SharedClock;
use pikir_kiosk::platform::entropy::TestEntropy;
use pikir_kiosk::platform::network;
use pikir_kiosk::platform::true_time::TrueTime;
use pikir_kiosk::portal::{
    Content, HttpPortal, Portal as Road, PortalAddress, PortalHealth, Reply, Request, RequestBody,
};
use pikir_kiosk::sync::uploader::Uploader;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::drain_report::section;
use super::enrolled::{EVENTS, Enrolled, place};
use super::report::Section;
use super::stats::number;
use super::supply::{self, Visitors};
use super::wire::{Connection, Sink};
use super::{Scale, progress};
use crate::line::{Line, Shape};
use crate::portal::Portal;

/// Events in one delivery.
pub const BATCH: usize = pikir_contract::MAX_BATCH_EVENTS;

/// What lies between terminal and portal.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// For people.
    pub name: &'static str,
    /// `None`: loopback, which slows nobody.
    pub shape: Option<Shape>,
}

/// Loopback, a good office line, a poor one.
pub const WAYS: [Way; 3] = [
    Way {
        name: "loopback",
        shape: None,
    },
    Way {
        name: "10 Mbit/s, 20 ms",
        shape: Some(Shape {
            bits_per_s: 10_000_000,
            round_trip: Duration::from_millis(20),
        }),
    },
    Way {
        name: "2 Mbit/s, 60 ms",
        shape: Some(Shape {
            bits_per_s: 2_000_000,
            round_trip: Duration::from_millis(60),
        }),
    },
];

/// Ratings a second of one repetition.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Journal to portal.
    pub drain: f64,
    /// The same requests through the same client, to a server that only reads.
    pub client: f64,
    /// The same bytes, ready-made, over one connection.
    pub wire: f64,
}

/// The kiosk's client, keeping what it was given to send.
#[derive(Clone)]
struct Recorder {
    road: HttpPortal,
    sent: Arc<Mutex<Vec<Request>>>,
}

impl Road for Recorder {
    async fn send(&self, request: Request) -> Result<Reply, String> {
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.clone());
        self.road.send(request).await
    }
}

/// Drains one backlog after the other, over each way in turn; after each, the same bytes go over
/// the same way to the server that only reads.
pub fn run(folder: &Path, scale: &Scale) -> Result<Section> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let portal = Portal::start(&folder.join("drain-portal"))?;
    let place = place(&portal)?;
    let mut rates = WAYS.map(|_| Vec::new());
    for repetition in 0..scale.drains {
        for (index, way) in WAYS.iter().enumerate() {
            let bench = Bench {
                runtime: &runtime,
                portal: &portal,
                place: &place,
                journal: &folder.join(format!("drain-{repetition}-{index}.db")),
            };
            let count = match way.shape {
                None => scale.backlog,
                Some(_) => scale.line_backlog,
            };
            rates[index].push(bench.measure(way, repetition, count)?);
        }
    }
    Ok(section(&rates, scale))
}

/// Where one repetition happens.
struct Bench<'a> {
    runtime: &'a Runtime,
    portal: &'a Portal,
    place: &'a str,
    journal: &'a Path,
}

impl Bench<'_> {
    fn measure(&self, way: &Way, seed: u64, count: u64) -> Result<Rates> {
        let runtime = self.runtime;
        let enrolled = runtime.block_on(Enrolled::new(self.portal, self.place))?;
        let mut visitors = Visitors::new(seed);
        supply::journal(
            self.journal,
            enrolled.first_key.clone(),
            enrolled.terminal,
            &mut visitors,
            count,
        )?;
        let clock = visitors.clock();
        let journal = JournalHandle::start(
            self.journal.to_owned(),
            enrolled.terminal,
            Arc::clone(&clock),
            TestEntropy::new(seed),
        )?;
        let (near, _line) = over(way, self.portal.url())?;
        let to_portal = road(&near, &enrolled, &clock)?;
        let (drained, sent) =
            runtime.block_on(drain(&journal, to_portal, enrolled.terminal, &clock))?;
        journal.stop();
        ensure!(
            sent.len() as u64 == count.div_ceil(BATCH as u64),
            "{} deliveries for {count} ratings: something was sent twice",
            sent.len()
        );
        let sent = sent.iter().map(json).collect::<Result<Vec<_>>>()?;
        let sink = Sink::start()?;
        let (near, _line) = over(way, sink.url())?;
        let client = post(runtime, road(&near, &enrolled, &clock)?, &sent)?;
        let (near, _line) = over(way, sink.url())?;
        let wire = push(&near, &enrolled, &sent)?;
        progress(&format!(
            "{}: a backlog of {} went in {drained:.1} s, posting it took {client:.1} s",
            way.name,
            number(count as f64)
        ));
        let rate = |seconds: f64| count as f64 / seconds;
        Ok(Rates {
            drain: rate(drained),
            client: rate(client),
            wire: rate(wire),
        })
    }
}

/// The address at the near end of this way to `url`, and the line that serves it.
fn over(way: &Way, url: String) -> Result<(String, Option<Line>)> {
    let Some(shape) = way.shape else {
        return Ok((url, None));
    };
    let line = Line::start(&url, shape)?;
    Ok((line.url(), Some(line)))
}

/// What a delivery says, unpacked.
fn json(request: &Request) -> Result<Vec<u8>> {
    match &request.body {
        RequestBody::Post(content) => Ok(content.json()?),
        RequestBody::Get { .. } => anyhow::bail!("an uploader does not ask"),
    }
}

fn road(url: &str, enrolled: &Enrolled, clock: &SharedClock) -> Result<HttpPortal> {
    Ok(HttpPortal::new(
        PortalAddress::new(url, None)?,
        enrolled.key.clone(),
        enrolled.terminal.to_string(),
        Arc::clone(clock),
    ))
}

/// Runs the kiosk's uploader until nothing is pending; the seconds it took and what it sent.
async fn drain(
    journal: &JournalHandle,
    road: HttpPortal,
    terminal: pikir_contract::Id,
    clock: &SharedClock,
) -> Result<(f64, Vec<Request>)> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let recorder = Recorder {
        road,
        sent: Arc::clone(&sent),
    };
    let (_batch, batch) = watch::channel(BATCH);
    let (_network, network) = network::channel();
    let uploader = Uploader {
        portal: recorder,
        terminal,
        queue: journal.clone(),
        clock: Arc::clone(clock),
        entropy: TestEntropy::new(1),
        true_time: Arc::new(TrueTime::new(Arc::clone(clock))),
        health: watch::channel(PortalHealth::unknown()).0,
        batch,
        network,
        start_spread: Duration::ZERO,
    };
    let started = Instant::now();
    let uploading = tokio::spawn(uploader.run());
    journal
        .subscribe()
        .wait_for(|published| published.state.pending == 0)
        .await
        .context("the journal's thread ended")?;
    let seconds = started.elapsed().as_secs_f64();
    uploading.abort();
    let sent = std::mem::take(&mut *sent.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((seconds, sent))
}

/// Sends the same deliveries through the kiosk's client (gzip, digest, signature), one after the
/// other, and returns the seconds.
fn post(runtime: &Runtime, road: HttpPortal, sent: &[Vec<u8>]) -> Result<f64> {
    let requests: Vec<Request> = sent
        .iter()
        .map(|json| Request::of(EVENTS, Content::from(json.clone())))
        .collect();
    let posting = async move {
        let started = Instant::now();
        for request in requests {
            road.send(request).await.map_err(anyhow::Error::msg)?;
        }
        Ok(started.elapsed().as_secs_f64())
    };
    // On a worker of the runtime, as the uploader's task.
    runtime.block_on(runtime.spawn(posting))?
}

/// Pushes the same bytes, packed and signed beforehand, over one connection, and returns the
/// seconds.
fn push(url: &str, enrolled: &Enrolled, sent: &[Vec<u8>]) -> Result<f64> {
    let ready = sent
        .iter()
        .map(|json| enrolled.ready(EVENTS, json))
        .collect::<Result<Vec<_>>>()?;
    let mut connection = Connection::open(url)?;
    let started = Instant::now();
    for request in &ready {
        connection.succeed(request)?;
    }
    Ok(started.elapsed().as_secs_f64())
}
