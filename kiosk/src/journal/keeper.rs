//! The keeper: everything the journal does, one thing after another, in whoever's thread it is called.
//!
//! On a terminal that is the journal's own thread ([`super::JournalHandle`]); a simulation calls it directly.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pikir_contract::{BootOffset, EventsAnswer, Id};
use tokio::sync::watch;

use super::NewEvent;
use super::error::JournalError;
use super::store::{Appended, Batch, Journal, JournalState};
use crate::clock::SharedClock;
use crate::entropy::SharedEntropy;
use crate::files;
use crate::limits::{DISK_FLOOR_MB, JOURNAL_IDLE, JOURNAL_RETRY, MAX_PENDING_EVENTS};
use crate::view::{Fault, FaultView};

/// What everybody may know of the journal without waiting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    /// Where it stands.
    pub state: JournalState,
    /// Why nothing can be appended, if so.
    pub fault: Option<FaultView>,
    /// What the newest recovery from damage says of itself; `None` where the journal was never damaged.
    pub recovered: Option<String>,
}

/// The journal with its care: what there must be room for, what is done in idle time, how a failure is mended.
pub struct Keeper {
    path: PathBuf,
    #[expect(dead_code, reason = "notices of a recovery carry them")]
    clock: SharedClock,
    #[expect(dead_code, reason = "notices of a recovery carry them")]
    entropy: SharedEntropy,
    /// `None` while it cannot be opened.
    journal: Option<Journal>,
    publish: watch::Sender<Published>,
    /// Something was written since the last checkpoint.
    dirty: bool,
}

impl Keeper {
    /// Opens the journal of the terminal `terminal`. A journal that cannot be opened is a fault that everybody sees
    /// and that [`Keeper::idle`] tries to mend; it is no reason not to start.
    #[must_use]
    pub fn open(path: PathBuf, terminal: Id, clock: SharedClock, entropy: SharedEntropy) -> Self {
        let state = JournalState {
            terminal: Some(terminal),
            ..JournalState::default()
        };
        let mut keeper = Self {
            journal: None,
            publish: watch::Sender::new(Published {
                state,
                ..Published::default()
            }),
            dirty: true,
            path,
            clock,
            entropy,
        };
        let fault = match Journal::open(&keeper.path) {
            Ok(journal) => {
                keeper.journal = Some(journal);
                None
            }
            Err(error) => {
                tracing::error!(%error, "the journal cannot be opened");
                Some(storage_fault(&error))
            }
        };
        keeper.publish_state(fault);
        keeper
    }

    /// Where the journal stands now.
    #[must_use]
    pub fn published(&self) -> Published {
        self.publish.borrow().clone()
    }

    /// Follows where the journal stands.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Published> {
        self.publish.subscribe()
    }

    /// How long to wait for the next request before [`Keeper::idle`] is called; `None`: for ever, there is nothing
    /// else to do.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        if self.publish.borrow().fault.is_some() {
            Some(JOURNAL_RETRY)
        } else {
            self.dirty.then_some(JOURNAL_IDLE)
        }
    }

    /// Does a small piece of what is due while nobody asks for anything.
    pub fn idle(&mut self) {
        if self.publish.borrow().fault.is_some() {
            self.heal();
        } else if let Some(journal) = &self.journal {
            match journal.checkpoint() {
                Ok(()) => self.dirty = false,
                Err(error) => {
                    tracing::warn!(%error, "the write-ahead log could not be emptied; it is tried again")
                }
            }
        }
    }

    /// Appends an event. When it returns `Ok`, the event survives a power cut. See [`Journal::append`].
    ///
    /// # Errors
    /// Nothing was appended; the fault is published too.
    pub fn append(&mut self, event: NewEvent) -> Result<Appended, FaultView> {
        self.dirty = true;
        let result = self.room().and_then(|()| {
            self.with(|journal| journal.append(event)).map_err(|error| {
                tracing::error!(%error, "an event could not be appended");
                storage_fault(&error)
            })
        });
        self.publish_state(result.as_ref().err().cloned());
        result
    }

    /// What is to be sent next. See [`Journal::batch`].
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn batch(&mut self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.change(|journal| journal.batch(limit, max_bytes))
    }

    /// Takes the portal's answer. See [`Journal::acknowledge`].
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn acknowledge(&mut self, answer: EventsAnswer) -> Result<bool, JournalError> {
        self.change(|journal| journal.acknowledge(&answer))
    }

    /// Sets an event aside that the portal will not take. See [`Journal::refuse`].
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn refuse(&mut self, seq: u64, reason: &str) -> Result<(), JournalError> {
        self.change(|journal| journal.refuse(seq, reason))
    }

    /// Keeps what was learnt of a boot's clock. See [`Journal::learn_offset`].
    ///
    /// # Errors
    /// Nothing was changed; the next answer teaches it again.
    pub fn learn_offset(&mut self, offset: BootOffset) -> Result<(), JournalError> {
        self.change(|journal| journal.learn_offset(&offset))
    }

    /// Empties the write-ahead log and closes the file.
    pub fn close(self) {
        if let Some(Err(error)) = self.journal.as_ref().map(Journal::checkpoint) {
            tracing::warn!(%error, "the write-ahead log could not be emptied; the next start does it");
        }
    }

    fn change<T>(
        &mut self,
        work: impl FnOnce(&mut Journal) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.dirty = true;
        let result = self.with(work);
        let fault = self.publish.borrow().fault.clone();
        self.publish_state(fault);
        result
    }

    /// Refuses before the disk is really full: SQLite, the log and an update must still fit.
    fn room(&self) -> Result<(), FaultView> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let free = files::free_mb(directory).map_err(|error| FaultView {
            fault: Fault::Storage,
            detail: format!("disk: {error}"),
        })?;
        if free < DISK_FLOOR_MB {
            let detail = format!(
                "disk: {free} MB free, {DISK_FLOOR_MB} MB needed. Free some space; ratings are safe"
            );
            return Err(FaultView {
                fault: Fault::DiskFull,
                detail,
            });
        }
        let pending = self.publish.borrow().state.pending;
        if pending >= MAX_PENDING_EVENTS {
            let detail = format!(
                "journal: {pending} events wait for the portal. Connect the network, or export by USB"
            );
            return Err(FaultView {
                fault: Fault::DiskFull,
                detail,
            });
        }
        Ok(())
    }

    fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Journal) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        match &mut self.journal {
            Some(journal) => work(journal),
            None => Err(JournalError::Missing(self.path.clone())),
        }
    }

    /// Opens the file anew and proves that it can be written before ratings are taken again.
    fn heal(&mut self) {
        self.journal = None;
        let fault =
            match Journal::open(&self.path).and_then(|journal| journal.probe().map(|()| journal)) {
                Ok(journal) => {
                    self.journal = Some(journal);
                    self.room().err()
                }
                Err(error) => Some(storage_fault(&error)),
            };
        if fault.is_none() {
            tracing::info!("the journal can be written again");
        }
        self.publish_state(fault);
    }

    fn publish_state(&self, fault: Option<FaultView>) {
        let state = self
            .journal
            .as_ref()
            .map_or_else(|| self.publish.borrow().state, Journal::state);
        self.publish.send_if_modified(|published| {
            let next = Published {
                state,
                fault,
                recovered: None,
            };
            let changed = *published != next;
            *published = next;
            changed
        });
    }
}

fn storage_fault(error: &JournalError) -> FaultView {
    FaultView {
        fault: Fault::Storage,
        detail: error.to_string(),
    }
}
