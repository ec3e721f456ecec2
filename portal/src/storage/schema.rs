//! The database's schema: who may change it, and what everybody else says.
//!
//! A program that runs holds the lock file shared, so that nobody changes the schema under it.
//! Only [`Migrating::Yes`] changes one that is there; any program makes a new database.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::error::StorageError;
use super::organizations::index::refresh;
use super::sqlite;

/// How long to wait for another program that is just starting.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// How often to look whether it is ready.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Whether an older schema is brought up to date or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrating {
    /// It is brought up to date, unless another program uses it.
    Yes,
    /// It is refused.
    No,
}

/// A database's schema as this program sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Schema {
    /// There is none yet.
    Missing,
    /// An older program's, at this version.
    Older(i32),
    /// This program's.
    Current,
    /// A newer program's.
    Newer,
}

/// What was done to bring a database up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version it had; `None` if it was made.
    pub from: Option<i32>,
    /// The version it has.
    pub to: i32,
}

pub(in crate::storage) mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Makes sure that the database has this program's schema. What is returned is to be held as long
/// as it is used.
pub fn ensure(path: &Path, migrating: Migrating) -> Result<(File, Migrated), StorageError> {
    let lock_path = path.with_extension("lock");
    let unusable = |file: &Path, error: &io::Error| StorageError::DataDir {
        path: file.to_owned(),
        reason: format!(
            "{error}; the portal must be able to write in its data directory (run it as the user who owns it)"
        ),
    };
    let lock = open_private(&lock_path).map_err(|error| unusable(&lock_path, &error))?;
    let locked = |result: io::Result<()>| result.map_err(|error| unusable(&lock_path, &error));
    let begun = Instant::now();
    let mut from = None;
    loop {
        locked(lock.lock_shared())?;
        match (read(path)?, migrating) {
            (Schema::Current, _) => {
                if migrating == Migrating::Yes {
                    // The alphabets of another program's libraries may differ.
                    refresh(&mut sqlite::open_writer(path)?)?;
                }
                let to = newest();
                let from = from.unwrap_or(Some(to));
                return Ok((lock, Migrated { from, to }));
            }
            (Schema::Newer, _) => {
                return Err(StorageError::Newer {
                    path: path.to_owned(),
                });
            }
            (Schema::Older(_), Migrating::No) => {
                return Err(StorageError::Older {
                    path: path.to_owned(),
                });
            }
            (Schema::Missing, _) => from = Some(None),
            (Schema::Older(version), Migrating::Yes) => from = Some(Some(version)),
        }
        locked(lock.unlock())?;
        match lock.try_lock() {
            Ok(()) => {
                open_private(path).map_err(|error| unusable(path, &error))?;
                migrate(path)?;
                locked(lock.unlock())?;
            }
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StorageError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(&lock_path, &error)),
        }
    }
}

fn read(path: &Path) -> Result<Schema, StorageError> {
    if !path.try_exists().map_err(StorageError::failed)? {
        return Ok(Schema::Missing);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(LOCK_PATIENCE)?;
    let is_there = |kind: &str, name: &str| {
        db.prepare("SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name LIKE ?2")?
            .exists([kind, name])
    };
    if !is_there("table", "refinery_schema_history")? {
        // What was begun and never finished has no table either.
        return Ok(Schema::Missing);
    }
    let mut statement = db.prepare("SELECT version FROM refinery_schema_history")?;
    let applied = statement.query_map([], |row| row.get(0))?;
    let applied: BTreeSet<i32> = applied.collect::<Result<_, _>>()?;
    let known = known();
    Ok(if !applied.is_subset(&known) {
        Schema::Newer
    } else if applied == known {
        Schema::Current
    } else {
        match applied.last() {
            Some(version) => Schema::Older(*version),
            None => Schema::Missing,
        }
    })
}

fn known() -> BTreeSet<i32> {
    let runner = embedded::migrations::runner();
    let migrations = runner.get_migrations().iter();
    migrations.map(|migration| migration.version()).collect()
}

fn newest() -> i32 {
    known().last().copied().unwrap_or(0)
}

fn migrate(path: &Path) -> Result<(), StorageError> {
    let mut connection = sqlite::open_writer(path)?;
    // A migration that builds a table anew drops the old one, to which others refer.
    connection.pragma_update(None, "foreign_keys", false)?;
    match embedded::migrations::runner().run(&mut connection) {
        Ok(_) => refresh(&mut connection),
        Err(error) => match error.kind() {
            refinery::error::Kind::MissingVersion(_) => Err(StorageError::Newer {
                path: path.to_owned(),
            }),
            _ => Err(StorageError::failed(error)),
        },
    }
}

/// Opens a file for its owner alone (0600), creating it if it is missing: it holds keys and
/// comments.
fn open_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
}
