//! What can go wrong with the journal, split by what the caller can do.

use std::path::PathBuf;

use pikir_contract::CanonicalError;
use rusqlite::ffi::{ErrorCode, SQLITE_ERROR, SQLITE_IOERR_SHORT_READ};

/// What can go wrong with the journal, split by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file was written by a newer program; nothing was touched.
    #[error(
        "{path} was written by a newer version of pikir-kiosk ({detail}). Install that version again; the ratings in it are safe"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// What the file has that this program does not know.
        detail: String,
    },
    /// The file was written by an older program, and here it is only read.
    #[error(
        "{0} was written by an older version of pikir-kiosk. Start pikir-kiosk once; it brings the file up to date"
    )]
    Older(PathBuf),
    /// There is no journal: the terminal is not enrolled here.
    #[error("{0} does not exist. Enrol the terminal first: pikir-provision enroll")]
    Missing(PathBuf),
    /// There is a journal where a new one was to be made.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// Damage took the ratchet key, and there was no spare one: nothing can be sealed any more.
    #[error(
        "the journal's key is lost. Enrol the terminal again: pikir-provision enroll. What was rated before is still delivered"
    )]
    KeyLost,
    /// Damage came back so often that the disk cannot be trusted.
    #[error(
        "the journal was damaged {0} times and the disk cannot be trusted any more. Replace the SD card; keep the old one, the ratings can be read from it"
    )]
    TooOften(usize),
    /// The damaged files and a new journal do not fit on the disk together.
    #[error(
        "the journal is damaged, and mending it needs {needed_mb} MB free; there are {free_mb} MB. Free some space; what can be read of the ratings is safe"
    )]
    NoRoom {
        /// Free now (MiB).
        free_mb: u64,
        /// Needed (MiB).
        needed_mb: u64,
    },
    /// The portal acknowledges what this terminal cannot have written.
    #[error("the portal acknowledges event {through}, but the newest is {last}")]
    Unbelievable {
        /// What it acknowledges.
        through: u64,
        /// The newest event.
        last: u64,
    },
    /// Nobody has enrolled this terminal.
    #[error("this terminal is not enrolled: there is nothing to export")]
    NotEnrolled,
    /// An export cannot be written.
    #[error("{} cannot be written: {cause}. Is the stick mounted, and is there room on it?", path.display())]
    Export {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The journal's thread is behind or ending.
    #[error("the journal's thread does not answer")]
    Busy,
    /// SQLite says no: full disk, damaged file, failed device.
    #[error("journal: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What lies in the file is not what an append wrote.
    #[error("journal: {0}")]
    Damaged(String),
    /// The file system says no.
    #[error("journal: {0}")]
    Io(#[from] std::io::Error),
    /// A body that has no canonical form. The kiosk makes none.
    #[error("journal: {0}")]
    Canonical(#[from] CanonicalError),
}

impl JournalError {
    /// Whether the file holds what no append wrote, so that trying again cannot help. A disk that
    /// fails or is full, or a file that another process holds, is not damage.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        use rusqlite::Error as Sql;
        match self {
            Self::Damaged(_) => true,
            Self::Sqlite(Sql::SqliteFailure(failure, _)) => {
                matches!(
                    failure.code,
                    ErrorCode::DatabaseCorrupt
                        | ErrorCode::NotADatabase
                        | ErrorCode::ConstraintViolation
                        | ErrorCode::TypeMismatch
                        | ErrorCode::TooBig
                ) || [SQLITE_ERROR, SQLITE_IOERR_SHORT_READ].contains(&failure.extended_code)
            }
            // The schema and every statement are fixed, so a value or a table that does not fit
            // comes from the file.
            Self::Sqlite(
                Sql::SqlInputError { .. }
                | Sql::FromSqlConversionFailure(..)
                | Sql::IntegralValueOutOfRange(..)
                | Sql::InvalidColumnType(..)
                | Sql::Utf8Error(..)
                | Sql::QueryReturnedNoRows,
            ) => true,
            _ => false,
        }
    }
}
