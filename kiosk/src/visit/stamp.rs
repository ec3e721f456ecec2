//! When something happened to a visit.

use pikir_contract::{ClockReading, Id};

/// When something happened, and the id of the event it may put into the journal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stamp {
    /// The moment.
    pub at: ClockReading,
    /// An id nobody has.
    pub id: Id,
}
