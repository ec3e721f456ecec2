//! SQLite: one thread that writes, a few connections that read.
//!
//! Readers have lanes: pages that are slow to make hold up neither deliveries nor the watchdog.
//!
//! A write is a closure; it runs inside a transaction and is answered after the commit. Writes that
//! wait while another is being committed share the next commit (one fsync for all of them), each
//! inside its own savepoint, so that one that fails takes nothing of the others with it.

use std::any::Any;
use std::fmt;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};

use super::StorageError;
use crate::platform::blocking;

/// Who reads. Each lane has connections of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// Pages and figures, which anybody may ask for.
    #[default]
    Pages,
    /// What terminals send and ask.
    Terminals,
    /// Whether the portal is well.
    Health,
}

impl Lane {
    /// Connections that read at the same time.
    const fn readers(self) -> usize {
        match self {
            Self::Pages => 4,
            Self::Terminals => 3,
            Self::Health => 1,
        }
    }
}

/// Writes that share one commit at most.
const MAX_GROUP: usize = 64;
/// How long a statement waits for another process (a command run beside the server).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages the writer keeps in memory, in KiB (64 MiB): indexes of many terminals are written to all
/// over.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Prepared statements each connection keeps.
const STATEMENTS: usize = 128;

type Answer = Box<dyn FnOnce(&Result<(), StorageError>) + Send>;
type Job = Box<dyn FnOnce(Result<&Connection, StorageError>) -> Answer + Send>;

/// A database file in use.
#[derive(Clone)]
pub(in crate::storage) struct Sqlite {
    jobs: Sender<Job>,
    lane: Lane,
    readers: Arc<Readers>,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    pages: Arc<Semaphore>,
    terminals: Arc<Semaphore>,
    health: Arc<Semaphore>,
    /// Held as long as the database is in use.
    _lock: File,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite")
            .field("path", &self.readers.path)
            .finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Starts to use the migrated database at `path`, and holds `lock` meanwhile.
    pub(in crate::storage) fn start(path: &Path, lock: File) -> Result<Self, StorageError> {
        let connection = open_writer(path)?;
        let (jobs, queue) = channel();
        std::thread::Builder::new()
            .name("pikir-writer".to_owned())
            .spawn(move || write_all(connection, &queue))
            .map_err(StorageError::failed)?;
        let permits = |lane: Lane| Arc::new(Semaphore::new(lane.readers()));
        let readers = Readers {
            path: path.to_owned(),
            idle: Mutex::default(),
            pages: permits(Lane::Pages),
            terminals: permits(Lane::Terminals),
            health: permits(Lane::Health),
            _lock: lock,
        };
        Ok(Self {
            jobs,
            lane: Lane::default(),
            readers: Arc::new(readers),
        })
    }

    /// The same database, read in this lane.
    pub(in crate::storage) fn in_lane(&self, lane: Lane) -> Self {
        Self {
            lane,
            ..self.clone()
        }
    }

    /// Runs `work` in a transaction that is committed before this returns. An error rolls back what
    /// `work` did.
    pub(in crate::storage) async fn write<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let done = connection.and_then(|connection| in_savepoint(connection, work));
            Box::new(move |committed| {
                let answer = match (done, committed) {
                    (Ok(value), Ok(())) => Ok(value),
                    (Ok(_), Err(error)) => Err(error.clone()),
                    (Err(error), _) => Err(error),
                };
                // A request that was given up no longer waits for its answer.
                let _ = sender.send(answer);
            })
        });
        self.jobs.send(job).map_err(|_| StorageError::Stopped)?;
        receiver.await.map_err(|_| StorageError::Stopped)?
    }

    /// Runs `work` on one consistent snapshot.
    pub(in crate::storage) async fn read<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let permits = Arc::clone(self.readers.permits(self.lane));
        // It stays with the reading, which nothing interrupts.
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| StorageError::Stopped)?;
        let readers = Arc::clone(&self.readers);
        let reading = move || {
            let mut connection = readers.take()?;
            let transaction = connection.transaction()?;
            let result = work(&transaction);
            drop(transaction);
            readers.give_back(connection);
            result
        };
        blocking::run(permit, reading)
            .await
            .map_err(StorageError::failed)?
    }
}

impl Readers {
    fn permits(&self, lane: Lane) -> &Arc<Semaphore> {
        match lane {
            Lane::Pages => &self.pages,
            Lane::Terminals => &self.terminals,
            Lane::Health => &self.health,
        }
    }

    fn take(&self) -> Result<Connection, StorageError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.map_or_else(|| open_reader(&self.path), Ok)
    }

    fn give_back(&self, connection: Connection) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
    }
}

/// Opens the database for writing, creating the file if it is missing.
pub(in crate::storage) fn open_writer(path: &Path) -> Result<Connection, StorageError> {
    let connection = Connection::open(path)?;
    prepare(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), StorageError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// The writer thread: ends when nobody can send any more.
fn write_all(mut connection: Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut answers = Vec::new();
        let committed = write_group(&mut connection, first, queue, &mut answers);
        if let Err(error) = &committed {
            tracing::error!(%error, writes = answers.len(), "the database did not commit");
        }
        for answer in answers {
            answer(&committed);
        }
    }
}

/// Runs the first job and those that wait behind it in one transaction.
fn write_group(
    connection: &mut Connection,
    first: Job,
    queue: &Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), StorageError> {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            let error = StorageError::from(error);
            answers.push(first(Err(error.clone())));
            return Err(error);
        }
    };
    let mut next = Some(first);
    while let Some(job) = next {
        answers.push(job(Ok(&transaction)));
        // A full disk or a failing one makes SQLite roll back everything at once: nothing more may
        // join.
        let open = !transaction.is_autocommit();
        next = if open && answers.len() < MAX_GROUP {
            queue.try_recv().ok()
        } else {
            None
        };
    }
    Ok(transaction.commit()?)
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    connection.execute_batch("SAVEPOINT job")?;
    // The writer serves everyone: a defect in one piece of work must not end it.
    let result = catch_unwind(AssertUnwindSafe(|| work(connection)))
        .unwrap_or_else(|panic| Err(StorageError::defect(panic_text(panic.as_ref()))));
    match result {
        Ok(value) => {
            connection.execute_batch("RELEASE job")?;
            Ok(value)
        }
        Err(error) => {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
            }
            Err(error)
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a defect in the portal: {}", text.unwrap_or("no text"))
}
