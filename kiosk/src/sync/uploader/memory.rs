//! What an uploader remembers between two requests.

use std::collections::HashMap;
use std::time::Duration;

use pikir_contract::{BootId, BootOffset, MAX_BATCH_EVENTS};
use tokio::time::Instant;

use super::delivery::Delivery;
use crate::limits::SETBACK_MEMORY;
use crate::platform::entropy::SharedEntropy;
use crate::portal::backoff::{Backoff, Pace};

/// What is remembered from one exchange to the next. It dies with the program, which loses nothing.
pub(super) struct Memory {
    /// Shrinks while the portal refuses or does not answer, grows with each success (events).
    pub(super) limit: usize,
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
