//! The delivery of events: `POST /api/v1/events`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::canonical::safe_integer;
use crate::{BootId, Event, Id, MAX_BATCH_EVENTS, MAX_SAFE_INTEGER, Time};

/// What a terminal's clocks show at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// This boot.
    pub boot: BootId,
    /// Milliseconds since this boot, suspend included.
    #[serde(deserialize_with = "safe_integer")]
    pub up_ms: u64,
    /// The wall clock as the terminal sees it, right or wrong.
    pub wall: Time,
    /// Whether the wall clock is synchronised.
    pub synced: bool,
}

/// How the terminal knows a boot's offset; the better it is known, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OffsetQuality {
    /// From what is known of the boots before and after.
    Estimated,
    /// From the time in an answer of the portal.
    Portal,
    /// The wall clock was synchronised during that boot.
    Synced,
}

impl OffsetQuality {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Portal => "portal",
            Self::Synced => "synced",
        }
    }

    /// The quality of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Estimated, Self::Portal, Self::Synced]
            .into_iter()
            .find(|quality| quality.as_str() == name)
    }
}

/// When a boot began: the true time of its event is `up_ms + offset_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootOffset {
    /// The boot.
    pub boot: BootId,
    /// Milliseconds since 1970 at the moment the boot began.
    #[serde(deserialize_with = "safe_integer")]
    pub offset_ms: i64,
    /// How it is known.
    pub quality: OffsetQuality,
}

/// A terminal hands in events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventsRequest {
    /// Whose events.
    pub terminal: Id,
    /// The moment of sending.
    pub clock: ClockReading,
    /// The boots whose offset is known.
    #[serde(default)]
    pub boots: Vec<BootOffset>,
    /// In ascending order of seq, at most [`MAX_BATCH_EVENTS`].
    pub events: Vec<Event>,
}

/// Why a delivery is refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// More events than [`MAX_BATCH_EVENTS`].
    #[error("{count} events in one delivery; at most {MAX_BATCH_EVENTS} are allowed")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// A seq that is 0 or above 2^53 − 1.
    #[error("seq {seq} is not within 1 to 2^53 − 1")]
    Seq {
        /// The seq at fault.
        seq: u64,
    },
    /// A seq that is not above the one before it.
    #[error("seq {seq} does not follow {previous} in ascending order")]
    Order {
        /// The seq before.
        previous: u64,
        /// The seq at fault.
        seq: u64,
    },
}

impl BatchError {
    /// The seq at fault, where it is one.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        match *self {
            Self::TooMany { .. } => None,
            Self::Seq { seq } | Self::Order { seq, .. } => Some(seq),
        }
    }
}

impl EventsRequest {
    /// Checks what concerns the delivery as a whole: the number of events and the order of their
    /// seqs. Gaps are allowed, and so is a delivery without events. Each body is judged for itself
    /// by [`crate::EventBody::parse`].
    ///
    /// # Errors
    /// The first breach found.
    pub fn check(&self) -> Result<(), BatchError> {
        if self.events.len() > MAX_BATCH_EVENTS {
            return Err(BatchError::TooMany {
                count: self.events.len(),
            });
        }
        let mut previous = 0;
        for &Event { seq, .. } in &self.events {
            if seq == 0 || seq > MAX_SAFE_INTEGER.unsigned_abs() {
                return Err(BatchError::Seq { seq });
            }
            if seq <= previous {
                return Err(BatchError::Order { previous, seq });
            }
            previous = seq;
        }
        Ok(())
    }
}

/// `200`: what the portal holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsAnswer {
    /// The highest seq up to which the portal durably holds, or has finally rejected, every event
    /// of this terminal; 0 for none. The only acknowledgement: the terminal's cursor follows it
    /// forwards and backwards.
    #[serde(deserialize_with = "safe_integer")]
    pub received_through: u64,
    /// One for each event of the delivery.
    pub results: Vec<EventResult>,
    /// The portal's clock.
    pub time: Time,
}

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventResult {
    /// Which event.
    #[serde(deserialize_with = "safe_integer")]
    pub seq: u64,
    /// What became of it.
    pub status: EventStatus,
    /// Why it was rejected; only with [`EventStatus::Rejected`]. A reason this version does not
    /// know reads as none.
    #[serde(
        default,
        deserialize_with = "known_reason",
        skip_serializing_if = "Option::is_none"
    )]
    pub reason: Option<RejectReason>,
}

/// A portal of a later version may have further reasons; they must not make its whole answer
/// unreadable.
fn known_reason<'de, D: Deserializer<'de>>(reason: D) -> Result<Option<RejectReason>, D::Error> {
    let reason = Value::deserialize(reason)?;
    Ok(serde_json::from_value(reason).ok())
}

/// What became of an event in a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// Stored now.
    Accepted,
    /// Something with this seq was there before; nothing changed.
    Duplicate,
    /// Finally refused: kept by the portal, never counted. The terminal sets it aside and goes on.
    Rejected,
}

/// Why an event was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Its body breaks the contract.
    Malformed,
    /// Its seal does not verify.
    Seal,
}
