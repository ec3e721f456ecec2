//! Reaching the keys without touching them: by arrows, or by two buttons that go through the rows
//! first.

use super::{Cap, Edit, Key, Keyboard};

/// What arrows or two buttons have reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// This row, from the top.
    pub row: usize,
    /// This key in it; `None`: the row as a whole.
    pub key: Option<usize>,
}

/// What a key or button asks of the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// An arrow.
    Left,
    /// An arrow.
    Right,
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// Presses what was reached.
    Select,
    /// The first of two buttons: the next row, or the next key of the row that was entered.
    ScanNext,
    /// The second of two buttons: enters the row, or presses the key.
    ScanSelect,
    /// Out of the row, or out of the keyboard.
    Back,
}

/// What became of a [`Move`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It was the keyboard's.
    Here,
    /// A key was pressed.
    Pressed(Option<Edit>),
    /// It leads out of the keyboard: whatever is around it may take it.
    Out,
}

impl Keyboard {
    /// The focus came to the keyboard: to its first row for two buttons, to its first key for
    /// arrows.
    pub fn enter(&mut self, scanning: bool) {
        self.cursor = Some(Cursor {
            row: 0,
            key: (!scanning).then_some(0),
        });
    }

    /// The focus went elsewhere, or the visitor writes in another way.
    pub fn leave(&mut self) {
        self.cursor = None;
    }

    /// Carries out what a key or button asks.
    pub fn go(&mut self, wanted: Move) -> Moved {
        let scanning = matches!(wanted, Move::ScanNext | Move::ScanSelect);
        let Some(cursor) = self.cursor else {
            if matches!(wanted, Move::Select | Move::Back) {
                return Moved::Out;
            }
            self.enter(scanning);
            return Moved::Here;
        };
        let next = match (wanted, cursor.key) {
            (Move::Select | Move::ScanSelect, Some(key)) => {
                return self.press_reached(cursor.row, key, scanning);
            }
            (Move::Select | Move::ScanSelect, None) => Some(Cursor {
                key: Some(0),
                ..cursor
            }),
            (Move::ScanNext, key) => self.scanned(cursor.row, key),
            (Move::Back, Some(_)) => Some(Cursor {
                key: None,
                ..cursor
            }),
            (Move::Back, None) => None,
            (Move::Left, key) => Some(self.beside(cursor.row, key, false)),
            (Move::Right, key) => Some(self.beside(cursor.row, key, true)),
            (Move::Up, key) => cursor
                .row
                .checked_sub(1)
                .map(|row| self.across(cursor.row, key, row)),
            (Move::Down, key) => Some(cursor.row + 1)
                .filter(|row| *row < self.rows().len())
                .map(|row| self.across(cursor.row, key, row)),
        };
        self.cursor = next;
        if next.is_some() {
            Moved::Here
        } else {
            Moved::Out
        }
    }

    fn press_reached(&mut self, row: usize, key: usize, scanning: bool) -> Moved {
        let cap = self
            .rows()
            .get(row)
            .and_then(|keys| keys.get(key))
            .map(|key| key.cap);
        let edit = self.press(row, key);
        // Two buttons begin anew after a letter; what is often pressed several times keeps its
        // place.
        if scanning && !matches!(cap, Some(Cap::Backspace | Cap::Shift)) {
            self.enter(true);
        }
        Moved::Pressed(edit)
    }

    /// Another page or layout may have fewer keys.
    pub(super) fn keep_on_a_key(&mut self) {
        let rows = self.rows();
        if let Some(cursor) = &mut self.cursor {
            cursor.row = cursor.row.min(rows.len() - 1); // Every layout has rows.
            if let Some(key) = &mut cursor.key {
                *key = (*key).min(rows[cursor.row].len() - 1); // Every row has keys.
            }
        }
    }

    /// After its last key the row as a whole, after the last row what is beyond the keyboard.
    fn scanned(&self, row: usize, key: Option<usize>) -> Option<Cursor> {
        let rows = self.rows();
        match key {
            Some(key) => {
                let next = Some(key + 1).filter(|next| *next < rows[row].len());
                Some(Cursor { row, key: next })
            }
            None => (row + 1 < rows.len()).then_some(Cursor {
                row: row + 1,
                key: None,
            }),
        }
    }

    /// The key beside; a row has no ends.
    fn beside(&self, row: usize, key: Option<usize>, right: bool) -> Cursor {
        let keys = self.rows()[row].len();
        let step = if right { 1 } else { keys - 1 };
        Cursor {
            row,
            key: Some(key.map_or(0, |key| (key + step) % keys)),
        }
    }

    /// The key above or below: the one that is nearest to the middle of where the cursor was.
    fn across(&self, from: usize, key: Option<usize>, to: usize) -> Cursor {
        let rows = self.rows();
        let middle = |key: &Key| key.x + key.width / 2.0;
        let x = key.map_or(0.0, |key| middle(&rows[from][key]));
        let distance = |key: &Key| (x - middle(key)).abs() - key.width / 2.0;
        let keys = rows[to].iter().enumerate();
        let nearest = keys.min_by(|(_, one), (_, other)| distance(one).total_cmp(&distance(other)));
        Cursor {
            row: to,
            key: nearest.map(|(at, _)| at),
        }
    }
}
