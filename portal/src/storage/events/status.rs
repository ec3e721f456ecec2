//! The latest status report of each terminal.

use rusqlite::Connection;

use super::judgement::Judge;
use super::times::BootTimes;
use crate::storage::{Sending, Storage, StorageError};

/// A terminal's status report, to be kept.
#[derive(Clone, Debug)]
pub struct NewStatus {
    /// The terminal's internal name.
    pub terminal: i64,
    /// The report as it came (JSON).
    pub report: String,
    /// The software it names.
    pub software: String,
    /// The boot that sends it.
    pub sending: Sending,
    /// When it came (milliseconds since 1970).
    pub received_at: i64,
}

impl Storage {
    /// Keeps a status report in place of the terminal's former one, and what it says about its
    /// clock.
    pub async fn put_status(&self, status: NewStatus) -> Result<(), StorageError> {
        self.sqlite.write(move |db| put(db, &status)).await
    }
}

fn put(db: &Connection, status: &NewStatus) -> Result<(), StorageError> {
    let NewStatus {
        terminal,
        report,
        software,
        sending,
        received_at,
    } = status;
    db.prepare_cached(
        "INSERT INTO status_reports (terminal, received_at, report, held)
         SELECT ?1, ?2, ?3, accepted + rejected FROM terminals WHERE key = ?1
         ON CONFLICT (terminal) DO UPDATE SET
             received_at = excluded.received_at, report = excluded.report, held = excluded.held",
    )?
    .execute((terminal, received_at, report))?;
    db.prepare_cached(
        "UPDATE terminals SET software = ?2, seen_at = max(coalesce(seen_at, 0), ?3) WHERE key = ?1",
    )?
    .execute((terminal, software, received_at))?;
    let mut times = BootTimes::new(db, *terminal, *received_at, Some(*sending));
    times.learn(&[])?;
    let set_right = times.settle(false)?;
    let mut judge = Judge::new(db, *terminal, *received_at);
    for boot in &set_right {
        judge.closed_in_boot(boot)?;
    }
    Ok(())
}
