//! Connects the keyboard on the comment page (`ui/keyboard.slint`, `ui/widgets/keyboard.slint`).

use std::cell::RefCell;
use std::rc::Rc;

use slint::platform::Key as RealKey;
use slint::{ComponentHandle as _, Model as _};

use super::{Cap, Edit, Key, Keyboard, Move, Moved, Shift};
use crate::screen::keyboard;
use crate::screen::ui::{
    AppWindow, Capitals, KeyCap, KeyKind, Keyboard as Adapter, Keys, More, Shell, Speech,
};
use crate::screen::{keys, models};
use crate::view::UserAction;
use crate::view::languages;
use crate::view::languages::primary;

/// Keys of a real keyboard that move over those of the screen.
const MOVES: [(RealKey, Move); 8] = [
    (RealKey::LeftArrow, Move::Left),
    (RealKey::RightArrow, Move::Right),
    (RealKey::UpArrow, Move::Up),
    (RealKey::DownArrow, Move::Down),
    (RealKey::Return, Move::Select),
    (RealKey::Escape, Move::Back),
    (RealKey::F11, Move::ScanNext),
    (RealKey::F12, Move::ScanSelect),
];

/// The keyboard in front of the visitor, with the window it is in. `None` while no comment is being
/// written.
#[derive(Clone)]
struct Pad {
    window: slint::Weak<AppWindow>,
    state: Rc<RefCell<Option<Open>>>,
    report: Rc<dyn Fn(UserAction)>,
}

struct Open {
    language: String,
    keyboard: Keyboard,
    /// What the keyboard has followed so far.
    text: String,
}

pub(in crate::screen) fn connect(window: &AppWindow, report: &Rc<dyn Fn(UserAction)>) {
    let pad = Pad {
        window: window.as_weak(),
        state: Rc::default(),
        report: report.clone(),
    };
    let adapter = window.global::<Adapter>();
    let with = pad.clone();
    adapter.on_shown(move |language| with.shown(&language));
    let with = pad.clone();
    adapter.on_gone(move || drop(with.state.take()));
    let with = pad.clone();
    adapter.on_press(move |index| with.press(index));
    let with = pad.clone();
    adapter.on_go(move |key| with.go(&key));
    let with = pad.clone();
    adapter.on_typed(move |key| with.typed(&key));
    let with = pad.clone();
    adapter.on_delete_word(move || {
        with.edit(Edit::DeleteWord);
    });
    let with = pad.clone();
    adapter.on_new_line(move || {
        with.edit(Edit::Insert('\n'));
    });
    let with = pad.clone();
    adapter.on_entered(move || with.change(|keyboard, scanning| keyboard.enter(scanning)));
    adapter.on_left(move || pad.change(|keyboard, _| keyboard.leave()));
}

impl Pad {
    /// The comment's page is on the screen: with the letters of the visitor's language, where that
    /// is a new one.
    fn shown(&self, language: &str) {
        let Some(window) = self.window.upgrade() else {
            return;
        };
        let mut state = self.state.borrow_mut();
        if state.as_ref().is_none_or(|open| open.language != language) {
            let offered = window.global::<Shell>().get_languages();
            let codes: Vec<String> = offered.iter().map(|offer| primary(&offer.code)).collect();
            *state = Some(Open {
                language: language.to_owned(),
                keyboard: Keyboard::new(&primary(language), codes.iter().map(String::as_str)),
                text: String::new(),
            });
        }
        let text = window.global::<More>().get_comment();
        if let Some(open) = state.as_mut().filter(|open| text != open.text.as_str()) {
            open.keyboard.follow(&text);
            open.text = text.into();
        }
        drop(state);
        self.draw();
    }

    fn press(&self, index: i32) {
        let edit = self.state.borrow_mut().as_mut().and_then(|open| {
            let (row, key) = place(&open.keyboard.rows(), usize::try_from(index).ok()?)?;
            open.keyboard.press(row, key)
        });
        if !self.after(edit) {
            // Nothing was written, and yet somebody is there.
            (self.report)(UserAction::Stay);
        }
    }

    /// Whether the key was the keyboard's.
    fn go(&self, key: &str) -> bool {
        let wanted = MOVES
            .iter()
            .find(|(real, _)| slint::SharedString::from(*real) == keys::plain(key))
            .map(|(_, wanted)| *wanted);
        let moved = self
            .state
            .borrow_mut()
            .as_mut()
            .zip(wanted)
            .map(|(open, wanted)| open.keyboard.go(wanted));
        match moved {
            Some(Moved::Pressed(edit)) => {
                self.after(edit);
            }
            Some(Moved::Here) => self.draw(),
            Some(Moved::Out) | None => {
                self.draw();
                return false;
            }
        }
        true
    }

    /// Whether the key wrote or deleted something.
    fn typed(&self, key: &str) -> bool {
        let Some(edit) = keyboard::typed(key).filter(|_| self.state.borrow().is_some()) else {
            return false;
        };
        self.change(|keyboard, _| keyboard.leave());
        self.edit(edit);
        true
    }

