//! Events: what a terminal's journal holds, and what each kind says.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::canonical::safe_integer;
use crate::reader::Node;
use crate::texts::language;
use crate::{
    BootId, CanonicalError, Id, MAX_COMMENT_CHARS, MAX_PER_MILLE, Malformed, Seal, Time,
    require_integers,
};

/// An entry of the journal as it travels.
///
/// The body stays as it was sent, because the seal covers it so; [`EventBody::parse`] reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number: 1, 2, 3 … without gaps for the life of the enrolment.
    #[serde(deserialize_with = "safe_integer")]
    pub seq: u64,
    /// `rating`, `answer`, `withdrawal`, `notice`, or a kind of a newer terminal.
    pub kind: String,
    /// What the kind says.
    pub body: Value,
    /// The seal over seq, kind and body.
    pub seal: Seal,
}

/// A score: 1 (extremely unsatisfactory) to 5 (excellent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Score(u8);

impl Score {
    /// All scores, from 1 to 5.
    pub const ALL: [Score; 5] = [Score(1), Score(2), Score(3), Score(4), Score(5)];

    /// The score of this number; `None` outside 1–5.
    #[must_use]
    pub fn new(score: u8) -> Option<Self> {
        matches!(score, 1..=5).then_some(Self(score))
    }

    /// The number, 1–5.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    pub(crate) fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        node.small(1..=5).map(Self)
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u8::deserialize(deserializer)?)
            .ok_or_else(|| de::Error::custom("score is not within 1–5"))
    }
}

/// What the visitor rated with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// A finger on the screen, or a pointer.
    Touch,
    /// A key `1`–`5`.
    Keypad,
    /// A button of the housing.
    Button,
}

impl InputKind {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match node.text()? {
            "touch" => Ok(Self::Touch),
            "keypad" => Ok(Self::Keypad),
            "button" => Ok(Self::Button),
            _ => Err(node.wrong("is not touch, keypad or button")),
        }
    }
}

/// What every event of a known kind begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EventHead {
    /// This event.
    pub id: Id,
    /// The boot it happened in.
    pub boot: BootId,
    /// Milliseconds of that boot, suspend included.
    pub up_ms: u64,
    /// The wall clock as the terminal saw it, for people; it decides nothing.
    pub wall: Time,
    /// Whether the wall clock was synchronised.
    pub synced: bool,
}

impl EventHead {
    fn read(body: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: body.required("id")?.parsed()?,
            boot: body.required("boot")?.parsed()?,
            up_ms: body.required("up_ms")?.unsigned_from(0)?,
            wall: body.required("wall")?.parsed()?,
            synced: body.required("synced")?.boolean()?,
        })
    }
}

/// `rating`: a visitor gave a score. It counts from the tap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rating {
    /// What every event begins with.
    #[serde(flatten)]
    pub head: EventHead,
    /// The score.
    pub score: Score,
    /// The language shown, as a BCP 47 tag.
    pub lang: String,
    /// What the visitor rated with.
    pub input: InputKind,
    /// The key of the service it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Milliseconds since the previous rating on this terminal in this boot; none for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<u64>,
    /// Why it may not be a visitor's own: `burst`, `repeat`, `periodic`, `closed`. Always written.
    pub flags: Vec<String>,
    /// Where it was touched: per mille of the screen's width, from the left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<u16>,
    /// Where it was touched: per mille of the screen's height, from the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<u16>,
}

impl Rating {
    /// Flag: one of several within a few seconds.
    pub const BURST: &'static str = "burst";
    /// Flag: the same again shortly after.
    pub const REPEAT: &'static str = "repeat";
    /// Flag: one of a series with a fixed period, as a faulty panel gives.
    pub const PERIODIC: &'static str = "periodic";
    /// Flag: outside the opening hours.
    pub const CLOSED: &'static str = "closed";

    fn read(body: &Node<'_>) -> Result<Self, Malformed> {
        let per_mille = |node: &Node<'_>| node.small(0..=MAX_PER_MILLE);
        Ok(Self {
            head: EventHead::read(body)?,
            score: Score::read(&body.required("score")?)?,
            lang: language(&body.required("lang")?)?,
            input: InputKind::read(&body.required("input")?)?,
            service: body.maybe("service", |node| node.owned_text())?,
            gap_ms: body.maybe("gap_ms", |node| node.unsigned_from(0))?,
            flags: body.or_default("flags", |flags| flags.items(|node| node.owned_text()))?,
            x: body.maybe("x", per_mille)?,
            y: body.maybe("y", per_mille)?,
        })
    }
}

/// `answer`: what a visitor added to a rating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// What every event begins with.
    #[serde(flatten)]
    pub head: EventHead,
    /// The id of the rating it belongs to.
    pub rating: Id,
    /// Scores by the key of the criterion.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub criteria: BTreeMap<String, Score>,
    /// The keys of the reasons chosen; an empty list takes back those of an earlier answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<String>>,
    /// In the visitor's own words, at most [`MAX_COMMENT_CHARS`]. Personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The key of the service it is about: a member of ours beside those of the contract, which
    /// readers may ignore. A rating is given before the visitor is asked for the service, and
    /// events are never edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

