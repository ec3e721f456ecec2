//! Events: taken in once, kept for ever, and projected into ratings, answers and withdrawals.
//!
//! One delivery is one transaction. Every event is kept under its seq, rejected ones with the reason. `received_through`
//! moves over events that are held without a gap; a seq that is held already is never touched again.

use pikir_contract::{EventBody, EventResult, EventStatus, OffsetQuality, RejectReason, SealKey};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::projection::Projection;
use super::times::BootTimes;
use super::{Breach, Storage, StorageError};
use crate::ingest::{Finding, Judged, Ratchet};

/// What is needed to judge a terminal's events.
#[derive(Clone, Debug)]
pub struct SealState {
    /// K1.
    pub seal_key: SealKey,
    /// The ratchet as far as it was turned.
    pub ratchet: Ratchet,
    /// Every event up to this seq is held.
    pub received_through: u64,
}

/// What is known about when a boot began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownBoot {
    /// The boot.
    pub boot: pikir_contract::BootId,
    /// True time = `up_ms` + this.
    pub offset_ms: i64,
    /// How well it is known.
    pub quality: OffsetQuality,
}

/// Judged events of one terminal, to be kept.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The terminal's internal name.
    pub terminal: i64,
    /// The K1 they were judged with.
    pub seal_key: SealKey,
    /// The ratchet after judging them.
    pub ratchet: Ratchet,
    /// The events, in ascending order of seq.
    pub events: Vec<Judged>,
    /// What the sender knows about boots.
    pub boots: Vec<KnownBoot>,
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

impl Storage {
    /// What is needed to judge the events of a terminal.
    pub async fn seal_state(&self, terminal: i64) -> Result<SealState, StorageError> {
        let find = move |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT seal_key, ratchet_seq, ratchet_key, received_through FROM terminals WHERE key = ?1",
            )?;
            let (seal_key, seq, key, received_through) = statement
                .query_row([terminal], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?;
            let ratchet = Ratchet {
                seq,
                key: SealKey::from_bytes(key),
            };
            Ok(SealState {
                seal_key: SealKey::from_bytes(seal_key),
                ratchet,
                received_through,
            })
        };
        self.sqlite.read(find).await
    }

    /// Keeps a delivery. Nothing of it is kept unless all of it is.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Delivered, StorageError> {
        self.sqlite.write(move |db| deliver(db, delivery)).await
    }
}

/// A terminal's row while a delivery is taken in.
struct Intake<'a> {
    db: &'a Connection,
    terminal: i64,
    received_at: i64,
    seal_key: [u8; 32],
    received_through: u64,
    held_through: u64,
    accepted: u64,
    rejected: u64,
    unknown_kinds: u64,
    broken: Option<(u64, Breach)>,
    projection: Projection<'a>,
}

fn deliver(db: &Connection, delivery: Delivery) -> Result<Delivered, StorageError> {
    let Delivery {
        terminal,
        seal_key,
        ratchet,
        events,
        boots,
        received_at,
    } = delivery;
    let mut intake = Intake::begin(db, terminal, received_at)?;
    if intake.seal_key != *seal_key.as_bytes() {
        return Ok(Delivered::Stale);
    }
    intake.projection.times.learn(&boots)?;
    let mut results = Vec::with_capacity(events.len());
    for event in &events {
        results.push(intake.take(event)?);
    }
    intake.finish(&ratchet)?;
    Ok(Delivered::Kept {
        received_through: intake.received_through,
        results,
    })
}

impl<'a> Intake<'a> {
    fn begin(db: &'a Connection, terminal: i64, received_at: i64) -> Result<Self, StorageError> {
        let mut statement = db.prepare_cached(
            "SELECT seal_key, received_through, held_through FROM terminals WHERE key = ?1",
        )?;
        let (seal_key, received_through, held_through) = statement
            .query_row([terminal], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        Ok(Self {
            db,
            terminal,
            received_at,
            seal_key,
            received_through,
            held_through,
            accepted: 0,
            rejected: 0,
            unknown_kinds: 0,
            broken: None,
            projection: Projection {
                db,
                terminal,
                times: BootTimes::new(db, terminal, received_at),
            },
        })
    }

    /// Takes one event in.
    fn take(&mut self, event: &Judged) -> Result<EventResult, StorageError> {
        if let Some(result) = self.known(event)? {
            return Ok(result);
        }
        let (verdict, detail) = match &event.finding {
            Finding::Behind => {
                let what = format_args!("seq {} was received and is not there", event.seq);
                return Err(StorageError::unreadable(what));
            }
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

    fn finish(&mut self, ratchet: &Ratchet) -> Result<(), StorageError> {
        self.skip_over_held()?;
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
                ":ratchet_seq": ratchet.seq,
                ":ratchet_key": ratchet.key.as_bytes(),
            })?;
        Ok(())
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

/// The ratchet is kept only as far as everything before it is held: what fills a gap must still be verified.
const UPDATE_TERMINAL: &str = "UPDATE terminals SET
     received_through = :received_through, held_through = :held_through,
     accepted = accepted + :accepted, rejected = rejected + :rejected, unknown_kinds = unknown_kinds + :unknown_kinds,
     seen_at = max(coalesce(seen_at, 0), :seen_at),
     broken_why = iif(:broken_seq < coalesce(broken_seq, :broken_seq + 1), :broken_why, broken_why),
     broken_seq = min(coalesce(broken_seq, :broken_seq), coalesce(:broken_seq, broken_seq)),
     ratchet_key = iif(:ratchet_seq > ratchet_seq AND :ratchet_seq <= :received_through + 1, :ratchet_key, ratchet_key),
     ratchet_seq = iif(:ratchet_seq > ratchet_seq AND :ratchet_seq <= :received_through + 1, :ratchet_seq, ratchet_seq)
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
