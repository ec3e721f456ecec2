//! One disk from its formatting through many power cuts.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pikir_contract::{Id, SealKey};

use super::disk::Disk;
use super::machine::{JournalKind, Machine, Powered};
use super::parts::Parts;
use super::report::{Promises, Said};
use super::{random, random_below};

/// One cut in so many comes while the machine is still recovering from the one before.
const STARTING_EVERY: u64 = 6;
/// From the guest's first word to a cut while it recovers, at most.
const STARTING: Duration = Duration::from_millis(1_500);
/// Ratings taken in one boot before the power fails, at most.
const MAX_RATINGS: u64 = 120;
/// Writes that the disk takes after that moment before it goes silent, at most; a commit is one or
/// two.
const MAX_WRITES: u64 = 8;
/// From a rating's acknowledgement to the cut, at most: a few commits.
const AFTER_RATING: Duration = Duration::from_millis(120);

/// What happened to a disk, or to several.
#[derive(Debug, Default)]
pub struct Tally {
    /// Power cuts.
    pub cuts: u64,
    /// Those of them that came before the guest had said what it found.
    pub while_starting: u64,
    /// Ratings that were acknowledged.
    pub acknowledged: u64,
    /// Blocks that were in the disk's cache and are gone.
    pub forgotten_blocks: usize,
    /// Ratings of the control that were acknowledged and are gone: seq and id. With the kiosk's
    /// journal one of them is an error at once.
    pub lost: Vec<String>,
}

impl Tally {
    /// Adds another one up.
    pub fn add(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.while_starting += other.while_starting;
        self.acknowledged += other.acknowledged;
        self.forgotten_blocks += other.forgotten_blocks;
        self.lost.extend(other.lost);
    }
}

/// A disk, the machine it is in, and what was promised on it.
pub struct Life {
    kind: JournalKind,
    machine: Machine,
    /// `None` only while the machine has power.
    disk: Option<Disk>,
    first_key: SealKey,
    promised: Promises,
    tally: Tally,
    /// Where the disk is kept when something is wrong with it.
    evidence: PathBuf,
}

/// When the power fails.
struct Moment {
    /// After this many lines that begin with this word.
    after: (u64, &'static str),
    /// And so much later.
    later: Duration,
    /// Unless 0: the disk goes silent after so many more writes, so that the cut finds some that
    /// were not flushed.
    writes: u64,
}

impl Moment {
    fn at_random() -> Result<Self> {
        let within = |most: Duration| {
            Ok::<_, anyhow::Error>(Duration::from_micros(
                random_below(most.as_micros() as u64)?,
            ))
        };
        let starting = random_below(STARTING_EVERY)? == 0;
        Ok(Self {
            after: if starting {
                (1, "UP")
            } else {
                (1 + random_below(MAX_RATINGS)?, "ACK")
            },
            later: within(if starting { STARTING } else { AFTER_RATING })?,
            // Half of the cuts come at a moment of the clock, half at one of the disk.
            writes: (random_below(MAX_WRITES * 2)? + 1).saturating_sub(MAX_WRITES),
        })
    }

    /// As soon as everything found was reported.
    fn reported() -> Self {
        Self {
            after: (1, "RATING"),
            later: Duration::ZERO,
            writes: 0,
        }
    }

    /// Lets the machine run until then; returns what it said.
    fn await_it(&self, machine: &Powered) -> Result<Vec<String>> {
        let (times, word) = self.after;
        let mut lines = Vec::new();
        let mut seen = 0;
        while seen < times {
            let line = machine.awaited_line()?;
            ensure!(!line.starts_with("FAILED"), "the guest says: {line}");
            seen += u64::from(line.split(' ').next() == Some(word));
            lines.push(line);
        }
        machine.silence_disk_after(self.writes);
        let end = Instant::now() + self.later;
        while let Some(line) = machine.line(end)? {
            lines.push(line);
        }
        Ok(lines)
    }
}

impl Life {
    /// A new disk for a new terminal. Files lie in `dir`; a disk on which something is wrong is
    /// kept beside the parts.
    pub fn begin(parts: &Parts, dir: &Path, kind: JournalKind) -> Result<Self> {
        let terminal = Id::from_parts(random_below(1 << 48)?, random()?);
        let first_key = SealKey::from_bytes(random()?);
        Ok(Self {
            kind,
            machine: Machine::new(parts, dir, kind, terminal, &first_key)?,
            disk: Some(Disk::format(dir)?),
            first_key,
            promised: Promises::default(),
            tally: Tally::default(),
            evidence: parts
                .kernel
                .with_file_name(format!("failed-{terminal}.img")),
        })
    }

    /// Boots, checks what is found, and cuts the power at a random moment.
    pub fn rate_and_cut(&mut self) -> Result<()> {
        let said = self.boot_until(&Moment::at_random()?)?;
        self.tally.cuts += 1;
        self.tally.while_starting += u64::from(said.report.is_none());
        self.tally.acknowledged += said.acknowledged.len() as u64;
        self.promised.ratings.extend(said.acknowledged);
        self.promised.taken = self.promised.taken.max(said.taken);
        Ok(())
    }

    /// Boots for the last time, only to check what is found.
    pub fn end(mut self) -> Result<Tally> {
        let said = self.boot_until(&Moment::reported())?;
        ensure!(
            said.report.is_some(),
            "the last boot did not say what it found"
        );
        Ok(self.tally)
    }

    fn boot_until(&mut self, moment: &Moment) -> Result<Said> {
        let disk = self.disk.take().context("an earlier boot failed")?;
        let before = disk.clone();
        let outcome = self.boot_and_check(disk, moment);
        if outcome.is_err() {
            before.keep(&self.evidence)?;
        }
        outcome.with_context(|| {
            format!(
                "after {} cuts; the disk as it was before this boot is {}\n{}",
                self.tally.cuts,
                self.evidence.display(),
                self.machine.logs()
            )
        })
    }

    fn boot_and_check(&mut self, disk: Disk, moment: &Moment) -> Result<Said> {
        let powered = self.machine.boot(disk)?;
        let mut lines = moment.await_it(&powered)?;
        let (rest, disk, forgotten) = powered.cut()?;
        lines.extend(rest);
        self.disk = Some(disk);
        self.tally.forgotten_blocks += forgotten;
        let said = Said::read(&lines)?;
        if let Some(report) = &said.report {
            let (lost, wrong) = report.check(&self.promised, &self.first_key);
            match self.kind {
                JournalKind::Unsafe => self.tally.lost.extend(lost),
                JournalKind::Kiosk => {
                    ensure!(
                        lost.is_empty(),
                        "acknowledged and lost: {}",
                        lost.join("; ")
                    );
                    ensure!(
                        wrong.is_empty(),
                        "the journal is wrong: {}",
                        wrong.join("; ")
                    );
                }
            }
        }
        Ok(said)
    }
}
