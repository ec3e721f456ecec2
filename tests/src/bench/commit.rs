//! (a) What an append costs beside the disk's own limit: the same bytes, written and made durable,
//! in the same folder.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use pikir_contract::{Id, SealKey};
use pikir_kiosk::journal::Journal;

use super::curves::{Curve, csv};
use super::machine::Written;
use super::report::{Figure, Section, Table, Target};
use super::stats::{Pair, Ratio, percentile, ratio_at};
use super::supply::Visitors;
use super::{Scale, milliseconds};

/// Most that the median append may take, in raw limits.
const MOST_MEDIAN: f64 = 1.5;
/// Most pages an append may write.
const MOST_PAGES: f64 = 3.0;
/// SQLite's page (bytes).
const PAGE: u64 = 4_096;
/// What the write-ahead log puts before each page (bytes; SQLite file format, 4.1).
const FRAME_HEADER: u64 = 24;
/// What stands at the beginning of a write-ahead log (bytes).
const LOG_HEADER: u64 = 32;
/// SQLite begins its log anew after so many pages.
const LOG_PAGES: u64 = 1_000;
/// Operations of one kind before the other has its turn.
pub const TURN: usize = 50;

/// Measures both in turns.
pub fn run(folder: &Path, scale: &Scale) -> Result<Section> {
    let mut visitors = Visitors::new(1);
    let frames = count_frames(folder, &mut visitors)?;
    let bytes = frames.bytes_per_append();
    let mut journal = create(&folder.join("commit.db"))?;
    let mut raw = Raw::create(&folder.join("raw"), bytes.round() as usize)?;
    let (mut pairs, mut written) = (Vec::new(), Vec::new());
    for _ in 0..scale.repetitions {
        let mut pair = Pair::default();
        for _ in 0..scale.commit_turns {
            let before = Written::now(folder)?;
            for _ in 0..TURN {
                pair.ours.push(append(&mut journal, &mut visitors)?);
            }
            written.push(Written::now(folder)?.since(before));
            for _ in 0..TURN {
                pair.beside.push(raw.write()?);
            }
        }
        pairs.push(pair);
    }
    section(&pairs, &frames, &written)
}

/// A new journal of some terminal.
pub fn create(path: &Path) -> Result<Journal> {
    let mut journal = Journal::create(path, &SealKey::from_bytes([7; 32]))?;
    journal.set_terminal(Id::from_parts(1, [1; 10]))?;
    Ok(journal)
}

/// One append, in milliseconds.
pub fn append(journal: &mut Journal, visitors: &mut Visitors) -> Result<f64> {
    let event = visitors.rate();
    let started = Instant::now();
    journal.append(event)?;
    Ok(milliseconds(started.elapsed()))
}

/// The raw limit: a file that grows as the write-ahead log does and begins anew where it does.
struct Raw {
    file: File,
    content: Vec<u8>,
    writes: u64,
}

impl Raw {
    fn create(path: &Path, bytes: usize) -> Result<Self> {
        let file = File::create_new(path).context("the raw file cannot be made")?;
        Ok(Self {
            file,
            content: vec![0x5a; bytes],
            writes: 0,
        })
    }

    fn write(&mut self) -> Result<f64> {
        let started = Instant::now();
        if self
            .writes
            .is_multiple_of(LOG_PAGES * PAGE / self.content.len() as u64)
        {
            self.file.seek(SeekFrom::Start(0))?;
        }
        self.file.write_all(&self.content)?;
        self.file.sync_data()?;
        self.writes += 1;
        Ok(milliseconds(started.elapsed()))
    }
}

/// What appends put into the log of a journal that is not checkpointed meanwhile.
struct Frames {
    appends: u64,
    /// Pages in the log.
    pages: u64,
    /// Pages of each append.
    each: Vec<f64>,
    /// Bytes that a rating writes in all when the terminal is quiet after it: log, checkpoint, and
    /// all.
    alone: Written,
    alone_ratings: u64,
}

impl Frames {
    fn bytes_per_append(&self) -> f64 {
        (self.pages * (PAGE + FRAME_HEADER)) as f64 / self.appends as f64
    }
}

