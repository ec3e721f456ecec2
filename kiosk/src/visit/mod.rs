//! The visit: what a visitor can do and what the terminal answers, as a pure state machine.
//!
//! [`Visit::step`] takes what happened and when, and returns the effects to carry out. It reads no
//! clock, touches no disk and draws nothing. [`Visit::screen`] says what to show.
//! [`Visit::deadline`] says when time alone changes something, so that an idle terminal sleeps.
//!
//! | file | what of the visit |
//! | --- | --- |
//! | `events.rs` | what can happen, and what is to be done |
//! | `rating.rs` | from the tap to thanks, and taking it back |
//! | `questionnaire.rs` | what is added to a rating afterwards |
//! | `idle.rs` | visitors who walk away |
//! | `phantoms.rs` | a panel that touches itself |

pub mod doubt;
mod events;
mod idle;
mod phantoms;
mod questionnaire;
mod rating;
mod stamp;

pub use self::questionnaire::{Named, Questionnaire};
pub use events::{Effect, Event, Rules, Tap};
pub use stamp::Stamp;

use pikir_contract::{BootId, Id, InputKind, Score};

use self::doubt::{Doubt, Phantom};
use self::questionnaire::More;
use crate::limits::COMMIT_PATIENCE_MS;
use crate::view::adaptation::Adaptation;
use crate::view::{Fault, FaultView, Overlay, RateMessage, RateView, ScreenView, ThanksView};

/// The state of the visit at one terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    phase: Phase,
    rules: Rules,
    language: String,
    adaptation: Adaptation,
    /// How every visit begins: plain, and spoken while headphones are plugged in.
    begins: Adaptation,
    /// This visitor finds their way with keys.
    steers: bool,
    /// Something is being said to this visitor.
    hears: bool,
    /// Uptime at which the last thing that was said came to its end (milliseconds).
    heard_ms: u64,
    overlay: Option<Overlay>,
    /// Uptime of the last thing a visitor did (milliseconds).
    touched_ms: u64,
    /// Uptime of the last touch of the panel, whatever was hit, but for those of phantoms
    /// (milliseconds).
    stirred_ms: u64,
    /// Uptime at which thanks, a questionnaire, an overlay or the idle warning was left, by a
    /// visitor or by time (milliseconds).
    left_ms: Option<u64>,
    /// How many visits have ended.
    ended: u32,
    doubt: Doubt,
    fault: Option<FaultView>,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Ready {
        message: Option<(RateMessage, u64)>,
    },
    Saving {
        /// Oldest first; never empty.
        waiting: Vec<Waiting>,
        saved: Option<(Id, Score)>,
    },
    Thanks {
        rating: Id,
        /// The score that decides what more is asked; `None` once the visitor has said it.
        score: Option<Score>,
        since_ms: u64,
        /// On its way to the disk, with the uptime since when (milliseconds).
        withdrawal: Option<(Id, u64)>,
    },
    More(Box<More>),
}

/// A rating on its way to the disk.
#[derive(Debug, Clone, PartialEq)]
struct Waiting {
    id: Id,
    score: Score,
    since_ms: u64,
}

const READY: Phase = Phase::Ready { message: None };

/// The configuration's words in the visitor's language, where it has any.
pub struct Texts<'a> {
    /// The question on the rate screen.
    pub question: Option<String>,
    /// Words of the scale, for 1 to 5.
    pub words: [Option<String>; 5],
    /// What a service, a criterion, a reason is called.
    pub name: &'a dyn Fn(Named<'_>) -> String,
}

impl Visit {
    /// A terminal waiting for its first visitor. `last_rating` is the newest one in the journal.
    #[must_use]
    pub fn new(rules: Rules, last_rating: Option<(BootId, u64)>) -> Self {
        let language = rules.default_language.clone();
        Self {
            phase: READY,
            rules,
            language,
            adaptation: Adaptation::default(),
            begins: Adaptation::default(),
            steers: false,
            hears: false,
            heard_ms: 0,
            overlay: None,
            touched_ms: 0,
            stirred_ms: 0,
            left_ms: None,
            ended: 0,
            doubt: Doubt::new(last_rating),
            fault: None,
        }
    }

    /// Where the panel touched itself when the terminal last ran.
    pub fn recall_phantoms(&mut self, found: &[Phantom]) {
        self.doubt.recall(found);
    }

