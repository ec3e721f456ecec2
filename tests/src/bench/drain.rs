//! (c) Delivering a backlog to the real portal, beside posting the same bytes to a server that only reads them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pikir_kiosk::clock::SharedClock;
use pikir_kiosk::entropy::TestEntropy;
use pikir_kiosk::journal::JournalHandle;
use pikir_kiosk::network;
use pikir_kiosk::portal::{
    HttpPortal, Portal as Road, PortalAddress, PortalHealth, Reply, Request, RequestBody,
};
use pikir_kiosk::true_time::TrueTime;
use pikir_kiosk::uploader::Uploader;
use tokio::sync::watch;

use super::enrolled::{EVENTS, Enrolled, place};
use super::report::{Figure, Section, Table, Target};
use super::stats::{Ratio, median};
use super::supply::{self, Visitors};
use super::svg::{BESIDE, Bar, OURS, QUIET, bars, number};
use super::wire::{Connection, Sink};
use super::{Scale, progress};
use crate::portal::Portal;

/// Least share of the raw rate.
const LEAST_SHARE: f64 = 0.5;
/// Events in one delivery.
const BATCH: usize = pikir_contract::MAX_BATCH_EVENTS;

/// Ratings a second of one repetition.
struct Rates {
    /// Journal to portal.
    drain: f64,
    /// The same requests through the same client, to a server that only reads.
    client: f64,
    /// The same bytes, ready-made, over one connection.
    wire: f64,
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

/// Drains one backlog after the other; after each, the same bytes go to the server that only reads.
pub fn run(folder: &Path, scale: &Scale) -> Result<Section> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let portal = Portal::start(&folder.join("drain-portal"))?;
    let place = place(&portal)?;
    let mut rates = Vec::new();
    for repetition in 0..scale.drains {
        let enrolled = runtime.block_on(Enrolled::new(&portal, &place))?;
        let path = folder.join(format!("drain-{repetition}.db"));
        let (count, mut visitors) = (scale.backlog, Visitors::new(repetition));
        supply::journal(
            &path,
            enrolled.first_key.clone(),
            enrolled.terminal,
            &mut visitors,
            count,
        )?;
        let clock = visitors.clock();
        let journal = JournalHandle::start(
            path,
            enrolled.terminal,
            Arc::clone(&clock),
            TestEntropy::new(repetition),
        )?;
        let road = road(&portal.url(), &enrolled, &clock)?;
        let (drained, sent) = runtime.block_on(drain(&journal, road, enrolled.terminal, &clock))?;
        journal.stop();
        ensure!(
            sent.len() as u64 == count.div_ceil(BATCH as u64),
            "{} deliveries for {count} ratings: something was sent twice",
            sent.len()
        );
        let sink = Sink::start()?;
        let client = post(&runtime, road_to(&sink, &enrolled, &clock)?, &sent)?;
        let wire = push(&sink, &enrolled, &sent)?;
        let rate = |seconds: f64| count as f64 / seconds;
        rates.push(Rates {
            drain: rate(drained),
            client: rate(client),
            wire: rate(wire),
        });
        progress(&format!(
            "a backlog of {} went in {drained:.1} s",
            number(count as f64)
        ));
    }
    Ok(section(&rates, scale.backlog))
}

fn road(url: &str, enrolled: &Enrolled, clock: &SharedClock) -> Result<HttpPortal> {
    Ok(HttpPortal::new(
        PortalAddress::new(url, None)?,
        enrolled.key.clone(),
        enrolled.terminal.to_string(),
        Arc::clone(clock),
    ))
}

fn road_to(sink: &Sink, enrolled: &Enrolled, clock: &SharedClock) -> Result<HttpPortal> {
    road(&sink.url(), enrolled, clock)
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

/// Sends the same requests through the kiosk's client, one after the other, and returns the seconds.
fn post(runtime: &tokio::runtime::Runtime, road: HttpPortal, sent: &[Request]) -> Result<f64> {
    let requests = sent.to_vec();
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

/// Pushes the same bytes, packed and signed beforehand, over one connection, and returns the seconds.
fn push(sink: &Sink, enrolled: &Enrolled, sent: &[Request]) -> Result<f64> {
    let ready = sent
        .iter()
        .map(|request| match &request.body {
            RequestBody::Post(json) => enrolled.ready(EVENTS, json),
            RequestBody::Get { .. } => anyhow::bail!("an uploader does not ask"),
        })
        .collect::<Result<Vec<_>>>()?;
    let mut connection = Connection::open(&sink.url())?;
    let started = Instant::now();
    for request in &ready {
        connection.succeed(request)?;
    }
    Ok(started.elapsed().as_secs_f64())
}

fn section(rates: &[Rates], backlog: u64) -> Section {
    let all = |pick: fn(&Rates) -> f64| -> Vec<f64> { rates.iter().map(pick).collect() };
    let per_second =
        |pick: fn(&Rates) -> f64| format!("{} ratings/s", number(median(&all(pick)).round()));
    let figure = |what: &str, beside: fn(&Rates) -> f64, target| Figure {
        what: what.into(),
        ratio: Ratio::of(
            &rates
                .iter()
                .map(|rates| rates.drain / beside(rates))
                .collect::<Vec<_>>(),
        ),
        target,
        ours: per_second(|rates| rates.drain),
        beside: per_second(beside),
    };
    let least = Some(Target::AtLeast(LEAST_SHARE));
    let mut table = Table::new(&[
        "repetition",
        "drained",
        "posted by the same client",
        "pushed ready-made",
    ]);
    for (index, one) in rates.iter().enumerate() {
        let cells =
            [one.drain, one.client, one.wire].map(|rate| format!("{}/s", number(rate.round())));
        let mut row = vec![(index + 1).to_string()];
        row.extend(cells);
        table.row(row);
    }
    let bar = |name: &str, pick: fn(&Rates) -> f64, colour| Bar {
        name: name.into(),
        value: median(&all(pick)),
        label: per_second(pick),
        colour,
    };
    Section {
        name: "drain",
        title: "Delivering a backlog",
        figures: vec![
            figure("drain / the same requests by the same client, only read", |rates| rates.client, least),
            figure("drain / the same bytes ready-made, only read", |rates| rates.wire, None),
        ],
        table,
        notes: vec![
            format!("{} ratings from a journal on disk through the kiosk's uploader and client to `pikir-portal serve`, in deliveries of {BATCH}, over loopback: no network slows either side.", number(backlog as f64)),
            "Beside it the same deliveries through the same client (gzip, digest, signature) to a server that reads each to its end and answers 200, after each drain. Ready-made: packed and signed beforehand, one connection.".into(),
        ],
        plots: vec![(
            "drain.svg".into(),
            bars(
                "How fast a backlog is delivered",
                "Ratings a second over loopback. Longer is faster.",
                &[
                    bar("journal to portal", |rates| rates.drain, OURS),
                    bar("same client, only read", |rates| rates.client, BESIDE),
                    bar("ready-made bytes, only read", |rates| rates.wire, QUIET),
                ],
            ),
        )],
    }
}
