//! The journal's own thread: the only one that waits for the disk.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use pikir_contract::{BootOffset, EventsAnswer, Id};
use tokio::sync::{oneshot, watch};

use super::NewEvent;
use super::error::JournalError;
use super::store::{Appended, Batch, Journal, JournalState};
use crate::files;
use crate::limits::{
    DISK_FLOOR_MB, JOURNAL_IDLE, JOURNAL_QUEUE, JOURNAL_RETRY, MAX_PENDING_EVENTS,
};
use crate::view::{Fault, FaultView};

/// Called on the journal's thread once the append is durable or has failed.
pub type AppendReply = Box<dyn FnOnce(Result<Appended, FaultView>) + Send>;

enum Command {
    Append(NewEvent, AppendReply),
    Batch(usize, usize, oneshot::Sender<Result<Batch, JournalError>>),
    Acknowledge(EventsAnswer, oneshot::Sender<Result<bool, JournalError>>),
    Refuse(u64, String, oneshot::Sender<Result<(), JournalError>>),
    LearnOffset(BootOffset),
    Stop,
}

/// What everybody may know of the journal without waiting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    /// Where it stands.
    pub state: JournalState,
    /// Why nothing can be appended, if so.
    pub fault: Option<FaultView>,
}

/// The journal as the rest of the program sees it. Clones share one thread.
#[derive(Clone)]
pub struct JournalHandle {
    commands: SyncSender<Command>,
    published: watch::Receiver<Published>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl JournalHandle {
    /// Starts the journal's thread. A journal that cannot be opened is a fault that everybody sees and that the thread
    /// tries to mend; it is no reason not to start.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(path: PathBuf, terminal: Id) -> std::io::Result<Self> {
        let (journal, first) = match Journal::open(&path) {
            Ok(journal) => {
                let state = journal.state();
                (Some(journal), Published { state, fault: None })
            }
            Err(error) => {
                tracing::error!(%error, "the journal cannot be opened");
                let state = JournalState {
                    terminal: Some(terminal),
                    ..JournalState::default()
                };
                (
                    None,
                    Published {
                        state,
                        fault: Some(storage_fault(&error)),
                    },
                )
            }
        };
        let (commands, received) = sync_channel(JOURNAL_QUEUE);
        let (publish, published) = watch::channel(first);
        let worker = Worker {
            path,
            journal,
            publish,
            dirty: true,
        };
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || worker.run(&received))?;
        Ok(Self {
            commands,
            published,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Where the journal stands now.
    #[must_use]
    pub fn published(&self) -> Published {
        self.published.borrow().clone()
    }

    /// Follows where the journal stands.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Published> {
        self.published.clone()
    }

    /// Asks for an append and returns at once; `reply` is called when it is durable or has failed.
    pub fn append(&self, event: NewEvent, reply: AppendReply) {
        let refused = |command, detail: &str| {
            if let Command::Append(_, reply) = command {
                reply(Err(FaultView {
                    fault: Fault::Storage,
                    detail: detail.to_owned(),
                }));
            }
        };
        match self.commands.try_send(Command::Append(event, reply)) {
            Ok(()) => {}
            Err(TrySendError::Full(command)) => refused(
                command,
                "journal: the disk does not answer; too much is waiting",
            ),
            Err(TrySendError::Disconnected(command)) => {
                refused(command, "journal: the program is ending")
            }
        }
    }

    /// What is to be sent next. See [`Journal::batch`].
    ///
    /// # Errors
    /// The journal cannot be read, or the program is ending.
    pub async fn batch(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.ask(|reply| Command::Batch(limit, max_bytes, reply))
            .await
    }

    /// Takes the portal's answer. See [`Journal::acknowledge`].
    ///
    /// # Errors
    /// The journal cannot be written, or the program is ending.
    pub async fn acknowledge(&self, answer: EventsAnswer) -> Result<bool, JournalError> {
        self.ask(|reply| Command::Acknowledge(answer, reply)).await
    }

    /// Sets an event aside. See [`Journal::refuse`].
    ///
    /// # Errors
    /// The journal cannot be written, or the program is ending.
    pub async fn refuse(&self, seq: u64, reason: String) -> Result<(), JournalError> {
        self.ask(|reply| Command::Refuse(seq, reason, reply)).await
    }

    /// Keeps what was learnt of a boot's clock; where the queue is full, the next answer teaches it again.
    pub fn learn_offset(&self, offset: BootOffset) {
        let _ = self.commands.try_send(Command::LearnOffset(offset));
    }

    /// Finishes what was asked before, empties the write-ahead log and ends the thread.
    pub fn stop(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = self.commands.send(Command::Stop);
            let _ = thread.join();
        }
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Command,
    ) -> Result<T, JournalError> {
        let busy = || JournalError::Damaged("the journal's thread does not answer".into());
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|_| busy())?;
        answer.await.map_err(|_| busy())?
    }
}

fn storage_fault(error: &JournalError) -> FaultView {
    FaultView {
        fault: Fault::Storage,
        detail: error.to_string(),
    }
}

struct Worker {
    path: PathBuf,
    /// `None` while it cannot be opened.
    journal: Option<Journal>,
    publish: watch::Sender<Published>,
    /// Something was written since the last checkpoint.
    dirty: bool,
}

impl Worker {
    fn run(mut self, commands: &Receiver<Command>) {
        loop {
            let command = match self.patience() {
                None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(patience) => commands.recv_timeout(patience),
            };
            match command {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(command) => self.carry_out(command),
                Err(RecvTimeoutError::Timeout) => self.idle(),
            }
        }
        if let Some(Err(error)) = self.journal.as_ref().map(Journal::checkpoint) {
            tracing::warn!(%error, "the write-ahead log could not be emptied; the next start does it");
        }
    }

    /// How long to wait for the next command; for ever when there is nothing else to do.
    fn patience(&self) -> Option<std::time::Duration> {
        if self.publish.borrow().fault.is_some() {
            Some(JOURNAL_RETRY)
        } else {
            self.dirty.then_some(JOURNAL_IDLE)
        }
    }

    fn idle(&mut self) {
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

    fn carry_out(&mut self, command: Command) {
        self.dirty = true;
        match command {
            Command::Append(event, reply) => {
                let result = self.append(event);
                self.publish_state(result.as_ref().err().cloned());
                reply(result);
                return;
            }
            Command::Batch(limit, bytes, reply) => {
                let _ = reply.send(self.with(|journal| journal.batch(limit, bytes)));
            }
            Command::Acknowledge(answer, reply) => {
                let _ = reply.send(self.with(|journal| journal.acknowledge(&answer)));
            }
            Command::Refuse(seq, reason, reply) => {
                let _ = reply.send(self.with(|journal| journal.refuse(seq, &reason)));
            }
            Command::LearnOffset(offset) => {
                if let Err(error) = self.with(|journal| journal.learn_offset(&offset)) {
                    tracing::warn!(%error, "what was learnt of the clock could not be kept");
                }
            }
            Command::Stop => {}
        }
        let fault = self.publish.borrow().fault.clone();
        self.publish_state(fault);
    }

    fn append(&mut self, event: NewEvent) -> Result<Appended, FaultView> {
        self.room()?;
        self.with(|journal| journal.append(event)).map_err(|error| {
            tracing::error!(%error, "an event could not be appended");
            storage_fault(&error)
        })
    }

    /// Refuses before the disk is really full: SQLite, the log and an update must still fit.
    fn room(&self) -> Result<(), FaultView> {
        let directory = self.path.parent().unwrap_or(&self.path);
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
            let next = Published { state, fault };
            let changed = *published != next;
            *published = next;
            changed
        });
    }
}
