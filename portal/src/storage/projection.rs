//! What accepted events mean: ratings, answers, withdrawals.

use pikir_contract::{Answer, EventBody, Id, Rating, Withdrawal};
use rusqlite::{Connection, named_params};

use super::StorageError;
use super::times::{BootTimes, Moment};

/// Turns the events of one terminal into what is counted.
pub(in crate::storage) struct Projection<'a> {
    pub(in crate::storage) db: &'a Connection,
    pub(in crate::storage) terminal: i64,
    pub(in crate::storage) times: BootTimes<'a>,
}

impl Projection<'_> {
    /// Makes of an event what is counted. The text says why it is malformed after all.
    pub(in crate::storage) fn project(
        &mut self,
        seq: u64,
        body: &EventBody,
    ) -> Result<Option<&'static str>, StorageError> {
        match body {
            EventBody::Rating(rating) => return self.project_rating(seq, rating),
            EventBody::Answer(answer) => self.project_answer(seq, answer)?,
            EventBody::Withdrawal(withdrawal) => self.project_withdrawal(seq, withdrawal)?,
            EventBody::Notice(_) | EventBody::Unknown { .. } => {}
        }
        Ok(None)
    }

    fn project_rating(
        &mut self,
        seq: u64,
        rating: &Rating,
    ) -> Result<Option<&'static str>, StorageError> {
        let Moment { unix_ms, quality } = self.times.moment(&rating.head)?;
        let inserted = self
            .db
            .prepare_cached(INSERT_RATING)?
            .execute(named_params! {
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

    fn project_withdrawal(
        &mut self,
        seq: u64,
        withdrawal: &Withdrawal,
    ) -> Result<(), StorageError> {
        let rating: &Id = &withdrawal.rating;
        self.db
            .prepare_cached("INSERT INTO withdrawals (terminal, rating, seq) VALUES (?1, ?2, ?3)")?
            .execute((self.terminal, rating.to_string(), seq))?;
        self.db
            .prepare_cached(
                "UPDATE ratings SET withdrawn = 1 WHERE terminal = ?1 AND event_id = ?2",
            )?
            .execute((self.terminal, rating.to_string()))?;
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
