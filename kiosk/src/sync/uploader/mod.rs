//! The uploader: hands the journal to the portal, in order, until it is acknowledged.
//!
//! It sends what lies past the cursor in batches, and moves the cursor only to what the portal
//! answered (`received_through`). Every request can be repeated, so whatever is lost on the way is
//! sent again. One batch is under way at a time; the one after it is read and packed meanwhile, and
//! thrown away unless the answer takes the first one as it was (the journal says so:
//! [`Taken::AsOffered`]).
//!
//! # When it sends
//! | what happened | next request |
//! | --- | --- |
//! | the program started | at a random moment within the start spread; at once when a visitor rates |
//! | the cursor moved forwards | at once, with twice the events, up to what this line lets through |
//! | 413 or 422 | at once, with half the events; an event that is refused alone is set aside, unless it was a proxy's page that said so |
//! | the cursor moved backwards, or beyond the newest event | after a back-off of its own, which forgets slowly |
//! | anything else | after the back-off, with half the events, down to one, unless the portal is only busy |
//! | the network changed | the back-off ends, over a new connection; what the portal asked for (`Retry-After`) is kept |
//!
//! Above all stands [`Pace`](crate::portal::backoff::Pace): no answer drives a terminal beyond it.
//! Nothing here depends on threads or the wall clock, so a simulation runs it in paused time.

mod delivery;
mod memory;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use pikir_contract::{BootOffset, EventStatus, EventsAnswer, Id};
use tokio::sync::watch;

use crate::journal::{JournalError, JournalState, Published, Taken};
use crate::limits::{MAX_BATCH_BYTES, MAX_LEAP};
use crate::platform::clock::SharedClock;
use crate::platform::entropy::SharedEntropy;
use crate::platform::network::NetworkChanges;
use crate::platform::true_time::TrueTime;
use crate::portal::backoff::StartSpread;
use crate::portal::{Failure, Portal, PortalHealth, Request, reply};

use delivery::Delivery;
use memory::Memory;
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
    /// The portal's idea of this journal is another one: once in a while that is a restored backup,
    /// often it is a fault.
    SetBack,
    /// Wait for the back-off, and at least this long.
    Later(Option<Duration>),
}

