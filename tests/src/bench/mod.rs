//! What Pikir costs, as ratios against a peer or a physical limit measured in the same run, in
//! turns with it.
//!
//! | part | asks |
//! | --- | --- |
//! | [`commit`] | what an append takes and writes, beside the disk's own limit |
//! | [`pending`] | whether that grows with what is waiting |
//! | `drain` | how fast a backlog is delivered, beside posting the same bytes |
//! | [`ingest`] | how fast the portal takes events in, beside SQLite's bulk insert |
//! | [`counter`] | what the terminal costs and how fast it answers, beside a page in Chromium's kiosk mode |
//! | [`fleet`] | how hard a fleet presses after an outage, simulated |

mod bulk;
pub mod commit;
pub mod counter;
pub mod curves;
mod drain;
mod drain_report;
mod enrolled;
pub mod fleet;
pub mod ingest;
mod machine;
pub mod pending;
pub mod report;
pub mod stats;
mod supply;
mod wire;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use ingest::Capacity;
use machine::Machine;
use report::Section;

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// (a)
    Commit,
    /// (b)
    Pending,
    /// (c)
    Drain,
    /// (d)
    Ingest,
    /// (e)
    Fleet,
    /// (f)
    Counter,
}

impl Part {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 6] = [
        Self::Commit,
        Self::Pending,
        Self::Drain,
        Self::Ingest,
        Self::Fleet,
        Self::Counter,
    ];
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Repetitions of everything.
    pub repetitions: usize,
    /// Turns of a repetition of [`commit`].
    pub commit_turns: usize,
    /// Turns of a repetition of [`pending`].
    pub pending_turns: usize,
    /// Pending ratings of the middle journal.
    pub some_pending: u64,
    /// Pending ratings of the full one.
    pub most_pending: u64,
    /// Backlogs to drain, one after the other.
    pub drains: u64,
    /// Ratings in each of them over loopback.
    pub backlog: u64,
    /// Ratings in each of them over a line of the field.
    pub line_backlog: u64,
    /// Full deliveries of each terminal in [`ingest`].
    pub deliveries: usize,
    /// Requests of each terminal that carry a single rating or a status.
    pub singles: usize,
    /// Terminals of the simulated fleet.
    pub terminals: u32,
    /// Simulated fleets, each with a seed of its own.
    pub fleets: u64,
    /// How long its portal is away.
    pub outage: Duration,
    /// Starts of each program in [`counter`].
    pub starts: usize,
    /// Touches of each of them.
    pub taps: usize,
    /// How long they are watched while nothing happens.
    pub idle: Duration,
    /// Ratings that are being delivered while the terminal is touched.
    pub uploading: u64,
}

impl Scale {
    /// What the figures are taken with.
    pub const FULL: Self = Self {
        repetitions: 5,
        commit_turns: 8,
        pending_turns: 8,
        some_pending: 100_000,
        most_pending: 1_000_000,
        drains: 3,
        backlog: 100_000,
        line_backlog: 20_000,
        deliveries: 12,
        singles: 150,
        terminals: 100_000,
        fleets: 2,
        outage: Duration::from_secs(24 * 3_600),
        starts: 7,
        taps: 150,
        idle: Duration::from_secs(60),
        uploading: 100_000,
    };
    /// Enough to see that everything runs; the figures are rough.
    pub const QUICK: Self = Self {
        repetitions: 2,
        commit_turns: 3,
        pending_turns: 3,
        some_pending: 10_000,
        most_pending: 100_000,
        drains: 2,
        backlog: 10_000,
        line_backlog: 4_000,
        deliveries: 4,
        singles: 50,
        terminals: 20_000,
        fleets: 1,
        outage: Duration::from_secs(6 * 3_600),
        starts: 3,
        taps: 15,
        idle: Duration::from_secs(10),
        uploading: 20_000,
    };
}

/// Measures the parts and writes what was found into `folder`; whether every target was reached.
///
/// # Errors
/// Something could not be measured. A missed target is none.
pub fn run(folder: &Path, parts: &[Part], scale: &Scale) -> Result<bool> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    // On the disk beside the results, not in a temporary folder of the system, which may lie in
    // memory.
    let data = tempfile::Builder::new().prefix("tmp").tempdir_in(folder)?;
    let machine = Machine::here(data.path());
    println!("{}\n", machine.text());
    let mut capacity = None;
    let mut all_reached = true;
    let mut summary = String::from("# What Pikir costs\n\n");
    for part in parts {
        let started = Instant::now();
        let section = measure(*part, data.path(), scale, &mut capacity)?;
        section.write(folder, &machine)?;
        println!("\n{}", section.text());
        progress(&format!(
            "{} took {:.0} s",
            section.name,
            started.elapsed().as_secs_f64()
        ));
        let _ = writeln!(summary, "{}", section.text());
        all_reached &= section.is_reached();
    }
    let _ = writeln!(summary, "{}", machine.text());
    std::fs::write(folder.join("summary.md"), summary)?;
    println!("Written to {}", folder.display());
    Ok(all_reached)
}

fn measure(
    part: Part,
    data: &Path,
    scale: &Scale,
    capacity: &mut Option<Capacity>,
) -> Result<Section> {
    let folder = data.join(format!("{part:?}"));
    std::fs::create_dir_all(&folder)?;
    match part {
        Part::Commit => commit::run(&folder, scale),
        Part::Pending => pending::run(&folder, scale),
        Part::Drain => drain::run(&folder, scale),
        Part::Ingest => {
            let (section, found) = ingest::run(&folder, scale)?;
            *capacity = Some(found);
            Ok(section)
        }
        Part::Fleet => {
            let capacity = match capacity {
                Some(capacity) => *capacity,
                None => ingest::run(&folder, scale)?.1,
            };
            Ok(fleet::run(capacity, scale))
        }
        Part::Counter => counter::run(scale),
    }
}

/// A line for whoever waits.
fn progress(line: &str) {
    println!("      {line}");
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
