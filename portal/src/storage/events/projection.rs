//! What accepted events mean: ratings and what excludes them, answers, withdrawals, notices.

use std::collections::{BTreeMap, BTreeSet};

use pikir_contract::rules::{Moment as Uptime, takes_back};
use pikir_contract::{EventBody, EventHead, Id, InputKind, Notice, Rating, Withdrawal};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::exclusions::{Excluded, exclude};
use super::judgement::{Judge, NewRating};
use super::times::BootTimes;
use crate::domain::rules::Rule;
use crate::storage::StorageError;
use crate::storage::reviews::answers::keep_answer;

/// Turns the events of one terminal into what is counted.
pub(in crate::storage) struct Projection<'a> {
    db: &'a Connection,
    terminal: i64,
    received_at: i64,
    pub(in crate::storage) times: BootTimes<'a>,
    placements: Vec<Placement>,
    /// The ratings that came.
    rated: Vec<NewRating>,
    /// Where in a boot something came or was taken back (milliseconds of the boot).
    moments: BTreeMap<String, BTreeSet<u64>>,
}

/// Where the terminal stood since when.
struct Placement {
    since: i64,
    place: String,
    organization: String,
}

impl<'a> Projection<'a> {
    pub(in crate::storage) fn new(
        db: &'a Connection,
        terminal: i64,
        received_at: i64,
        times: BootTimes<'a>,
    ) -> Result<Self, StorageError> {
        let mut statement = db.prepare_cached(
            "SELECT s.since, s.place, p.organization FROM placements s JOIN places p ON p.code = s.place
             WHERE s.terminal = ?1 ORDER BY s.since",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Placement {
                since: row.get(0)?,
                place: row.get(1)?,
                organization: row.get(2)?,
            })
        };
        let placements = statement
            .query_map([terminal], read)?
            .collect::<Result<_, _>>()?;
        Ok(Self {
            db,
            terminal,
            received_at,
            times,
            placements,
            rated: Vec::new(),
            moments: BTreeMap::new(),
        })
    }

    /// Makes of an event what is counted. The text says why it is malformed after all.
    pub(in crate::storage) fn project(
        &mut self,
        seq: u64,
        body: &EventBody,
    ) -> Result<Option<&'static str>, StorageError> {
        match body {
            EventBody::Rating(rating) => {
                if !self.project_rating(seq, rating)? {
                    return Ok(Some("id: is that of another rating of this terminal"));
                }
            }
            EventBody::Answer(answer) => {
                keep_answer(self.db, self.terminal, seq, answer, self.received_at)?;
            }
            EventBody::Withdrawal(withdrawal) => self.project_withdrawal(seq, withdrawal)?,
            EventBody::Notice(notice) => self.project_notice(seq, notice)?,
            EventBody::Unknown { .. } => {}
        }
        if let Some(head) = body.head() {
            self.times.hear(head.boot, head.up_ms, Some(seq));
        }
        Ok(None)
    }

    /// What only shows once everything has been taken in: when it happened (unless there is more to
    /// come), and what is doubtful about it.
    pub(in crate::storage) fn finish(self, more_to_come: bool) -> Result<(), StorageError> {
        let set_right = self.times.settle(more_to_come)?;
        let mut judge = Judge::new(self.db, self.terminal, self.received_at);
        for (boot, moments) in &self.moments {
            judge.pace(boot, moments)?;
        }
        judge.touches(&self.rated)?;
        for rating in &self.rated {
            judge.closed_of(rating.seq)?;
        }
        for boot in &set_right {
            judge.closed_in_boot(boot)?;
        }
        Ok(())
    }

    /// False: another rating has this id already.
    fn project_rating(&mut self, seq: u64, rating: &Rating) -> Result<bool, StorageError> {
        let moment = self.times.moment(&rating.head)?;
        let withdrawn = self.is_withdrawn(&rating.head)?;
        let placement = self.placement(moment.unix_ms)?;
        let inserted = self
            .db
            .prepare_cached(INSERT_RATING)?
            .execute(named_params! {
                ":terminal": self.terminal,
                ":seq": seq,
                ":event_id": rating.head.id.to_string(),
                ":place": placement.place,
                ":organization": placement.organization,
                ":score": rating.score.get(),
                ":lang": rating.lang,
                ":input": input_text(rating.input),
                ":service": rating.service,
                ":flags": serde_json::to_string(&rating.flags)?,
                ":flagged": !rating.flags.is_empty(),
                ":withdrawn": withdrawn,
                ":boot": rating.head.boot.to_string(),
                ":up_ms": rating.head.up_ms,
                ":rated_at": moment.unix_ms,
                ":time_quality": moment.quality,
                ":uncertainty_ms": moment.uncertainty_ms,
                ":x": rating.x,
                ":y": rating.y,
            })?;
        if inserted == 0 {
            return Ok(false);
        }
        for flag in &rating.flags {
            let rule = Rule::of_flag(flag);
            exclude(
                self.db,
                Excluded::Rating(self.terminal, seq),
                rule,
                "terminal",
                self.received_at,
            )?;
        }
        self.rated.push(NewRating {
            seq,
            touched: rating.x.is_some(),
        });
        self.happened(&rating.head.boot.to_string(), rating.head.up_ms);
        Ok(true)
    }

    /// Where a rating counts is decided by where the terminal stood when it was given, not when it
    /// arrived.
    fn placement(&self, unix_ms: i64) -> Result<&Placement, StorageError> {
        self.placements
            .iter()
            .rev()
            .find(|placement| placement.since <= unix_ms)
            .or(self.placements.first())
            .ok_or_else(|| StorageError::unreadable("a terminal that never stood anywhere"))
    }

    fn happened(&mut self, boot: &str, up_ms: u64) {
        let moments = self.moments.entry(boot.to_owned()).or_default();
        moments.insert(up_ms);
    }

    /// Whether a new rating was taken back, by a withdrawal that came before it.
    fn is_withdrawn(&self, rating: &EventHead) -> Result<bool, StorageError> {
        let mut statement = self.db.prepare_cached(
            "SELECT seq, boot, up_ms FROM withdrawals WHERE terminal = ?1 AND rating = ?2",
        )?;
        let mut rows = statement.query((self.terminal, rating.id.to_string()))?;
        let rated = Uptime {
            boot: rating.boot.to_string(),
            up_ms: rating.up_ms,
        };
        let mut withdrawn = false;
        while let Some(row) = rows.next()? {
            let (boot, up_ms) = (row.get(1)?, row.get(2)?);
            let applied = takes_back(&rated, &Uptime { boot, up_ms });
            self.db
                .prepare_cached(
                    "UPDATE withdrawals SET applied = ?4 WHERE terminal = ?1 AND rating = ?2 AND seq = ?3",
                )?
                .execute((
                    self.terminal,
                    rating.id.to_string(),
                    row.get::<_, u64>(0)?,
                    applied,
                ))?;
            withdrawn |= applied;
        }
        Ok(withdrawn)
    }

    /// A withdrawal that comes too late, or in another boot, is kept and takes nothing back.
    fn project_withdrawal(
        &mut self,
        seq: u64,
        withdrawal: &Withdrawal,
    ) -> Result<(), StorageError> {
        let rating: &Id = &withdrawal.rating;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Uptime {
                boot: row.get(0)?,
                up_ms: row.get(1)?,
            })
        };
        let rated: Option<Uptime<String>> = self
            .db
            .prepare_cached(
                "SELECT boot, up_ms FROM ratings WHERE terminal = ?1 AND event_id = ?2",
            )?
            .query_row((self.terminal, rating.to_string()), read)
            .optional()?;
        let head = &withdrawal.head;
        let at = Uptime {
            boot: head.boot.to_string(),
            up_ms: head.up_ms,
        };
        let applied = rated.as_ref().map(|rated| takes_back(rated, &at));
        self.db
            .prepare_cached(
                "INSERT INTO withdrawals (terminal, rating, seq, boot, up_ms, applied) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((self.terminal, rating.to_string(), seq, &at.boot, at.up_ms, applied))?;
        if let Some(rated) = rated.filter(|_| applied == Some(true)) {
            self.db
                .prepare_cached(
                    "UPDATE ratings SET withdrawn = 1 WHERE terminal = ?1 AND event_id = ?2",
                )?
                .execute((self.terminal, rating.to_string()))?;
            self.happened(&rated.boot, rated.up_ms);
        }
        Ok(())
    }

    fn project_notice(&mut self, seq: u64, notice: &Notice) -> Result<(), StorageError> {
        self.db
            .prepare_cached(
                "INSERT INTO notices (terminal, seq, what, detail) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((self.terminal, seq, &notice.what, &notice.detail))?;
        Ok(())
    }
}

fn input_text(input: InputKind) -> &'static str {
    match input {
        InputKind::Touch => "touch",
        InputKind::Keypad => "keypad",
        InputKind::Button => "button",
    }
}

const INSERT_RATING: &str = "INSERT INTO ratings
     (terminal, seq, event_id, place, organization, score, lang, input, service, answered, flags, flagged, withdrawn, boot,
      up_ms, rated_at, time_quality, uncertainty_ms, x, y)
     VALUES (:terminal, :seq, :event_id, :place, :organization, :score, :lang, :input,
         nullif(coalesce((SELECT service FROM answered WHERE terminal = :terminal AND rating = :event_id), :service, ''), ''),
         EXISTS (SELECT 1 FROM answered WHERE terminal = :terminal AND rating = :event_id), :flags, :flagged,
         :withdrawn,
         :boot, :up_ms, :rated_at, :time_quality, :uncertainty_ms, :x, :y)
     ON CONFLICT (terminal, event_id) DO NOTHING";