    /// Takes what happened; returns what has to be done, in order. The stamp's moment is now; its
    /// id goes to a withdrawal or an answer, if one comes of it.
    #[must_use]
    pub fn step(&mut self, event: Event, stamp: &Stamp) -> Vec<Effect> {
        let now_ms = stamp.at.up_ms;
        let mut effects = self.trust_quiet_points(now_ms);
        match event {
            Event::Rate(tap) => effects.extend(self.score_given(&tap, stamp)),
            Event::Touched(point) => effects.extend(self.panel_touched(point, now_ms)),
            Event::Undo => effects.extend(self.undo(stamp)),
            Event::Language(language) => self.choose_language(language, now_ms),
            Event::Adapt(adaptation) => {
                self.touched_ms = now_ms;
                self.adaptation = adaptation;
            }
            Event::Plain => {
                self.touched_ms = now_ms;
                self.adaptation = self.begins;
            }
            Event::Headphones(plugged) => {
                self.touched_ms = now_ms;
                self.begins.speech = plugged;
                self.adaptation.speech = plugged;
            }
            Event::Show(overlay) => {
                self.touched_ms = now_ms;
                if self.overlay.is_some() && overlay.is_none() {
                    self.left_ms = Some(now_ms);
                }
                self.overlay = overlay;
            }
            Event::Stay => self.stay(now_ms),
            Event::Speaking(speaks) => self.hear(speaks, now_ms),
            Event::Steer => {
                self.stay(now_ms);
                self.steers = true;
            }
            Event::More => self.say_more(now_ms),
            Event::Done if !matches!(self.phase, Phase::More(_)) => self.done(now_ms),
            Event::Done | Event::Choose(_) | Event::Write(_) | Event::Next | Event::Back => {
                effects.extend(self.questionnaire(event, stamp));
            }
            Event::Appended(id) => self.appended(id, now_ms),
            Event::NotAppended(id) => self.not_appended(id, now_ms),
            Event::Service(fault) => self.fault = fault,
            Event::Rules(rules) => self.follow(*rules),
            Event::End => effects.extend(self.leave_questionnaire(stamp)),
            Event::Tick => effects.extend(self.end_idle_visit(stamp)),
        }
        self.let_time_pass(now_ms);
        effects
    }

    fn choose_language(&mut self, language: String, now_ms: u64) {
        self.touched_ms = now_ms;
        if self.rules.languages.contains(&language) {
            self.language = language;
        }
    }

    fn follow(&mut self, rules: Rules) {
        if !rules.languages.contains(&self.language) {
            self.language.clone_from(&rules.default_language);
        }
        self.rules = rules;
    }

    /// A score answers the question that is shown: the rating, a criterion, or by its number an
    /// option.
    fn score_given(&mut self, tap: &Tap, stamp: &Stamp) -> Vec<Effect> {
        if self.has_just_left(stamp.at.up_ms) {
            return Vec::new();
        }
        let Phase::More(more) = &self.phase else {
            return self.rate(tap, stamp).into_iter().collect();
        };
        if more.takes_number() || tap.input != InputKind::Button {
            let index = usize::from(tap.score.get()) - 1; // Scores begin at 1.
            return self.questionnaire(Event::Choose(index), stamp);
        }
        if more.is_fresh(stamp.at.up_ms) {
            return Vec::new();
        }
        // A rating button where nothing can be chosen: somebody else is standing there.
        let mut effects: Vec<_> = self.leave_questionnaire(stamp).into_iter().collect();
        effects.extend(self.rate(tap, stamp));
        effects
    }

    fn say_more(&mut self, now_ms: u64) {
        if let Phase::Thanks {
            rating,
            score: Some(score),
            since_ms,
            withdrawal: None,
        } = self.phase
            && !self.is_fresh(since_ms, now_ms)
            && let Some(more) = More::new(rating, score, &self.rules.questionnaire, now_ms)
        {
            self.touched_ms = now_ms;
            self.phase = Phase::More(Box::new(more));
        }
    }

    fn questionnaire(&mut self, event: Event, stamp: &Stamp) -> Vec<Effect> {
        let now_ms = stamp.at.up_ms;
        let just_left = self.has_just_left(now_ms);
        let Phase::More(more) = &mut self.phase else {
            return Vec::new();
        };
        self.touched_ms = now_ms;
        match event {
            // The second half of a double tap on what was there before.
            Event::Choose(_) | Event::Next | Event::Back | Event::Done
                if just_left || more.is_fresh(now_ms) =>
            {
                return Vec::new();
            }
            Event::Choose(index) => more.choose(index, now_ms),
            Event::Write(text) => {
                more.write(&text);
                return Vec::new();
            }
            Event::Next => more.turn(1, now_ms),
            Event::Back => more.turn(-1, now_ms),
            _ => more.leave(),
        }
        let answer = more.answer(stamp).map(Effect::Append);
        self.thank_when_left(now_ms);
        answer.into_iter().collect()
    }

