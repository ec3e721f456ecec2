//! Visitors who walk away, and those who only need more time.
//!
//! An opened panel closes without a word, and so do thanks: nothing is lost with them. Where
//! something would be (a questionnaire begun, a screen set up for this visitor, a language chosen,
//! a way found with keys) the terminal asks first, and one action of any kind is the answer.

use super::{Effect, Phase, READY, Stamp, Visit};
use crate::limits::{IDLE_WARNING_MS, SPEECH_KEEPS_MS};
use crate::view::adaptation::Adaptation;

impl Visit {
    /// Whether the screen is otherwise than for a new visitor.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        match &self.phase {
            Phase::Ready { .. } => self.overlay.is_some() || self.is_costly(),
            Phase::More(_) => true,
            // Thanks end by themselves where nothing is lost with them.
            Phase::Thanks {
                withdrawal: None, ..
            } => self.is_costly(),
            Phase::Saving { .. } | Phase::Thanks { .. } => false,
        }
    }

    /// Whether ending the visit would cost its visitor something.
    pub(super) fn is_costly(&self) -> bool {
        let (begins, chose_language) = match &self.phase {
            Phase::More(_) => return true,
            // Whoever hears the screen loses with thanks the way to take the rating back. Whoever
            // only chose a language has done what they came for.
            Phase::Thanks { .. } => (Adaptation::default(), false),
            Phase::Ready { .. } | Phase::Saving { .. } => {
                let default = &self.rules.default_language;
                (self.begins, self.language != *default)
            }
        };
        self.adaptation != begins || self.steers || chose_language
    }

    /// Since when nobody does anything (uptime in milliseconds). Whoever is being told something
    /// listens; not for ever.
    fn quiet_since_ms(&self, now_ms: u64) -> u64 {
        let heard_ms = if self.hears { now_ms } else { self.heard_ms };
        let at_most_ms = self.touched_ms + SPEECH_KEEPS_MS;
        heard_ms.min(at_most_ms).max(self.touched_ms)
    }

    /// The voice has begun or ended. The question whether somebody is still there is no answer to
    /// itself.
    pub(super) fn hear(&mut self, speaks: bool, now_ms: u64) {
        if speaks && self.idle_left_s(now_ms).is_some() {
            return;
        }
        if self.hears && !speaks {
            self.heard_ms = now_ms;
        }
        self.hears = speaks;
    }

    /// When a visitor who does nothing more is asked (uptime in milliseconds).
    fn asked_ms(&self, now_ms: u64) -> u64 {
        let undo_ms = match &self.phase {
            Phase::Thanks { .. } => self.rules.undo_ms,
            _ => 0,
        };
        self.quiet_since_ms(now_ms) + self.rules.idle_ms.max(undo_ms)
    }

    /// When a visitor who does nothing more has left (uptime in milliseconds).
    pub(super) fn left_at_ms(&self, now_ms: u64) -> Option<u64> {
        let warning_ms = if self.is_costly() { IDLE_WARNING_MS } else { 0 };
        self.is_begun().then(|| self.asked_ms(now_ms) + warning_ms)
    }

    /// Whole seconds to answer "are you still there?", while it is asked.
    #[must_use]
    pub fn idle_left_s(&self, now_ms: u64) -> Option<u32> {
        let left_ms = self.left_at_ms(now_ms)?.checked_sub(now_ms)?;
        (self.is_costly() && now_ms >= self.asked_ms(now_ms))
            .then(|| left_ms.div_ceil(1_000) as u32)
    }

    /// For how long nobody was at the terminal (milliseconds), while it waits for its next visitor.
    #[must_use]
    pub fn alone_ms(&self, now_ms: u64) -> Option<u64> {
        let waits = matches!(self.phase, Phase::Ready { message: None }) && self.fault.is_none();
        (waits && !self.is_begun())
            .then(|| now_ms.saturating_sub(self.touched_ms.max(self.stirred_ms)))
    }

    pub(super) fn idle_deadline(&self, now_ms: u64) -> Option<u64> {
        let left_at_ms = self.left_at_ms(now_ms)?;
        let asked_ms = self.asked_ms(now_ms);
        if now_ms < asked_ms {
            return Some(asked_ms);
        }
        // The seconds count down on the screen.
        let elapsed_s = (now_ms - asked_ms) / 1_000;
        Some((asked_ms + (elapsed_s + 1) * 1_000).min(left_at_ms))
    }

    /// The visitor is still here. What answers the warning does nothing else, nor does the second
    /// half of a double tap.
    pub(super) fn stay(&mut self, now_ms: u64) {
        if self.idle_left_s(now_ms).is_some() {
            self.left_ms = Some(now_ms);
        }
        self.touched_ms = now_ms;
    }

    /// Time has passed: a visitor who has left loses nothing that was given.
    pub(super) fn end_idle_visit(&mut self, stamp: &Stamp) -> Option<Effect> {
        let now_ms = stamp.at.up_ms;
        if now_ms < self.left_at_ms(now_ms)? {
            return None;
        }
        self.leave_questionnaire(stamp)
    }

    /// Ends the visit; what was given in the questionnaire is kept.
    pub(super) fn leave_questionnaire(&mut self, stamp: &Stamp) -> Option<Effect> {
        let answer = match &mut self.phase {
            Phase::More(more) => more.answer(stamp),
            _ => None,
        };
        self.end_visit(stamp.at.up_ms);
        answer.map(Effect::Append)
    }

    /// The next visitor finds the terminal as everybody does.
    pub(super) fn end_visit(&mut self, now_ms: u64) {
        self.phase = READY;
        self.left_ms = Some(now_ms);
        self.ended = self.ended.wrapping_add(1);
        self.language.clone_from(&self.rules.default_language);
        self.adaptation = self.begins;
        self.steers = false;
        self.hears = false;
        self.overlay = None;
    }
}
