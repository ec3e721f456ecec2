//! Taking a delivery in: once, in one transaction, with an answer for each event.
//!
//! Every event is kept under its seq, rejected ones with the reason; a seq that is held already is
//! never touched again. `received_through` moves over events that are held without a gap. What lies
//! beyond a gap is verified and kept all the same, and what fills the gap later, by whichever road,
//! from the nearest key that is kept (`ratchet_marks`).

use pikir_contract::{
    BootOffset, EventBody, EventResult, EventStatus, MAX_BATCH_EVENTS, RejectReason, SealKey,
};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::projection::Projection;
use super::times::BootTimes;
use super::times::Sending;
use crate::domain::ingest::{Finding, Judged, Ratchet};
use crate::storage::{Breach, StorageError};

/// Judged events of one terminal, to be kept.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The terminal's internal name.
    pub terminal: i64,
    /// The K1 they were judged with.
    pub seal_key: SealKey,
    /// The ratchet after judging them.
    pub ratchet: Ratchet,
    /// Keys found on the way there.
    pub marks: Vec<Ratchet>,
    /// The events, in ascending order of seq.
    pub events: Vec<Judged>,
    /// What the sender tells of boots.
    pub boots: Vec<BootOffset>,
    /// The boot that sends them.
    pub sending: Sending,
    /// When they came (milliseconds since 1970).
    pub received_at: i64,
}

/// What became of a delivery.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// It is kept.
    Kept {
        /// Every event up to this seq is held now.
        received_through: u64,
        /// What became of each event.
        results: Vec<EventResult>,
    },
    /// What is known of the terminal changed since the events were judged: judge them again.
    Stale,
}

/// A terminal's row while a delivery is taken in.
struct Intake<'a> {
    db: &'a Connection,
    terminal: i64,
    received_at: i64,
    received_through: u64,
    held_through: u64,
    accepted: u64,
    rejected: u64,
    unknown_kinds: u64,
    broken: Option<(u64, Breach)>,
    projection: Projection<'a>,
}

pub(in crate::storage) fn deliver(
    db: &Connection,
    delivery: Delivery,
) -> Result<Delivered, StorageError> {
    let Some(mut intake) = Intake::begin(db, &delivery)? else {
        return Ok(Delivered::Stale);
    };
    intake.projection.times.learn(&delivery.boots)?;
    let mut results = Vec::with_capacity(delivery.events.len());
    for event in &delivery.events {
        results.push(intake.take(event)?);
    }
    keep_marks(db, delivery.terminal, &delivery.seal_key, &delivery.marks)?;
    Ok(Delivered::Kept {
        received_through: intake
            .finish(&delivery.ratchet, delivery.events.len() >= MAX_BATCH_EVENTS)?,
        results,
    })
}

