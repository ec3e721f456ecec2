//! How the journal stays small: when an acknowledged event goes.

use pikir_contract::Time;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::store::Journal;
use crate::journal::error::JournalError;
use crate::journal::sqlite::format::PAGE_BYTES;
use crate::limits::{REMOVE_STEP, RETENTION_DAYS};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Notes that everything up to `settled` was acknowledged by `now`, once a day: an acknowledgement
/// then costs no page of its own, and an event stays a day longer at most. Returns when that was
/// noted (Unix milliseconds), if it is.
pub(in crate::journal) fn mark(
    transaction: &Transaction<'_>,
    settled: u64,
    now: Time,
) -> Result<Option<i64>, JournalError> {
    let newest = transaction
        .prepare_cached("SELECT at_ms FROM marks ORDER BY through DESC LIMIT 1")?
        .query_row([], |row| row.get::<_, i64>(0))
        .optional()?;
    if let Some(at) = newest.filter(|at| is_of_the_day(*at, now)) {
        return Ok(Some(at));
    }
    let now = now.unix_ms();
    // Marks from a future that turned out to be wrong say nothing.
    transaction.execute("DELETE FROM marks WHERE at_ms > ?1", [now])?;
    let noted = transaction.execute(
        "INSERT INTO marks (through, at_ms) VALUES (?1, ?2) ON CONFLICT (through) DO NOTHING",
        params![settled as i64, now],
    )?;
    Ok((noted > 0).then_some(now))
}

/// Whether a mark made at `at_ms` (Unix milliseconds) still serves at `now`.
pub(in crate::journal) fn is_of_the_day(at_ms: i64, now: Time) -> bool {
    (at_ms - DAY_MS..at_ms + DAY_MS).contains(&now.unix_ms())
}

/// What of the events up to ?1 may be removed, the portal's cursor being ?2: what the portal holds.
/// What it rejected is kept for a person to look at, unless room is needed (?3).
const REMOVABLE: &str = "seq <= ?1 AND (fate = 'held' OR (fate = 'rejected' AND ?3)
    OR (seq <= ?2 AND (fate IS NULL OR fate = 'refused')))";

impl Journal {
    /// Up to which seq the time of the events is over at `now_ms` (Unix time in milliseconds).
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn over(&self, now_ms: i64) -> Result<Option<u64>, JournalError> {
        let through = self
            .connection()
            .prepare_cached("SELECT max(through) FROM marks WHERE at_ms <= ?1")?
            .query_row([now_ms - RETENTION_DAYS * DAY_MS], |row| {
                row.get::<_, Option<i64>>(0)
            })?;
        Ok(through.map(|through| through as u64))
    }

    /// Removes the oldest [`REMOVE_STEP`] acknowledged events up to `through`, in one small
    /// transaction. Rejected ones only where `rejected_too`. Returns how many went.
    ///
    /// # Errors
    /// Nothing was removed.
    pub fn remove_step(&mut self, through: u64, rejected_too: bool) -> Result<u64, JournalError> {
        let cursor = self.state().received_through as i64;
        let bounds = params![through as i64, cursor, rejected_too];
        let select = format!(
            "SELECT count(*), max(seq) FROM (SELECT seq FROM events WHERE {REMOVABLE} ORDER BY seq LIMIT {REMOVE_STEP})"
        );
        let (count, last) = self
            .connection()
            .prepare_cached(&select)?
            .query_row(bounds, |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
            })?;
        let Some(last) = last else {
            return Ok(0);
        };
        self.transact(|transaction| {
            transaction
                .prepare_cached(&format!("DELETE FROM events WHERE {REMOVABLE}"))?
                .execute(params![last, cursor, rejected_too])?;
            transaction
                .prepare_cached("UPDATE chain SET removed_through = max(removed_through, ?1)")?
                .execute([last])?;
            forget_boots(transaction)
        })?;
        Ok(count as u64)
    }

    /// Forgets the marks whose time is over, once all that they allowed to remove is gone.
    ///
    /// # Errors
    /// They stay, which does no harm.
    pub fn forget_marks(&self, now_ms: i64) -> Result<(), JournalError> {
        self.connection().execute(
            "DELETE FROM marks WHERE at_ms <= ?1",
            [now_ms - RETENTION_DAYS * DAY_MS],
        )?;
        Ok(())
    }

    /// Bytes of the pages in use. Removed rows leave pages that the next ones fill.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn used_bytes(&self) -> Result<u64, JournalError> {
        let pages = pragma(self.connection(), "page_count")?;
        let free = pragma(self.connection(), "freelist_count")?;
        Ok((pages - free).max(0) as u64 * PAGE_BYTES as u64)
    }
}

/// Forgets boots that ended before the oldest event there is.
fn forget_boots(transaction: &Transaction<'_>) -> Result<(), JournalError> {
    transaction
        .prepare_cached(
            "DELETE FROM boots WHERE first_seq < (SELECT max(first_seq) FROM boots WHERE first_seq <=
                (SELECT coalesce(min(seq), (SELECT next_seq FROM chain)) FROM events))",
        )?
        .execute([])?;
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, JournalError> {
    Ok(connection
        .prepare_cached(&format!("PRAGMA {name}"))?
        .query_row([], |row| row.get(0))?)
}
