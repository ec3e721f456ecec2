//! Opening the database, bringing its schema up to date, and the handle everybody holds.

use std::fs::File;
use std::path::Path;

use super::error::StorageError;
use super::sqlite::{self, Sqlite};

/// The database's name within the data directory.
pub const DATABASE_FILE: &str = "portal.db";

/// The portal's memory. Cheap to clone; clones share the same connections.
#[derive(Clone, Debug)]
pub struct Storage {
    pub(super) sqlite: Sqlite,
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

pub(in crate::storage) mod embedded {
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
    // A migration that builds a table anew drops the old one, to which others refer.
    connection.pragma_update(None, "foreign_keys", false)?;
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
