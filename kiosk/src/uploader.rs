//! The uploader: hands the journal to the portal, in order, until it is acknowledged.
//!
//! It sends what lies past the cursor in batches, and moves the cursor only to what the portal answered
//! (`received_through`). Every request can be repeated, so whatever is lost on the way is sent again. One batch is
//! under way at a time.
//!
//! # When it sends
//! | what happened | next request |
//! | --- | --- |
//! | the program started | at a random moment within the start spread; at once when a visitor rates |
//! | the cursor moved forwards | at once, with twice the events |
//! | 413 or 422 | at once, with half the events; an event that is refused alone is set aside |
//! | the cursor moved backwards, or beyond the newest event | after a back-off of its own, which forgets slowly |
//! | anything else | after the back-off, with half the events unless the portal is only busy |
//! | the network changed | the back-off ends, over a new connection; what the portal asked for (`Retry-After`) is kept |
//!
//! Above all stands [`Pace`]: no answer drives a terminal beyond it. Nothing here depends on threads or the wall clock,
//! so a simulation runs it in paused time.

mod queue;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pikir_contract::{
    BootId, BootOffset, ClockReading, EventStatus, EventsAnswer, EventsRequest, Id,
    MAX_BATCH_EVENTS,
};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backoff::{Backoff, Pace, StartSpread};
use crate::clock::SharedClock;
use crate::entropy::SharedEntropy;
use crate::journal::{Batch, JournalError, JournalState, Published};
use crate::limits::{MAX_BATCH_BYTES, MAX_BELIEVED_AHEAD, SETBACK_MEMORY, SMALL_BATCH_EVENTS};
use crate::network::NetworkChanges;
use crate::portal::{Failure, Portal, PortalHealth, Request, reply};
use crate::true_time::TrueTime;

pub use queue::Queue;

/// What an uploader needs. One for the terminal's identity, one for each former identity.
pub struct Uploader<P, Q> {
    /// The road to the portal, with the identity's key.
    pub portal: P,
    /// The terminal id the journal belongs to.
    pub terminal: Id,
    /// The journal.
    pub queue: Q,
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
    /// Ends waits that were for a network that is no more.
    pub network: NetworkChanges,
    /// The first try comes at a random moment within this.
    pub start_spread: Duration,
}

/// What to do after one exchange.
enum Next {
    /// Go on at once: the portal took something.
    AtOnce,
    /// Go on at once with less; that is no success.
    Smaller,
    /// The portal's idea of this journal is another one: once in a while that is a restored backup, often it is a fault.
    SetBack,
    /// Wait for the back-off, and at least this long.
    Later(Option<Duration>),
}

/// What is remembered from one exchange to the next. It dies with the program, which loses nothing.
struct Memory {
    /// Shrinks while the portal refuses or does not answer, grows with each success (events).
    limit: usize,
    backoff: Backoff,
    setbacks: Backoff,
    last_setback: Option<Instant>,
    pace: Pace,
    /// What the journal was told of this boot's clock.
    learnt: Option<BootOffset>,
    /// What the portal was told of boots' clocks.
    told: HashMap<BootId, BootOffset>,
    /// More may be known of earlier boots' clocks than the portal was told.
    has_news: bool,
}

impl<P: Portal, Q: Queue> Uploader<P, Q> {
    /// Uploads for ever; ends only with the journal. Stopping it at any moment loses nothing.
    pub async fn run(mut self) {
        let mut journal = self.queue.subscribe();
        let mut memory = Memory::new();
        let start = StartSpread::begin(self.start_spread);
        self.wait_for_start(start, &mut journal).await;
        loop {
            // Looking marks the state as seen, so an event that comes after it wakes the wait below.
            let pending = journal.borrow_and_update().state.pending;
            if pending == 0 && !memory.has_news {
                if journal.changed().await.is_err() {
                    return;
                }
                continue;
            }
            memory.pace.turn().await;
            if self.network.take() {
                self.portal.forget_connections();
            }
            match self.deliver(&mut memory).await {
                Next::AtOnce => memory.backoff.reset(),
                Next::Smaller => {}
                Next::SetBack => {
                    let wait = memory.set_back(&self.entropy);
                    tokio::time::sleep(wait).await;
                }
                Next::Later(asked) => {
                    let network = &mut self.network;
                    if memory.backoff.wait(&*self.entropy, asked, network).await {
                        self.portal.forget_connections();
                        tokio::time::sleep(start.after_change(&*self.entropy)).await;
                    }
                }
            }
        }
    }

