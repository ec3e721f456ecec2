//! The uploader: hands the journal to the portal, in order, until it is acknowledged.
//!
//! It sends what lies past the cursor in batches, and moves the cursor only to what the portal answered
//! (`received_through`). Every request can be repeated, so whatever is lost on the way is sent again. One batch is
//! under way at a time.

use std::sync::Arc;
use std::time::Duration;

use pikir_contract::{
    ClockReading, EventStatus, EventsAnswer, EventsRequest, Id, MAX_BATCH_EVENTS,
};
use tokio::sync::watch;

use crate::backoff::Backoff;
use crate::clock::SharedClock;
use crate::entropy::SharedEntropy;
use crate::journal::{Batch, JournalHandle};
use crate::limits::MAX_BATCH_BYTES;
use crate::portal::{Failure, Portal, PortalHealth, Request, reply};
use crate::true_time::TrueTime;

/// What an uploader needs. One for the terminal's identity, one for each former identity.
pub struct Uploader<P> {
    /// The road to the portal, with the identity's key.
    pub portal: P,
    /// The terminal id the journal belongs to.
    pub terminal: Id,
    /// The journal.
    pub journal: JournalHandle,
    /// The clock.
    pub clock: SharedClock,
    /// For jitter.
    pub entropy: SharedEntropy,
    /// Learns from the answers.
    pub true_time: Arc<TrueTime>,
    /// Where to say how the portal answered.
    pub health: watch::Sender<PortalHealth>,
    /// Largest batch the portal wants (events).
    pub batch: watch::Receiver<usize>,
}

/// What to do after one exchange.
enum Next {
    /// Go on at once: something moved, or a smaller batch is to be tried.
    AtOnce,
    /// Wait for the back-off, and at least this long.
    Later(Option<Duration>),
}

impl<P: Portal> Uploader<P> {
    /// Uploads for ever; ends only with the journal's thread. Stopping it at any moment loses nothing.
    pub async fn run(self) {
        let mut journal = self.journal.subscribe();
        let mut backoff = Backoff::default();
        // Shrinks while the portal refuses the content, grows back with each success.
        let mut limit = MAX_BATCH_EVENTS;
        loop {
            // Looking marks the state as seen, so an event that comes after it wakes the wait below.
            if journal.borrow_and_update().state.pending == 0 {
                if journal.changed().await.is_err() {
                    return;
                }
                continue;
            }
            match self.deliver(&mut limit).await {
                Next::AtOnce => backoff.reset(),
                Next::Later(asked) => {
                    let wait = backoff.next(&*self.entropy, asked);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn deliver(&self, limit: &mut usize) -> Next {
        let wanted = (*limit).min(*self.batch.borrow()).max(1);
        let batch = match self.journal.batch(wanted, MAX_BATCH_BYTES).await {
            Ok(batch) if !batch.events.is_empty() => batch,
            Ok(_) => return Next::Later(None),
            Err(error) => {
                tracing::error!(%error, "the journal cannot be read");
                return Next::Later(None);
            }
        };
        let reading = self.clock.reading();
        let (count, first) = (batch.events.len(), batch.events[0].seq);
        let request = Request::post("/api/v1/events", &self.request(batch, reading));
        let answer = reply::read::<EventsAnswer>(self.portal.send(request).await)
            .and_then(|answer| self.believe(answer));
        match answer {
            Ok(answer) => {
                self.true_time.learn(answer.time, reading.up_ms);
                *limit = (*limit).saturating_mul(2).min(MAX_BATCH_EVENTS);
                self.accept(answer).await
            }
            Err(failure) => self.after(failure, count, first, limit).await,
        }
    }

    fn request(&self, mut batch: Batch, clock: ClockReading) -> EventsRequest {
        if let Some(offset) = self.true_time.offset() {
            // The journal keeps it for the time after this boot.
            self.journal.learn_offset(offset);
            batch.boots.retain(|known| known.boot != offset.boot);
            batch.boots.push(offset);
        }
        EventsRequest {
            terminal: self.terminal,
            clock,
            boots: batch.boots,
            events: batch.events,
        }
    }

    /// A portal that acknowledges what was never written is not one to believe.
    fn believe(&self, answer: EventsAnswer) -> Result<EventsAnswer, Failure> {
        let last = self.journal.published().state.last_seq;
        if answer.received_through > last {
            let through = answer.received_through;
            return Err(Failure::NotThePortal(format!(
                "it acknowledges event {through}, but the newest is {last}"
            )));
        }
        Ok(answer)
    }

    async fn accept(&self, answer: EventsAnswer) -> Next {
        let through = answer.received_through;
        for result in answer
            .results
            .iter()
            .filter(|result| result.status == EventStatus::Rejected)
        {
            tracing::warn!(seq = result.seq, reason = ?result.reason, "the portal rejected an event; it is set aside");
        }
        self.health.send_replace(PortalHealth::ok());
        match self.journal.acknowledge(answer).await {
            Ok(true) => {
                tracing::debug!(received_through = through, "delivered");
                Next::AtOnce
            }
            Ok(false) => {
                tracing::warn!(
                    received_through = through,
                    "the portal answers but acknowledges nothing"
                );
                Next::Later(None)
            }
            Err(error) => {
                tracing::error!(%error, "the acknowledgement cannot be kept; the events are sent again");
                Next::Later(None)
            }
        }
    }

    async fn after(&self, failure: Failure, count: usize, first: u64, limit: &mut usize) -> Next {
        tracing::warn!(reason = %failure, events = count, "not delivered");
        self.health.send_if_modified(|health| {
            let next = failure.health();
            let changed = *health != next;
            *health = next;
            changed
        });
        if matches!(failure, Failure::Content { .. }) {
            if count > 1 {
                *limit = count / 2;
                return Next::AtOnce;
            }
            tracing::warn!(
                seq = first,
                "the portal refuses this event alone; it is set aside"
            );
            if let Err(error) = self.journal.refuse(first, failure.to_string()).await {
                tracing::error!(%error, "the event cannot be set aside");
            }
        }
        Next::Later(failure.retry_after())
    }
}

#[cfg(test)]
mod tests;
