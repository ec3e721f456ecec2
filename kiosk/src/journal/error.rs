//! What can go wrong with the journal, split by what the caller can do.

use std::path::PathBuf;

use pikir_contract::CanonicalError;

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
    /// There is no journal: the terminal is not enrolled here.
    #[error("{0} does not exist. Enrol the terminal first: pikir-provision enroll")]
    Missing(PathBuf),
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