impl Answer {
    fn read(body: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            head: EventHead::read(body)?,
            rating: body.required("rating")?.parsed()?,
            criteria: body.or_default("criteria", |criteria| {
                criteria.members(|_, score| Score::read(score))
            })?,
            reasons: body.maybe("reasons", |reasons| reasons.items(|node| node.owned_text()))?,
            comment: body.maybe("comment", read_comment)?,
            // The contract does not know it here, so nothing about it can be malformed.
            service: body
                .maybe("service", |node| node.owned_text())
                .ok()
                .flatten(),
        })
    }
}

fn read_comment(node: &Node<'_>) -> Result<String, Malformed> {
    let comment = node.text()?;
    if comment.chars().count() > MAX_COMMENT_CHARS {
        return Err(node.wrong(format_args!(
            "is longer than {MAX_COMMENT_CHARS} characters"
        )));
    }
    Ok(comment.to_owned())
}

/// `withdrawal`: a visitor took a rating back within a few seconds. The rating stays in the journal
/// and is not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withdrawal {
    /// What every event begins with.
    #[serde(flatten)]
    pub head: EventHead,
    /// The id of the rating taken back.
    pub rating: Id,
}

impl Withdrawal {
    fn read(body: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            head: EventHead::read(body)?,
            rating: body.required("rating")?.parsed()?,
        })
    }
}

/// `notice`: something happened to the terminal itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What every event begins with.
    #[serde(flatten)]
    pub head: EventHead,
    /// What happened; the known ones are constants of this type.
    pub what: String,
    /// More about it, for a technician.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Notice {
    /// The terminal started.
    pub const BOOT: &'static str = "boot";
    /// The terminal was shut down in order.
    pub const SHUTDOWN: &'static str = "shutdown";
    /// The wall clock was set.
    pub const CLOCK_SET: &'static str = "clock-set";
    /// A damaged journal was set aside, what could be read was salvaged.
    pub const JOURNAL_RECOVERED: &'static str = "journal-recovered";
    /// Somebody opened or moved the housing.
    pub const TAMPER: &'static str = "tamper";
    /// A technician was at work.
    pub const MAINTENANCE: &'static str = "maintenance";
    /// A configuration was taken or refused.
    pub const CONFIG: &'static str = "config";

    fn read(body: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            head: EventHead::read(body)?,
            what: body.required("what")?.name()?,
            detail: body.maybe("detail", |node| node.owned_text())?,
        })
    }
}

/// The body of an event, read by its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum EventBody {
    /// `rating`
    Rating(Rating),
    /// `answer`
    Answer(Answer),
    /// `withdrawal`
    Withdrawal(Withdrawal),
    /// `notice`
    Notice(Notice),
    /// A kind of a newer terminal: stored as it is and counted, never refused.
    Unknown {
        /// The kind.
        kind: String,
        /// The body as sent: an object whose numbers are integers of the contract.
        body: Value,
    },
}

impl EventBody {
    /// Reads and validates a body. Members that the kind does not know are ignored, but their
    /// numbers must be integers within ±(2^53 − 1) too, because the seal covers them.
    ///
    /// # Errors
    /// The first breach: which member and what is wrong with it, without repeating its value.
    pub fn parse(kind: &str, body: &Value) -> Result<Self, Malformed> {
        let root = Node::root(body);
        if !body.is_object() {
            return Err(root.wrong("is not an object"));
        }
        require_integers(body)?;
        Ok(match kind {
            "rating" => Self::Rating(Rating::read(&root)?),
            "answer" => Self::Answer(Answer::read(&root)?),
            "withdrawal" => Self::Withdrawal(Withdrawal::read(&root)?),
            "notice" => Self::Notice(Notice::read(&root)?),
            _ => Self::Unknown {
                kind: kind.to_owned(),
                body: body.clone(),
            },
        })
    }

    /// The kind's name on the wire.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Rating(_) => "rating",
            Self::Answer(_) => "answer",
            Self::Withdrawal(_) => "withdrawal",
            Self::Notice(_) => "notice",
            Self::Unknown { kind, .. } => kind,
        }
    }

    /// What every event of a known kind begins with; `None` for an unknown kind.
    #[must_use]
    pub fn head(&self) -> Option<&EventHead> {
        match self {
            Self::Rating(Rating { head, .. })
            | Self::Answer(Answer { head, .. })
            | Self::Withdrawal(Withdrawal { head, .. })
            | Self::Notice(Notice { head, .. }) => Some(head),
            Self::Unknown { .. } => None,
        }
    }

    /// The body as JSON, optional members without a value left out.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let value = match self {
            Self::Rating(rating) => serde_json::to_value(rating),
            Self::Answer(answer) => serde_json::to_value(answer),
            Self::Withdrawal(withdrawal) => serde_json::to_value(withdrawal),
            Self::Notice(notice) => serde_json::to_value(notice),
            Self::Unknown { body, .. } => return body.clone(),
        };
        // Only a map with keys that are not text could fail, and no body has one.
        value.expect("a body is text, integers and lists of them")
    }
}

impl From<CanonicalError> for Malformed {
    fn from(error: CanonicalError) -> Self {
        let (member, problem) = match error {
            CanonicalError::NotAnInteger { path } => (path, "is not an integer".to_owned()),
            CanonicalError::OutOfRange { path } => (path, "lies outside ±(2^53 − 1)".to_owned()),
            CanonicalError::Json(problem) => (String::new(), problem),
        };
        Self { member, problem }
    }
}
