//! A journal that comes on a stick: what `pikir-kiosk journal export` wrote.
//!
//! JSON Lines. The first line is a header,
//! `{"pikir_journal": 1, "terminal": id, "exported": {clock reading}, "boots": […]}`; every further
//! line is one event exactly as it would travel over the network, in ascending order of seq. Seals
//! are what proves a file: an event whose seal does not verify is reported and not kept, because
//! anyone may have written the line, and the terminal's own may still come. Everything else lands
//! exactly once, whichever road it takes first.

use std::io::{self, BufRead, Read};

use pikir_contract::{
    BootOffset, ClockReading, Event, EventStatus, Id, MAX_BATCH_EVENTS, OffsetQuality, SealKey,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::ingest::{Finding, Keys, MAX_GAP, judge};
use crate::storage::{Delivered, Delivery, Sending, Storage, StorageError, TerminalRecord};

/// The version of the format this program reads.
const FORMAT: u64 = 1;
/// The longest line, in bytes (1 MiB).
const MAX_LINE_BYTES: u64 = 1024 * 1024;
/// Changed events that are named one by one.
pub const MAX_NAMED: usize = 20;

/// The first line of a journal file.
#[derive(Debug, Deserialize)]
struct Header {
    pikir_journal: u64,
    terminal: Id,
    exported: ClockReading,
    #[serde(default)]
    boots: Vec<BootOffset>,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Whose journal it is.
    pub terminal: Option<Id>,
    /// Events that are new.
    pub accepted: u64,
    /// Events that were here already.
    pub duplicate: u64,
    /// Events whose body breaks the contract: kept, not counted.
    pub malformed: u64,
    /// Events whose seal does not verify: not kept.
    pub changed: u64,
    /// The first [`MAX_NAMED`] of those: line and seq.
    pub changed_at: Vec<(u64, u64)>,
    /// Every event of the terminal is held up to this seq now.
    pub received_through: u64,
}

/// Why an import stopped. What stood before is kept.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line cannot be used.
    #[error("line {line}: {why}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Takes in a journal file. `received_at` is the present time (milliseconds since 1970). What was
/// done before an error stands in `done`.
pub async fn import(
    storage: &Storage,
    file: impl BufRead,
    received_at: i64,
    done: &mut Imported,
) -> Result<(), ImportError> {
    let mut lines = Lines { file, line: 0 };
    let header: Header = lines
        .next_json("the header of a journal file")?
        .ok_or_else(|| lines.wrong("the file is empty"))?;
    if header.pikir_journal != FORMAT {
        return Err(lines.wrong(
            "was written by a newer pikir-kiosk; import it with a portal of that version or later",
        ));
    }
    let unknown = || {
        lines.wrong(&format!(
            "this portal does not know the terminal {}; was it enrolled elsewhere?",
            header.terminal
        ))
    };
    let terminal = storage
        .terminal(header.terminal)
        .await?
        .ok_or_else(unknown)?;
    done.terminal = Some(terminal.id);
    Intake::begin(storage, &terminal, &header, received_at)
        .await?
        .run(&mut lines, done)
        .await
}

struct Intake<'a> {
    storage: &'a Storage,
    terminal: i64,
    seal_key: SealKey,
    keys: Keys,
    boots: Vec<BootOffset>,
    sending: Sending,
    received_at: i64,
    /// The last seq of the file so far; at least the highest that is held.
    reached: u64,
    /// When the import began.
    received_through: u64,
    last_seq: u64,
}

impl<'a> Intake<'a> {
    async fn begin(
        storage: &'a Storage,
        terminal: &TerminalRecord,
        header: &Header,
        received_at: i64,
    ) -> Result<Self, ImportError> {
        let state = storage.seal_state(terminal.key, 0, u64::MAX >> 1).await?;
        Ok(Self {
            storage,
            terminal: terminal.key,
            keys: state.keys,
            seal_key: state.seal_key,
            boots: known_boots(header),
            sending: Sending {
                boot: header.exported.boot,
                up_ms: header.exported.up_ms,
                now: false,
            },
            received_at,
            reached: state.held_through,
            received_through: state.received_through,
            last_seq: 0,
        })
    }

