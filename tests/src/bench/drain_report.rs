//! What the bench says of delivering a backlog.

use super::Scale;
use super::drain::{BATCH, Rates, WAYS};
use super::report::{Figure, Section, Table, Target};
use super::stats::{Ratio, median, number};

/// Least share of the raw rate.
const LEAST_SHARE: f64 = 0.5;

fn all(rates: &[Rates], pick: fn(&Rates) -> f64) -> Vec<f64> {
    rates.iter().map(pick).collect()
}

fn per_second(rates: &[Rates], pick: fn(&Rates) -> f64) -> String {
    format!("{} ratings/s", number(median(&all(rates, pick)).round()))
}

fn figure(what: String, rates: &[Rates], beside: fn(&Rates) -> f64, target: bool) -> Figure {
    let ratios: Vec<f64> = rates.iter().map(|one| one.drain / beside(one)).collect();
    Figure {
        what,
        ratio: Ratio::of(&ratios),
        target: target.then_some(Target::AtLeast(LEAST_SHARE)),
        ours: per_second(rates, |rates| rates.drain),
        beside: per_second(rates, beside),
    }
}

/// The section, `rates` by way.
pub fn section(rates: &[Vec<Rates>; WAYS.len()], scale: &Scale) -> Section {
    let ways = || WAYS.iter().zip(rates);
    let client = |rates: &Rates| rates.client;
    let wire = |rates: &Rates| rates.wire;
    // The field first: it is what a terminal meets.
    let (loopback, lines): (Vec<_>, Vec<_>) = ways().partition(|(way, _)| way.shape.is_none());
    let mut figures = Vec::new();
    for (beside, name, target) in [
        (
            client as fn(&Rates) -> f64,
            "the same requests by the same client, only read",
            true,
        ),
        (wire, "the same bytes ready-made, only read", false),
    ] {
        for (way, rates) in lines.iter().chain(&loopback) {
            let what = format!("{}: drain / {name}", way.name);
            figures.push(figure(what, rates, beside, target));
        }
    }
    let mut table = Table::new(&[
        "way",
        "repetition",
        "drained",
        "posted by the same client",
        "pushed ready-made",
    ]);
    for (way, rates) in ways() {
        for (index, one) in rates.iter().enumerate() {
            let cells =
                [one.drain, one.client, one.wire].map(|rate| format!("{}/s", number(rate.round())));
            let mut row = vec![way.name.to_owned(), (index + 1).to_string()];
            row.extend(cells);
            table.row(row);
        }
    }
    Section {
        name: "drain",
        title: "Delivering a backlog",
        figures,
        table,
        notes: notes(scale),
        curves: Vec::new(),
    }
}

fn notes(scale: &Scale) -> Vec<String> {
    vec![
        format!(
            "{} ratings over loopback and {} over each line, from a journal on disk through the kiosk's uploader and client to `pikir-portal serve`, in deliveries of {BATCH}.",
            number(scale.backlog as f64),
            number(scale.line_backlog as f64)
        ),
        "Beside it the same deliveries through the same client (gzip, digest, signature), one after the other, to a server that reads each to its end and answers 200 with `{}`, after each drain. Ready-made: packed and signed beforehand, one connection.".into(),
        "A line carries so many bits a second each way, and what goes and its answer travel for so long together (a token bucket and a delay in front of either server; the headers of packets are not counted).".into(),
        "Over loopback half of the raw rate cannot be had, by this portal or another one that keeps what it acknowledges: reading a rating costs a few microseconds there, and SQLite's bulk insert of its rows alone some ten times as much (see `ingest`), before any signature or seal is verified. What a terminal has in the field is a line, and over a line the raw rate is the line's.".into(),
        "No terminal is driven beyond 600 deliveries a minute, whatever it could do: 5,000 ratings a second, but for the first 600 deliveries.".into(),
    ]
}
