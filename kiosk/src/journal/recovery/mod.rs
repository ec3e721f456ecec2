//! From damaged files to a journal that works.
//!
//! 1. The files are moved into `damaged/new/`, the database first: from then on nobody takes them
//!    for the journal.
//! 2. `journal.db.new` is built from every row that can still be read, begins with a notice of what
//!    was lost, and takes the journal's place.
//! 3. `damaged/new/` gets its number.
//!
//! A crash anywhere leaves a state from which [`pending`] and [`recover`] go on.

mod losses;
mod salvage;
mod start;

use std::path::{Path, PathBuf};

use pikir_contract::Id;
use rusqlite::{Connection, params};

use self::losses::state_losses;
use self::salvage::{Found, FoundEvent};
use self::start::{Salvaged, Start};
use super::error::JournalError;
use super::event::NewEvent;
use super::file::open::{begin_building, clear_building_place, finish_building, put_in_place};
use super::file::store::Journal;
use super::paths::with_suffix;
use super::spare_key::Spare;
use super::sqlite::pages::Pages;
use crate::limits::{DISK_FLOOR_MB, MAX_LEAP, MAX_SET_ASIDE};
use crate::platform::files;

/// Chain rows that are tried, from the newest: each append wrote one, and the log may hold
/// thousands.
const MAX_CHAINS: usize = 64;

/// Gaps stated earlier that are remembered while a journal is rebuilt.
const MAX_KNOWN_GAPS: usize = 10_000;

/// Who recovers, and how it makes a notice of a text.
pub(super) struct Owner<'a> {
    pub(super) terminal: Id,
    pub(super) notice: &'a dyn Fn(String) -> NewEvent,
}

/// Whether files wait in `damaged/new/` for a journal to be built from them. Gives them their
/// number where one was built and only that is missing.
///
/// # Errors
/// A directory cannot be read or moved.
pub(super) fn pending(journal: &Path) -> Result<bool, JournalError> {
    let aside = set_aside_place(journal);
    if !files::exists(&aside) {
        return Ok(false);
    }
    if !files::exists(journal) {
        return Ok(true);
    }
    let name = journal.file_name().unwrap_or_default();
    if files::exists(&aside.join(name)) {
        files::rename(&aside, &numbered(journal)?)?;
    }
    Ok(false)
}

/// Sets the journal's files aside and builds a new journal from what can be read in them.
///
/// # Errors
/// The disk says no, has no room, or was trusted too often; nothing is lost, and the next call goes
/// on from there.
pub(super) fn recover(journal: &Path, owner: &Owner<'_>) -> Result<(), JournalError> {
    let aside = set_aside_place(journal);
    if !pending(journal)? {
        make_sure_of_room(journal)?;
        files::make_private_dir(&damaged(journal))?;
        files::make_private_dir(&aside)?;
    }
    let name = journal.file_name().unwrap_or_default();
    for suffix in ["", "-wal", "-shm"] {
        let from = with_suffix(journal, suffix);
        if files::exists(&from) {
            files::rename(&from, &with_suffix(&aside.join(name), suffix))?;
        }
    }
    let number = numbered(journal)?;
    build(journal, &aside.join(name), &number, owner)?;
    Ok(files::rename(&aside, &number)?)
}

/// Puts back a journal whose file was removed while it was open: the connection still has all of
/// it.
///
/// # Errors
/// It could not be written.
pub(super) fn put_back(open: &mut Journal, journal: &Path) -> Result<(), JournalError> {
    open.write_cursor()?;
    // An empty log cannot be mistaken for one of the new file.
    if !open.checkpoint()? {
        return Err(JournalError::Busy);
    }
    let beside = clear_building_place(journal)?;
    let name = beside.to_string_lossy().into_owned();
    open.connection().execute("VACUUM INTO ?1", [name])?;
    put_in_place(journal)
}

/// Sets a file aside that somebody put in the place of the open journal.
///
/// # Errors
/// It cannot be moved.
pub(super) fn set_stranger_aside(journal: &Path) -> Result<(), JournalError> {
    let place = numbered(journal)?;
    files::make_private_dir(&damaged(journal))?;
    files::make_private_dir(&place)?;
    Ok(files::rename(journal, &place.join("journal.db"))?)
}

fn damaged(journal: &Path) -> PathBuf {
    journal.with_file_name("damaged")
}

fn set_aside_place(journal: &Path) -> PathBuf {
    damaged(journal).join("new")
}

/// The directory that the files set aside next will have.
fn numbered(journal: &Path) -> Result<PathBuf, JournalError> {
    let taken = files::directories_in(&damaged(journal))?;
    let newest = taken
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.parse::<u32>().ok())
        .max();
    Ok(damaged(journal).join((newest.unwrap_or(0) + 1).to_string()))
}

/// The new journal needs about as much room as the files that are kept.
fn make_sure_of_room(journal: &Path) -> Result<(), JournalError> {
    let kept = files::directories_in(&damaged(journal))?.len();
    if kept >= MAX_SET_ASIDE {
        return Err(JournalError::TooOften(kept));
    }
    let bytes = files::len(journal)? + files::len(&with_suffix(journal, "-wal"))?;
    let needed_mb = bytes / (1024 * 1024) + DISK_FLOOR_MB;
    let free_mb = files::free_mb(journal.parent().unwrap_or(Path::new(".")))?;
    if free_mb < needed_mb {
        return Err(JournalError::NoRoom { free_mb, needed_mb });
    }
    Ok(())
}