impl<'a> Intake<'a> {
    /// `None`: the terminal's K1 is not the one the events were judged with.
    fn begin(db: &'a Connection, delivery: &Delivery) -> Result<Option<Self>, StorageError> {
        let Delivery {
            terminal,
            received_at,
            ..
        } = *delivery;
        let (seal_key, received_through, held_through): ([u8; 32], u64, u64) = db
            .prepare_cached(
                "SELECT seal_key, received_through, held_through FROM terminals WHERE key = ?1",
            )?
            .query_row([terminal], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        if seal_key != *delivery.seal_key.as_bytes() {
            return Ok(None);
        }
        let times = BootTimes::new(db, terminal, received_at, Some(delivery.sending));
        Ok(Some(Self {
            db,
            terminal,
            received_at,
            received_through,
            held_through,
            accepted: 0,
            rejected: 0,
            unknown_kinds: 0,
            broken: None,
            projection: Projection::new(db, terminal, received_at, times)?,
        }))
    }

    /// Takes one event in.
    fn take(&mut self, event: &Judged) -> Result<EventResult, StorageError> {
        if let Some(result) = self.known(event)? {
            return Ok(result);
        }
        let (verdict, detail) = match &event.finding {
            Finding::Sound(body) => match self.projection.project(event.seq, body)? {
                None => (Verdict::Accepted, None),
                Some(why) => (Verdict::Malformed, Some(why.to_owned())),
            },
            Finding::Malformed(why) => (Verdict::Malformed, Some(why.clone())),
            Finding::BadSeal { moved_from } => {
                let why = if moved_from.is_some() {
                    Breach::Reordered
                } else {
                    Breach::Changed
                };
                self.flag(event.seq, why);
                (
                    Verdict::Seal,
                    moved_from.map(|from| format!("the seal is that of seq {from}")),
                )
            }
        };
        self.keep(event, verdict, detail.as_deref())?;
        Ok(verdict.result(event.seq))
    }

    /// What is to be answered for an event whose seq is held already.
    fn known(&mut self, event: &Judged) -> Result<Option<EventResult>, StorageError> {
        if event.seq > self.held_through {
            return Ok(None);
        }
        let mut statement = self.db.prepare_cached(
            "SELECT verdict, kind = ?3 AND body = ?4 AND seal = ?5 FROM events WHERE terminal = ?1 AND seq = ?2",
        )?;
        let held: Option<(String, bool)> = statement
            .query_row(
                (
                    self.terminal,
                    event.seq,
                    &event.kind,
                    &event.body,
                    event.seal.as_bytes(),
                ),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        Ok(match held {
            None => None,
            Some((verdict, true)) => Some(Verdict::from_str(&verdict)?.repeated(event.seq)),
            Some((_, false)) => {
                self.flag(event.seq, Breach::Conflict);
                Some(EventResult {
                    seq: event.seq,
                    status: EventStatus::Duplicate,
                    reason: None,
                })
            }
        })
    }

    fn flag(&mut self, seq: u64, why: Breach) {
        if self.broken.is_none_or(|(first, _)| seq < first) {
            self.broken = Some((seq, why));
        }
    }

    fn keep(
        &mut self,
        event: &Judged,
        verdict: Verdict,
        detail: Option<&str>,
    ) -> Result<(), StorageError> {
        self.db
            .prepare_cached(
                "INSERT INTO events (terminal, seq, kind, body, seal, verdict, detail, received_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((
                self.terminal,
                event.seq,
                &event.kind,
                &event.body,
                event.seal.as_bytes(),
                verdict.as_str(),
                detail,
                self.received_at,
            ))?;
        if matches!(&event.finding, Finding::Sound(EventBody::Unknown { .. })) {
            self.unknown_kinds += 1;
        }
        match verdict {
            Verdict::Accepted => self.accepted += 1,
            Verdict::Malformed | Verdict::Seal => self.rejected += 1,
        }
        if event.seq == self.received_through + 1 {
            self.received_through = event.seq;
        }
        self.held_through = self.held_through.max(event.seq);
        Ok(())
    }

    /// Says up to where every event is held now.
    fn finish(mut self, turned: &Ratchet, more_to_come: bool) -> Result<u64, StorageError> {
        self.skip_over_held()?;
        self.projection.finish(more_to_come)?;
        self.db
            .prepare_cached(UPDATE_TERMINAL)?
            .execute(named_params! {
                ":terminal": self.terminal,
                ":received_through": self.received_through,
                ":held_through": self.held_through,
                ":accepted": self.accepted,
                ":rejected": self.rejected,
                ":unknown_kinds": self.unknown_kinds,
                ":seen_at": self.received_at,
                ":broken_seq": self.broken.map(|(seq, _)| seq),
                ":broken_why": self.broken.map(|(_, why)| why.as_str()),
                ":ratchet_seq": turned.seq,
                ":ratchet_key": turned.key.as_bytes(),
            })?;
        Ok(self.received_through)
    }

    /// A gap that was filled lets `received_through` move over what was held behind it.
    fn skip_over_held(&mut self) -> Result<(), StorageError> {
        if self.received_through == self.held_through {
            return Ok(());
        }
        let mut statement = self.db.prepare_cached(
            "SELECT seq FROM events WHERE terminal = ?1 AND seq > ?2 ORDER BY seq",
        )?;
        let mut rows = statement.query((self.terminal, self.received_through))?;
        while let Some(row) = rows.next()? {
            if row.get::<_, u64>(0)? != self.received_through + 1 {
                break;
            }
            self.received_through += 1;
        }
        Ok(())
    }
}

const UPDATE_TERMINAL: &str = "UPDATE terminals SET
     received_through = :received_through, held_through = :held_through,
     accepted = accepted + :accepted, rejected = rejected + :rejected, unknown_kinds = unknown_kinds + :unknown_kinds,
     seen_at = max(coalesce(seen_at, 0), :seen_at),
     broken_why = iif(:broken_seq < coalesce(broken_seq, :broken_seq + 1), :broken_why, broken_why),
     broken_seq = min(coalesce(broken_seq, :broken_seq), coalesce(:broken_seq, broken_seq)),
     ratchet_key = iif(:ratchet_seq > ratchet_seq, :ratchet_key, ratchet_key),
     ratchet_seq = max(:ratchet_seq, ratchet_seq)
     WHERE key = :terminal";

#[derive(Clone, Copy)]
enum Verdict {
    Accepted,
    Malformed,
    Seal,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Malformed => "malformed",
            Self::Seal => "seal",
        }
    }

    fn from_str(text: &str) -> Result<Self, StorageError> {
        match text {
            "accepted" => Ok(Self::Accepted),
            "malformed" => Ok(Self::Malformed),
            "seal" => Ok(Self::Seal),
            _ => Err(StorageError::unreadable(format_args!("verdict {text:?}"))),
        }
    }

    fn result(self, seq: u64) -> EventResult {
        let (status, reason) = match self {
            Self::Accepted => (EventStatus::Accepted, None),
            Self::Malformed => (EventStatus::Rejected, Some(RejectReason::Malformed)),
            Self::Seal => (EventStatus::Rejected, Some(RejectReason::Seal)),
        };
        EventResult {
            seq,
            status,
            reason,
        }
    }

    /// What is answered when the same event comes again.
    fn repeated(self, seq: u64) -> EventResult {
        match self {
            Self::Accepted => EventResult {
                seq,
                status: EventStatus::Duplicate,
                reason: None,
            },
            Self::Malformed | Self::Seal => self.result(seq),
        }
    }
}

/// Keeps keys, unless the terminal has another K1 by now.
pub(in crate::storage) fn keep_marks(
    db: &Connection,
    terminal: i64,
    seal_key: &SealKey,
    marks: &[Ratchet],
) -> Result<(), StorageError> {
    for mark in marks {
        db.prepare_cached(
            "INSERT OR IGNORE INTO ratchet_marks (terminal, seq, key)
             SELECT key, ?2, ?3 FROM terminals WHERE key = ?1 AND seal_key = ?4",
        )?
        .execute((terminal, mark.seq, mark.key.as_bytes(), seal_key.as_bytes()))?;
    }
    Ok(())
}
