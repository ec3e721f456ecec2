//! What can happen to a visit, and what it wants done.

use pikir_contract::{ClockReading, Id, InputKind, Score};

use super::Questionnaire;
use crate::adaptation::Adaptation;
use crate::doubt::{OpeningHours, Point};
use crate::journal::NewEvent;
use crate::view::{FaultView, Overlay};

/// When something happened, and the id of the event it may put into the journal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stamp {
    /// The moment.
    pub at: ClockReading,
    /// An id nobody has.
    pub id: Id,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A finger, a key or a button gave a score.
    Rate(Tap),
    /// The panel was touched, whatever was hit; a rating that comes of it is an event of its own.
    Touched(Point),
    /// The visitor wants the last rating back.
    Undo,
    /// The visitor is done with the thanks screen or the questionnaire.
    Done,
    /// The visitor wants to say more.
    More,
    /// The visitor chose the option with this index; for a criterion, the score less one.
    Choose(usize),
    /// The comment as it now reads.
    Write(String),
    /// The next page of the questionnaire.
    Next,
    /// The page before.
    Back,
    /// The visitor is still here.
    Stay,
    /// The visitor wants the screen otherwise.
    Adapt(Adaptation),
    /// The visitor opened or closed what lies over the screen.
    Show(Option<Overlay>),
    /// The visitor chose a language.
    Language(String),
    /// The journal has event `id` on the disk.
    Appended(Id),
    /// The journal does not have event `id` and will not.
    NotAppended(Id),
    /// Whether the terminal can take ratings changed.
    Service(Option<FaultView>),
    /// The portal's configuration changed.
    Rules(Rules),
    /// Time passed.
    Tick,
}

/// A score, and how it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Tap {
    /// Id the rating gets.
    pub id: Id,
    /// The score.
    pub score: Score,
    /// What gave it.
    pub input: InputKind,
    /// Where it was touched.
    pub touched: Option<Point>,
    /// The true time (Unix milliseconds), where it is known.
    pub true_ms: Option<i64>,
}

/// What the visit has to have done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Append this to the journal and report [`Event::Appended`] or [`Event::NotAppended`].
    Append(NewEvent),
    /// Append a notice with this detail, for the technician. Nobody waits for it.
    Maintenance(String),
}

/// What the portal's configuration says about visits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How long a rating can be taken back (milliseconds).
    pub undo_ms: u64,
    /// The language every visit begins in.
    pub default_language: String,
    /// The languages to choose from.
    pub languages: Vec<String>,
    /// When the office is open; `None`: always, or nobody knows.
    pub hours: Option<OpeningHours>,
    /// Without any input for this long a visitor is taken to have left (milliseconds).
    pub idle_ms: u64,
    /// What can be added to a rating.
    pub questionnaire: Questionnaire,
}
