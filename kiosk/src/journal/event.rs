//! An event before it is appended.

use std::collections::BTreeMap;

use pikir_contract::{ClockReading, EventBody, EventHead, Id, InputKind, Score};

use crate::platform::clock::SharedClock;
use crate::platform::entropy::SharedEntropy;

/// An event to be appended: who it is, the moment it happened, and what happened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Id of the event (UUIDv7).
    pub id: Id,
    /// The moment of the tap, not of the append.
    pub at: ClockReading,
    /// What happened.
    pub content: Content,
}

/// What happened, without the members every event has.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A visitor rated.
    Rating {
        /// 1–5.
        score: Score,
        /// Language on the screen (BCP 47).
        lang: String,
        /// Finger, key or button.
        input: InputKind,
        /// Since the previous rating at this terminal in this boot (milliseconds).
        gap_ms: Option<u64>,
        /// Why it may not be a visitor's own, by the contract's names; it is kept all the same.
        flags: Vec<&'static str>,
        /// Where it was touched, per mille of the screen.
        touched: Option<(u16, u16)>,
    },
    /// What the visitor added to the rating so far, all of it: the newest answer says it best.
    Answer {
        /// Id of that rating.
        rating: Id,
        /// What was added.
        given: Given,
    },
    /// The visitor took the rating back.
    Withdrawal {
        /// Id of that rating.
        rating: Id,
    },
    /// Something about the terminal itself.
    Notice {
        /// Which kind of thing (`boot`, `config`, …).
        what: &'static str,
        /// More of it, without personal data.
        detail: Option<String>,
    },
}

/// What a visitor added to a rating. A member that was never touched is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Key of the service it is about.
    pub service: Option<String>,
    /// Scores by key of the criterion.
    pub criteria: BTreeMap<String, Score>,
    /// Keys of the reasons.
    pub reasons: Option<Vec<String>>,
    /// In the visitor's own words. Personal data.
    pub comment: Option<String>,
}

impl NewEvent {
    /// A notice of this moment.
    #[must_use]
    pub fn notice(
        clock: &SharedClock,
        entropy: &SharedEntropy,
        what: &'static str,
        detail: String,
    ) -> Self {
        let at = clock.reading();
        Self {
            id: entropy.id(at.wall.unix_ms()),
            at,
            content: Content::Notice {
                what,
                detail: Some(detail),
            },
        }
    }

    /// The body as the contract has it.
    #[must_use]
    pub fn into_body(self) -> EventBody {
        let head = EventHead {
            id: self.id,
            boot: self.at.boot,
            up_ms: self.at.up_ms,
            wall: self.at.wall,
            synced: self.at.synced,
        };
        match self.content {
            Content::Rating {
                score,
                lang,
                input,
                gap_ms,
                flags,
                touched,
            } => EventBody::Rating(pikir_contract::Rating {
                head,
                score,
                lang,
                input,
                service: None,
                gap_ms,
                flags: flags.into_iter().map(str::to_owned).collect(),
                x: touched.map(|(x, _)| x),
                y: touched.map(|(_, y)| y),
            }),
            Content::Answer { rating, given } => EventBody::Answer(pikir_contract::Answer {
                head,
                rating,
                criteria: given.criteria,
                reasons: given.reasons,
                comment: given.comment,
                service: given.service,
            }),
            Content::Withdrawal { rating } => {
                EventBody::Withdrawal(pikir_contract::Withdrawal { head, rating })
            }
            Content::Notice { what, detail } => EventBody::Notice(pikir_contract::Notice {
                head,
                what: what.to_owned(),
                detail,
            }),
        }
    }
}
