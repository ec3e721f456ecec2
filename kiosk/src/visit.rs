//! The visit: what a visitor can do and what the terminal answers, as a pure state machine.
//!
//! [`Visit::step`] takes what happened and the uptime, and returns the effects to carry out. It reads no clock,
//! touches no disk and draws nothing. [`Visit::screen`] says what to show. [`Visit::deadline`] says when time alone
//! changes something, so that an idle terminal sleeps.

mod events;

pub use events::{Effect, Event, Rules, Tap};

use pikir_contract::{BootId, ClockReading, Id, Score};

use crate::doubt::{Doubt, Phantom, Point};
use crate::journal::{Content, NewEvent};
use crate::limits::{
    COMMIT_PATIENCE_MS, LANGUAGE_RESET_MS, MESSAGE_MS, THANKS_GUARD_MS, THANKS_MS,
};
use crate::view::{Fault, FaultView, RateMessage, RateView, ScreenView, ThanksView};

/// The state of the visit at one terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    phase: Phase,
    rules: Rules,
    language: String,
    /// Uptime of the last thing a visitor did (milliseconds).
    touched_ms: u64,
    doubt: Doubt,
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
            doubt: Doubt::new(last_rating),
            fault: None,
        }
    }

    /// Takes what happened at uptime `now_ms`; returns what has to be done, in order.
    #[must_use]
    pub fn step(&mut self, event: Event, now_ms: u64) -> Vec<Effect> {
        let mut effects = self.trust_quiet_points(now_ms);
        match event {
            Event::Rate(tap) => effects.extend(self.rate(tap, now_ms)),
            Event::Touched(point) => effects.extend(self.panel_touched(point, now_ms)),
            Event::Undo { id, at } => effects.extend(self.undo(id, at, now_ms)),
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
        effects
    }

    fn rate(&mut self, tap: Tap, now_ms: u64) -> Option<Effect> {
        self.let_time_pass(now_ms);
        if self.fault.is_some() || self.is_stalled(now_ms) {
            return None;
        }
        let closed = self.is_closed(tap.true_ms);
        let verdict = self.doubt.rate(tap.id, &tap.at, tap.touched, closed);
        self.touched_ms = now_ms;
        match &mut self.phase {
            // The next key may come while the last rating is still on its way to the disk: both count.
            Phase::Saving { waiting, score, .. } => {
                waiting.push(tap.id);
                *score = tap.score;
            }
            _ => {
                self.phase = Phase::Saving {
                    waiting: vec![tap.id],
                    saved: None,
                    score: tap.score,
                    since_ms: now_ms,
                }
            }
        }
        Some(Effect::Append(NewEvent {
            id: tap.id,
            at: tap.at,
            content: Content::Rating {
                score: tap.score,
                lang: self.language.clone(),
                input: tap.input,
                gap_ms: verdict.gap_ms,
                flags: verdict.flags,
                touched: tap.touched.map(|Point { x, y }| (x, y)),
            },
        }))
    }

    /// Whether the office is known to be closed.
    fn is_closed(&self, true_ms: Option<i64>) -> bool {
        let known = self.rules.hours.as_ref().zip(true_ms);
        known.is_some_and(|(hours, true_ms)| !hours.is_open(true_ms))
    }

    /// Nobody's input until it is a rating, so it neither wakes the terminal nor keeps a language.
    fn panel_touched(&mut self, point: Point, now_ms: u64) -> Option<Effect> {
        let phantom = self.doubt.touch(point, now_ms)?;
        let detail = format!("phantom touch at {phantom}; ratings from there are flagged");
        Some(Effect::Maintenance(detail))
    }

    fn trust_quiet_points(&mut self, now_ms: u64) -> Vec<Effect> {
        let quiet = self.doubt.let_time_pass(now_ms).into_iter();
        quiet
            .map(|Phantom { point, .. }| {
                let Point { x, y } = point;
                Effect::Maintenance(format!(
                    "phantom touch at {x},{y} (per mille) has stopped; ratings from there count again"
                ))
            })
            .collect()
    }

    fn undo(&mut self, id: Id, at: ClockReading, now_ms: u64) -> Option<Effect> {
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
                // Already now: the visitor may rate anew before the withdrawal is on the disk.
                self.doubt.withdrawn(*rating);
                Some(Effect::Append(NewEvent {
                    id,
                    at,
                    content: Content::Withdrawal { rating: *rating },
                }))
            }
            _ => None,
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
        self.doubt.not_saved(id);
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

    /// Where the panel touches itself, as far as is known.
    #[must_use]
    pub fn phantoms(&self) -> &[Phantom] {
        self.doubt.phantoms()
    }

    /// The uptime (ms) at which [`Event::Tick`] changes something; `None`: time alone changes nothing.
    #[must_use]
    pub fn deadline(&self, now_ms: u64) -> Option<u64> {
        let shown = self.screen_deadline(now_ms);
        shown.into_iter().chain(self.doubt.deadline()).min()
    }

    fn screen_deadline(&self, now_ms: u64) -> Option<u64> {
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
        let check_needed = !self.phantoms().is_empty();
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
                    check_needed,
                })
            }
            (Phase::Saving { score, .. }, None) => ScreenView::Rate(RateView {
                question,
                words,
                pressed: Some(*score),
                message: None,
                check_needed,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
