//! The journal's own thread: the only one that waits for the disk.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use pikir_contract::{BootOffset, EventsAnswer, Id};
use tokio::sync::{oneshot, watch};

use super::error::JournalError;
use super::event::NewEvent;
use super::file::cursor::Taken;
use super::keeper::Keeper;
use super::state::{Appended, Batch, Published};
use crate::limits::{JOURNAL_QUEUE, OPEN_PATIENCE};
use crate::platform::clock::SharedClock;
use crate::platform::entropy::SharedEntropy;
use crate::view::{Fault, FaultView};

/// Called on the journal's thread once the append is durable or has failed.
pub type AppendReply = Box<dyn FnOnce(Result<Appended, FaultView>) + Send>;

enum Command {
    Append(Box<NewEvent>, AppendReply),
    Batch(usize, usize, oneshot::Sender<Result<Batch, JournalError>>),
    Oldest(oneshot::Sender<Result<Batch, JournalError>>),
    BatchAhead(usize, usize, oneshot::Sender<Result<Batch, JournalError>>),
    Acknowledge(EventsAnswer, oneshot::Sender<Result<Taken, JournalError>>),
    Refuse(u64, String, oneshot::Sender<Result<(), JournalError>>),
    LearnOffset(BootOffset, oneshot::Sender<Result<(), JournalError>>),
    CountSince(i64, BootOffset),
    Stop,
}

/// The journal as the rest of the program sees it. Clones share one thread.
#[derive(Clone)]
pub struct JournalHandle {
    commands: SyncSender<Command>,
    /// Commands that were sent and not taken up yet.
    waiting: Arc<AtomicUsize>,
    published: watch::Receiver<Published>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// Hears once from the thread when it has opened the journal, or found that it cannot.
    opened: Arc<Mutex<Receiver<()>>>,
}

impl JournalHandle {
    /// [`JournalHandle::begin`], and [`JournalHandle::wait_until_open`].
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        path: PathBuf,
        terminal: Id,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> std::io::Result<Self> {
        let handle = Self::begin(path, terminal, clock, entropy)?;
        handle.wait_until_open();
        Ok(handle)
    }

