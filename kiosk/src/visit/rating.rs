//! From the tap to thanks, and taking it back.

use pikir_contract::Id;
use pikir_contract::rules::WITHDRAWAL_GRACE_MS;

use super::doubt::Point;
use super::{Effect, Phase, READY, Stamp, Tap, Visit, Waiting};
use crate::journal::{Content, NewEvent};
use crate::limits::{LEFT_GUARD_MS, MESSAGE_MS, THANKS_GUARD_MS, THANKS_MS, THANKS_WITH_MORE_MS};
use crate::view::RateMessage;

impl Visit {
    pub(super) fn rate(&mut self, tap: &Tap, stamp: &Stamp) -> Option<Effect> {
        let now_ms = stamp.at.up_ms;
        self.let_time_pass(now_ms);
        if self.fault.is_some() || self.is_stalled(now_ms) {
            return None;
        }
        let closed = self.is_closed(tap.true_ms);
        let verdict = self.doubt.rate(tap.id, &stamp.at, tap.touched, closed);
        self.touched_ms = now_ms;
        self.overlay = None;
        let waiting = Waiting {
            id: tap.id,
            score: tap.score,
            since_ms: now_ms,
        };
        match &mut self.phase {
            // The next key may come while the last rating is still on its way to the disk: both
            // count.
            Phase::Saving { waiting: all, .. } => all.push(waiting),
            _ => {
                self.phase = Phase::Saving {
                    waiting: vec![waiting],
                    saved: None,
                }
            }
        }
        Some(Effect::Append(NewEvent {
            id: tap.id,
            at: stamp.at,
            content: Content::Rating {
                score: tap.score,
                lang: self.language.clone(),
                input: tap.input,
                gap_ms: Some(verdict.gap_ms),
                flags: verdict.flags,
                touched: tap.touched.map(|Point { x, y }| (x, y)),
            },
        }))
    }

    /// Whether the office is known to be closed.
    fn is_closed(&self, true_ms: Option<i64>) -> bool {
        let known = self.rules.hours.as_ref().zip(true_ms);
        known.is_some_and(|(hours, true_ms)| !hours.serves(true_ms))
    }

    pub(super) fn undo(&mut self, stamp: &Stamp) -> Option<Effect> {
        let now_ms = stamp.at.up_ms;
        self.let_time_pass(now_ms);
        self.undo_left_ms(now_ms)?;
        let fresh =
            matches!(self.phase, Phase::Thanks { since_ms, .. } if self.is_fresh(since_ms, now_ms));
        match &mut self.phase {
            Phase::Thanks {
                rating,
                withdrawal: withdrawal @ None,
                ..
            } if !fresh => {
                *withdrawal = Some((stamp.id, now_ms));
                self.touched_ms = now_ms;
                // Already now: the visitor may rate anew before the withdrawal is on the disk.
                self.doubt.withdrawn(*rating, stamp.id);
                Some(Effect::Append(NewEvent {
                    id: stamp.id,
                    at: stamp.at,
                    content: Content::Withdrawal { rating: *rating },
                }))
            }
            _ => None,
        }
    }

    /// Until when a rating can be taken back (uptime in milliseconds): for those who set the screen
    /// up, hear it or use keys, until they have left, as long as the portal takes it for the same
    /// visitor.
    fn undo_end_ms(&self, rating: Id, since_ms: u64, now_ms: u64) -> u64 {
        let ordinary_ms = since_ms + self.rules.undo_ms;
        let hurried = self.adaptation.is_plain() && !self.steers;
        // Zero: nothing can be taken back at this terminal.
        let left_at_ms = self
            .left_at_ms(now_ms)
            .filter(|_| !hurried && self.rules.undo_ms > 0);
        let rated_ms = self.doubt.rated_ms(rating).unwrap_or(since_ms);
        let at_most_ms = rated_ms + self.rules.undo_ms + WITHDRAWAL_GRACE_MS;
        ordinary_ms.max(left_at_ms.unwrap_or(0)).min(at_most_ms)
    }

    /// How long the rating can still be taken back (milliseconds, never 0); `None` once it cannot.
    pub(super) fn undo_left_ms(&self, now_ms: u64) -> Option<u64> {
        match &self.phase {
            Phase::Thanks {
                rating,
                score: Some(_),
                since_ms,
                withdrawal: None,
            } => {
                let end_ms = self.undo_end_ms(*rating, *since_ms, now_ms);
                let left_ms = end_ms.saturating_sub(now_ms);
                (left_ms > 0).then_some(left_ms)
            }
            _ => None,
        }
    }

    pub(super) fn done(&mut self, now_ms: u64) {
        // The second half of a double tap lands here and must not wipe the thanks away.
        if let Phase::Thanks {
            since_ms,
            withdrawal: None,
            ..
        } = self.phase
            && !self.is_fresh(since_ms, now_ms)
        {
            self.end_visit(now_ms);
        }
    }

