//! How many ratings were taken here since a midnight, without those taken back.
//!
//! Counted once, from the newest event backwards, when somebody asks for another midnight; kept up
//! to date by every append from then on. Nothing of it is written: after a start somebody asks
//! again. An event of a boot whose clock nobody measured has no date and does not count.

use std::collections::{HashMap, HashSet};

use pikir_contract::{BootOffset, Id, OffsetQuality};
use serde::Deserialize;

use super::store::Journal;
use crate::journal::error::JournalError;
use crate::journal::event::{Content, NewEvent};
use crate::journal::state::Today;
use crate::limits::MAX_COUNTED_EVENTS;

/// What an append changes in the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) enum Change {
    Rated(Id),
    TakenBack(Id),
    Nothing,
}

/// The count with what it takes to go on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) struct Tally {
    pub(in crate::journal) today: Today,
    /// The newest rating that counts: the one that may yet be taken back.
    newest: Option<Id>,
}

/// What dates an event, and whose rating it is about.
#[derive(Deserialize)]
struct Dated {
    id: Id,
    boot: String,
    up_ms: i64,
    rating: Option<Id>,
}

impl Change {
    pub(in crate::journal) fn of(event: &NewEvent) -> Self {
        match event.content {
            Content::Rating { .. } => Self::Rated(event.id),
            Content::Withdrawal { rating } => Self::TakenBack(rating),
            _ => Self::Nothing,
        }
    }
}

impl Tally {
    pub(in crate::journal) fn uncounted(since_ms: i64) -> Self {
        let today = Today {
            since_ms,
            ratings: None,
        };
        Self {
            today,
            newest: None,
        }
    }

    /// The count after this append; `None`: it has to be counted anew.
    pub(in crate::journal) fn after(self, change: Change) -> Option<Self> {
        let Some(ratings) = self.today.ratings else {
            return Some(self);
        };
        let (ratings, newest) = match change {
            Change::Nothing => return Some(self),
            Change::Rated(id) => (ratings + 1, Some(id)),
            Change::TakenBack(id) if self.newest == Some(id) => (ratings.saturating_sub(1), None),
            // It may be of the day before.
            Change::TakenBack(_) => return None,
        };
        let today = Today {
            ratings: Some(ratings),
            ..self.today
        };
        Some(Self { today, newest })
    }
}

impl Journal {
    pub(in crate::journal) fn ratings_since(
        &self,
        since_ms: i64,
        offset: BootOffset,
    ) -> Result<Tally, JournalError> {
        let mut offsets = HashMap::from([(offset.boot.to_string(), Some(offset.offset_ms))]);
        let (mut taken_back, mut ratings, mut newest) = (HashSet::new(), 0, None);
        let mut statement = self
            .connection()
            .prepare_cached("SELECT kind, body FROM events ORDER BY seq DESC LIMIT ?1")?;
        let mut rows = statement.query([MAX_COUNTED_EVENTS as i64])?;
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            seen += 1;
            let kind = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            let event = dated(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
            let offset_ms = match offsets.get(&event.boot) {
                Some(known) => *known,
                None => {
                    let measured = self.measured_offset(&event.boot)?;
                    offsets.insert(event.boot, measured);
                    measured
                }
            };
            let Some(at_ms) = offset_ms.map(|offset_ms| offset_ms.saturating_add(event.up_ms))
            else {
                continue;
            };
            if at_ms < since_ms {
                seen = 0;
                break;
            }
            match (kind, event.rating) {
                ("withdrawal", Some(rating)) => {
                    taken_back.insert(rating);
                }
                ("rating", _) if !taken_back.remove(&event.id) => {
                    ratings += 1;
                    newest = newest.or(Some(event.id));
                }
                _ => {}
            }
        }
        let today = Today {
            since_ms,
            // Beyond the limit there may be more.
            ratings: (seen < MAX_COUNTED_EVENTS).then_some(ratings),
        };
        Ok(Tally { today, newest })
    }

    fn measured_offset(&self, boot: &str) -> Result<Option<i64>, JournalError> {
        let known = self.offset_of(boot)?;
        let measured = known.filter(|it| it.quality != OffsetQuality::Estimated);
        Ok(measured.map(|it| it.offset_ms))
    }
}

fn dated(body: &str) -> Result<Dated, JournalError> {
    serde_json::from_str(body)
        .map_err(|error| JournalError::Damaged(format!("the body of an event: {error}")))
}
