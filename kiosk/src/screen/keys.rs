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
//! `1`–`5` answer with a score. A telephone's twelve keys are enough for a rating; the focus needs arrows and Return, or two
//! buttons.

use std::rc::Rc;

use slint::ComponentHandle as _;
use slint::platform::{Key, WindowEvent};

use super::ui::{AppWindow, Command, Keys};
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

/// The Enter key of a number block is Return: drawing straight to the screen, Slint hands it on as a carriage return.
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

/// As if `key` had been pressed and released.
pub(super) fn press(window: &AppWindow, key: Key) {
    let text = slint::SharedString::from(key);
    let window = window.window();
    window.dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
    window.dispatch_event(WindowEvent::KeyReleased { text });
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
