//! (d) The portal's ingest rate, every signature and seal verified, beside SQLite's own bulk insert
//! of the same rows.

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::bulk::Bulk;
use super::enrolled::{Enrolled, place};
use super::report::{Figure, Section, Table, Target};
use super::stats::{Ratio, median, number};
use super::wire::{Connection, Ready};
use super::{Scale, progress};
use crate::portal::Portal;

/// Least share of the bulk rate.
const LEAST_SHARE: f64 = 0.3;
/// Terminals that deliver at the same time, each over a connection of its own.
const TERMINALS: usize = 8;
/// Events in one delivery of a backlog.
const BATCH: usize = pikir_contract::MAX_BATCH_EVENTS;

/// What the portal can do: the fleet's simulation takes its costs from here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// Events a second in full deliveries.
    pub events_per_s: f64,
    /// Deliveries of a single event a second.
    pub singles_per_s: f64,
    /// Status reports a second.
    pub statuses_per_s: f64,
}

/// One repetition.
struct Rates {
    ingest: f64,
    bulk: f64,
    singles: f64,
    statuses: f64,
}

/// Saturates the real portal; after each repetition the rows it made go into a database like its
/// own.
pub fn run(folder: &Path, scale: &Scale) -> Result<(Section, Capacity)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let portal = Portal::start(&folder.join("ingest-portal"))?;
    let place = place(&portal)?;
    let mut fleets = Vec::new();
    for _ in 0..scale.repetitions {
        // The first half brings backlogs, the second single ratings.
        let mut fleet = Vec::new();
        for _ in 0..2 * TERMINALS {
            fleet.push(runtime.block_on(Enrolled::new(&portal, &place))?);
        }
        fleets.push(fleet);
    }
    let bulk = Bulk::beside(&portal, &folder.join("bulk.db"))?;
    let mut rates = Vec::new();
    for (index, fleet) in fleets.iter().enumerate() {
        let (backlogs, singles) = fleet.split_at(TERMINALS);
        let one = repetition(&portal, backlogs, singles, &bulk, index as u64, scale)?;
        progress(&format!(
            "ingest {}/s, bulk insert {}/s",
            number(one.ingest.round()),
            number(one.bulk.round())
        ));
        rates.push(one);
    }
    Ok(section(&rates, scale))
}

fn repetition(
    portal: &Portal,
    backlogs: &[Enrolled],
    singles: &[Enrolled],
    bulk: &Bulk,
    seed: u64,
    scale: &Scale,
) -> Result<Rates> {
    let work = prepare(backlogs, seed * 1_000, scale.deliveries, BATCH)?;
    let seconds = deliver(portal, &work)?;
    let events = (backlogs.len() * scale.deliveries * BATCH) as f64;
    let terminals: Vec<String> = backlogs
        .iter()
        .map(|enrolled| enrolled.terminal.to_string())
        .collect();
    let rows = bulk.rows_of(&terminals)?;
    ensure!(
        rows.events() as f64 == events,
        "the portal keeps {} of {events} events",
        rows.events()
    );
    let inserted = bulk.insert(&rows, BATCH)?;
    let single = prepare(singles, seed * 1_000 + 500, scale.singles, 1)?;
    let single_seconds = deliver(portal, &single)?;
    let status = statuses(singles, scale.singles)?;
    let status_seconds = deliver(portal, &status)?;
    let requests = (singles.len() * scale.singles) as f64;
    Ok(Rates {
        ingest: events / seconds,
        bulk: events / inserted,
        singles: requests / single_seconds,
        statuses: requests / status_seconds,
    })
}

/// Each terminal's deliveries, packed and signed.
fn prepare(fleet: &[Enrolled], seed: u64, count: usize, size: usize) -> Result<Vec<Vec<Ready>>> {
    (seed..)
        .zip(fleet)
        .map(|(seed, enrolled)| enrolled.deliveries(seed, count, size))
        .collect()
}

