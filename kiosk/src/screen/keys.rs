//! What keys ask for, and the focus they move (`ui/keys.slint`).
//!
//! | asks for | keys |
//! | --- | --- |
//! | next control | → ↓, and Tab |
//! | the one before | ← ↑, and Shift+Tab |
//! | select | Return, Enter of a number block, Space |
//! | back | Escape, `*` |
//! | say it again | F1, `0`, `?` |
//! | louder; after the loudest the lowest | F2, `+` |
//! | speech on or off (the marked key) | F3, `#` |
//! | two buttons: next, select | F11, F12 |
//!
//! `1`–`5` answer with a score. A telephone's twelve keys are enough for a rating; the focus needs
//! arrows and Return, or two buttons. Keys that no hand can press do nothing (`hands.rs`).

use std::cell::RefCell;
use std::rc::Rc;

use slint::platform::{Key, WindowEvent};
use slint::{ComponentHandle as _, SharedString, Timer, TimerMode};

use super::hands::{Hands, Kind, Verdict};
use super::keyboard;
use super::ui::{AppWindow, Command, Keyboard, Keys};
use crate::view::{UserAction, View};

/// Keys that write nothing, and what they ask for.
const SILENT: [(Key, Command); 11] = [
    (Key::RightArrow, Command::Next),
    (Key::DownArrow, Command::Next),
    (Key::LeftArrow, Command::Previous),
    (Key::UpArrow, Command::Previous),
    (Key::Return, Command::Select),
    (Key::Escape, Command::Back),
    (Key::F1, Command::Repeat),
    (Key::F2, Command::Volume),
    (Key::F3, Command::Speech),
    (Key::F11, Command::ScanNext),
    (Key::F12, Command::ScanSelect),
];
/// Keys that write a character, and what they ask for where nothing is being written.
const WRITING: [(char, Command); 6] = [
    (' ', Command::Select),
    ('*', Command::Back),
    ('0', Command::Repeat),
    ('?', Command::Repeat),
    ('+', Command::Volume),
    ('#', Command::Speech),
];

pub(super) fn connect(window: &AppWindow) {
    let keys = window.global::<Keys>();
    keys.on_command(|text, typing| command(&text, typing));
    let weak = window.as_weak();
    keys.on_move(move |forward| {
        if let Some(window) = weak.upgrade() {
            move_focus(&window, forward);
        }
    });
    let judge = Rc::new(Judge {
        window: window.as_weak(),
        hands: RefCell::default(),
        timer: Timer::default(),
    });
    keys.on_waits(move |key, chorded| judge.waits(&key, chorded));
}

/// Tells a hand's keys from others, and brings them back when it knows.
struct Judge {
    window: slint::Weak<AppWindow>,
    hands: RefCell<Hands<SharedString>>,
    timer: Timer,
}

impl Judge {
    /// Whether nothing is to come of this key, or nothing yet.
    fn waits(self: &Rc<Self>, key: &SharedString, chorded: bool) -> bool {
        let Some(window) = self.window.upgrade() else {
            return true;
        };
        let keys = window.global::<Keys>();
        let typing = keys.get_typing();
        let kind = if keys.invoke_modifies(key.clone()) {
            Kind::Modifier
        } else if chorded {
            Kind::Chord
        } else if typing && keyboard::typed(key).is_some() {
            Kind::Text
        } else if key.chars().all(|sign| sign.is_ascii_digit()) {
            Kind::Digit
        } else {
            Kind::Command
        };
        let verdict = self.hands.borrow_mut().press(kind, key.clone());
        if kind != Kind::Modifier || self.hands.borrow().is_hurried() {
            self.watch();
        }
        // The end of a line, and of a scanner's code.
        if typing && verdict == Verdict::Never && command(key, true) == Command::Select {
            window.global::<Keyboard>().invoke_new_line();
        }
        verdict != Verdict::Now
    }

    /// Wakes when time alone changes something.
    fn watch(self: &Rc<Self>) {
        let Some(patience) = self.hands.borrow().patience() else {
            return self.timer.stop();
        };
        let judge = Rc::downgrade(self);
        self.timer.start(TimerMode::SingleShot, patience, move || {
            let Some(judge) = judge.upgrade() else { return };
            let key = judge.hands.borrow_mut().elapsed();
            judge.watch();
            if let (Some(key), Some(window)) = (key, judge.window.upgrade()) {
                press_text(&window, key);
            }
        });
    }
}

/// The next visitor does not go on where the last one stopped.
pub(super) fn show(window: &AppWindow, view: &View) {
    // It wraps, as the count does: only a change matters.
    window
        .global::<Keys>()
        .set_visits(view.visits.cast_signed());
}

/// Every key pressed shows that the visitor is there, whatever it does.
pub(super) fn report(window: &AppWindow, report: &Rc<dyn Fn(UserAction)>) {
    let keys = window.global::<Keys>();
    let to = report.clone();
    keys.on_used(move || to(UserAction::Stay));
    let to = report.clone();
    keys.on_steered(move || to(UserAction::Steer));
}

/// The Enter key of a number block is Return: drawing straight to the screen, Slint hands it on as
/// a carriage return.
pub(super) fn plain(text: &str) -> &str {
    if text == "\r" { "\n" } else { text }
}

fn command(text: &str, typing: bool) -> Command {
    let mut characters = plain(text).chars();
    let (Some(character), None) = (characters.next(), characters.next()) else {
        return Command::None;
    };
    let silent = SILENT.iter().map(|(key, asks)| (char::from(*key), asks));
    let writing = WRITING.iter().map(|(key, asks)| (*key, asks));
    silent
        .chain(writing.filter(|_| !typing))
        .find(|(key, _)| *key == character)
        .map_or(Command::None, |(_, asks)| *asks)
}

/// Slint moves the focus by the Tab key alone.
fn move_focus(window: &AppWindow, forward: bool) {
    let keys = window.global::<Keys>();
    keys.set_moving(true);
    press(window, if forward { Key::Tab } else { Key::Backtab });
    keys.set_moving(false);
}

/// As if a hand had pressed and released `key`.
pub(super) fn press(window: &AppWindow, key: Key) {
    press_text(window, key.into());
}

fn press_text(window: &AppWindow, text: SharedString) {
    let keys = window.global::<Keys>();
    keys.set_passing(true);
    let window = window.window();
    window.dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
    window.dispatch_event(WindowEvent::KeyReleased { text });
    keys.set_passing(false);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telephones_keys_are_commands_only_where_nothing_is_written() {
        for (key, asks) in [
            ("*", Command::Back),
            ("0", Command::Repeat),
            ("#", Command::Speech),
            (" ", Command::Select),
        ] {
            assert_eq!(command(key, false), asks);
            assert_eq!(command(key, true), Command::None);
        }
        for enter in ["\n", "\r"] {
            assert_eq!(command(enter, true), Command::Select, "{enter:?}");
        }
        let escape = slint::SharedString::from(Key::Escape);
        assert_eq!(command(&escape, true), Command::Back);
    }

    #[test]
    fn letters_scores_and_several_characters_at_once_ask_for_nothing() {
        for text in ["", "a", "5", "ы", "00", "\u{7f}"] {
            assert_eq!(command(text, false), Command::None, "{text:?}");
        }
    }
}
