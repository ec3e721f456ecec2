//! A lost end: the disk forgot what it had confirmed, and SQLite cannot see it. The portal can.
//!
//! So once the journal was opened, nothing is offered that was taken since until the portal has
//! answered: with what was there before, or with no event at all. Where it acknowledges more, the
//! disk lost what lay behind, and everything appended since under those numbers gets new ones: it
//! was never offered, so the portal cannot hold it, unless it came by a stick
//! ([`exported_through`]). Lives in which the portal never answered do not end the doubt: the
//! chain's row remembers where it begins.
//!
//! # What it cannot see
//! - What the portal does not hold and the disk forgot. Nobody has it.
//! - That the disk forgot an answer: the events that had been in doubt are then taken for others
//!   than the portal holds, and it gets them again under new numbers. Ids are the same, so they
//!   count once.
//! - Requests of an earlier life that arrive later than the answer. The portal then holds what the
//!   disk forgot, and names the conflict.

use std::ops::RangeInclusive;

use pikir_contract::{SealKey, canonical_value};
use rusqlite::{Transaction, params};

use super::store::{Journal, insert};
use crate::journal::error::JournalError;
use crate::journal::event::NewEvent;

impl Journal {
    /// From now on what is appended is in doubt, until [`Journal::end_doubt`]. Returns after which
    /// event: the newest, or an earlier one that an earlier life left.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(in crate::journal) fn begin_doubt(&mut self) -> Result<u64, JournalError> {
        // Not with RETURNING: an error of the commit comes only when such a statement is reset, and
        // is not told then.
        self.connection().execute(
            "UPDATE chain SET in_doubt_after = min(coalesce(in_doubt_after, next_seq - 1), next_seq - 1)",
            [],
        )?;
        let after: i64 =
            self.connection()
                .query_row("SELECT in_doubt_after FROM chain", [], |row| row.get(0))?;
        Ok(after.max(0) as u64)
    }

    /// The portal has answered: whatever is appended now has a number that it cannot know
    /// otherwise.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(in crate::journal) fn end_doubt(&mut self) -> Result<(), JournalError> {
        self.connection()
            .execute("UPDATE chain SET in_doubt_after = NULL", [])?;
        Ok(())
    }

    /// How many events there are with these numbers.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(in crate::journal) fn count_in(
        &self,
        seqs: &RangeInclusive<u64>,
    ) -> Result<u64, JournalError> {
        let count: i64 = self.connection().query_row(
            "SELECT count(*) FROM events WHERE seq BETWEEN ?1 AND ?2",
            [*seqs.start() as i64, *seqs.end() as i64],
            |row| row.get(0),
        )?;
        Ok(count.max(0) as u64)
    }

    /// The portal holds events from `first` to `through` that are not those here. Moves the chain
    /// on behind `through` where it stands before, states that, appends `notice`, and moves the
    /// events here under those numbers behind it. With that nothing is in doubt any more.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(in crate::journal) fn go_on_behind(
        &mut self,
        first: u64,
        through: u64,
        notice: NewEvent,
        detail: &str,
    ) -> Result<(), JournalError> {
        let (next, key) = self.chain()?;
        self.transact(|transaction| {
            transaction.execute("INSERT INTO recoveries (detail) VALUES (?1)", [detail])?;
            state_gap(transaction, first, through)?;
            if through >= next {
                move_chain(transaction, through + 1, &key.advance(through + 1 - next))?;
            }
            append_notice(transaction, notice)?;
            for seq in seqs_in(transaction, first, through)? {
                move_behind(transaction, seq)?;
            }
            transaction.execute("UPDATE chain SET in_doubt_after = NULL", [])?;
            Ok(())
        })
    }
}

/// States that no event here has these numbers, in one row with the gaps that they meet.
fn state_gap(transaction: &Transaction<'_>, first: u64, last: u64) -> Result<(), JournalError> {
    let recovery = transaction.last_insert_rowid();
    let (first, last): (i64, i64) = transaction.query_row(
        "SELECT min(?1, coalesce(min(first_seq), ?1)), max(?2, coalesce(max(last_seq), ?2)) FROM gaps
         WHERE last_seq >= ?1 AND first_seq <= ?2",
        [first as i64, last as i64],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let within = "DELETE FROM gaps WHERE first_seq >= ?1 AND last_seq <= ?2";
    transaction.execute(within, [first, last])?;
    transaction.execute(
        "INSERT INTO gaps (first_seq, last_seq, recovery) VALUES (?1, ?2, ?3)",
        [first, last, recovery],
    )?;
    Ok(())
}

fn seqs_in(transaction: &Transaction<'_>, first: u64, last: u64) -> Result<Vec<i64>, JournalError> {
    let mut statement = transaction
        .prepare_cached("SELECT seq FROM events WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq")?;
    let seqs = statement.query_map([first as i64, last as i64], |row| row.get(0))?;
    Ok(seqs.collect::<Result<_, _>>()?)
}

impl Journal {
    /// States a recovery that lost nothing: keeps `detail` and appends `notice`.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(in crate::journal) fn state_recovery(
        &mut self,
        detail: &str,
        notice: NewEvent,
    ) -> Result<(), JournalError> {
        self.transact(|transaction| {
            transaction.execute("INSERT INTO recoveries (detail) VALUES (?1)", [detail])?;
            append_notice(transaction, notice)
        })
    }
}

fn append_notice(transaction: &Transaction<'_>, notice: NewEvent) -> Result<(), JournalError> {
    let body = notice.into_body();
    let value = body.to_value();
    insert(transaction, body.kind(), &canonical_value(&value)?)?;
    Ok(())
}

/// Gives event `seq` a new number, the next one. Under the former it must not be found again: a
/// portal that is restored would hold it twice, and the loss would be covered up. Its boot still
/// begins where it did: boots are in that order, and a later one may have begun already.
fn move_behind(transaction: &Transaction<'_>, seq: i64) -> Result<(), JournalError> {
    let (kind, text): (String, String) = transaction
        .prepare_cached("DELETE FROM events WHERE seq = ?1 RETURNING kind, body")?
        .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let value = serde_json::from_str(&text)
        .map_err(|_| JournalError::Damaged(format!("event {seq}: the body is not JSON")))?;
    insert(transaction, &kind, &canonical_value(&value)?)?;
    Ok(())
}

fn move_chain(transaction: &Transaction<'_>, next: u64, key: &SealKey) -> Result<(), JournalError> {
    transaction.execute(
        "UPDATE chain SET next_seq = ?1, ratchet = ?2, received_through = ?1 - 1",
        params![next as i64, key.as_bytes().as_slice()],
    )?;
    Ok(())
}
