//! Whether the file is what appends have made it: SQLite's own structure, and that nothing is
//! missing.
//!
//! After a clean end nothing speaks for damage, and most of it shows only when the page is read,
//! which may be weeks later. So a small journal is checked whenever it is opened, and a large one
//! once in a quiet moment afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;
use rusqlite::ffi::ErrorCode;

use super::store::Journal;
use crate::journal::error::JournalError;

/// Steps of SQLite after which a check looks whether somebody waits (pages, or instructions of its
/// machine): a few milliseconds on an SD card.
const STEPS: i32 = 64;

impl Journal {
    /// Checks the structure unless somebody waits for the journal (`waiting`), or comes to wait.
    /// Returns whether it came to the end; what was begun is begun anew.
    ///
    /// # Errors
    /// The file is damaged, or cannot be read.
    pub(in crate::journal) fn check(
        &mut self,
        waiting: &Arc<AtomicUsize>,
    ) -> Result<bool, JournalError> {
        let waiting = waiting.clone();
        let gives_way = move || waiting.load(Ordering::SeqCst) > 0;
        let connection = self.connection();
        connection.progress_handler(STEPS, Some(gives_way))?;
        let checked = check_structure(connection);
        connection.progress_handler(0, None::<fn() -> bool>)?;
        match checked {
            Err(JournalError::Sqlite(rusqlite::Error::SqliteFailure(failure, _)))
                if failure.code == ErrorCode::OperationInterrupted =>
            {
                return Ok(false);
            }
            checked => checked?,
        }
        self.is_checked = true;
        Ok(true)
    }
}

/// Reads the whole file once and a half.
///
/// # Errors
/// It is damaged ([`JournalError::is_damage`]), or cannot be read.
pub(in crate::journal) fn check_structure(connection: &Connection) -> Result<(), JournalError> {
    check_database(connection)?;
    check_count(connection)
}

/// SQLite's own structure: its pages, and that the indexes say what the tables say.
///
/// # Errors
/// It is damaged ([`JournalError::is_damage`]), or cannot be read.
pub(in crate::journal) fn check_database(connection: &Connection) -> Result<(), JournalError> {
    // The indexes hold few events: this takes no longer than `quick_check`, which does not compare
    // them with the tables.
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(JournalError::Damaged(found));
    }
    // SQLite finds what a partial index lacks, not what it has too much.
    let (in_table, in_index): (i64, i64) = connection.query_row(
        "SELECT (SELECT count(*) FROM events NOT INDEXED WHERE fate IS NOT NULL),
                (SELECT count(*) FROM events INDEXED BY events_with_fate WHERE fate IS NOT NULL)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if in_table != in_index {
        return Err(JournalError::Damaged(format!(
            "{in_table} events were rejected or set aside, the index names {in_index}"
        )));
    }
    Ok(())
}

/// That no event is missing: pages in each other's place may be sound one by one.
fn check_count(connection: &Connection) -> Result<(), JournalError> {
    let (held, expected): (i64, i64) = connection.query_row(
        "SELECT (SELECT count(*) FROM events WHERE seq > removed_through),
                next_seq - 1 - removed_through - (
                    SELECT coalesce(sum(last_seq - max(first_seq, removed_through + 1) + 1), 0)
                    FROM gaps WHERE last_seq > removed_through)
         FROM chain",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if held != expected {
        return Err(JournalError::Damaged(format!(
            "it holds {held} events where there should be {expected}"
        )));
    }
    Ok(())
}
