//! The visit: what a visitor can do and what the terminal answers, as a pure state machine.
//!
//! [`Visit::step`] takes what happened and the uptime, and returns the effects to carry out. It reads no clock,
//! touches no disk and draws nothing. [`Visit::screen`] says what to show. [`Visit::deadline`] says when time alone
//! changes something, so that an idle terminal sleeps.

use pikir_contract::{BootId, ClockReading, Id, InputKind, Score};

use crate::journal::{Content, NewEvent};
use crate::limits::{
    COMMIT_PATIENCE_MS, LANGUAGE_RESET_MS, MESSAGE_MS, THANKS_GUARD_MS, THANKS_MS,
};
use crate::view::{Fault, FaultView, RateMessage, RateView, ScreenView, ThanksView};

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A finger, a key or a button gave a score.
    Rate {
        /// Id the rating gets.
        id: Id,
        /// The moment of the tap.
        at: ClockReading,
        /// The score.
        score: Score,
        /// What gave it.
        input: InputKind,
        /// Where it was touched, per mille of the screen.
        touched: Option<(u16, u16)>,
    },
    /// The visitor wants the last rating back.
    Undo {
        /// Id the withdrawal gets.
        id: Id,
        /// The moment of it.
        at: ClockReading,
    },
    /// The visitor is done with the thanks screen.
    Done,
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

/// What the visit has to have done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Append this to the journal and report [`Event::Appended`] or [`Event::NotAppended`].
    Append(NewEvent),
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
}

/// The state of the visit at one terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    phase: Phase,
    rules: Rules,
    language: String,
    /// Uptime of the last thing a visitor did (milliseconds).
    touched_ms: u64,
    /// Boot and uptime of the newest rating.
    last_rating: Option<(BootId, u64)>,
    fault: Option<FaultView>,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Ready {
        message: Option<(RateMessage, u64)>,
    },
    Saving {
        waiting: Vec<Id>,
        saved: Option<Id>,
        score: Score,
        since_ms: u64,
    },
    Thanks {
        rating: Id,
        since_ms: u64,
        withdrawal: Option<Id>,
    },
}

const READY: Phase = Phase::Ready { message: None };

impl Visit {
    /// A terminal waiting for its first visitor. `last_rating` is the newest one in the journal.
    #[must_use]
    pub fn new(rules: Rules, last_rating: Option<(BootId, u64)>) -> Self {
        let language = rules.default_language.clone();
        Self {
            phase: READY,
            rules,
            language,
            touched_ms: 0,
            last_rating,
            fault: None,
        }
    }

    /// Takes what happened at uptime `now_ms`; returns what has to be done, in order.
    #[must_use]
    pub fn step(&mut self, event: Event, now_ms: u64) -> Vec<Effect> {
        match event {
            Event::Rate {
                id,
                at,
                score,
                input,
                touched,
            } => return self.rate(id, at, score, input, touched, now_ms),
            Event::Undo { id, at } => return self.undo(id, at, now_ms),
            Event::Done => self.done(now_ms),
            Event::Language(language) => {
                self.touched_ms = now_ms;
                if self.rules.languages.contains(&language) {
                    self.language = language;
                }
            }
            Event::Appended(id) => self.appended(id, now_ms),
            Event::NotAppended(id) => self.not_appended(id, now_ms),
            Event::Service(fault) => self.fault = fault,
            Event::Rules(rules) => {
                if !rules.languages.contains(&self.language) {
                    self.language.clone_from(&rules.default_language);
                }
                self.rules = rules;
            }
            Event::Tick => {}
        }
        self.let_time_pass(now_ms);
        Vec::new()
    }

    fn rate(
        &mut self,
        id: Id,
        at: ClockReading,
        score: Score,
        input: InputKind,
        touched: Option<(u16, u16)>,
        now_ms: u64,
    ) -> Vec<Effect> {
        self.let_time_pass(now_ms);
        if self.fault.is_some() || self.is_stalled(now_ms) {
            return Vec::new();
        }
        let gap_ms = match self.last_rating {
            Some((boot, up_ms)) if boot == at.boot => at.up_ms.checked_sub(up_ms),
            _ => None,
        };
        self.last_rating = Some((at.boot, at.up_ms));
        self.touched_ms = now_ms;
        match &mut self.phase {
            // The next key may come while the last rating is still on its way to the disk: both count.
            Phase::Saving {
                waiting,
                score: shown,
                ..
            } => {
                waiting.push(id);
                *shown = score;
            }
            _ => {
                self.phase = Phase::Saving {
                    waiting: vec![id],
                    saved: None,
                    score,
                    since_ms: now_ms,
                }
            }
        }
        let lang = self.language.clone();
        vec![Effect::Append(NewEvent {
            id,
            at,
            content: Content::Rating {
                score,
                lang,
                input,
                gap_ms,
                touched,
            },
        })]
    }

    fn undo(&mut self, id: Id, at: ClockReading, now_ms: u64) -> Vec<Effect> {
        self.let_time_pass(now_ms);
        let undo_ms = self.rules.undo_ms;
        match &mut self.phase {
            Phase::Thanks {
                rating,
                since_ms,
                withdrawal: withdrawal @ None,
            } if (THANKS_GUARD_MS..undo_ms).contains(&(now_ms - *since_ms)) => {
                *withdrawal = Some(id);
                self.touched_ms = now_ms;
                vec![Effect::Append(NewEvent {
                    id,
                    at,
                    content: Content::Withdrawal { rating: *rating },
                })]
            }
            _ => Vec::new(),
        }
    }

