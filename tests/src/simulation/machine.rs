//! The terminal of a history: the journal's keeper, driven without a thread, and the uploader, in
//! virtual time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use pikir_contract::{BootOffset, EventsAnswer, Id, MAX_BATCH_EVENTS};
use pikir_kiosk::journal::{Appended, Batch, JournalError, Keeper, NewEvent, Published, Taken};
use pikir_kiosk::platform::clock::SharedClock;
use pikir_kiosk::platform::entropy::SharedEntropy;
use pikir_kiosk::platform::network;
use pikir_kiosk::platform::network::NetworkSignal;
use pikir_kiosk::platform::true_time::TrueTime;
use pikir_kiosk::portal::PortalHealth;
use pikir_kiosk::sync::uploader::{Queue, Uploader};
use pikir_kiosk::view::FaultView;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::clock::SimClock;
use super::road::Road;
use crate::disk::Disk;

/// What a terminal is made of, whatever its lives are.
pub struct Hardware {
    /// Its disk.
    pub disk: Disk,
    /// Its id at the portal.
    pub terminal: Id,
    /// Its randomness.
    pub entropy: SharedEntropy,
    /// Its network.
    pub road: Road,
}

impl Hardware {
    /// The journal's place on the disk.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.disk.path().join("journal.db")
    }
}

/// One life of the program: it ends by itself only when the disk goes off.
pub struct Life {
    desk: Arc<Desk>,
    /// Its clocks.
    pub clock: Arc<SimClock>,
    network: NetworkSignal,
    _batch: watch::Sender<usize>,
    tasks: Vec<JoinHandle<()>>,
}

/// The journal and those who come to it.
struct Desk {
    keeper: Mutex<Option<Keeper>>,
    published: watch::Receiver<Published>,
    hardware: Arc<Hardware>,
    /// Somebody asked the keeper for something.
    used: Notify,
    /// The disk has gone off.
    died: Notify,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Option<Keeper>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the keeper; `None` when the power went before the answer could be used.
    fn ask<T>(&self, work: impl FnOnce(&mut Keeper) -> T) -> Option<T> {
        if self.hardware.disk.is_off() {
            return None;
        }
        let answer = self.lock().as_mut().map(work)?;
        self.used.notify_one();
        if self.hardware.disk.is_off() {
            self.died.notify_one();
            return None;
        }
        Some(answer)
    }

    async fn ask_or_die<T>(&self, work: impl FnOnce(&mut Keeper) -> T) -> T {
        match self.ask(work) {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// What the journal's thread does between requests.
    async fn keep(self: Arc<Self>) {
        loop {
            let patience = self.ask_or_die_quietly(|keeper| keeper.patience()).await;
            tokio::select! {
                () = wait(patience) => {
                    self.ask_or_die_quietly(Keeper::idle).await;
                }
                () = self.used.notified() => {}
            }
        }
    }

    /// [`Desk::ask_or_die`] that does not count as a request.
    async fn ask_or_die_quietly<T>(&self, work: impl FnOnce(&mut Keeper) -> T) -> T {
        let answer = match self.hardware.disk.is_off() {
            true => None,
            false => self.lock().as_mut().map(work),
        };
        match answer {
            Some(answer) if !self.hardware.disk.is_off() => answer,
            _ => {
                self.died.notify_one();
                std::future::pending().await
            }
        }
    }
}

async fn wait(patience: Option<Duration>) {
    match patience {
        Some(patience) => tokio::time::sleep(patience).await,
        None => std::future::pending().await,
    }
}

/// The desk, as the uploader comes to it.
#[derive(Clone)]
struct Counter(Arc<Desk>);

impl Queue for Counter {
    fn subscribe(&self) -> watch::Receiver<Published> {
        self.0.published.clone()
    }

    async fn batch(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.0
            .ask_or_die(|keeper| keeper.batch(limit, max_bytes))
            .await
    }

    async fn batch_ahead(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.0
            .ask_or_die(|keeper| keeper.batch_ahead(limit, max_bytes))
            .await
    }

    async fn acknowledge(&self, answer: EventsAnswer) -> Result<Taken, JournalError> {
        self.0.ask_or_die(|keeper| keeper.acknowledge(answer)).await
    }

    async fn refuse(&self, seq: u64, reason: String) -> Result<(), JournalError> {
        self.0
            .ask_or_die(|keeper| keeper.refuse(seq, &reason))
            .await
    }

    async fn learn_offset(&self, offset: BootOffset) -> Result<(), JournalError> {
        self.0
            .ask_or_die(|keeper| keeper.learn_offset(offset))
            .await
    }
}

impl Life {
    /// Starts the program with these clocks.
    #[must_use]
    pub fn begin(hardware: Arc<Hardware>, clock: Arc<SimClock>, start_spread: Duration) -> Self {
        let shared: SharedClock = clock.clone();
        let keeper = Keeper::open(
            hardware.journal(),
            hardware.terminal,
            shared.clone(),
            hardware.entropy.clone(),
        );
        let desk = Arc::new(Desk {
            published: keeper.subscribe(),
            keeper: Mutex::new(Some(keeper)),
            used: Notify::new(),
            died: Notify::new(),
            hardware,
        });
        let (signal, network) = network::channel();
        let (batch_sender, batch) = watch::channel(MAX_BATCH_EVENTS);
        let uploader = Uploader {
            portal: desk.hardware.road.clone(),
            terminal: desk.hardware.terminal,
            queue: Counter(desk.clone()),
            clock: shared.clone(),
            entropy: desk.hardware.entropy.clone(),
            true_time: Arc::new(TrueTime::new(shared)),
            health: watch::Sender::new(PortalHealth::unknown()),
            batch,
            network,
            start_spread,
        };
        let tasks = vec![
            tokio::spawn(uploader.run()),
            tokio::spawn(desk.clone().keep()),
        ];
        Self {
            desk,
            clock,
            network: signal,
            _batch: batch_sender,
            tasks,
        }
    }

    /// Appends an event; `None` when the power went while that was done.
    pub fn append(&self, event: NewEvent) -> Option<Result<Appended, FaultView>> {
        self.desk.ask(|keeper| keeper.append(event))
    }

    /// Where the journal stands.
    #[must_use]
    pub fn published(&self) -> Published {
        self.desk.published.borrow().clone()
    }

    /// Lets time pass; returns whether the terminal is still alive.
    pub async fn pass(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.desk.died.notified() => false,
            () = tokio::time::sleep(time) => !self.desk.hardware.disk.is_off(),
        }
    }

    /// Tells the uploader that the network is another one.
    pub fn network_changed(&self) {
        self.network.changed();
    }

    /// Ends the program without a chance to do anything.
    pub async fn end(self) {
        let keeper = self.stop_tasks().await;
        drop(keeper);
    }

    /// Ends the program in order.
    pub async fn close(self) {
        if let Some(keeper) = self.stop_tasks().await {
            keeper.close();
        }
    }

    async fn stop_tasks(self) -> Option<Keeper> {
        for task in self.tasks {
            task.abort();
            // Its end is what matters, not how it ended.
            let _ = task.await;
        }
        self.desk.lock().take()
    }
}
