//! How the file is made, opened and brought up to date.

use std::path::{Path, PathBuf};

use pikir_contract::SealKey;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::check::check_structure;
use super::cursor::OFFER_AGAIN;
use super::rows::{read_recovered, read_state};
use super::schema;
use super::store::{BUSY_TIMEOUT, Journal};
use crate::journal::error::JournalError;
use crate::journal::paths::{building_place, with_suffix};
use crate::journal::sqlite::pages::begins_as_a_journal;
use crate::journal::sqlite::wal;
use crate::journal::sqlite::wal::Wal;
use crate::limits::CHECK_AT_OPEN_BYTES;
use crate::platform::files;

/// Prepared statements that are kept: all that the journal has, so that none is parsed twice.
const STATEMENTS: usize = 64;
/// Transactions beyond the valid part of the log that a power cut can leave: the one that was under
/// way.
const UNDER_WAY: u32 = 1;

impl Journal {
    /// Makes a new journal whose chain begins at `first_key`. The file appears whole or not at all.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub fn create(path: &Path, first_key: &SealKey) -> Result<Self, JournalError> {
        if files::exists(path) {
            return Err(JournalError::Exists(path.to_owned()));
        }
        let connection = begin_building(path)?;
        connection.execute(
            "INSERT INTO chain (id, next_seq, ratchet) VALUES (1, 1, ?1)",
            [first_key.as_bytes().as_slice()],
        )?;
        finish_building(connection, path)?;
        Self::open(path)
    }

    /// Opens the journal of an earlier run, bringing its schema up to date. The structure of the
    /// file is checked first after an unclean end, and where that takes no time; else it waits for
    /// a quiet moment (`check.rs`).
    ///
    /// # Errors
    /// There is none, it is damaged ([`JournalError::is_damage`]), or it is from a newer program. A
    /// damaged file is left as it was found.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if !files::exists(path) {
            return Err(JournalError::Missing(path.to_owned()));
        }
        let log = Wal::of(path)?;
        let has_log = log.is_some();
        let checks_now = has_log || files::len(path)? <= CHECK_AT_OPEN_BYTES;
        match log {
            Some(log) if log.lost_commits > UNDER_WAY => {
                return Err(JournalError::Damaged(
                    "the write-ahead log is damaged".into(),
                ));
            }
            None if !begins_as_a_journal(path)? => {
                return Err(JournalError::Damaged(format!(
                    "{} is not a journal",
                    path.display()
                )));
            }
            _ => {}
        }
        if has_log {
            write_log_again(path);
        }
        let mut connection = connect(path)?;
        let ready =
            schema::bring_up_to_date(&mut connection, path).and_then(|()| match checks_now {
                true => check_structure(&connection),
                false => Ok(()),
            });
        if let Err(error) = ready {
            if error.is_damage() {
                leave_as_found(&connection);
            }
            return Err(error);
        }
        // The portal may have been restored or mended meanwhile.
        connection.execute(OFFER_AGAIN, [])?;
        let mut journal = Self::from_connection(connection)?;
        journal.is_checked = checks_now;
        Ok(journal)
    }

    /// Opens the journal beside the running terminal, to read only; nothing in it changes.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open_to_read(path: &Path) -> Result<Self, JournalError> {
        if !files::exists(path) {
            return Err(JournalError::Missing(path.to_owned()));
        }
        let connection =
            Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        if !schema::is_current(&connection)? {
            return Err(JournalError::Older(path.to_owned()));
        }
        // Everything that is read is of one moment, whatever the terminal appends meanwhile.
        connection.execute_batch("BEGIN")?;
        Self::from_connection(connection)
    }

    pub(in crate::journal) fn from_connection(
        connection: Connection,
    ) -> Result<Self, JournalError> {
        let result = read_state(&connection).and_then(|state| {
            let recovered = read_recovered(&connection)?;
            Ok((state, recovered))
        });
        match result {
            Ok((state, recovered)) => Ok(Self::with(connection, state, recovered)),
            Err(error) => {
                if error.is_damage() {
                    leave_as_found(&connection);
                }
                Err(error)
            }
        }
    }

    /// Closes the file without moving the write-ahead log into it, so that a recovery finds both as
    /// they are.
    pub(in crate::journal) fn abandon(self) {
        leave_as_found(self.connection());
    }
}

/// Puts the write-ahead log on the disk once more. After a failed sync Linux shows what it has not
/// written, and never writes it; SQLite would build on that, and a power cut would take away what
/// lies under it. (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC
/// 2020.)
fn write_log_again(path: &Path) {
    // A full disk must not keep a journal shut whose events can be delivered.
    if let Err(error) = files::write_again(&wal::place(path)) {
        tracing::warn!(%error, "the write-ahead log could not be written once more");
    }
}

/// Without this SQLite would, on closing, move the log into the database and delete it.
fn leave_as_found(connection: &Connection) {
    if let Err(error) = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        tracing::warn!(%error, "the damaged journal may change while it is closed");
    }
}

fn connect(path: &Path) -> Result<Connection, JournalError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let set = || -> Result<(), JournalError> {
        // SQLite answers with the mode first and commits the change afterwards: an error of the
        // device then leaves it in another mode, where FULL does not promise that the last commit
        // survives a power cut. So to the last step.
        let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
        let modes = statement
            .query_map([], |row| row.get(0))?
            .collect::<Result<Vec<String>, _>>()?;
        let mode = modes.concat();
        if mode != "wal" {
            let detail = format!(
                "{} cannot be given a write-ahead log (it has mode {mode})",
                path.display()
            );
            return Err(std::io::Error::other(detail).into());
        }
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        Ok(())
    };
    set().inspect_err(|_| leave_as_found(&connection))?;
    Ok(connection)
}

/// Begins a journal beside the place it is for. Until it is finished a crash leaves a file that
/// nobody takes for a journal, so nothing is synced on the way.
pub(in crate::journal) fn begin_building(path: &Path) -> Result<Connection, JournalError> {
    let beside = clear_building_place(path)?;
    let mut connection = Connection::open(&beside)?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    schema::create(&mut connection)?;
    Ok(connection)
}

/// Removes what an interrupted building left and makes an empty file there. SQLite gives its log
/// and index the mode of the database.
pub(in crate::journal) fn clear_building_place(path: &Path) -> Result<PathBuf, JournalError> {
    let beside = building_place(path);
    for suffix in ["", "-journal", "-wal", "-shm"] {
        files::remove_if_there(&with_suffix(&beside, suffix))?;
    }
    drop(files::create_private(&beside)?);
    Ok(beside)
}

/// Puts the finished journal in its place, durably.
pub(in crate::journal) fn finish_building(
    connection: Connection,
    path: &Path,
) -> Result<(), JournalError> {
    connection.close().map_err(|(_, error)| error)?;
    put_in_place(path)
}

/// Makes what lies at the building place durable and moves it to its place.
pub(in crate::journal) fn put_in_place(path: &Path) -> Result<(), JournalError> {
    let beside = building_place(path);
    files::sync(&beside)?;
    Ok(files::rename(&beside, path)?)
}