    /// A visitor who rates ends the wait: they come at a moment of their own.
    async fn wait_for_start(&self, start: StartSpread, journal: &mut watch::Receiver<Published>) {
        let last_rating = journal.borrow().state.last_rating;
        let rated = journal.wait_for(|published| published.state.last_rating != last_rating);
        let wait = start.first(&*self.entropy);
        // Whether a rating or the time ended the wait, or the journal is gone: the loop looks for itself.
        let _ = tokio::time::timeout(wait, rated).await;
    }

    async fn deliver(&self, memory: &mut Memory) -> Next {
        // What the kernel knows of the time may date earlier boots, so it goes to the journal before it is read.
        let is_kept = self.learn(memory).await;
        let wanted = memory.limit.min(*self.batch.borrow()).max(1);
        let batch = match self.queue.batch(wanted, MAX_BATCH_BYTES).await {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(%error, "the journal cannot be read");
                return Next::Later(None);
            }
        };
        let is_question = batch.is_question;
        if batch.events.is_empty() && !is_question && !self.is_news(memory, &batch) {
            memory.has_news = !is_kept;
            return match self.state().pending {
                0 if is_kept => Next::Smaller,
                _ => Next::Later(None),
            };
        }
        let reading = self.clock.reading();
        let (count, first) = (
            batch.events.len(),
            batch.events.first().map(|event| event.seq),
        );
        let message = self.request(batch, reading, memory);
        let request = Request::post("/api/v1/events", &message);
        let answer = reply::read::<EventsAnswer>(self.portal.send(request).await)
            .and_then(|answer| self.believe(answer));
        match answer {
            Ok(answer) => {
                self.true_time.learn(answer.time, reading.up_ms);
                self.learn(memory).await;
                memory
                    .told
                    .extend(message.boots.iter().map(|known| (known.boot, *known)));
                memory.limit = memory.limit.saturating_mul(2).min(MAX_BATCH_EVENTS);
                self.accept(answer, count == 0 && !is_question).await
            }
            Err(failure) => self.after(failure, count, first, memory).await,
        }
    }

    /// Lets the journal keep what is known of this boot's clock, for the time after this boot and for the boots before.
    /// Returns whether it does; the next delivery tries again.
    async fn learn(&self, memory: &mut Memory) -> bool {
        let before = memory.learnt;
        let Some(offset) = self.true_time.news(&mut memory.learnt) else {
            return true;
        };
        memory.has_news = true;
        let kept = self.queue.learn_offset(offset).await;
        if let Err(error) = &kept {
            tracing::warn!(%error, "what is known of the clock could not be kept; it is tried again");
            memory.learnt = before;
        }
        kept.is_ok()
    }

    /// Whether more is known of earlier boots than the portal was told. This boot's clock it sees with every request.
    fn is_news(&self, memory: &Memory, batch: &Batch) -> bool {
        batch
            .boots
            .iter()
            .any(|known| known.boot != self.clock.boot() && !memory.was_told(known))
    }

    fn request(&self, mut batch: Batch, clock: ClockReading, memory: &Memory) -> EventsRequest {
        if let Some(offset) = self.true_time.offset() {
            batch.boots.retain(|known| known.boot != offset.boot);
            batch.boots.push(offset);
        }
        let sent: Vec<String> = boots_of(&batch);
        batch
            .boots
            .retain(|known| !memory.was_told(known) || sent.contains(&known.boot.to_string()));
        EventsRequest {
            terminal: self.terminal,
            clock,
            boots: batch.boots,
            events: batch.events,
        }
    }

    /// A portal that acknowledges a little more than was written holds what this journal lost; the journal judges that.
    /// One that acknowledges far more is not one to believe.
    fn believe(&self, answer: EventsAnswer) -> Result<EventsAnswer, Failure> {
        let last = self.state().last_seq;
        if answer.received_through > last.saturating_add(MAX_BELIEVED_AHEAD) {
            let through = answer.received_through;
            return Err(Failure::NotThePortal(format!(
                "it acknowledges event {through}, but the newest is {last}"
            )));
        }
        Ok(answer)
    }

    async fn accept(&self, answer: EventsAnswer, was_empty: bool) -> Next {
        let (before, through) = (self.state(), answer.received_through);
        for result in answer
            .results
            .iter()
            .filter(|result| result.status == EventStatus::Rejected)
        {
            tracing::warn!(seq = result.seq, reason = ?result.reason, "the portal rejected an event; it is set aside");
        }
        let is_set_back = through < before.received_through || through > before.last_seq;
        let taken = self.queue.acknowledge(answer).await;
        self.say(match &taken {
            Err(error @ JournalError::Unbelievable { .. }) => {
                Failure::NotThePortal(error.to_string()).health()
            }
            _ => PortalHealth::ok(),
        });
        match taken {
            Ok(_) if is_set_back => {
                tracing::warn!(
                    received_through = through,
                    newest = before.last_seq,
                    acknowledged = before.received_through,
                    "the portal holds another part of the journal than it acknowledged"
                );
                Next::SetBack
            }
            // News of boots alone come one at a time.
            Ok(_) if was_empty => Next::Later(None),
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

    async fn after(
        &self,
        failure: Failure,
        count: usize,
        first: Option<u64>,
        memory: &mut Memory,
    ) -> Next {
        tracing::warn!(reason = %failure, events = count, "not delivered");
        self.say(failure.health());
        match (&failure, first) {
            (Failure::Content { .. }, Some(_)) if count > 1 => {
                memory.limit = count / 2;
                return Next::Smaller;
            }
            (Failure::Content { .. }, Some(first)) => {
                tracing::warn!(
                    seq = first,
                    "the portal refuses this event alone; it is set aside"
                );
                if let Err(error) = self.queue.refuse(first, failure.to_string()).await {
                    tracing::error!(%error, "the event cannot be set aside");
                }
            }
            // News of boots alone: nothing that must arrive.
            (Failure::Content { .. }, None) => memory.has_news = false,
            (Failure::Busy { .. }, _) => {}
            // A slow line may need longer for a whole batch than it has time, and a line that is down needs no more than
            // a knock.
            _ => {
                let smaller = (memory.limit / 2).max(SMALL_BATCH_EVENTS);
                memory.limit = memory.limit.min(smaller);
            }
        }
        Next::Later(failure.retry_after())
    }

    fn say(&self, next: PortalHealth) {
        self.health.send_if_modified(|health| {
            let changed = *health != next;
            *health = next;
            changed
        });
    }

    fn state(&self) -> JournalState {
        self.queue.subscribe().borrow().state
    }
}

impl Memory {
    fn new() -> Self {
        Self {
            limit: MAX_BATCH_EVENTS,
            backoff: Backoff::default(),
            setbacks: Backoff::default(),
            last_setback: None,
            pace: Pace::default(),
            learnt: None,
            told: HashMap::new(),
            has_news: false,
        }
    }

    fn was_told(&self, known: &BootOffset) -> bool {
        self.told.get(&known.boot) == Some(known)
    }

    /// How long to wait after a setback: hardly at all after the first in a long time.
    fn set_back(&mut self, entropy: &SharedEntropy) -> Duration {
        let now = Instant::now();
        if self
            .last_setback
            .is_some_and(|last| now - last > SETBACK_MEMORY)
        {
            self.setbacks.reset();
        }
        self.last_setback = Some(now);
        self.setbacks.next(&**entropy, None)
    }
}

/// The boots that occur in the batch's events.
fn boots_of(batch: &Batch) -> Vec<String> {
    let mut boots: Vec<String> = batch
        .events
        .iter()
        .filter_map(|event| Some(event.body.get("boot")?.as_str()?.to_owned()))
        .collect();
    boots.dedup();
    boots
}

#[cfg(test)]
mod rate_tests;
#[cfg(test)]
mod tests;