    async fn run<R: BufRead>(
        mut self,
        lines: &mut Lines<R>,
        done: &mut Imported,
    ) -> Result<(), ImportError> {
        done.received_through = self.received_through;
        loop {
            let mut batch = Vec::with_capacity(MAX_BATCH_EVENTS);
            let end = self.read_batch(lines, &mut batch);
            self.take(batch, done).await?;
            match end {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                // What stood before the broken line is taken; now say where it is.
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads up to a full batch; false at the end of the file. Each event comes with its line.
    fn read_batch<R: BufRead>(
        &mut self,
        lines: &mut Lines<R>,
        batch: &mut Vec<(u64, Event)>,
    ) -> Result<bool, ImportError> {
        while batch.len() < MAX_BATCH_EVENTS {
            let Some(event) = lines.next_json::<Event>("an event")? else {
                return Ok(false);
            };
            if event.seq <= self.last_seq {
                return Err(lines.wrong(&format!(
                    "seq {} does not follow {}: lines were moved",
                    event.seq, self.last_seq
                )));
            }
            if event.seq > self.reached + 1 + MAX_GAP {
                return Err(lines.wrong(&format!(
                    "seq {} lies more than {MAX_GAP} ahead of what is held",
                    event.seq
                )));
            }
            self.last_seq = event.seq;
            self.reached = self.reached.max(event.seq);
            batch.push((lines.line, event));
        }
        Ok(true)
    }

    async fn take(
        &mut self,
        batch: Vec<(u64, Event)>,
        done: &mut Imported,
    ) -> Result<(), ImportError> {
        let (lines, events): (Vec<u64>, Vec<Event>) = batch.into_iter().unzip();
        // No request waits here, so these keys have no limit.
        let mut judged = judge(&mut self.keys, &events).expect("nothing is too far");
        for (line, event) in lines.iter().zip(&judged) {
            if matches!(event.finding, Finding::BadSeal { .. }) {
                done.changed += 1;
                if done.changed_at.len() < MAX_NAMED {
                    done.changed_at.push((*line, event.seq));
                }
            }
        }
        judged.retain(|event| !matches!(event.finding, Finding::BadSeal { .. }));
        let delivery = Delivery {
            terminal: self.terminal,
            seal_key: self.seal_key.clone(),
            ratchet: self.keys.at().clone(),
            marks: self.keys.take_marks(),
            events: judged,
            boots: std::mem::take(&mut self.boots),
            sending: self.sending,
            received_at: self.received_at,
        };
        let Delivered::Kept {
            received_through,
            results,
        } = self.storage.deliver(delivery).await?
        else {
            let why = "the terminal was enrolled anew while its journal was being imported; import it again";
            return Err(ImportError::Line {
                line: lines.first().copied().unwrap_or(1),
                why: why.to_owned(),
            });
        };
        for result in results {
            match result.status {
                EventStatus::Accepted => done.accepted += 1,
                EventStatus::Duplicate => done.duplicate += 1,
                EventStatus::Rejected => done.malformed += 1,
            }
        }
        done.received_through = received_through;
        Ok(())
    }
}

/// What the terminal knew about its boots when it wrote the file.
fn known_boots(header: &Header) -> Vec<BootOffset> {
    let ClockReading {
        boot,
        up_ms,
        wall,
        synced,
    } = header.exported;
    let writing = i64::try_from(up_ms)
        .ok()
        .filter(|_| synced)
        .map(|up_ms| BootOffset {
            boot,
            offset_ms: wall.unix_ms() - up_ms,
            quality: OffsetQuality::Synced,
        });
    header.boots.iter().copied().chain(writing).collect()
}

struct Lines<R> {
    file: R,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line that is not empty, as JSON; `None` at the end.
    fn next_json<T: DeserializeOwned>(&mut self, what: &str) -> Result<Option<T>, ImportError> {
        loop {
            let Some(line) = self.next_line()? else {
                return Ok(None);
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            return match serde_json::from_slice(&line) {
                Ok(value) => Ok(Some(value)),
                Err(error) if error.is_eof() => {
                    Err(self.wrong(&format!("is cut off in the middle of {what}")))
                }
                Err(error) if error.is_data() => {
                    Err(self.wrong(&format!("is not {what} (column {})", error.column())))
                }
                Err(error) => Err(self.wrong(&format!("is not JSON (column {})", error.column()))),
            };
        }
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, ImportError> {
        let mut line = Vec::new();
        self.line += 1;
        let read = self
            .file
            .by_ref()
            .take(MAX_LINE_BYTES + 1)
            .read_until(b'\n', &mut line);
        match read {
            Ok(0) => Ok(None),
            Ok(_) if line.len() as u64 > MAX_LINE_BYTES => {
                Err(self.wrong("is too long to be a line of a journal"))
            }
            Ok(_) => Ok(Some(line)),
            Err(error) => Err(self.wrong(&reading(&error))),
        }
    }

    fn wrong(&self, why: &str) -> ImportError {
        ImportError::Line {
            line: self.line,
            why: why.to_owned(),
        }
    }
}

fn reading(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}
