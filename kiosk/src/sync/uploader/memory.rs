//! What an uploader remembers between two requests.

use std::collections::HashMap;
use std::time::Duration;

use pikir_contract::{BootId, BootOffset, MAX_BATCH_EVENTS};
use tokio::time::Instant;

use super::delivery::Delivery;
use crate::limits::{LARGER_AFTER, SETBACK_MEMORY, SMALL_BATCH_EVENTS};
use crate::platform::entropy::SharedEntropy;
use crate::portal::backoff::{Backoff, Pace};

/// What is remembered from one exchange to the next. It dies with the program, which loses nothing.
pub(super) struct Memory {
    /// Shrinks while the portal refuses or does not answer, grows with each success (events).
    pub(super) limit: usize,
    /// More than this met no answer although less had just passed (events): a line that drops large
    /// packets lets no more through, however often it is tried.
    ceiling: usize,
    /// That delivery (events). When as much arrives, the line is mended.
    too_many: usize,
    /// Deliveries in a row that arrived.
    arrivals: u32,
    pub(super) backoff: Backoff,
    setbacks: Backoff,
    last_setback: Option<Instant>,
    pub(super) pace: Pace,
    /// What the journal was told of this boot's clock.
    pub(super) learnt: Option<BootOffset>,
    /// What the portal was told of boots' clocks.
    pub(super) told: HashMap<BootId, BootOffset>,
    /// More may be known of earlier boots' clocks than the portal was told.
    pub(super) has_news: bool,
    /// What comes next, packed while the delivery before was under way.
    pub(super) ahead: Option<Delivery>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            limit: MAX_BATCH_EVENTS,
            ceiling: MAX_BATCH_EVENTS,
            too_many: MAX_BATCH_EVENTS,
            arrivals: 0,
            backoff: Backoff::default(),
            setbacks: Backoff::default(),
            last_setback: None,
            pace: Pace::default(),
            learnt: None,
            told: HashMap::new(),
            has_news: false,
            ahead: None,
        }
    }

    /// The largest delivery after one that arrives (events). From single events it comes back in
    /// few steps.
    pub(super) fn grown(&self) -> usize {
        let factor = if self.limit < SMALL_BATCH_EVENTS {
            4
        } else {
            2
        };
        self.limit.saturating_mul(factor).min(self.ceiling)
    }

    /// A delivery of so many events was answered. A line is not as it was for ever: now and then
    /// more is tried, and where that shows that it is mended, more each time.
    pub(super) fn arrived(&mut self, count: usize) {
        self.limit = self.grown();
        if count == 0 {
            return;
        }
        self.arrivals += 1;
        if count >= self.too_many || self.arrivals.is_multiple_of(LARGER_AFTER) {
            self.ceiling = self.ceiling.saturating_mul(2).min(MAX_BATCH_EVENTS);
        }
    }

    /// A delivery of so many events met no answer. A slow line may need longer for a whole batch
    /// than it has time, another drops every packet over its size; and a line that is down needs no
    /// more than a knock.
    pub(super) fn lost(&mut self, count: usize) {
        let smaller = match count {
            // Nothing smaller can be sent; what is on the line says nothing of its size.
            0 | 1 => (self.limit / 2).max(SMALL_BATCH_EVENTS),
            count if count < SMALL_BATCH_EVENTS => count / 4,
            count => count / 2,
        };
        self.limit = self.limit.min(smaller.max(1));
        if count > 1 && self.arrivals > 0 {
            self.ceiling = self.limit;
            self.too_many = count;
        }
        self.arrivals = 0;
    }

    /// The way to the portal is another one.
    pub(super) fn other_line(&mut self) {
        self.ceiling = MAX_BATCH_EVENTS;
    }

    pub(super) fn was_told(&self, known: &BootOffset) -> bool {
        self.told.get(&known.boot) == Some(known)
    }

    /// How long to wait after a setback: hardly at all after the first in a long time.
    pub(super) fn set_back(&mut self, entropy: &SharedEntropy) -> Duration {
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
