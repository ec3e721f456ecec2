//! What everybody may know of the journal without waiting.

use super::store::JournalState;
use super::today::Today;
use crate::view::FaultView;

/// What everybody may know of the journal without waiting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    /// Where it stands.
    pub state: JournalState,
    /// Why nothing can be appended, if so.
    pub fault: Option<FaultView>,
    /// What the newest recovery from damage says of itself; `None` where the journal was never damaged.
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
