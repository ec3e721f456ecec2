//! The journal: an append-only log of what happened at this terminal, in one SQLite file.
//!
//! # What is promised
//! - An append that was answered is on the disk: it survives a power cut at any later instruction
//!   (WAL, `synchronous=FULL`: one fsync of the write-ahead log for each append).
//! - Event `seq` and the ratchet step from `K_seq` to `K_(seq+1)` are one transaction: never one without the other.
//! - `seq` runs 1, 2, 3 … without gaps for the life of the enrolment. An event is never edited and never removed
//!   while the portal may still need it.
//! - The body lies in the file as the canonical JSON that was sealed; it is sent as it lies there.
//!
//! # What one append writes
//! The leaf page of `events` and the one page of `chain`, as frames of the write-ahead log; nothing else. No
//! secondary index holds a pending event, and the number of pending events is arithmetic on `chain`.
//!
//! # When keys go
//! `secure_delete` zeroes what a row leaves behind in the database. Older frames of the log still hold the keys they
//! were written with, so the log is checkpointed and truncated when the terminal has been quiet for a moment
//! ([`crate::limits::JOURNAL_IDLE`]).
//!
//! # Who touches it
//! One thread (`thread.rs`); everybody else sends it commands and never waits for the disk. `pikir-kiosk journal`
//! reads the file while the terminal runs.

mod boots;
mod error;
mod export;
mod keeper;
mod mend;
mod open;
mod pages;
mod recovery;
mod retention;
mod rows;
mod salvage;
mod spare;
mod store;
mod tail;
mod thread;
mod verify;
mod wal;

pub use error::JournalError;
pub use export::{ExportSummary, export};
pub use keeper::{Keeper, Published};
pub use store::{Appended, Batch, Journal, JournalState};
pub use thread::{AppendReply, JournalHandle};
pub use verify::{VerifyReport, verify};

use pikir_contract::{ClockReading, EventBody, EventHead, Id, InputKind, Score};

/// An event to be appended: who it is, the moment it happened, and what happened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Id of the event (UUIDv7).
    pub id: Id,
    /// The moment of the tap, not of the append.
    pub at: ClockReading,
    /// What happened.
    pub content: Content,
}

/// What happened, without the members every event has.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A visitor rated.
    Rating {
        /// 1–5.
        score: Score,
        /// Language on the screen (BCP 47).
        lang: String,
        /// Finger, key or button.
        input: InputKind,
        /// Since the previous rating at this terminal in this boot (milliseconds).
        gap_ms: Option<u64>,
        /// Why it may not be a visitor's own, by the contract's names; it is kept all the same.
        flags: Vec<&'static str>,
        /// Where it was touched, per mille of the screen.
        touched: Option<(u16, u16)>,
    },
    /// The visitor took the rating back.
    Withdrawal {
        /// Id of that rating.
        rating: Id,
    },
    /// Something about the terminal itself.
    Notice {
        /// Which kind of thing (`boot`, `config`, …).
        what: &'static str,
        /// More of it, without personal data.
        detail: Option<String>,
    },
}

impl NewEvent {
    /// The body as the contract has it.
    #[must_use]
    pub fn into_body(self) -> EventBody {
        let head = EventHead {
            id: self.id,
            boot: self.at.boot,
            up_ms: self.at.up_ms,
            wall: self.at.wall,
            synced: self.at.synced,
        };
        match self.content {
            Content::Rating {
                score,
                lang,
                input,
                gap_ms,
                flags,
                touched,
            } => EventBody::Rating(pikir_contract::Rating {
                head,
                score,
                lang,
                input,
                service: None,
                gap_ms,
                flags: flags.into_iter().map(str::to_owned).collect(),
                x: touched.map(|(x, _)| x),
                y: touched.map(|(_, y)| y),
            }),
            Content::Withdrawal { rating } => {
                EventBody::Withdrawal(pikir_contract::Withdrawal { head, rating })
            }
            Content::Notice { what, detail } => EventBody::Notice(pikir_contract::Notice {
                head,
                what: what.to_owned(),
                detail,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
