//! What can happen to a visit, and what it wants done.

use pikir_contract::{Id, InputKind, Score};

use super::Questionnaire;
use super::doubt::{OpeningHours, Point};
use crate::journal::NewEvent;
use crate::view::adaptation::Adaptation;
use crate::view::{FaultView, Overlay, UserAction};

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
    /// The voice has begun to say something, or has come to its end.
    Speaking(bool),
    /// The visitor finds their way with keys.
    Steer,
    /// The visitor wants the screen otherwise.
    Adapt(Adaptation),
    /// The visitor wants the screen as every visit begins.
    Plain,
    /// Headphones were plugged in where speech can be had, or taken out: this visit is spoken or
    /// not, and so are those after it.
    Headphones(bool),
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
    Rules(Box<Rules>),
    /// The program is about to end.
    End,
    /// Time passed.
    Tick,
}

impl UserAction {
    /// What it is to the visit. `id` goes to the rating, if it is one; `true_ms` is the true time
    /// (Unix milliseconds), where it is known.
    #[must_use]
    pub fn event(self, id: Id, true_ms: Option<i64>) -> Event {
        match self {
            UserAction::Rate { score, input, at } => Event::Rate(Tap {
                id,
                score,
                input,
                touched: at.map(Into::into),
                true_ms,
            }),
            UserAction::Touched(place) => Event::Touched(place.into()),
            UserAction::Language(language) => Event::Language(language),
            UserAction::Undo => Event::Undo,
            UserAction::Done => Event::Done,
            UserAction::More => Event::More,
            UserAction::Choose(index) => Event::Choose(index),
            UserAction::Write(text) => Event::Write(text),
            UserAction::Next => Event::Next,
            UserAction::Back => Event::Back,
            UserAction::Stay => Event::Stay,
            UserAction::Steer => Event::Steer,
            UserAction::Adapt(adaptation) => Event::Adapt(adaptation),
            UserAction::Plain => Event::Plain,
            UserAction::Show(overlay) => Event::Show(overlay),
        }
    }
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
