//! The keyboard on the comment page: which keys there are, and what each does to the text. Pure: no
//! window, no clock.
//!
//! Nothing is remembered but the state of the keys: no words are suggested, none are kept. The text
//! grows and shrinks at its end only.

#[cfg(feature = "screen")]
pub(super) mod connect;
mod cursor;
mod layouts;

use unicode_segmentation::UnicodeSegmentation as _;

pub use cursor::{Cursor, Move, Moved};
pub use layouts::{LAYOUTS, Layout};

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// Writes this.
    Character(char),
    /// Writes a space.
    Space,
    /// Begins a new line.
    NewLine,
    /// Deletes the last character.
    Backspace,
    /// The next letter is a capital; pressed again, all are.
    Shift,
    /// Digits and punctuation, or back to the letters.
    Page,
    /// The next language's letters.
    Layout,
}

/// One key: what it does and where it is in its row, in columns of the layout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// What it does.
    pub cap: Cap,
    /// Its left edge.
    pub x: f32,
    /// Its width.
    pub width: f32,
}

/// Whether letters are capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shift {
    /// They are small.
    #[default]
    Off,
    /// The next one begins a sentence.
    Sentence,
    /// The visitor asked for one.
    Once,
    /// All are, until the visitor asks for small ones.
    Lock,
}

/// What a key press does to the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// This is added.
    Insert(char),
    /// The last character goes, with all its marks.
    Delete,
    /// The last word goes, with what is written after it.
    DeleteWord,
}

/// The keyboard in front of one visitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyboard {
    /// The visitor's own layout first.
    order: Vec<&'static Layout>,
    at: usize,
    symbols: bool,
    shift: Shift,
    cursor: Option<Cursor>,
}

impl Keyboard {
    /// For a visitor who reads `language`: its letters first, then those of the terminal's other
    /// languages, then the rest.
    #[must_use]
    pub fn new<'a>(language: &'a str, languages: impl IntoIterator<Item = &'a str>) -> Self {
        let known = |code: &str| LAYOUTS.iter().find(|layout| layout.code == code);
        let mut order: Vec<&'static Layout> = Vec::new();
        let wanted = std::iter::once(language).chain(languages).filter_map(known);
        for layout in wanted.chain(&LAYOUTS) {
            if !order.iter().any(|other| other.code == layout.code) {
                order.push(layout);
            }
        }
        Self {
            order,
            at: 0,
            symbols: false,
            shift: Shift::Sentence,
            cursor: None,
        }
    }

    /// The layout whose letters are shown, or come back after digits and punctuation.
    #[must_use]
    pub fn layout(&self) -> &'static Layout {
        self.order[self.at] // `at` counts modulo the length, and there are always layouts.
    }

    /// The layout that [`Cap::Layout`] changes to.
    #[must_use]
    pub fn next_layout(&self) -> &'static Layout {
        self.order[(self.at + 1) % self.order.len()]
    }

    /// Whether digits and punctuation are shown.
    #[must_use]
    pub fn shows_symbols(&self) -> bool {
        self.symbols
    }

    /// Whether letters are capitals.
    #[must_use]
    pub fn shift(&self) -> Shift {
        self.shift
    }

    /// The key that arrows or two buttons have reached, where they are used.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    fn page(&self) -> &'static Layout {
        if self.symbols {
            &layouts::SYMBOLS
        } else {
            self.layout()
        }
    }

    /// How many columns wide the rows are.
    #[must_use]
    pub fn columns(&self) -> u8 {
        self.page().columns
    }

    /// The rows of keys, from the top.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<Key>> {
        let mut rows = self.page().rows();
        let letters = rows.iter_mut().flatten();
        for key in letters {
            if let Cap::Character(small) = key.cap {
                key.cap = Cap::Character(self.cased(small));
            }
        }
        rows
    }

    fn cased(&self, small: char) -> char {
        let mut capitals = small.to_uppercase();
        match (self.shift, capitals.next(), capitals.next()) {
            (Shift::Off, ..) | (_, _, Some(_)) => small,
            (_, capital, None) => capital.unwrap_or(small),
        }
    }

    /// The key at this place is pressed.
    pub fn press(&mut self, row: usize, key: usize) -> Option<Edit> {
        let cap = self.rows().get(row)?.get(key)?.cap;
        let edit = self.pressed(cap);
        self.keep_on_a_key();
        edit
    }

    fn pressed(&mut self, cap: Cap) -> Option<Edit> {
        match cap {
            Cap::Character(character) => Some(Edit::Insert(character)),
            Cap::Space => Some(Edit::Insert(' ')),
            Cap::NewLine => Some(Edit::Insert('\n')),
            Cap::Backspace => Some(Edit::Delete),
            Cap::Shift => {
                self.shift = match self.shift {
                    Shift::Off => Shift::Once,
                    Shift::Once => Shift::Lock,
                    Shift::Sentence | Shift::Lock => Shift::Off,
                };
                None
            }
            Cap::Page => {
                self.symbols = !self.symbols;
                None
            }
            Cap::Layout => {
                self.at = (self.at + 1) % self.order.len();
                self.symbols = false;
                None
            }
        }
    }

    /// The text reads so now: the first letter of a sentence is a capital, unless the visitor wants
    /// otherwise.
    pub fn follow(&mut self, text: &str) {
        if self.shift != Shift::Lock {
            self.shift = if begins_sentence(text) {
                Shift::Sentence
            } else {
                Shift::Off
            };
        }
    }
}

/// `text` after `edit`, with at most `limit` characters; `None`: nothing changes.
#[must_use]
pub fn edited(text: &str, edit: Edit, limit: usize) -> Option<String> {
    match edit {
        Edit::Insert(character) => {
            (text.chars().count() < limit).then(|| format!("{text}{character}"))
        }
        Edit::Delete => {
            let (at, _) = text.grapheme_indices(true).next_back()?;
            Some(text[..at].to_owned())
        }
        Edit::DeleteWord => {
            let end = text.trim_end().char_indices();
            let space = end.rev().find(|(_, character)| character.is_whitespace());
            let at = space.map_or(0, |(at, character)| at + character.len_utf8());
            (!text.is_empty()).then(|| text[..at].to_owned())
        }
    }
}

/// What a key of a real keyboard writes; `None`: it writes nothing, or more than one thing.
#[must_use]
pub fn typed(text: &str) -> Option<Edit> {
    const BACKSPACE: char = '\u{8}';
    // Keys without a character have places of their own in the private use area.
    const WITHOUT_CHARACTER: std::ops::RangeInclusive<char> = '\u{e000}'..='\u{f8ff}';
    let mut characters = text.chars();
    match (characters.next()?, characters.next()) {
        (BACKSPACE, None) => Some(Edit::Delete),
        (character, None) if !character.is_control() && !WITHOUT_CHARACTER.contains(&character) => {
            Some(Edit::Insert(character))
        }
        _ => None,
    }
}

fn begins_sentence(text: &str) -> bool {
    let said = text.trim_end();
    let after_space = said.len() < text.len();
    said.is_empty() || text.ends_with('\n') || after_space && said.ends_with(['.', '!', '?', '…'])
}

#[cfg(test)]
mod tests;
