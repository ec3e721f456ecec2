//! The latest status report of each terminal.

use rusqlite::Connection;

use super::{Storage, StorageError};

impl Storage {
    /// Keeps a terminal's status report (JSON, as it came) in place of its former one, and the software it names.
    pub async fn put_status(
        &self,
        terminal: i64,
        report: String,
        software: String,
        received_at: i64,
    ) -> Result<(), StorageError> {
        let put = move |db: &Connection| {
            db.prepare_cached(
                "INSERT INTO status_reports (terminal, received_at, report) VALUES (?1, ?2, ?3)
                 ON CONFLICT (terminal) DO UPDATE SET received_at = excluded.received_at, report = excluded.report",
            )?
            .execute((terminal, received_at, report))?;
            db.prepare_cached(
                "UPDATE terminals SET software = ?2, seen_at = max(coalesce(seen_at, 0), ?3) WHERE key = ?1",
            )?
            .execute((terminal, software, received_at))?;
            Ok(())
        };
        self.sqlite.write(put).await
    }
}
