//! Opening the database, bringing its schema up to date, and the handle everybody holds.

use std::path::{Path, PathBuf};

use super::error::StorageError;
use super::schema::{self, Migrated, Migrating};
use super::sqlite::{Lane, Sqlite};
use crate::platform::entropy::Entropy;

/// The database's name within the data directory.
pub const DATABASE_FILE: &str = "portal.db";

/// The portal's memory. Cheap to clone; clones share the same connections.
#[derive(Clone, Debug)]
pub struct Storage {
    pub(super) sqlite: Sqlite,
    /// For the keys that the portal gives out by itself.
    pub(super) entropy: Entropy,
}

impl Storage {
    /// Opens the database in `data_dir` and brings its schema up to date; creates it if the
    /// directory is empty.
    pub fn open(data_dir: &Path) -> Result<Self, StorageError> {
        Self::open_file(&file_in(data_dir)?, Migrating::Yes)
    }

    /// Opens the database in this file; creates it if it is missing.
    pub fn open_file(path: &Path, migrating: Migrating) -> Result<Self, StorageError> {
        let (lock, _) = schema::ensure(path, migrating)?;
        Ok(Self {
            sqlite: Sqlite::start(path, lock)?,
            entropy: Entropy::system(),
        })
    }

    /// Brings the schema of the database in this file up to date, while no other program uses it.
    pub fn migrate_file(path: &Path) -> Result<Migrated, StorageError> {
        Ok(schema::ensure(path, Migrating::Yes)?.1)
    }

    /// The same memory, read in a lane of its own.
    pub fn in_lane(&self, lane: Lane) -> Self {
        Self {
            sqlite: self.sqlite.in_lane(lane),
            entropy: self.entropy.clone(),
        }
    }

    /// Whether the database answers.
    pub async fn check(&self) -> Result<(), StorageError> {
        let ask = |db: &rusqlite::Connection| {
            let count = "SELECT count(*) FROM refinery_schema_history";
            Ok(db.query_row(count, [], |_| Ok(()))?)
        };
        self.sqlite.read(ask).await
    }
}

/// The database of this data directory.
pub fn file_in(data_dir: &Path) -> Result<PathBuf, StorageError> {
    check_data_dir(data_dir)?;
    Ok(data_dir.join(DATABASE_FILE))
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