fn build(
    journal: &Path,
    from: &Path,
    number: &Path,
    owner: &Owner<'_>,
) -> Result<(), JournalError> {
    let spare = Spare::load(journal, owner.terminal)?;
    let connection = begin_building(journal)?;
    let mut found = salvage_into(&connection, from, owner.terminal)?;
    // No event ever had the spare key's seq or one beyond it.
    let bound = match (&spare, found.chains.last()) {
        (Some(spare), _) => Some(spare.seq),
        (None, Some(chain)) => Some(chain.next_seq + MAX_LEAP),
        (None, None) => None,
    };
    if let Some(bound) = bound {
        connection.execute("DELETE FROM events WHERE seq >= ?1", [bound as i64])?;
    }
    found.newest = newest_event(&connection)?;
    let start = Start::choose(&found, spare.as_ref());
    write_chain(&connection, owner.terminal, &start)?;
    let mut detail = state_losses(&connection, &found, &start)?;
    let kept = number.file_name().unwrap_or_default().to_string_lossy();
    if found.missing {
        detail.push_str("; journal.db was missing");
    } else {
        detail.push_str(&format!("; the damaged files are in damaged/{kept}"));
    }
    connection.execute(
        "UPDATE recoveries SET detail = ?1 WHERE id = (SELECT max(id) FROM recoveries)",
        [&detail],
    )?;
    let mut rebuilt = Journal::from_connection(connection)?;
    tracing::warn!(%detail, "the journal was rebuilt");
    if start.key.is_some() {
        rebuilt.append((owner.notice)(detail))?;
    }
    finish_building(rebuilt.into_connection(), journal)
}

fn salvage_into(
    connection: &Connection,
    from: &Path,
    terminal: Id,
) -> Result<Salvaged, JournalError> {
    let pages = Pages::open(from)?;
    let mut chains = std::collections::BTreeMap::new();
    let mut known_gaps = Vec::new();
    connection.execute_batch("BEGIN")?;
    pages.for_each_cell(|cell| {
        match salvage::read(&cell) {
            Some(Found::Chain(chain)) if chain.terminal.is_none_or(|id| id == terminal) => {
                chains.insert((chain.next_seq, *chain.key.as_bytes()), chain);
                if chains.len() > MAX_CHAINS {
                    chains.pop_first();
                }
            }
            Some(Found::Gap {
                first_seq,
                last_seq,
            }) if known_gaps.len() < MAX_KNOWN_GAPS => known_gaps.push((first_seq, last_seq)),
            Some(found) => keep(connection, found)?,
            None => {}
        }
        Ok(())
    })?;
    connection.execute_batch("COMMIT")?;
    Ok(Salvaged {
        chains: chains.into_values().collect(),
        whole_log: pages.wal.as_ref().is_none_or(|wal| wal.whole),
        missing: !files::exists(from),
        newest: 0,
        known_gaps,
    })
}

/// Writes a row; of several copies the first stays.
fn keep(connection: &Connection, found: Found) -> Result<(), JournalError> {
    match found {
        Found::Event(FoundEvent { seq, kind, body, seal, rejected }) => connection
            .prepare_cached("INSERT OR IGNORE INTO events (seq, kind, body, seal, fate, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![seq, kind, body, seal, rejected.as_ref().map(|_| "rejected"), rejected])?,
        Found::Boot { boot, offset_ms, quality } => connection
            .prepare_cached("INSERT OR IGNORE INTO boots (boot, offset_ms, quality) VALUES (?1, ?2, ?3)")?
            .execute(params![boot, offset_ms, quality])?,
        Found::Recovery { id, detail } => connection
            .prepare_cached("INSERT OR IGNORE INTO recoveries (id, detail) VALUES (?1, ?2)")?
            .execute(params![id, detail])?,
        // Gaps are found anew, from the events themselves.
        Found::Gap { .. } | Found::Chain(_) => 0,
    };
    Ok(())
}

fn newest_event(connection: &Connection) -> Result<u64, JournalError> {
    let newest: i64 =
        connection.query_row("SELECT coalesce(max(seq), 0) FROM events", [], |row| {
            row.get(0)
        })?;
    Ok(newest as u64)
}

fn write_chain(connection: &Connection, terminal: Id, start: &Start) -> Result<(), JournalError> {
    let key = start
        .key
        .as_ref()
        .map_or(&[][..], |key| key.as_bytes().as_slice());
    connection.execute(
        "INSERT INTO chain (id, terminal, next_seq, ratchet, received_through, removed_through, in_doubt_after)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            terminal.to_string(),
            start.next_seq as i64,
            key,
            start.received_through as i64,
            start.removed_through as i64,
            start.in_doubt_after.map(|after| after as i64)
        ],
    )?;
    connection.execute(
        "INSERT INTO boots (boot, first_seq)
             SELECT json_extract(body, '$.boot') AS boot, min(seq) FROM events WHERE true GROUP BY boot
             ON CONFLICT (boot) DO UPDATE SET first_seq = excluded.first_seq",
        [],
    )?;
    Ok(())
}
