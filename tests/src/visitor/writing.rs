//! Writing a comment on the keyboard of the screen: by touch, by arrows, by two buttons.
//!
//! The keyboard itself is pure (`pikir_kiosk::screen::keyboard`), so a twin of it says which keys
//! write a text and where they are.

use anyhow::{Context, Result, ensure};
use pikir_kiosk::screen::keyboard::{Cap, Edit, Key, Keyboard, Move, Moved, edited};

use super::{Place, Visitor};
use crate::xvfb::symbols;

/// Left end and width of the rows, and the distance between keys, on a screen of 800×480, in
/// pixels.
const ROWS: (f32, f32, f32) = (16.0, 768.0, 4.0);

/// A key's row, and its place in it.
type At = (usize, usize);

impl Visitor {
    /// Writes by touch.
    pub fn write(&self, language: &str, comment: &str) -> Result<()> {
        let mut keyboard = Keyboard::new(language, self.languages());
        written(&mut keyboard, comment, |keyboard, at| {
            let (x, y) = place(keyboard, at);
            self.display.tap(x, y)?;
            Ok(keyboard.press(at.0, at.1))
        })
    }

    /// Writes by arrows and Return, and sees every key that is reached: through a loudspeaker none
    /// is named.
    pub fn write_by_arrows(&self, language: &str, comment: &str) -> Result<()> {
        let mut keyboard = Keyboard::new(language, self.languages());
        written(&mut keyboard, comment, |keyboard, at| {
            while let Some(wanted) = arrow(keyboard, at) {
                let before = keyboard.cursor();
                keyboard.go(wanted);
                self.follow_focus(wanted, before.is_some() && keyboard.cursor() == before)?;
            }
            self.display.key_symbol(symbols::RETURN)?;
            pressed(keyboard.go(Move::Select))
        })
    }

    /// Writes by two buttons, row by row.
    pub fn write_by_buttons(&self, language: &str, comment: &str) -> Result<()> {
        let mut keyboard = Keyboard::new(language, self.languages());
        self.scan_to(place(&keyboard, (0, 0)))?;
        keyboard.enter(true);
        written(&mut keyboard, comment, |keyboard, (row, key)| {
            loop {
                let before = keyboard.cursor().context("the keys have the focus")?;
                let at = (before.row, before.key);
                let wanted = if at == (row, None) || at == (row, Some(key)) {
                    Move::ScanSelect
                } else {
                    Move::ScanNext
                };
                let moved = keyboard.go(wanted);
                // What is often pressed several times keeps its place.
                self.follow_focus(wanted, keyboard.cursor() == Some(before))?;
                if let Moved::Pressed(edit) = moved {
                    return Ok(edit);
                }
            }
        })
    }

    /// Makes a move, and waits until it shows, unless the focus stays where it is.
    fn follow_focus(&self, wanted: Move, stays: bool) -> Result<()> {
        if stays {
            self.display.key_symbol(symbol_of(wanted))
        } else {
            self.move_focus(symbol_of(wanted))
        }
    }
}

/// Presses the keys that write `comment`, with Shift and the page of signs where they are needed.
/// `press` carries out one press at the terminal and at its twin.
fn written(
    keyboard: &mut Keyboard,
    comment: &str,
    mut press: impl FnMut(&mut Keyboard, At) -> Result<Option<Edit>>,
) -> Result<()> {
    let mut text = String::new();
    for character in comment.chars() {
        let cap = match character {
            ' ' => Cap::Space,
            other => Cap::Character(other),
        };
        if find(keyboard, cap).is_none() && character.is_alphabetic() == keyboard.shows_symbols() {
            press_cap(keyboard, Cap::Page, &mut text, &mut press)?;
        }
        if find(keyboard, cap).is_none() {
            press_cap(keyboard, Cap::Shift, &mut text, &mut press)?;
        }
        press_cap(keyboard, cap, &mut text, &mut press)?;
    }
    ensure!(text == comment, "the keys write {text:?}");
    Ok(())
}

fn press_cap(
    keyboard: &mut Keyboard,
    cap: Cap,
    text: &mut String,
    mut press: impl FnMut(&mut Keyboard, At) -> Result<Option<Edit>>,
) -> Result<()> {
    let at = find(keyboard, cap).with_context(|| format!("no key for {cap:?}"))?;
    if let Some(edit) = press(keyboard, at)?
        && let Some(now) = edited(text, edit, usize::MAX)
    {
        *text = now;
        keyboard.follow(text);
    }
    Ok(())
}

fn find(keyboard: &Keyboard, cap: Cap) -> Option<At> {
    let rows = keyboard.rows();
    let mut keys = (0..)
        .zip(&rows)
        .flat_map(|(row, keys)| (0..).zip(keys).map(move |(at, key)| (row, at, key)));
    keys.find(|(_, _, key)| key.cap == cap)
        .map(|(row, at, _)| (row, at))
}

/// The middle of a key, in pixels.
fn place(keyboard: &Keyboard, (row, at): At) -> Place {
    let rows = keyboard.rows();
    // Five rows take more of the screen than four.
    let (top, tall) = if rows.len() > 4 {
        (194.0, 54.0)
    } else {
        (243.0, 56.0)
    };
    let (left, width, between) = ROWS;
    let column = (width + between) / f32::from(keyboard.columns());
    let Key { x, width: wide, .. } = rows[row][at];
    let x = left + (x + wide / 2.0) * column - between / 2.0;
    let y = top + (row as f32 + 0.5) * tall - between / 2.0;
    (x as u16, y as u16)
}

/// The arrow that leads nearer to a key; `None`: it is reached.
fn arrow(keyboard: &Keyboard, (row, at): At) -> Option<Move> {
    let Some(cursor) = keyboard.cursor() else {
        return Some(Move::Right);
    };
    if cursor.row != row {
        return Some(if cursor.row < row {
            Move::Down
        } else {
            Move::Up
        });
    }
    let keys = keyboard.rows()[row].len();
    // A row has no ends: the way that is shorter.
    match cursor.key.map(|key| (at + keys - key) % keys) {
        Some(0) => None,
        Some(steps) if steps > keys / 2 => Some(Move::Left),
        _ => Some(Move::Right),
    }
}

fn symbol_of(wanted: Move) -> u32 {
    match wanted {
        Move::Left => symbols::LEFT,
        Move::Right => symbols::RIGHT,
        Move::Up => symbols::UP,
        Move::Down => symbols::DOWN,
        Move::Select => symbols::RETURN,
        Move::ScanNext => symbols::F11,
        Move::ScanSelect => symbols::F12,
        Move::Back => symbols::ESCAPE,
    }
}

fn pressed(moved: Moved) -> Result<Option<Edit>> {
    match moved {
        Moved::Pressed(edit) => Ok(edit),
        other => anyhow::bail!("no key was pressed: {other:?}"),
    }
}
