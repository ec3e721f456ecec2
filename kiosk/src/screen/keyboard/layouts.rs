//! Which letters lie where: the national layouts, in rows that eleven columns are enough for.
//!
//! Where a national layout has more letters than that in a row, or has them on a second level
//! (Kyrgyz ң ө ү), they are in the lowest row, so that every letter is one press away.

use super::{Cap, Key};

/// One arrangement of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The language whose letters they are (BCP 47).
    pub code: &'static str,
    /// How many keys of ordinary width a row has room for.
    pub columns: u8,
    /// Rows of characters alone.
    upper: &'static [&'static str],
    /// Between Shift and Backspace.
    lower: &'static str,
    /// Left of the space bar.
    left: &'static str,
    /// Right of it.
    right: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letters,
    Symbols,
}

/// Every layout with letters.
pub static LAYOUTS: [Layout; 5] = [KYRGYZ, RUSSIAN, BELARUSIAN, KAZAKH, LATIN];

const RUSSIAN: Layout = Layout {
    code: "ru",
    columns: 11,
    upper: &["йцукенгшщзх", "фывапролджэ"],
    lower: "ячсмитьбю",
    left: "ёъ",
    right: ",.",
    kind: Kind::Letters,
};

const KYRGYZ: Layout = Layout {
    code: "ky",
    left: "ңөүёъ",
    ..RUSSIAN
};

const BELARUSIAN: Layout = Layout {
    code: "be",
    upper: &["йцукенгшўзх", "фывапролджэ"],
    lower: "ячсмітьбю",
    left: "ё'",
    ..RUSSIAN
};

/// The Kazakh letters have the place of the digits.
const KAZAKH: Layout = Layout {
    code: "kk",
    upper: &["әіңғ,.үұқөһ", "йцукенгшщзх", "фывапролджэ"],
    right: "!?",
    ..RUSSIAN
};

const LATIN: Layout = Layout {
    code: "en",
    columns: 10,
    upper: &["qwertyuiop", "asdfghjkl"],
    lower: "zxcvbnm",
    left: "'",
    ..RUSSIAN
};

/// Digits and punctuation, the same for every language.
pub(super) static SYMBOLS: Layout = Layout {
    code: "",
    columns: 10,
    upper: &["1234567890", "-/:;()«»\"'"],
    lower: "№%+=@&*#",
    left: ",.",
    right: "!?",
    kind: Kind::Symbols,
};

impl Layout {
    /// The rows of keys with small letters, from the top.
    pub(super) fn rows(&self) -> Vec<Vec<Key>> {
        let upper = self.upper.iter().map(|row| self.centred(row));
        upper.chain([self.lower_row(), self.lowest_row()]).collect()
    }

    fn centred(&self, characters: &'static str) -> Vec<Key> {
        let free = self.width() - count(characters);
        placed(free / 2.0, caps(characters).map(|cap| (cap, 1.0)))
    }

    /// Shift and Backspace share what the letters leave.
    fn lower_row(&self) -> Vec<Key> {
        let free = self.width() - count(self.lower);
        let letters = caps(self.lower).map(|cap| (cap, 1.0));
        match self.kind {
            Kind::Letters => {
                let shift = [(Cap::Shift, free / 2.0)];
                placed(
                    0.0,
                    shift
                        .into_iter()
                        .chain(letters)
                        .chain([(Cap::Backspace, free / 2.0)]),
                )
            }
            Kind::Symbols => placed(0.0, letters.chain([(Cap::Backspace, free)])),
        }
    }

    /// The space bar takes what the others leave.
    fn lowest_row(&self) -> Vec<Key> {
        let mut first = vec![(Cap::Page, 1.0)];
        let mut last = Vec::new();
        match self.kind {
            Kind::Letters => first.push((Cap::Layout, 1.0)),
            Kind::Symbols => last.push((Cap::NewLine, 1.0)),
        }
        first.extend(caps(self.left).map(|cap| (cap, 1.0)));
        let taken = count(self.left) + count(self.right) + 2.0;
        let space = (Cap::Space, self.width() - taken);
        let right = caps(self.right).map(|cap| (cap, 1.0));
        placed(
            0.0,
            first.into_iter().chain([space]).chain(right).chain(last),
        )
    }

    pub(super) fn width(&self) -> f32 {
        f32::from(self.columns)
    }
}

fn caps(characters: &'static str) -> impl Iterator<Item = Cap> {
    characters.chars().map(Cap::Character)
}

fn count(characters: &str) -> f32 {
    characters.chars().map(|_| 1.0).sum()
}

/// One key after the other, from `x` on.
fn placed(mut x: f32, caps: impl Iterator<Item = (Cap, f32)>) -> Vec<Key> {
    caps.map(|(cap, width)| {
        let key = Key { cap, x, width };
        x += width;
        key
    })
    .collect()
}