    /// Whether thanks have just come, or something over them has just gone: the second half of a
    /// double tap falls on them.
    pub(super) fn is_fresh(&self, since_ms: u64, now_ms: u64) -> bool {
        now_ms < since_ms + THANKS_GUARD_MS || self.has_just_left(now_ms)
    }

    /// Whether what was there before has just been left. A score given so soon is meant for that: a
    /// second half of a double tap, a switch pressed late.
    pub(super) fn has_just_left(&self, now_ms: u64) -> bool {
        self.left_ms
            .is_some_and(|left_ms| now_ms < left_ms + LEFT_GUARD_MS)
    }

    pub(super) fn appended(&mut self, id: Id, now_ms: u64) {
        match &mut self.phase {
            Phase::Saving { waiting, saved } => {
                if let Some(at) = waiting.iter().position(|it| it.id == id) {
                    *saved = Some((id, waiting.remove(at).score));
                    self.finish_saving(now_ms);
                }
            }
            Phase::Thanks {
                withdrawal: Some((withdrawal, _)),
                ..
            } if *withdrawal == id => self.say(RateMessage::Withdrawn, now_ms),
            Phase::More(more) => {
                more.appended(id);
                self.thank_when_left(now_ms);
            }
            _ => {}
        }
    }

    pub(super) fn not_appended(&mut self, id: Id, now_ms: u64) {
        self.doubt.not_saved(id);
        match &mut self.phase {
            Phase::Saving { waiting, .. } => {
                if let Some(at) = waiting.iter().position(|it| it.id == id) {
                    waiting.remove(at);
                    self.finish_saving(now_ms);
                }
            }
            // Still on the thanks screen: the visitor may try again, and has all the time for it,
            // for the disk took it.
            Phase::Thanks {
                withdrawal,
                since_ms,
                ..
            } if withdrawal.is_some_and(|(withdrawal, _)| withdrawal == id) => {
                *withdrawal = None;
                *since_ms = now_ms;
                self.touched_ms = now_ms;
            }
            Phase::More(more) => more.not_appended(id),
            _ => {}
        }
    }

    /// Thanks as soon as nothing is waiting and something was saved; says so honestly when nothing
    /// was.
    fn finish_saving(&mut self, now_ms: u64) {
        let Phase::Saving { waiting, saved } = &self.phase else {
            return;
        };
        if waiting.is_empty() {
            match *saved {
                Some((rating, score)) => {
                    self.touched_ms = now_ms;
                    self.phase = Phase::Thanks {
                        rating,
                        score: Some(score),
                        since_ms: now_ms,
                        withdrawal: None,
                    };
                }
                None => self.say(RateMessage::NotSaved, now_ms),
            }
        }
    }

    /// Back to the question with a line about what happened. The visitor has to read it, so
    /// idleness begins anew.
    fn say(&mut self, message: RateMessage, now_ms: u64) {
        self.touched_ms = now_ms;
        self.left_ms = Some(now_ms);
        self.phase = Phase::Ready {
            message: Some((message, now_ms + MESSAGE_MS)),
        };
    }

    /// How long thanks stay without any input where nobody is asked: longer where there is
    /// something to decide, and without hurry for those who are about to set the screen up.
    fn thanks_ms(&self) -> u64 {
        let offers_more = match &self.phase {
            Phase::Thanks { score, .. } => {
                score.is_some_and(|it| self.rules.questionnaire.asks(it))
            }
            _ => false,
        };
        let least_ms = match (self.overlay, offers_more) {
            (Some(_), _) => self.rules.idle_ms,
            (None, true) => THANKS_WITH_MORE_MS,
            (None, false) => THANKS_MS,
        };
        self.rules.undo_ms.max(least_ms)
    }

    /// When thanks end by themselves (uptime in milliseconds); `None`: not before the visitor was
    /// asked.
    fn thanks_end_ms(&self, since_ms: u64) -> Option<u64> {
        (!self.is_costly()).then(|| since_ms.max(self.touched_ms) + self.thanks_ms())
    }

    /// The seconds to undo count down on the screen.
    pub(super) fn thanks_deadline(&self, since_ms: u64, now_ms: u64) -> Option<u64> {
        let left_ms = self.undo_left_ms(now_ms);
        let next_second = left_ms.map(|left_ms| now_ms + (left_ms - 1) % 1_000 + 1);
        let end = self.thanks_end_ms(since_ms);
        next_second.into_iter().chain(end).min()
    }

    pub(super) fn let_time_pass(&mut self, now_ms: u64) {
        match &self.phase {
            // While a withdrawal is on its way the visitor waits for its end.
            Phase::Thanks {
                since_ms,
                withdrawal: None,
                ..
            } if self
                .thanks_end_ms(*since_ms)
                .is_some_and(|end_ms| now_ms >= end_ms) =>
            {
                self.end_visit(now_ms);
            }
            Phase::Ready {
                message: Some((_, until_ms)),
            } if now_ms >= *until_ms => self.phase = READY,
            _ => {}
        }
    }
}
