//! Events: taken in once, kept for ever, and projected into ratings, answers and withdrawals.
//!
//! One delivery is one transaction. Every event is kept under its seq, rejected ones with the reason. `received_through`
//! moves over events that are held without a gap; a seq that is held already is never touched again.

use pikir_contract::{
    Answer, EventBody, EventResult, EventStatus, Id, OffsetQuality, Rating, RejectReason, SealKey, Withdrawal,
};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::times::{BootTimes, Moment};
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
            let (seal_key, seq, key, received_through) = statement.query_row([terminal], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
            let ratchet = Ratchet { seq, key: SealKey::from_bytes(key) };
            Ok(SealState { seal_key: SealKey::from_bytes(seal_key), ratchet, received_through })
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
    times: BootTimes<'a>,
}

fn deliver(db: &Connection, delivery: Delivery) -> Result<Delivered, StorageError> {
    let Delivery { terminal, seal_key, ratchet, events, boots, received_at } = delivery;
    let mut intake = Intake::begin(db, terminal, received_at)?;
    if intake.seal_key != *seal_key.as_bytes() {
        return Ok(Delivered::Stale);
    }
    intake.times.learn(&boots)?;
    let mut results = Vec::with_capacity(events.len());
    for event in &events {
        match intake.take(event)? {
            Some(result) => results.push(result),
            None => return Ok(Delivered::Stale),
        }
    }
    intake.finish(&ratchet)?;
    Ok(Delivered::Kept { received_through: intake.received_through, results })
}