    fn done(&mut self, now_ms: u64) {
        // The second half of a double tap lands here and must not wipe the thanks away.
        if let Phase::Thanks {
            since_ms,
            withdrawal: None,
            ..
        } = self.phase
            && now_ms - since_ms >= THANKS_GUARD_MS
        {
            self.phase = READY;
        }
    }

    fn appended(&mut self, id: Id, now_ms: u64) {
        match &mut self.phase {
            Phase::Saving { waiting, saved, .. } if waiting.contains(&id) => {
                waiting.retain(|waiting| *waiting != id);
                *saved = Some(id);
                self.finish_saving(now_ms);
            }
            Phase::Thanks {
                withdrawal: Some(withdrawal),
                ..
            } if *withdrawal == id => {
                self.phase = Phase::Ready {
                    message: Some((RateMessage::Withdrawn, now_ms + MESSAGE_MS)),
                };
            }
            _ => {}
        }
    }

    fn not_appended(&mut self, id: Id, now_ms: u64) {
        match &mut self.phase {
            Phase::Saving { waiting, .. } if waiting.contains(&id) => {
                waiting.retain(|waiting| *waiting != id);
                self.finish_saving(now_ms);
            }
            // Still on the thanks screen: the visitor may try again while there is time.
            Phase::Thanks { withdrawal, .. } if *withdrawal == Some(id) => *withdrawal = None,
            _ => {}
        }
    }

    /// Thanks as soon as nothing is waiting and something was saved; says so honestly when nothing was.
    fn finish_saving(&mut self, now_ms: u64) {
        let Phase::Saving { waiting, saved, .. } = &self.phase else {
            return;
        };
        if waiting.is_empty() {
            self.phase = match *saved {
                Some(rating) => Phase::Thanks {
                    rating,
                    since_ms: now_ms,
                    withdrawal: None,
                },
                None => Phase::Ready {
                    message: Some((RateMessage::NotSaved, now_ms + MESSAGE_MS)),
                },
            };
        }
    }

    fn let_time_pass(&mut self, now_ms: u64) {
        match &self.phase {
            Phase::Thanks { since_ms, .. } if now_ms >= since_ms + self.thanks_ms() => {
                self.phase = READY
            }
            Phase::Ready {
                message: Some((_, until_ms)),
            } if now_ms >= *until_ms => self.phase = READY,
            _ => {}
        }
        if matches!(self.phase, Phase::Ready { .. })
            && now_ms >= self.touched_ms + LANGUAGE_RESET_MS
        {
            self.language.clone_from(&self.rules.default_language);
        }
    }

    fn thanks_ms(&self) -> u64 {
        self.rules.undo_ms.max(THANKS_MS)
    }

    fn is_stalled(&self, now_ms: u64) -> bool {
        matches!(self.phase, Phase::Saving { since_ms, .. } if now_ms >= since_ms + COMMIT_PATIENCE_MS)
    }

    /// The visitor's language (BCP 47).
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// The uptime (ms) at which [`Event::Tick`] changes something; `None`: time alone changes nothing.
    #[must_use]
    pub fn deadline(&self, now_ms: u64) -> Option<u64> {
        let language = (self.language != self.rules.default_language)
            .then_some(self.touched_ms + LANGUAGE_RESET_MS);
        match &self.phase {
            Phase::Ready { message } => {
                let message = message.map(|(_, until_ms)| until_ms);
                message.into_iter().chain(language).min()
            }
            Phase::Saving { since_ms, .. } => {
                Some(since_ms + COMMIT_PATIENCE_MS).filter(|at| *at > now_ms)
            }
            // The seconds to undo count down on the screen.
            Phase::Thanks { since_ms, .. } => {
                let next_second = since_ms + ((now_ms - since_ms) / 1_000 + 1) * 1_000;
                Some(next_second.min(since_ms + self.thanks_ms()))
            }
        }
    }

    /// What to show. `question` and `words` come from the configuration in the visitor's language.
    #[must_use]
    pub fn screen(
        &self,
        now_ms: u64,
        question: Option<String>,
        words: [Option<String>; 5],
    ) -> ScreenView {
        if self.is_stalled(now_ms) {
            let detail = "journal: the disk does not answer".to_owned();
            return ScreenView::OutOfService(FaultView {
                fault: Fault::Storage,
                detail,
            });
        }
        match (&self.phase, &self.fault) {
            // What was saved is thanked for even when nothing further can be taken.
            (
                Phase::Thanks {
                    since_ms,
                    withdrawal,
                    ..
                },
                _,
            ) => {
                let left_ms = (since_ms + self.rules.undo_ms).saturating_sub(now_ms);
                let undo_left_s =
                    (left_ms > 0 && withdrawal.is_none()).then(|| left_ms.div_ceil(1_000) as u32);
                ScreenView::Thanks(ThanksView { undo_left_s })
            }
            (_, Some(fault)) => ScreenView::OutOfService(fault.clone()),
            (Phase::Ready { message }, None) => {
                let message = message.map(|(message, _)| message);
                ScreenView::Rate(RateView {
                    question,
                    words,
                    pressed: None,
                    message,
                })
            }
            (Phase::Saving { score, .. }, None) => ScreenView::Rate(RateView {
                question,
                words,
                pressed: Some(*score),
                message: None,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
