//! The portal's cursor: how far it has acknowledged, and how that is kept.
//!
//! An acknowledgement that is lost costs nothing but a delivery: the portal is sent what it holds,
//! answers `duplicate` and says how far it really is. So the usual one, which takes exactly what
//! was offered, moves the cursor in memory. It is written with the next append, which writes that
//! row anyway, in idle time, or when
//! [`MAX_UNWRITTEN_ANSWERS`](crate::limits::MAX_UNWRITTEN_ANSWERS) have come together. Whatever
//! else the portal says is written at once.

use pikir_contract::{EventStatus, EventsAnswer};
use rusqlite::{TransactionBehavior, params};

use super::retention::{is_of_the_day, mark};
use super::rows::{note_results, read_state, set_cursor, skip_settled};
use super::store::Journal;
use crate::journal::error::JournalError;
use crate::journal::state::Batch;

/// What an answer of the portal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Nothing: it must not be answered at once.
    Nothing,
    /// It moved the cursor, or noted what became of single events. What was offered ahead counts no
    /// more.
    Moved,
    /// It took exactly what was offered: what was offered ahead is what comes next.
    AsOffered,
}

/// Pending events that were handed out to be sent: all there were after `after`, up to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) struct Offer {
    after: u64,
    pub(in crate::journal) last: u64,
    count: u64,
}

impl Offer {
    /// What `batch` offers of the events after `after`; `None` where it is empty.
    pub(in crate::journal) fn of(batch: &Batch, after: u64) -> Option<Self> {
        let last = batch.events.last()?.seq;
        Some(Self {
            after,
            last,
            count: batch.events.len() as u64,
        })
    }
}

/// What the portal held ahead of the cursor, and what it refused, is to be sent once more.
pub(in crate::journal) const OFFER_AGAIN: &str =
    "UPDATE events SET fate = NULL, reason = NULL WHERE fate IN ('held', 'refused')";

impl Journal {
    /// Offers once more what the portal held ahead of the cursor, and what it refused. Behind a gap
    /// that nobody can fill the cursor stands still, and with it the only sign of a portal that was
    /// restored and lost some of these. Returns whether there is any.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(in crate::journal) fn offer_again(&mut self) -> Result<bool, JournalError> {
        let changed = self.transact(|transaction| Ok(transaction.execute(OFFER_AGAIN, [])?))?;
        if changed > 0 {
            self.settled = skip_settled(&self.connection, self.state.received_through)?;
        }
        Ok(changed > 0)
    }

    /// Takes the portal's answer: moves the cursor to `received_through`, forwards or backwards,
    /// and notes what was rejected. Returns whether anything moved; an answer that moves nothing
    /// must not be answered at once.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn acknowledge(&mut self, answer: &EventsAnswer) -> Result<bool, JournalError> {
        self.write_cursor()?;
        let (through, last) = (answer.received_through, self.state.last_seq);
        if through > last {
            return Err(JournalError::Unbelievable { through, last });
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let backwards = through < self.state.received_through;
        let mut settled = self.settled.max(through);
        if backwards {
            // The portal was restored from an older backup: it needs again what it lost, its
            // rejections included.
            let sql =
                "UPDATE events SET fate = NULL, reason = NULL WHERE fate IS NOT NULL AND seq > ?1";
            transaction.execute(sql, [through as i64])?;
            transaction.execute("DELETE FROM marks WHERE through > ?1", [through as i64])?;
            settled = through;
        }
        let noted = note_results(&transaction, answer, last)?;
        let moved = through != self.state.received_through || noted;
        if !moved {
            return Ok(false);
        }
        settled = skip_settled(&transaction, settled)?;
        let marked_at = mark(&transaction, settled, answer.time)?;
        if through != self.state.received_through {
            set_cursor(&transaction, through)?;
        }
        transaction.commit()?;
        self.settled = settled;
        self.marked_at = marked_at;
        self.state = read_state(&self.connection)?;
        Ok(true)
    }

    /// Takes the portal's answer where it acknowledges exactly what was offered, in memory. Returns
    /// whether it did.
    pub(in crate::journal) fn take_offered(&mut self, offer: Offer, answer: &EventsAnswer) -> bool {
        let through = answer.received_through;
        let says_more = answer
            .results
            .iter()
            .any(|result| result.status == EventStatus::Rejected || result.seq > through);
        let is_offered = (self.settled, through) == (offer.after, offer.last);
        let marked = self
            .marked_at
            .is_some_and(|at| is_of_the_day(at, answer.time));
        if !is_offered || says_more || !marked {
            return false;
        }
        self.settled = through;
        self.state.received_through = through;
        self.state.pending = self.state.pending.saturating_sub(offer.count);
        self.unwritten += 1;
        true
    }

    /// Sets one event aside because the portal refuses every batch it is in. It stays in the
    /// journal and is offered again after the next start.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn refuse(&mut self, seq: u64, reason: &str) -> Result<(), JournalError> {
        self.write_cursor()?;
        self.connection.execute(
            "UPDATE events SET fate = 'refused', reason = ?2 WHERE seq = ?1 AND fate IS NULL",
            params![seq as i64, reason],
        )?;
        self.settled = skip_settled(&self.connection, self.settled)?;
        self.state = read_state(&self.connection)?;
        Ok(())
    }
}
