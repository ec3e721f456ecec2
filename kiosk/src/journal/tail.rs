//! A lost end: the disk forgot what it had confirmed, and SQLite cannot see it. The portal can.
//!
//! So the first delivery after the journal was opened offers only what was there at that moment. Where the portal
//! acknowledges more, the disk lost what lay behind, and everything appended since under those numbers gets new ones:
//! it was never offered, so the portal cannot hold it, unless it came by a stick ([`exported_through`]).

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use pikir_contract::{Event, SealKey, canonical_json};
use rusqlite::{Transaction, params};

use super::NewEvent;
use super::error::JournalError;
use super::rows::read_event;
use super::store::{Journal, insert};
use crate::files;

impl Journal {
    /// The event with this number, if it is here.
    ///
    /// # Errors
    /// The file cannot be read, or holds what no append wrote.
    pub(super) fn event(&self, seq: u64) -> Result<Option<Event>, JournalError> {
        let mut statement = self
            .connection()
            .prepare_cached("SELECT seq, kind, body, seal FROM events WHERE seq = ?1")?;
        let mut rows = statement.query([seq as i64])?;
        rows.next()?.map(read_event).transpose()
    }

    /// The portal holds events up to `through` whose end is not those here. Moves the chain on behind `through` where it
    /// stands before, states that, appends `notice`, and once more the events `again`, under whose numbers the portal
    /// holds others.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(super) fn go_on_behind(
        &mut self,
        through: u64,
        notice: NewEvent,
        detail: &str,
        again: RangeInclusive<u64>,
    ) -> Result<(), JournalError> {
        let (next, key) = self.chain()?;
        self.transact(|transaction| {
            transaction.execute("INSERT INTO recoveries (detail) VALUES (?1)", [detail])?;
            if through >= next {
                let recovery = transaction.last_insert_rowid();
                transaction.execute(
                    "INSERT INTO gaps (first_seq, last_seq, recovery) VALUES (?1, ?2, ?3)",
                    params![next as i64, through as i64, recovery],
                )?;
                move_chain(transaction, through + 1, &key.advance(through + 1 - next))?;
            }
            append_notice(transaction, notice)?;
            for seq in again {
                append_again(transaction, seq)?;
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

/// Appends the body of event `seq` under a new number.
fn append_again(transaction: &Transaction<'_>, seq: u64) -> Result<(), JournalError> {
    let (kind, text): (String, String) = transaction
        .prepare_cached("SELECT kind, body FROM events WHERE seq = ?1")?
        .query_row([seq as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let value = serde_json::from_str(&text)
        .map_err(|_| JournalError::Damaged(format!("event {seq}: the body is not JSON")))?;
    insert(transaction, &kind, &text, &value)?;
    Ok(())
}

fn move_chain(transaction: &Transaction<'_>, next: u64, key: &SealKey) -> Result<(), JournalError> {
    transaction.execute(
        "UPDATE chain SET next_seq = ?1, ratchet = ?2, received_through = ?1 - 1",
        params![next as i64, key.as_bytes().as_slice()],
    )?;
    Ok(())
}

/// Where an export leaves the seq of its newest event.
fn export_mark(journal: &Path) -> PathBuf {
    journal.with_file_name("exported-through")
}

/// Leaves a mark of an export beside the journal, readable for the terminal, whoever exported.
///
/// # Errors
/// It cannot be written.
pub(super) fn mark_export(journal: &Path, last_seq: u64) -> std::io::Result<()> {
    files::replace(
        &export_mark(journal),
        last_seq.to_string().as_bytes(),
        0o644,
    )
}

/// Seq of the newest event that was ever exported; the portal may hold it although it was never sent.
pub(super) fn exported_through(journal: &Path) -> u64 {
    let text = files::read_text_if_there(&export_mark(journal));
    text.ok()
        .flatten()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}