    fn thank_when_left(&mut self, now_ms: u64) {
        if let Phase::More(more) = &self.phase
            && more.has_left()
        {
            self.left_ms = Some(now_ms);
            self.touched_ms = now_ms;
            self.phase = Phase::Thanks {
                rating: more.rating(),
                score: None,
                since_ms: now_ms,
                withdrawal: None,
            };
        }
    }

    /// Since when the oldest append waits for the disk (uptime in milliseconds).
    fn waiting_since_ms(&self) -> Option<u64> {
        match &self.phase {
            Phase::Ready { .. } => None,
            Phase::Saving { waiting, .. } => waiting.first().map(|it| it.since_ms),
            Phase::Thanks { withdrawal, .. } => withdrawal.map(|(_, since_ms)| since_ms),
            Phase::More(more) => more.waiting_since_ms(),
        }
    }

    fn is_stalled(&self, now_ms: u64) -> bool {
        self.waiting_since_ms()
            .is_some_and(|since_ms| now_ms >= since_ms + COMMIT_PATIENCE_MS)
    }

    /// The visitor's language (BCP 47).
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// How this visitor wants the screen.
    #[must_use]
    pub fn adaptation(&self) -> Adaptation {
        self.adaptation
    }

    /// How many visits have ended: where it changes, the next visitor finds the focus of keys at
    /// the beginning.
    #[must_use]
    pub fn ended(&self) -> u32 {
        self.ended
    }

    /// What this visitor opened over the screen.
    #[must_use]
    pub fn overlay(&self) -> Option<Overlay> {
        self.overlay
    }

    /// The uptime (ms) at which [`Event::Tick`] changes something; `None`: time alone changes
    /// nothing.
    #[must_use]
    pub fn deadline(&self, now_ms: u64) -> Option<u64> {
        let stalls = self
            .waiting_since_ms()
            .map(|since_ms| since_ms + COMMIT_PATIENCE_MS)
            .filter(|at_ms| *at_ms > now_ms);
        let phase = match &self.phase {
            Phase::Ready { message } => message.map(|(_, until_ms)| until_ms),
            Phase::Thanks {
                since_ms,
                withdrawal: None,
                ..
            } => self.thanks_deadline(*since_ms, now_ms),
            // They end when the disk has answered.
            Phase::Saving { .. } | Phase::Thanks { .. } | Phase::More(_) => None,
        };
        phase
            .into_iter()
            .chain(stalls)
            .chain(self.idle_deadline(now_ms))
            .chain(self.doubt.deadline())
            .min()
    }

    /// What to show.
    #[must_use]
    pub fn screen(&self, now_ms: u64, texts: Texts<'_>) -> ScreenView {
        if self.is_stalled(now_ms) {
            let detail = "journal: the disk does not answer".to_owned();
            return ScreenView::OutOfService(FaultView {
                fault: Fault::Storage,
                detail,
            });
        }
        let (pressed, message) = match (&self.phase, &self.fault) {
            // What was saved is thanked for even when nothing further can be taken.
            (Phase::Thanks { .. }, _) => return ScreenView::Thanks(self.thanks(now_ms)),
            (Phase::More(more), _) => return ScreenView::More(more.view(texts.words, texts.name)),
            (_, Some(fault)) => return ScreenView::OutOfService(fault.clone()),
            (Phase::Ready { message }, None) => (None, message.map(|(message, _)| message)),
            (Phase::Saving { waiting, .. }, None) => (waiting.last().map(|it| it.score), None),
        };
        ScreenView::Rate(RateView {
            question: texts.question,
            words: texts.words,
            pressed,
            message,
            check_needed: !self.phantoms().is_empty(),
        })
    }

    fn thanks(&self, now_ms: u64) -> ThanksView {
        let undo_left_ms = self.undo_left_ms(now_ms);
        let more = match &self.phase {
            Phase::Thanks {
                score: Some(score),
                withdrawal: None,
                ..
            } => self.rules.questionnaire.asks(*score),
            _ => false,
        };
        ThanksView {
            undo_left_s: undo_left_ms.map(|left_ms| left_ms.div_ceil(1_000) as u32),
            more,
        }
    }
}

#[cfg(test)]
mod tests;
