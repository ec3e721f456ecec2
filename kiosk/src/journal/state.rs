//! Where the journal stands, and what it hands out.

use pikir_contract::{BootId, BootOffset, Event, Id};

use crate::view::FaultView;

/// What everybody may know of the journal without waiting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    /// Where it stands.
    pub state: JournalState,
    /// Why nothing can be appended, if so.
    pub fault: Option<FaultView>,
    /// What the newest recovery from damage says of itself; `None` where the journal was never
    /// damaged.
    pub recovered: Option<String>,
    /// Ratings of the day, once somebody asked for them.
    pub today: Option<Today>,
}

impl Published {
    /// Whether nothing waits for the portal, and that is certain.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.fault.is_none() && self.state.pending == 0
    }
}

/// The answer to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the journal.
    pub seq: u64,
    /// Its id.
    pub id: Id,
}

/// Where the journal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalState {
    /// Terminal id; `None` before the enrolment is approved.
    pub terminal: Option<Id>,
    /// Seq of the newest event; 0 before the first.
    pub last_seq: u64,
    /// The portal's acknowledgement.
    pub received_through: u64,
    /// Events that still have to be sent.
    pub pending: u64,
    /// Events that the portal rejected or refuses to take.
    pub rejected: u64,
    /// Boot and uptime (ms) of the newest rating.
    pub last_rating: Option<(BootId, u64)>,
}

/// Events to be sent next, in order, and what is known of their boots' clocks.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Ascending by seq.
    pub events: Vec<Event>,
    /// Known offsets of the boots that occur in `events`, then of the newest other boots.
    pub boots: Vec<BootOffset>,
    /// It is to be sent although it holds no event: the portal is asked where it stands.
    pub is_question: bool,
}

/// Ratings since a midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    /// That midnight (Unix milliseconds).
    pub since_ms: i64,
    /// How many; `None`: they cannot be counted.
    pub ratings: Option<u64>,
}
