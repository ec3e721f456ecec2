//! The journal as the uploader sees it.

use std::future::Future;

use pikir_contract::{BootOffset, EventsAnswer};
use tokio::sync::watch;

use crate::journal::{Batch, JournalError, JournalHandle, Published, Taken};

/// What waits for the portal: [`JournalHandle`] on a terminal; a simulation puts a journal without
/// a thread behind it.
pub trait Queue: Send + Sync + 'static {
    /// Follows where the journal stands.
    fn subscribe(&self) -> watch::Receiver<Published>;

    /// What is to be sent next: at most `limit` events and `max_bytes` of bodies, but one event in
    /// any case where one waits; and what is known of boots' clocks.
    ///
    /// # Errors
    /// The journal cannot be read.
    fn batch(
        &self,
        limit: usize,
        max_bytes: usize,
    ) -> impl Future<Output = Result<Batch, JournalError>> + Send;

    /// What comes after the batch that was handed out last, to be made ready while that one is
    /// under way. It may be sent only if the answer then turns out to be [`Taken::AsOffered`].
    /// Empty where nothing waits, or nobody can know yet.
    ///
    /// # Errors
    /// The journal cannot be read.
    fn batch_ahead(
        &self,
        limit: usize,
        max_bytes: usize,
    ) -> impl Future<Output = Result<Batch, JournalError>> + Send;

    /// Takes the portal's answer, and says what it did.
    ///
    /// # Errors
    /// The journal does not believe the answer, or cannot keep it: then the portal is sent again
    /// what it holds.
    fn acknowledge(
        &self,
        answer: EventsAnswer,
    ) -> impl Future<Output = Result<Taken, JournalError>> + Send;

    /// Sets one event aside that the portal refuses even alone.
    ///
    /// # Errors
    /// The journal cannot be written.
    fn refuse(
        &self,
        seq: u64,
        reason: String,
    ) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Keeps what was learnt of a boot's clock.
    ///
    /// # Errors
    /// The journal cannot be written; nothing was changed.
    fn learn_offset(
        &self,
        offset: BootOffset,
    ) -> impl Future<Output = Result<(), JournalError>> + Send;
}

impl Queue for JournalHandle {
    fn subscribe(&self) -> watch::Receiver<Published> {
        self.subscribe()
    }

    async fn batch(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.batch(limit, max_bytes).await
    }

    async fn batch_ahead(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.batch_ahead(limit, max_bytes).await
    }

    async fn acknowledge(&self, answer: EventsAnswer) -> Result<Taken, JournalError> {
        self.acknowledge(answer).await
    }

    async fn refuse(&self, seq: u64, reason: String) -> Result<(), JournalError> {
        self.refuse(seq, reason).await
    }

    async fn learn_offset(&self, offset: BootOffset) -> Result<(), JournalError> {
        self.learn_offset(offset).await
    }
}
