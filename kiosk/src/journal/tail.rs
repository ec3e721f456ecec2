//! A lost end: the disk forgot what it had confirmed, and SQLite cannot see it. The portal can: it acknowledges more
//! than the journal has.

use pikir_contract::{EventStatus, EventsAnswer, SealKey, canonical_json};
use rusqlite::{Transaction, params};

use super::NewEvent;
use super::error::JournalError;
use super::store::{Journal, insert};

impl Journal {
    /// Goes on behind `through`, which the portal holds although it is not here: moves the chain on, states the gap,
    /// appends `notice`, and once more those of `again`, whose seq the portal holds with the content of another.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(super) fn go_on_behind(
        &mut self,
        through: u64,
        notice: NewEvent,
        detail: &str,
        again: &[u64],
    ) -> Result<(), JournalError> {
        let (next, key) = self.chain()?;
        let key = key.advance(through + 1 - next);
        self.transact(|transaction| {
            state_gap(transaction, next, through, detail)?;
            move_chain(transaction, through + 1, &key)?;
            append_notice(transaction, notice)?;
            for seq in again {
                let (kind, text): (String, String) = transaction
                    .prepare_cached("SELECT kind, body FROM events WHERE seq = ?1")?
                    .query_row([*seq as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
                let value = serde_json::from_str(&text).map_err(|_| {
                    JournalError::Damaged(format!("event {seq}: the body is not JSON"))
                })?;
                insert(transaction, &kind, &text, &value)?;
            }
            Ok(())
        })
    }
}

impl Journal {
    /// States a recovery that lost nothing: keeps `detail` and appends `notice`.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(super) fn state_recovery(
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
    insert(transaction, body.kind(), &canonical_json(&value)?, &value)?;
    Ok(())
}

/// Of what was offered for the first time in this delivery (after `offered_before`), the events the portal says it
/// held already: it held others under those numbers.
pub(super) fn taken_numbers(answer: &EventsAnswer, offered_before: u64, last: u64) -> Vec<u64> {
    let mut seqs: Vec<u64> = answer
        .results
        .iter()
        .filter(|result| result.status == EventStatus::Duplicate)
        .map(|result| result.seq)
        .filter(|seq| *seq > offered_before && *seq <= last)
        .collect();
    seqs.sort_unstable();
    seqs.dedup();
    seqs
}

fn state_gap(
    transaction: &Transaction<'_>,
    first: u64,
    last: u64,
    detail: &str,
) -> Result<(), JournalError> {
    transaction.execute("INSERT INTO recoveries (detail) VALUES (?1)", [detail])?;
    let recovery = transaction.last_insert_rowid();
    transaction.execute(
        "INSERT INTO gaps (first_seq, last_seq, recovery) VALUES (?1, ?2, ?3)",
        params![first as i64, last as i64, recovery],
    )?;
    Ok(())
}

fn move_chain(transaction: &Transaction<'_>, next: u64, key: &SealKey) -> Result<(), JournalError> {
    transaction.execute(
        "UPDATE chain SET next_seq = ?1, ratchet = ?2, received_through = ?1 - 1",
        params![next as i64, key.as_bytes().as_slice()],
    )?;
    Ok(())
}