impl<P: Portal, Q: Queue> Uploader<P, Q> {
    /// Uploads for ever; ends only with the journal. Stopping it at any moment loses nothing.
    pub async fn run(mut self) {
        let mut journal = self.queue.subscribe();
        let mut memory = Memory::new();
        let start = StartSpread::begin(self.start_spread);
        self.wait_for_start(start, &mut journal).await;
        loop {
            // Looking marks the state as seen, so an event that comes after it wakes the wait
            // below.
            let pending = journal.borrow_and_update().state.pending;
            if pending == 0 && !memory.has_news {
                if journal.changed().await.is_err() {
                    return;
                }
                continue;
            }
            if memory.pace.turn().await {
                // The journal may be another one by now: mended, opened anew.
                memory.ahead = None;
            }
            if self.network.take() {
                self.portal.forget_connections();
                memory.other_line();
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
                        memory.other_line();
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
        // Whether a rating or the time ended the wait, or the journal is gone: the loop looks for
        // itself.
        let _ = tokio::time::timeout(wait, rated).await;
    }

    async fn deliver(&self, memory: &mut Memory) -> Next {
        // What the kernel knows of the time may date earlier boots, so it goes to the journal
        // before it is read.
        let is_kept = self.learn(memory).await;
        let Some(delivery) = self.next(memory).await else {
            return Next::Later(None);
        };
        let (count, first) = (delivery.count, delivery.first);
        let is_question = delivery.is_question;
        if count == 0 && !is_question && !self.is_news(memory, &delivery.boots) {
            memory.has_news = !is_kept;
            return match self.state().pending {
                0 if is_kept => Next::Smaller,
                _ => Next::Later(None),
            };
        }
        let boots = self.boots_to_tell(&delivery, memory);
        let reading = self.clock.reading();
        let request = match delivery.into_request(self.terminal, reading, &boots) {
            Ok(request) => request,
            Err(error) => return cannot_pack(&error),
        };
        let grown = memory.grown();
        let (answer, ahead) = tokio::join!(
            self.exchange(request, reading.up_ms),
            self.pack_ahead(count, grown)
        );
        match answer {
            Ok(answer) => {
                self.learn(memory).await;
                memory
                    .told
                    .extend(boots.iter().map(|known| (known.boot, *known)));
                memory.arrived(count);
                let (next, taken) = self.accept(answer, count == 0 && !is_question).await;
                memory.ahead = ahead.filter(|_| taken == Taken::AsOffered);
                next
            }
            Err(failure) => self.after(failure, count, first, memory).await,
        }
    }

    /// What is to be sent now; `None` where that cannot be known.
    async fn next(&self, memory: &mut Memory) -> Option<Delivery> {
        let wanted = self.wanted(memory.limit);
        if let Some(ahead) = memory.ahead.take().filter(|ahead| ahead.count <= wanted) {
            return Some(ahead);
        }
        let batch = self.queue.batch(wanted, MAX_BATCH_BYTES).await;
        let batch = batch
            .inspect_err(|error| tracing::error!(%error, "the journal cannot be read"))
            .ok()?;
        Delivery::pack(batch)
            .inspect_err(|error| tracing::error!(%error, "a delivery cannot be packed"))
            .ok()
    }

    /// What comes after the delivery of `count` events that is under way.
    async fn pack_ahead(&self, count: usize, limit: usize) -> Option<Delivery> {
        if count == 0 || self.state().pending <= count as u64 {
            return None;
        }
        let batch = self
            .queue
            .batch_ahead(self.wanted(limit), MAX_BATCH_BYTES)
            .await;
        // Whatever is wrong shows again when it is its turn.
        let batch = batch.ok().filter(|batch| !batch.events.is_empty())?;
        Delivery::pack(batch).ok()
    }

    fn wanted(&self, limit: usize) -> usize {
        limit.min(*self.batch.borrow()).max(1)
    }

    /// Sends a delivery; what its answer says of the time is learnt at the moment at which it
    /// comes.
    async fn exchange(&self, request: Request, sent_up_ms: u64) -> Result<EventsAnswer, Failure> {
        let reply = self.portal.send(request).await;
        let answer = self.believe(reply::read::<EventsAnswer>(reply)?)?;
        self.true_time.learn(answer.time, sent_up_ms);
        Ok(answer)
    }

    /// Lets the journal keep what is known of this boot's clock, for the time after this boot and
    /// for the boots before. Returns whether it does; the next delivery tries again.
    async fn learn(&self, memory: &mut Memory) -> bool {
        let Some(offset) = self.true_time.news(memory.learnt) else {
            return true;
        };
        memory.has_news = true;
        let kept = self.queue.learn_offset(offset).await;
        match &kept {
            Ok(()) => memory.learnt = Some(offset),
            Err(error) => {
                tracing::warn!(%error, "what is known of the clock could not be kept; it is tried again");
            }
        }
        kept.is_ok()
    }

    /// Whether more is known of earlier boots than the portal was told. This boot's clock it sees
    /// with every request.
    fn is_news(&self, memory: &Memory, boots: &[BootOffset]) -> bool {
        boots
            .iter()
            .any(|known| known.boot != self.clock.boot() && !memory.was_told(known))
    }

    /// What the portal is told of boots' clocks: of those whose events are delivered, and what it
    /// does not know yet.
    fn boots_to_tell(&self, delivery: &Delivery, memory: &Memory) -> Vec<BootOffset> {
        let mut boots = delivery.boots.clone();
        if let Some(offset) = self.true_time.offset() {
            boots.retain(|known| known.boot != offset.boot);
            boots.push(offset);
        }
        boots.retain(|known| !memory.was_told(known) || delivery.own_boots.contains(&known.boot));
        boots
    }

    /// A portal that acknowledges a little more than was written holds what this journal lost; the
    /// journal judges that. One that acknowledges far more is not one to believe.
    fn believe(&self, answer: EventsAnswer) -> Result<EventsAnswer, Failure> {
        let last = self.state().last_seq;
        if answer.received_through > last.saturating_add(MAX_LEAP) {
            let through = answer.received_through;
            return Err(Failure::NotThePortal(format!(
                "it acknowledges event {through}, but the newest is {last}"
            )));
        }
        Ok(answer)
    }

    async fn accept(&self, answer: EventsAnswer, was_empty: bool) -> (Next, Taken) {
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
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => {
                tracing::error!(%error, "the acknowledgement cannot be kept; the events are sent again");
                return (Next::Later(None), Taken::Nothing);
            }
        };
        let next = match taken {
            _ if is_set_back => {
                tracing::warn!(
                    received_through = through,
                    newest = before.last_seq,
                    acknowledged = before.received_through,
                    "the portal holds another part of the journal than it acknowledged"
                );
                Next::SetBack
            }
            // News of boots alone come one at a time.
            _ if was_empty => Next::Later(None),
            Taken::Moved | Taken::AsOffered => {
                tracing::debug!(received_through = through, "delivered");
                Next::AtOnce
            }
            Taken::Nothing => {
                tracing::warn!(
                    received_through = through,
                    "the portal answers but acknowledges nothing"
                );
                Next::Later(None)
            }
        };
        (next, taken)
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
            // Nobody knows whether the portal has seen it.
            (
                Failure::Content {
                    is_hearsay: true, ..
                },
                Some(_),
            ) => {}
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
            _ => memory.lost(count),
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

/// Memory that holds no compressed batch may hold one later.
fn cannot_pack(error: &std::io::Error) -> Next {
    tracing::error!(%error, "a delivery cannot be packed");
    Next::Later(None)
}

#[cfg(test)]
mod tests;