impl<'a> Intake<'a> {
    fn begin(db: &'a Connection, terminal: i64, received_at: i64) -> Result<Self, StorageError> {
        let mut statement =
            db.prepare_cached("SELECT seal_key, received_through, held_through FROM terminals WHERE key = ?1")?;
        let (seal_key, received_through, held_through) =
            statement.query_row([terminal], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
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
            times: BootTimes::new(db, terminal, received_at),
        })
    }

    /// Takes one event in. `None`: it was not judged, and yet it is not held.
    fn take(&mut self, event: &Judged) -> Result<Option<EventResult>, StorageError> {
        if let Some(result) = self.known(event)? {
            return Ok(Some(result));
        }
        let (verdict, detail) = match &event.finding {
            Finding::Behind => return Ok(None),
            Finding::Sound(body) => match self.project(event.seq, body)? {
                None => (Verdict::Accepted, None),
                Some(why) => (Verdict::Malformed, Some(why.to_owned())),
            },
            Finding::Malformed(why) => (Verdict::Malformed, Some(why.clone())),
            Finding::BadSeal { moved_from } => {
                self.flag(event.seq, if moved_from.is_some() { Breach::Reordered } else { Breach::Changed });
                (Verdict::Seal, moved_from.map(|from| format!("the seal is that of seq {from}")))
            }
        };
        self.keep(event, verdict, detail.as_deref())?;
        Ok(Some(verdict.result(event.seq)))
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
            .query_row((self.terminal, event.seq, &event.kind, &event.body, event.seal.as_bytes()), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(match held {
            None => None,
            Some((verdict, true)) => Some(Verdict::from_str(&verdict)?.repeated(event.seq)),
            Some((_, false)) => {
                self.flag(event.seq, Breach::Conflict);
                Some(EventResult { seq: event.seq, status: EventStatus::Duplicate, reason: None })
            }
        })
    }

    fn flag(&mut self, seq: u64, why: Breach) {
        if self.broken.is_none_or(|(first, _)| seq < first) {
            self.broken = Some((seq, why));
        }
    }

    fn keep(&mut self, event: &Judged, verdict: Verdict, detail: Option<&str>) -> Result<(), StorageError> {
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

    /// Makes of an event what is counted. The text says why it is malformed after all.
    fn project(&mut self, seq: u64, body: &EventBody) -> Result<Option<&'static str>, StorageError> {
        match body {
            EventBody::Rating(rating) => return self.project_rating(seq, rating),
            EventBody::Answer(answer) => self.project_answer(seq, answer)?,
            EventBody::Withdrawal(withdrawal) => self.project_withdrawal(seq, withdrawal)?,
            EventBody::Notice(_) => {}
            EventBody::Unknown { .. } => self.unknown_kinds += 1,
        }
        Ok(None)
    }

    fn project_rating(&mut self, seq: u64, rating: &Rating) -> Result<Option<&'static str>, StorageError> {
        let Moment { unix_ms, quality } = self.times.moment(&rating.head)?;
        let inserted = self.db.prepare_cached(INSERT_RATING)?.execute(named_params! {
            ":terminal": self.terminal,
            ":seq": seq,
            ":event_id": rating.head.id.to_string(),
            ":score": rating.score.get(),
            ":lang": rating.lang,
            ":input": serde_json::to_value(rating.input)?.as_str(),
            ":service": rating.service,
            ":flags": serde_json::to_string(&rating.flags)?,
            ":flagged": !rating.flags.is_empty(),
            ":boot": rating.head.boot.to_string(),
            ":up_ms": rating.head.up_ms,
            ":rated_at": unix_ms,
            ":time_quality": quality,
        })?;
        Ok((inserted == 0).then_some("id: is that of another rating of this terminal"))
    }

    fn project_answer(&mut self, seq: u64, answer: &Answer) -> Result<(), StorageError> {
        self.db
            .prepare_cached(
                "INSERT INTO answers (terminal, seq, rating, criteria, reasons, comment)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                self.terminal,
                seq,
                answer.rating.to_string(),
                serde_json::to_string(&answer.criteria)?,
                serde_json::to_string(&answer.reasons)?,
                &answer.comment,
            ))?;
        Ok(())
    }

    fn project_withdrawal(&mut self, seq: u64, withdrawal: &Withdrawal) -> Result<(), StorageError> {
        let rating: &Id = &withdrawal.rating;
        self.db
            .prepare_cached("INSERT INTO withdrawals (terminal, rating, seq) VALUES (?1, ?2, ?3)")?
            .execute((self.terminal, rating.to_string(), seq))?;
        self.db
            .prepare_cached("UPDATE ratings SET withdrawn = 1 WHERE terminal = ?1 AND event_id = ?2")?
            .execute((self.terminal, rating.to_string()))?;
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
        let mut statement =
            self.db.prepare_cached("SELECT seq FROM events WHERE terminal = ?1 AND seq > ?2 ORDER BY seq")?;
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

/// Where a rating counts is decided by where the terminal stood when it was given, not when it arrived.
const INSERT_RATING: &str = "INSERT INTO ratings
     (terminal, seq, event_id, place, organization, score, lang, input, service, flags, flagged, withdrawn, boot, up_ms,
      rated_at, time_quality)
     SELECT :terminal, :seq, :event_id, p.code, p.organization, :score, :lang, :input, :service, :flags, :flagged,
         EXISTS (SELECT 1 FROM withdrawals WHERE terminal = :terminal AND rating = :event_id),
         :boot, :up_ms, :rated_at, :time_quality
     FROM places p WHERE p.code = coalesce(
         (SELECT place FROM placements WHERE terminal = :terminal AND since <= :rated_at ORDER BY since DESC LIMIT 1),
         (SELECT place FROM placements WHERE terminal = :terminal ORDER BY since LIMIT 1))
     ON CONFLICT (terminal, event_id) DO NOTHING";

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
        EventResult { seq, status, reason }
    }

    /// What is answered when the same event comes again.
    fn repeated(self, seq: u64) -> EventResult {
        match self {
            Self::Accepted => EventResult { seq, status: EventStatus::Duplicate, reason: None },
            Self::Malformed | Self::Seal => self.result(seq),
        }
    }
}
