//! What a guest says in one boot, and whether it is true.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, bail};
use pikir_contract::{Event, EventBody, SealKey};

/// Everything that was acknowledged on a disk so far.
#[derive(Default)]
pub struct Promises {
    /// Id by seq.
    pub ratings: BTreeMap<u64, String>,
    /// The newest acknowledgement of the portal that the terminal took and made durable.
    pub taken: u64,
}

/// The journal as it was found when the power came back.
pub struct Report {
    /// SQLite's own finding, `ok` when sound.
    integrity: String,
    /// Findings of `journal verify`.
    problems: Vec<String>,
    /// Events counted, newest seq, the portal's acknowledgement.
    stands: (u64, u64, u64),
    /// Every event.
    pub events: Vec<Event>,
}

/// All that was said in one boot.
pub struct Said {
    /// `None` when the power failed before the guest had said it all.
    pub report: Option<Report>,
    /// Seq and id of each append that returned.
    pub acknowledged: Vec<(u64, String)>,
    /// The newest acknowledgement of the portal that was taken before the newest rating was: an
    /// append makes it durable, by itself it need not be. 0 for none.
    pub taken: u64,
}

impl Said {
    /// Reads the guest's lines (see `tests/guest/src/main.rs`).
    pub fn read(lines: &[String]) -> Result<Self> {
        let mut said = Self {
            report: None,
            acknowledged: Vec::new(),
            taken: 0,
        };
        let (mut integrity, mut problems, mut stands) = (String::new(), Vec::new(), (0, 0, 0));
        let mut taken = 0;
        let mut lines = lines.iter();
        while let Some(line) = lines.next() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "UP" | "RATING" => {}
                "INTEGRITY" => integrity = rest.to_owned(),
                "PROBLEM" => problems.push(rest.to_owned()),
                "FOUND" => {
                    let [count, last, received] = numbers(rest)?;
                    stands = (count, last, received);
                }
                "EXPORT" => {
                    let [count] = numbers(rest)?;
                    let exported: Vec<_> = lines.by_ref().take(count as usize).collect();
                    if exported.len() as u64 == count {
                        said.report = Some(Report {
                            integrity: std::mem::take(&mut integrity),
                            problems: std::mem::take(&mut problems),
                            stands,
                            events: exported
                                .into_iter()
                                .map(|event| {
                                    serde_json::from_str(event).context("an exported event")
                                })
                                .collect::<Result<_>>()?,
                        });
                    }
                }
                "ACK" => {
                    let (seq, id) = rest.split_once(' ').context("ACK without an id")?;
                    said.acknowledged.push((seq.parse()?, id.to_owned()));
                    said.taken = taken;
                }
                "TOOK" => [taken] = numbers(rest)?,
                _ => bail!("the guest says: {line}"),
            }
        }
        Ok(said)
    }
}

impl Report {
    /// What was promised and is not there, and everything else that is wrong.
    pub fn check(&self, promised: &Promises, first_key: &SealKey) -> (Vec<String>, Vec<String>) {
        let lost = promised
            .ratings
            .iter()
            .filter(|(seq, id)| self.id_at(**seq) != Some(id))
            .map(|(seq, id)| format!("{seq} {id}"))
            .collect();
        let mut wrong = self.problems.clone();
        if self.integrity != "ok" {
            wrong.push(format!("integrity_check: {}", self.integrity));
        }
        let (count, last, received) = self.stands;
        if [count, last] != [self.events.len() as u64; 2] {
            wrong.push(format!(
                "{} events were exported, {count} counted, and the newest is {last}",
                self.events.len()
            ));
        }
        if received < promised.taken {
            wrong.push(format!(
                "the portal's acknowledgement went back from {} to {received}",
                promised.taken
            ));
        }
        wrong.extend(self.wrong_events(first_key));
        (lost, wrong)
    }

    fn id_at(&self, seq: u64) -> Option<&str> {
        let event = self
            .events
            .get(usize::try_from(seq).ok()?.checked_sub(1)?)?;
        (event.seq == seq).then(|| event.body["id"].as_str())?
    }

    /// Gaps, ids that occur twice, bodies that are none, and seals that K_1 does not explain.
    fn wrong_events(&self, first_key: &SealKey) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut ids = HashSet::new();
        let mut key = first_key.clone();
        for (expected, event) in (1..).zip(&self.events) {
            let Event {
                seq,
                kind,
                body,
                seal,
            } = event;
            if *seq != expected {
                wrong.push(format!("{seq} stands where {expected} should"));
            }
            if !ids.insert(body["id"].as_str()) {
                wrong.push(format!("the id of {seq} occurs twice"));
            }
            if let Err(error) = EventBody::parse(kind, body) {
                wrong.push(format!("{seq}: {error}"));
            }
            if !key.verify(*seq, kind, body, seal).unwrap_or(false) {
                wrong.push(format!("the seal of {seq} is broken"));
            }
            key = key.next();
        }
        wrong
    }
}

fn numbers<const N: usize>(text: &str) -> Result<[u64; N]> {
    let numbers: Vec<u64> = text
        .split(' ')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .with_context(|| format!("{text:?} is not {N} numbers"))?;
    numbers
        .try_into()
        .map_err(|_| anyhow::anyhow!("{text:?} is not {N} numbers"))
}
