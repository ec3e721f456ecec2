//! Which key presses are a hand's.
//!
//! A barcode scanner types as a keyboard does, a dozen keys in a blink, and so does a keyboard that
//! a child beats or that is defective. A key is therefore held back for [`HAND_GAP`]. If another
//! one follows within that time, neither was a hand's, and nothing counts until no key was pressed
//! for [`HAND_QUIET`]. What is written into a comment is not held back: there a scanner's code is a
//! text like any other. Nothing comes of a key pressed with one for shortcuts, but it is a key as
//! any other to those before and after it.

use std::time::Duration;

use crate::limits::{HAND_GAP, HAND_QUIET};

/// What a key would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It gives a score, as every digit may.
    Digit,
    /// It asks for something else, or for nothing.
    Command,
    /// It writes, where a text is being written.
    Text,
    /// Nothing, as it is pressed with one for shortcuts.
    Chord,
    /// It changes what others do. A hand presses Shift before its key, but not after.
    Modifier,
}

/// What is to become of a key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts at once.
    Now,
    /// It counts unless another one follows too soon.
    Wait,
    /// It is no hand's.
    Never,
}

/// The keys pressed lately. Time comes from outside: [`Hands::elapsed`] is to be called once
/// [`Hands::patience`] has passed since the last key. A modifier begins that time anew only where
/// [`Hands::is_hurried`].
#[derive(Debug)]
pub(super) struct Hands<K> {
    state: State<K>,
}

#[derive(Debug)]
enum State<K> {
    /// No key for a while.
    Still,
    /// One key, which may be a hand's; `None`: nothing comes of it.
    Held(Option<K>),
    /// A key was a hand's. A score so soon after it is not.
    Pressed,
    /// Something was written.
    Wrote,
    /// Keys that no hand can press.
    Burst,
}

impl<K> Default for Hands<K> {
    fn default() -> Self {
        Self {
            state: State::Still,
        }
    }
}

impl<K> Hands<K> {
    /// A key went down.
    pub(super) fn press(&mut self, kind: Kind, key: K) -> Verdict {
        use State::{Burst, Held, Pressed, Still, Wrote};
        let (state, verdict) = match (kind, &self.state) {
            (Kind::Text, Burst) => (Burst, Verdict::Now),
            (Kind::Text, _) => (Wrote, Verdict::Now),
            (Kind::Modifier, Still | Pressed | Wrote) => return Verdict::Now,
            (Kind::Modifier, Held(_) | Burst) => (Burst, Verdict::Now),
            (Kind::Digit | Kind::Command, Still) | (Kind::Command, Pressed) => {
                (Held(Some(key)), Verdict::Wait)
            }
            (Kind::Chord, Still | Pressed) => (Held(None), Verdict::Now),
            (Kind::Chord, _) => (Burst, Verdict::Now),
            _ => (Burst, Verdict::Never),
        };
        self.state = state;
        verdict
    }