/// Counts pages by the growth of the log, append by append.
fn count_frames(folder: &Path, visitors: &mut Visitors) -> Result<Frames> {
    let path = folder.join("frames.db");
    let log = folder.join("frames.db-wal");
    let mut journal = create(&path)?;
    // So that the root of the table is no leaf, as in any journal that has been in use.
    for _ in 0..100 {
        journal.append(visitors.rate())?;
    }
    journal.checkpoint()?;
    let (appends, mut pages, mut each) = (200, 0, Vec::new());
    for _ in 0..appends {
        journal.append(visitors.rate())?;
        let length = std::fs::metadata(&log)?.len().saturating_sub(LOG_HEADER);
        ensure!(
            length.is_multiple_of(PAGE + FRAME_HEADER),
            "the log is not made of whole frames: {length} bytes"
        );
        let now = length / (PAGE + FRAME_HEADER);
        each.push((now - pages) as f64);
        pages = now;
    }
    let before = Written::now(folder)?;
    let alone_ratings = 50;
    for _ in 0..alone_ratings {
        journal.append(visitors.rate())?;
        journal.checkpoint()?;
    }
    Ok(Frames {
        appends,
        pages,
        each,
        alone: Written::now(folder)?.since(before),
        alone_ratings,
    })
}

fn section(pairs: &[Pair], frames: &Frames, written: &[Written]) -> Result<Section> {
    let side = |pick: fn(&Pair) -> &Vec<f64>| -> Vec<f64> {
        pairs.iter().flat_map(|pair| pick(pair).clone()).collect()
    };
    let (ours, beside) = (side(|pair| &pair.ours), side(|pair| &pair.beside));
    let latency = |what: &str, q: f64, target| Figure {
        what: format!("append / write + fdatasync, {what}"),
        ratio: ratio_at(pairs, q),
        target,
        ours: format!("{:.2} ms", percentile(&ours, q)),
        beside: format!("{:.2} ms", percentile(&beside, q)),
    };
    let pages = frames.pages as f64 / frames.appends as f64;
    let mut table = Table::new(&["latency", "append", "write + fdatasync"]);
    for (name, q) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("slowest", 1.0)] {
        let cell = |values: &[f64]| format!("{:.2} ms", percentile(values, q));
        table.row(vec![name.into(), cell(&ours), cell(&beside)]);
    }
    Ok(Section {
        name: "commit",
        title: "What one rating costs on the disk",
        figures: vec![
            latency("p50", 0.5, Some(Target::AtMost(MOST_MEDIAN))),
            latency("p99", 0.99, None),
            Figure {
                what: "pages written to the log per rating".into(),
                ratio: Ratio::new(pages, &frames.each),
                target: Some(Target::AtMost(MOST_PAGES)),
                ours: format!("{:.0} bytes", frames.bytes_per_append()),
                beside: format!(
                    "{} bytes (3 pages and their headers)",
                    3 * (PAGE + FRAME_HEADER)
                ),
            },
        ],
        table,
        notes: notes(frames, written, ours.len()),
        curves: vec![("commit.csv", curves(&ours, &beside))],
    })
}

fn notes(frames: &Frames, written: &[Written], appends: usize) -> Vec<String> {
    let per_append = |bytes: u64| bytes as f64 / 1024.0 / appends as f64;
    let device: Option<u64> = written.iter().map(|written| written.device).sum();
    let by_device = device.map_or_else(String::new, |bytes| {
        format!(
            ", {:.1} KiB by the device's sectors (file system's log and other programs included)",
            per_append(bytes)
        )
    });
    let by_process = per_append(written.iter().map(|written| written.process).sum());
    let alone = |bytes: u64| bytes as f64 / 1024.0 / frames.alone_ratings as f64;
    let alone_device = frames.alone.device.map_or_else(String::new, |bytes| {
        format!(", {:.1} KiB by the device's sectors", alone(bytes))
    });
    vec![
        format!(
            "{appends} appends and as many raw writes, {TURN} of each in turns. The raw file grows and begins anew as SQLite's log does."
        ),
        format!(
            "All that was written per rating, checkpoints included: {by_process:.1} KiB by the kernel's account of this process{by_device}."
        ),
        format!(
            "A rating after which the terminal is quiet, so that its log is emptied at once: {:.1} KiB by the kernel's account{alone_device}.",
            alone(frames.alone.process)
        ),
    ]
}

fn curves(ours: &[f64], beside: &[f64]) -> String {
    let curve = |name: &str, took| Curve {
        name: name.into(),
        points: cumulated(took),
    };
    csv(
        "milliseconds",
        "% done",
        &[
            curve("write + fdatasync", beside),
            curve("journal append", ours),
        ],
    )
}

/// The share (%) of `values` that lies at or below each of 200 of them.
pub fn cumulated(values: &[f64]) -> Vec<(f64, f64)> {
    (0..=200)
        .map(|step| f64::from(step) / 200.0)
        .map(|share| (percentile(values, share), share * 100.0))
        .collect()
}