    /// Whether the text changed.
    fn after(&self, edit: Option<Edit>) -> bool {
        match edit {
            Some(edit) => self.edit(edit),
            None => {
                self.draw();
                false
            }
        }
    }

    /// The text changes, where it can, and whoever shows the page is told. Returns whether it did.
    fn edit(&self, edit: Edit) -> bool {
        let Some(window) = self.window.upgrade() else {
            return false;
        };
        let more = window.global::<More>();
        let limit = usize::try_from(more.get_comment_limit()).unwrap_or(0);
        let before = more.get_comment();
        let edited = keyboard::edited(&before, edit, limit);
        let changed = edited.is_some();
        if let Some(text) = edited {
            window
                .global::<Speech>()
                .invoke_echo(echo(&before, &text).into());
            if let Some(open) = self.state.borrow_mut().as_mut() {
                open.keyboard.follow(&text);
                open.text.clone_from(&text);
            }
            (self.report)(UserAction::Write(text));
        }
        self.draw();
        changed
    }

    fn change(&self, change: impl FnOnce(&mut Keyboard, bool)) {
        let Some(window) = self.window.upgrade() else {
            return;
        };
        let scanning = window.global::<Keys>().get_scanning();
        if let Some(open) = self.state.borrow_mut().as_mut() {
            change(&mut open.keyboard, scanning);
        }
        self.draw();
    }

    fn draw(&self) {
        if let (Some(window), Some(open)) = (self.window.upgrade(), self.state.borrow().as_ref()) {
            draw(&window.global::<Adapter>(), &open.keyboard);
        }
    }
}

/// What is said of a change of the text: the letter that came or went, and a word when it is
/// complete.
fn echo(before: &str, after: &str) -> String {
    let Some(came) = after.strip_prefix(before) else {
        return before.strip_prefix(after).unwrap_or_default().to_owned();
    };
    let word = before.split_whitespace().next_back();
    match word.filter(|_| came.trim().is_empty()) {
        Some(word) => word.to_owned(),
        None => came.to_owned(),
    }
}

fn draw(adapter: &Adapter<'_>, keyboard: &Keyboard) {
    let rows = keyboard.rows();
    let cursor = keyboard.cursor();
    let reached = cursor.and_then(|cursor| {
        let before: usize = rows.iter().take(cursor.row).map(Vec::len).sum();
        cursor.key.map(|key| before + key)
    });
    let number = |at: Option<usize>| at.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1);
    adapter.set_rows(number(Some(rows.len())));
    adapter.set_columns(f32::from(keyboard.columns()));
    adapter.set_symbols(keyboard.shows_symbols());
    adapter.set_capitals(match keyboard.shift() {
        Shift::Off => Capitals::None,
        Shift::Sentence | Shift::Once => Capitals::Next,
        Shift::Lock => Capitals::All,
    });
    adapter.set_layout(languages::choice(keyboard.layout().code).name.into());
    let next = languages::choice(keyboard.next_layout().code);
    adapter.set_next_label(next.label.into());
    adapter.set_next_layout(next.name.into());
    let caps = (0_i32..).zip(&rows);
    let caps = caps.flat_map(|(row, keys)| keys.iter().map(move |key| cap(row, key)));
    if let Some(replaced) = models::updated(&adapter.get_keys(), caps.collect()) {
        adapter.set_keys(replaced);
    }
    adapter.set_reached_row(number(cursor.map(|cursor| cursor.row)));
    adapter.set_reached(number(reached));
}

fn cap(row: i32, key: &Key) -> KeyCap {
    let (kind, text) = match key.cap {
        Cap::Character(character) => (KeyKind::Character, character.to_string()),
        Cap::Space => (KeyKind::Space, String::new()),
        Cap::NewLine => (KeyKind::NewLine, String::new()),
        Cap::Backspace => (KeyKind::Backspace, String::new()),
        Cap::Shift => (KeyKind::Shift, String::new()),
        Cap::Page => (KeyKind::Page, String::new()),
        Cap::Layout => (KeyKind::Layout, String::new()),
    };
    KeyCap {
        text: text.into(),
        kind,
        row,
        x: key.x,
        width: key.width,
    }
}

/// Row and place in it of the key with this index among all.
fn place(rows: &[Vec<Key>], mut index: usize) -> Option<(usize, usize)> {
    for (row, keys) in rows.iter().enumerate() {
        if index < keys.len() {
            return Some((row, index));
        }
        index -= keys.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::echo;

    #[test]
    fn letters_are_said_as_they_come_and_go_and_words_when_they_are_complete() {
        assert_eq!(echo("", "К"), "К");
        assert_eq!(echo("Кезек", "Кезек "), "Кезек");
        assert_eq!(echo("Кезек узун", "Кезек узун\n"), "узун");
        assert_eq!(echo("Кезек у", "Кезек "), "у");
        assert_eq!(echo("", " "), " ");
    }
}
