//! What a caller of the storage is told when something fails.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// Why something could not be kept or read. What a caller can do is: try again later, or tell the
/// operator.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// The data directory is missing or is not one.
    #[error("{path}: {reason}")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// A newer program wrote this database.
    #[error("{path} was written by a newer pikir-portal: install that version (or a later one)")]
    Newer {
        /// The database file.
        path: PathBuf,
    },
    /// An older program wrote this database, and this is not the command to change it.
    #[error(
        "{path} was written by an older pikir-portal: stop that portal, copy the file if you want to go back, and run \
         `pikir-portal migrate` (or start this version with `pikir-portal serve`)"
    )]
    Older {
        /// The database file.
        path: PathBuf,
    },
    /// Another program uses the database whose schema is to be changed.
    #[error(
        "{path} is of an older version and in use by another pikir-portal: stop that one first"
    )]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The database did not do what it was asked.
    #[error("the database failed: {0}")]
    Failed(Arc<dyn Error + Send + Sync>),
    /// What stands in the database cannot be understood.
    #[error("the database holds something that cannot be read: {0}")]
    Unreadable(String),
    /// The program is ending.
    #[error("the database is closed because the portal is stopping")]
    Stopped,
}

impl StorageError {
    pub(super) fn failed(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(error))
    }

    /// A defect in the portal itself.
    pub(super) fn defect(what: String) -> Self {
        Self::Failed(Arc::from(Box::<dyn Error + Send + Sync>::from(what)))
    }

    /// Something in the database that this program would never have written.
    pub(super) fn unreadable(what: impl std::fmt::Display) -> Self {
        Self::Unreadable(what.to_string())
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::failed(error)
    }
}

impl From<serde_json::Error> for StorageError {
    fn from(error: serde_json::Error) -> Self {
        Self::unreadable(error)
    }
}
