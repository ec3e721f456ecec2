//! Everything the portal keeps. All SQL lives here.
//!
//! The rest of the program calls the async methods of [`Storage`] with its own types and never sees a database, so
//! that another one can stand beside SQLite. A method that changes something returns after the commit: what it said
//! is durable.
//!
//! The database is the file [`DATABASE_FILE`] in the data directory. Commands may open it while the server runs.

mod answers;
mod boot_runs;
mod content;
mod enrolments;
mod events;
mod exclusions;
mod intake;
mod moderation;
mod official_answers;
mod organizations;
mod photos;
mod projection;
mod published;
mod reconciliation;
mod review_lists;
mod reviews;
mod sessions;
mod sqlite;
mod status;
mod summary;
mod terminals;
mod times;
mod tokens;
mod uptime;
mod users;

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlite::Sqlite;

pub use answers::{Named, NamedFigures};
pub use content::*;
pub use enrolments::*;
pub use events::*;
pub use exclusions::*;
pub use moderation::*;
pub use official_answers::*;
pub use organizations::*;
pub use photos::*;
pub use published::*;
pub use reconciliation::*;
pub use reviews::*;
pub use sessions::*;
pub use status::*;
pub use summary::*;
pub use terminals::*;
pub use times::Sending;
pub use tokens::*;
pub use uptime::*;
pub use users::*;

/// The database's name within the data directory.
pub const DATABASE_FILE: &str = "portal.db";

/// Why something could not be kept or read. What a caller can do is: try again later, or tell the operator.
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
    fn failed(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(error))
    }

    /// A defect in the portal itself.
    fn defect(what: String) -> Self {
        Self::Failed(Arc::from(Box::<dyn Error + Send + Sync>::from(what)))
    }

    /// Something in the database that this program would never have written.
    fn unreadable(what: impl std::fmt::Display) -> Self {
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

/// The portal's memory. Cheap to clone; clones share the same connections.
#[derive(Clone, Debug)]
pub struct Storage {
    sqlite: Sqlite,
}

impl Storage {
    /// Opens the database in `data_dir` and brings its schema up to date; creates it if the directory is empty.
    pub fn open(data_dir: &Path) -> Result<Self, StorageError> {
        check_data_dir(data_dir)?;
        Self::open_file(&data_dir.join(DATABASE_FILE))
    }

    /// Opens the database in this file and brings its schema up to date; creates it if it is missing.
    pub fn open_file(path: &Path) -> Result<Self, StorageError> {
        migrate(path)?;
        Ok(Self {
            sqlite: Sqlite::start(path)?,
        })
    }
}

fn check_data_dir(data_dir: &Path) -> Result<(), StorageError> {
    let problem = |reason: String| StorageError::DataDir {
        path: data_dir.to_owned(),
        reason,
    };
    match std::fs::metadata(data_dir) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(problem(
            "is not a directory; --data-dir names the directory the portal keeps its data in"
                .to_owned(),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(problem(format!(
            "the data directory does not exist; create it with `install -d -m 0700 {}` or name another with --data-dir",
            data_dir.display()
        ))),
        Err(error) => Err(problem(format!(
            "cannot be used as the data directory: {error}"
        ))),
    }
}

mod embedded {
    refinery::embed_migrations!("migrations");
}

fn migrate(path: &Path) -> Result<(), StorageError> {
    let unusable = |file: &Path, error: &std::io::Error| StorageError::DataDir {
        path: file.to_owned(),
        reason: format!(
            "{error}; the portal must be able to write in its data directory (run it as the user who owns it)"
        ),
    };
    let lock_path = path.with_extension("lock");
    // Two programs started together must not both bring the schema up to date.
    let lock = open_private(&lock_path).map_err(|error| unusable(&lock_path, &error))?;
    lock.lock().map_err(|error| unusable(&lock_path, &error))?;
    open_private(path).map_err(|error| unusable(path, &error))?;
    let mut connection = sqlite::open_writer(path)?;
    match embedded::migrations::runner().run(&mut connection) {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            refinery::error::Kind::MissingVersion(_) => Err(StorageError::Newer {
                path: path.to_owned(),
            }),
            _ => Err(StorageError::failed(error)),
        },
    }
}

/// Opens a file for its owner alone (0600), creating it if it is missing: it holds keys and comments.
fn open_private(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests;
