//! (b) Whether an append gets slower the more is waiting for the portal.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use pikir_contract::{EventsAnswer, Id, SealKey, Time};
use pikir_kiosk::journal::Journal;

use super::commit::{TURN, append, cumulated};
use super::curves::{Curve, csv};
use super::report::{Figure, Section, Table, Target};
use super::stats::{Pair, number, percentile, ratio_at};
use super::supply::{self, Visitors};
use super::{Scale, progress};

/// Most that the slowest hundredth may take with a full journal, in those of an empty one.
const MOST_TAIL: f64 = 1.2;

/// One journal and what its appends took, by repetition.
struct Filled {
    pending: u64,
    journal: Journal,
    visitors: Visitors,
    took: Vec<Vec<f64>>,
}

/// Fills the journals and measures them in turns.
pub fn run(folder: &Path, scale: &Scale) -> Result<Section> {
    let appends = (scale.repetitions * scale.pending_turns * TURN) as u64;
    let mut filled = Vec::new();
    for pending in [0, scale.some_pending, scale.most_pending] {
        // So that the journal never holds more than the terminal allows.
        filled.push(fill(folder, pending, pending.saturating_sub(appends))?);
    }
    for _ in 0..scale.repetitions {
        filled.iter_mut().for_each(|one| one.took.push(Vec::new()));
        for _ in 0..scale.pending_turns {
            for one in &mut filled {
                turn(one)?;
            }
        }
    }
    Ok(section(&filled, appends))
}

fn fill(folder: &Path, pending: u64, first: u64) -> Result<Filled> {
    let path = folder.join(format!("pending-{pending}.db"));
    let started = Instant::now();
    let (key, terminal) = (SealKey::from_bytes([7; 32]), Id::from_parts(1, [1; 10]));
    let mut visitors = Visitors::new(pending + 1);
    supply::journal(&path, key, terminal, &mut visitors, first)?;
    let mut journal = Journal::open(&path)?;
    // The first append after opening reads what later ones find in the cache.
    append(&mut journal, &mut visitors)?;
    progress(&format!(
        "a journal with {} pending was made in {:.1} s",
        number(first as f64),
        started.elapsed().as_secs_f64()
    ));
    Ok(Filled {
        pending,
        journal,
        visitors,
        took: Vec::new(),
    })
}

fn turn(one: &mut Filled) -> Result<()> {
    let Some(took) = one.took.last_mut() else {
        return Ok(());
    };
    for _ in 0..TURN {
        took.push(append(&mut one.journal, &mut one.visitors)?);
    }
    if one.pending == 0 {
        let answer = EventsAnswer {
            received_through: one.journal.state().last_seq,
            results: Vec::new(),
            time: Time::from_unix_ms(0)?,
        };
        one.journal.acknowledge(&answer)?;
    }
    Ok(())
}

fn section(filled: &[Filled], appends: u64) -> Section {
    let all = |one: &Filled| -> Vec<f64> { one.took.concat() };
    let figure = |one: &Filled, name: &str, q: f64, target| {
        let pairs: Vec<Pair> = one
            .took
            .iter()
            .zip(&filled[0].took)
            .map(|(ours, beside)| Pair {
                ours: ours.clone(),
                beside: beside.clone(),
            })
            .collect();
        Figure {
            what: format!("{} pending / none, {name}", number(one.pending as f64)),
            ratio: ratio_at(&pairs, q),
            target,
            ours: format!("{:.2} ms", percentile(&all(one), q)),
            beside: format!("{:.2} ms", percentile(&all(&filled[0]), q)),
        }
    };
    let tail = Some(Target::AtMost(MOST_TAIL));
    let figures = vec![
        figure(&filled[2], "p99", 0.99, tail),
        figure(&filled[1], "p99", 0.99, None),
        figure(&filled[2], "p50", 0.5, None),
        figure(&filled[1], "p50", 0.5, None),
    ];
    let mut table = Table::new(&["pending", "p50", "p90", "p99", "slowest"]);
    for one in filled {
        let cells = [0.5, 0.9, 0.99, 1.0].map(|q| format!("{:.2} ms", percentile(&all(one), q)));
        let mut row = vec![number(one.pending as f64)];
        row.extend(cells);
        table.row(row);
    }
    Section {
        name: "pending",
        title: "Whether an append gets slower the more is waiting",
        figures,
        table,
        notes: vec![
            format!("{appends} appends to each journal, {TURN} in turns. The empty one is acknowledged after each turn."),
            "The waiting ratings were put into the kiosk's own schema, rightly sealed, in one transaction without fsync; only the appends measured went through the journal.".into(),
        ],
        curves: vec![("pending.csv", curves(filled))],
    }
}

fn curves(filled: &[Filled]) -> String {
    let curves = filled.iter().map(|one| Curve {
        name: format!("{} pending", number(one.pending as f64)),
        points: cumulated(&one.took.concat()),
    });
    csv("milliseconds", "% done", &curves.collect::<Vec<_>>())
}