fn statuses(fleet: &[Enrolled], count: usize) -> Result<Vec<Vec<Ready>>> {
    let one = |enrolled: &Enrolled| {
        let clock = super::supply::Visitors::new(1).reading();
        let report = json!({
            "software": "bench", "clock": clock, "pending": 0, "rejected": 0, "oldest_pending_s": null,
            "disk_free_mb": 1_000, "network": "eth0", "config_version": 1,
        });
        (0..count)
            .map(|_| enrolled.ready("/api/v1/status", report.to_string().as_bytes()))
            .collect()
    };
    fleet.iter().map(one).collect()
}

/// Sends each terminal's requests in order, all terminals at the same time; the seconds until the
/// last answer.
fn deliver(portal: &Portal, work: &[Vec<Ready>]) -> Result<f64> {
    let url = portal.url();
    let failed = Mutex::new(None);
    let connections = work
        .iter()
        .map(|_| Connection::open(&url))
        .collect::<Result<Vec<_>>>()?;
    let started = Instant::now();
    std::thread::scope(|scope| {
        for (requests, mut connection) in work.iter().zip(connections) {
            let failed = &failed;
            scope.spawn(move || {
                for request in requests {
                    if let Err(error) = connection.succeed(request) {
                        if let Ok(mut failed) = failed.lock() {
                            failed.get_or_insert(error);
                        }
                        return;
                    }
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    match failed.into_inner() {
        Ok(None) => Ok(seconds),
        Ok(Some(error)) => Err(error).context("a delivery to the portal"),
        Err(_) => anyhow::bail!("a client ended early"),
    }
}

fn section(rates: &[Rates], scale: &Scale) -> (Section, Capacity) {
    let all = |pick: fn(&Rates) -> f64| -> Vec<f64> { rates.iter().map(pick).collect() };
    let middle = |pick: fn(&Rates) -> f64| median(&all(pick));
    let ratios: Vec<f64> = rates
        .iter()
        .map(|rates| rates.ingest / rates.bulk)
        .collect();
    let capacity = Capacity {
        events_per_s: middle(|rates| rates.ingest),
        singles_per_s: middle(|rates| rates.singles),
        statuses_per_s: middle(|rates| rates.statuses),
    };
    let per_second = |rate: f64, what: &str| format!("{} {what}/s", number(rate.round()));
    let mut table = Table::new(&[
        "repetition",
        "ingest",
        "bulk insert",
        "single ratings",
        "status reports",
    ]);
    for (index, one) in rates.iter().enumerate() {
        table.row(vec![
            (index + 1).to_string(),
            per_second(one.ingest, "events"),
            per_second(one.bulk, "events"),
            per_second(one.singles, "requests"),
            per_second(one.statuses, "requests"),
        ]);
    }
    let section = Section {
        name: "ingest",
        title: "How fast the portal takes events in",
        figures: vec![Figure {
            what: "ingest, all verified / bulk insert of the same rows".into(),
            ratio: Ratio::of(&ratios),
            target: Some(Target::AtLeast(LEAST_SHARE)),
            ours: per_second(capacity.events_per_s, "events"),
            beside: per_second(middle(|rates| rates.bulk), "events"),
        }],
        table,
        notes: vec![
            format!(
                "{TERMINALS} terminals at the same time, {} deliveries of {BATCH} ratings each, packed and signed before the clock runs; the clients share the processor with the portal.",
                scale.deliveries
            ),
            format!(
                "Bulk insert: the very rows of `events` and `ratings` that the portal made, into a copy of its database with its indexes and constraints, WAL, synchronous=FULL, foreign keys on, prepared statements, {BATCH} events a transaction, one thread."
            ),
            format!(
                "Single ratings and status reports: {} of each by {TERMINALS} other terminals.",
                scale.singles
            ),
        ],
        curves: Vec::new(),
    };
    (section, capacity)
}