    /// Starts the journal's thread, which begins to open it. A journal that cannot be opened is a
    /// fault that everybody sees and that the thread tries to mend; it is no reason not to start.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn begin(
        path: PathBuf,
        terminal: Id,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> std::io::Result<Self> {
        let mut keeper = Keeper::closed(path, terminal, clock, entropy);
        let published = keeper.subscribe();
        let waiting = keeper.waiting.clone();
        let (commands, received) = sync_channel(JOURNAL_QUEUE);
        let (opened, wait) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                keeper.idle();
                let _ = opened.send(());
                // Whoever asks once more does not wait.
                drop(opened);
                run(keeper, &received);
            })?;
        Ok(Self {
            commands,
            waiting,
            published,
            thread: Arc::new(Mutex::new(Some(thread))),
            opened: Arc::new(Mutex::new(wait)),
        })
    }

    /// Waits a little ([`OPEN_PATIENCE`]): whoever starts finds the journal open, unless there is
    /// much to check or to mend.
    pub fn wait_until_open(&self) {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        // Gone: it has said so before.
        let _ = opened.recv_timeout(OPEN_PATIENCE);
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
        match self.send(Command::Append(Box::new(event), reply)) {
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

    /// Asks for an append that nobody waits for: what happened to it shows in
    /// [`JournalHandle::published`].
    pub fn append_and_forget(&self, event: NewEvent) {
        self.append(event, Box::new(|_| {}));
    }

    /// Appends an event; answers whether it is durable.
    pub async fn append_durably(&self, event: NewEvent) -> bool {
        let (done, durable) = oneshot::channel();
        let reply = move |result: Result<_, _>| {
            let _ = done.send(result.is_ok());
        };
        self.append(event, Box::new(reply));
        durable.await.unwrap_or(false)
    }

    /// The oldest event that waits for the portal. See [`Keeper::oldest`].
    ///
    /// # Errors
    /// The journal cannot be read, or the program is ending.
    pub async fn oldest(&self) -> Result<Batch, JournalError> {
        self.ask(Command::Oldest).await
    }

    /// What is to be sent next. See [`super::Journal::batch`].
    ///
    /// # Errors
    /// The journal cannot be read, or the program is ending.
    pub async fn batch(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.ask(|reply| Command::Batch(limit, max_bytes, reply))
            .await
    }

    /// What comes after the batch that was handed out last. See [`Keeper::batch_ahead`].
    ///
    /// # Errors
    /// The journal cannot be read, or the program is ending.
    pub async fn batch_ahead(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.ask(|reply| Command::BatchAhead(limit, max_bytes, reply))
            .await
    }

    /// Takes the portal's answer. See [`Keeper::acknowledge`].
    ///
    /// # Errors
    /// The journal cannot be written, or the program is ending.
    pub async fn acknowledge(&self, answer: EventsAnswer) -> Result<Taken, JournalError> {
        self.ask(|reply| Command::Acknowledge(answer, reply)).await
    }

    /// Sets an event aside. See [`super::Journal::refuse`].
    ///
    /// # Errors
    /// The journal cannot be written, or the program is ending.
    pub async fn refuse(&self, seq: u64, reason: String) -> Result<(), JournalError> {
        self.ask(|reply| Command::Refuse(seq, reason, reply)).await
    }

    /// Keeps what was learnt of a boot's clock. See [`super::Journal::learn_offset`].
    ///
    /// # Errors
    /// The journal cannot be written, or the program is ending.
    pub async fn learn_offset(&self, offset: BootOffset) -> Result<(), JournalError> {
        self.ask(|reply| Command::LearnOffset(offset, reply)).await
    }

    /// Asks for the ratings since a midnight and returns at once; [`Published::today`] will say how
    /// many. See [`Keeper::count_since`]. A journal that is too busy is asked again with the next
    /// refresh.
    pub fn count_since(&self, since_ms: i64, offset: BootOffset) {
        let _ = self.send(Command::CountSince(since_ms, offset));
    }

    /// Finishes what was asked before, empties the write-ahead log and ends the thread.
    pub fn stop(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // What can be done later gives way.
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let _ = self.commands.send(Command::Stop);
            let _ = thread.join();
        }
    }

    fn send(&self, command: Command) -> Result<(), TrySendError<Command>> {
        // Before it is sent: whoever takes it up counts it down.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.commands.try_send(command).inspect_err(|_| {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        })
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Command,
    ) -> Result<T, JournalError> {
        let busy = || JournalError::Busy;
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).map_err(|_| busy())?;
        answer.await.map_err(|_| busy())?
    }
}

/// Serves commands until told to stop; in between, what is due.
fn run(mut keeper: Keeper, commands: &Receiver<Command>) {
    loop {
        let command = match keeper.patience() {
            None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(patience) => commands.recv_timeout(patience),
        };
        match command {
            Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(command) => {
                keeper.waiting.fetch_sub(1, Ordering::SeqCst);
                carry_out(&mut keeper, command);
            }
            Err(RecvTimeoutError::Timeout) => keeper.idle(),
        }
    }
    keeper.close();
}

fn carry_out(keeper: &mut Keeper, command: Command) {
    match command {
        Command::Append(event, reply) => reply(keeper.append(*event)),
        Command::Batch(limit, bytes, reply) => {
            let _ = reply.send(keeper.batch(limit, bytes));
        }
        Command::Oldest(reply) => {
            let _ = reply.send(keeper.oldest());
        }
        Command::BatchAhead(limit, bytes, reply) => {
            let _ = reply.send(keeper.batch_ahead(limit, bytes));
        }
        Command::Acknowledge(answer, reply) => {
            let _ = reply.send(keeper.acknowledge(answer));
        }
        Command::Refuse(seq, reason, reply) => {
            let _ = reply.send(keeper.refuse(seq, &reason));
        }
        Command::LearnOffset(offset, reply) => {
            let _ = reply.send(keeper.learn_offset(offset));
        }
        Command::CountSince(since_ms, offset) => keeper.count_since(since_ms, offset),
        Command::Stop => {}
    }
}