    /// How long to wait until time alone changes something, counted from the last key, or from when
    /// that was last so.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Still => None,
            State::Held(_) | State::Wrote => Some(HAND_GAP),
            State::Pressed => Some(HAND_QUIET.saturating_sub(HAND_GAP)),
            State::Burst => Some(HAND_QUIET),
        }
    }

    /// That time has passed, without any key. Returns the key that was a hand's.
    pub(super) fn elapsed(&mut self) -> Option<K> {
        match std::mem::replace(&mut self.state, State::Still) {
            State::Held(key) => {
                self.state = State::Pressed;
                key
            }
            _ => None,
        }
    }

    /// Whether keys come one after the other, or something was written just now.
    pub(super) fn is_hurried(&self) -> bool {
        matches!(self.state, State::Wrote | State::Burst)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HAND_GAP_MS: u64 = HAND_GAP.as_millis() as u64;
    const HAND_QUIET_MS: u64 = HAND_QUIET.as_millis() as u64;

    /// Keys with the time of each (milliseconds), in order; returns which counted, and when.
    fn counted(keys: &[(u64, Kind)]) -> Vec<(usize, u64)> {
        let mut hands = Hands::default();
        let mut due_ms: Option<u64> = None;
        let mut counted = Vec::new();
        let patience = |hands: &Hands<usize>, from_ms: u64| {
            hands.patience().map(|it| from_ms + it.as_millis() as u64)
        };
        let end = (u64::MAX, Kind::Modifier);
        for (index, (at_ms, kind)) in keys.iter().chain([&end]).enumerate() {
            while let Some(due) = due_ms.filter(|due| due <= at_ms) {
                counted.extend(hands.elapsed().map(|key| (key, due)));
                due_ms = patience(&hands, due);
            }
            if index == keys.len() {
                break;
            }
            if hands.press(*kind, index) == Verdict::Now && *kind == Kind::Text {
                counted.push((index, *at_ms));
            }
            if *kind != Kind::Modifier || hands.is_hurried() {
                due_ms = patience(&hands, *at_ms);
            }
        }
        counted
    }

    fn burst(from_ms: u64, gap_ms: u64, kinds: &[Kind]) -> Vec<(u64, Kind)> {
        let times = (0..).map(|at| from_ms + at * gap_ms);
        times.zip(kinds.iter().copied()).collect()
    }

    #[test]
    fn a_single_key_counts_within_120_milliseconds() {
        for kind in [Kind::Digit, Kind::Command] {
            let counted = counted(&[(0, kind)]);
            assert_eq!(counted, [(0, HAND_GAP_MS)]);
            const { assert!(HAND_GAP_MS <= 120) };
        }
    }

    #[test]
    fn a_code_from_a_scanner_counts_not_at_all_however_it_begins_and_ends() {
        use Kind::{Chord, Command, Digit, Modifier};
        let code = [Digit; 13];
        for gap_ms in [0, 1, 5, 20, 50, 80, HAND_GAP_MS - 1] {
            for before in [
                &[][..],
                &[Command],
                &[Modifier],
                &[Modifier, Command],
                &[Chord],
            ] {
                for after in [
                    &[][..],
                    &[Command],
                    &[Command, Command],
                    &[Modifier],
                    &[Chord],
                ] {
                    let kinds = [before, &code, after].concat();
                    assert_eq!(counted(&burst(0, gap_ms, &kinds)), [], "{gap_ms} {kinds:?}");
                }
            }
        }
    }

    #[test]
    fn a_code_of_one_or_two_signs_is_told_by_what_ends_it() {
        use Kind::{Command, Digit};
        for kinds in [&[Digit, Command][..], &[Digit, Digit], &[Command, Digit]] {
            assert_eq!(counted(&burst(0, 10, kinds)), []);
        }
    }

    #[test]
    fn shift_between_digits_hides_no_burst_and_before_one_is_a_hands() {
        use Kind::{Digit, Modifier};
        let mixed = [Digit, Modifier, Digit, Modifier, Digit];
        for gap_ms in [0, 10, HAND_GAP_MS - 1] {
            assert_eq!(counted(&burst(0, gap_ms, &mixed)), [], "{gap_ms}");
        }
        assert_eq!(counted(&burst(0, 30, &[Modifier, Digit])).len(), 1);
    }

    #[test]
    fn a_key_pressed_for_a_shortcut_counts_not_and_is_a_key_to_the_others() {
        use Kind::{Chord, Command, Digit, Modifier};
        assert_eq!(counted(&[(0, Chord)]), []);
        for kinds in [
            &[Modifier, Chord, Digit][..],
            &[Chord, Command],
            &[Digit, Chord],
        ] {
            assert_eq!(counted(&burst(0, 10, kinds)), [], "{kinds:?}");
        }
        let later = |ms: u64, kind: Kind| counted(&[(0, Chord), (ms, kind)]).len();
        assert_eq!(later(HAND_GAP_MS, Command), 1);
        assert_eq!(later(HAND_QUIET_MS - 1, Digit), 0);
        assert_eq!(later(HAND_QUIET_MS, Digit), 1);
    }

    #[test]
    fn of_a_slow_scanner_the_first_digit_alone_counts() {
        let keys = burst(0, HAND_QUIET_MS - 1, &[Kind::Digit; 13]);
        assert_eq!(counted(&keys), [(0, HAND_GAP_MS)]);
    }

    #[test]
    fn a_hand_that_goes_on_with_its_keys_is_followed() {
        let keys = burst(0, HAND_GAP_MS, &[Kind::Command; 10]);
        assert_eq!(counted(&keys).len(), 10);
        let keys = burst(0, HAND_QUIET_MS, &[Kind::Digit; 10]);
        assert_eq!(counted(&keys).len(), 10);
    }

    #[test]
    fn after_a_burst_a_hand_counts_again_when_it_was_quiet() {
        let mut keys = burst(0, 5, &[Kind::Digit; 13]);
        let end_ms = keys.last().unwrap().0;
        keys.push((end_ms + HAND_QUIET_MS - 1, Kind::Digit));
        assert_eq!(counted(&keys), []);
        let quiet_ms = end_ms + 2 * HAND_QUIET_MS;
        keys.push((quiet_ms, Kind::Digit));
        assert_eq!(counted(&keys), [(14, quiet_ms + HAND_GAP_MS)]);
    }

    #[test]
    fn what_is_written_is_not_held_back_and_what_follows_too_soon_asks_for_nothing() {
        let mut keys = burst(0, 5, &[Kind::Text; 13]);
        assert_eq!(counted(&keys).len(), 13);
        keys.push((70, Kind::Command));
        assert_eq!(counted(&keys).len(), 13);
        let later = [(0, Kind::Text), (HAND_GAP_MS, Kind::Command)];
        assert_eq!(counted(&later).len(), 2);
    }

    proptest! {
        #[test]
        fn no_key_counts_that_another_one_follows_or_precedes_too_soon(
            gaps in proptest::collection::vec((0..400_u64, 0..4_usize), 1..60)
        ) {
            let kinds = [Kind::Digit, Kind::Command, Kind::Modifier, Kind::Chord];
            let mut at_ms = 0;
            let keys: Vec<_> = gaps.iter().map(|(gap_ms, kind)| {
                at_ms += gap_ms;
                (at_ms, kinds[*kind])
            }).collect();
            let counted = counted(&keys);
            for (index, at_ms) in &counted {
                let (pressed_ms, kind) = keys[*index];
                prop_assert!(matches!(kind, Kind::Digit | Kind::Command));
                prop_assert_eq!(*at_ms, pressed_ms + HAND_GAP_MS);
                let follows = keys.get(index + 1);
                prop_assert!(follows.is_none_or(|(next_ms, _)| *next_ms >= *at_ms));
                let before = keys[..*index].iter().rev().find(|(_, kind)| *kind != Kind::Modifier);
                let least_ms = if kind == Kind::Digit { HAND_QUIET_MS } else { HAND_GAP_MS };
                prop_assert!(before.is_none_or(|(before_ms, _)| before_ms + least_ms <= pressed_ms));
            }
            // And nothing that was pressed at rest is lost.
            for (index, (pressed_ms, kind)) in keys.iter().enumerate() {
                let is_clear = |other: &(u64, Kind)| other.0.abs_diff(*pressed_ms) > 2 * HAND_QUIET_MS;
                let alone = keys[..index].iter().all(is_clear) && keys[index + 1..].iter().all(is_clear);
                if alone && matches!(kind, Kind::Digit | Kind::Command) {
                    prop_assert!(counted.iter().any(|(counted, _)| *counted == index));
                }
            }
        }
    }
}
