//! What a child's hands do: chance that can be had again, and the keys there are.

use slint::platform::Key;

/// Random numbers that a seed decides (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit as u64) as usize // Less than `limit`, so it fits.
    }

    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// Keys without a character, and those that mean something to the screen.
pub const KEYS: [Key; 26] = [
    Key::Tab,
    Key::Backtab,
    Key::Return,
    Key::Escape,
    Key::Backspace,
    Key::Delete,
    Key::Home,
    Key::End,
    Key::LeftArrow,
    Key::RightArrow,
    Key::UpArrow,
    Key::DownArrow,
    Key::PageUp,
    Key::PageDown,
    Key::Insert,
    Key::F1,
    Key::F2,
    Key::F3,
    Key::F4,
    Key::F5,
    Key::F10,
    Key::F11,
    Key::F12,
    Key::Menu,
    Key::Pause,
    Key::SysReq,
];
/// Keys that change what others do.
pub const MODIFIERS: [Key; 5] = [Key::Control, Key::Alt, Key::AltGr, Key::Meta, Key::Shift];
/// What keys write.
pub const TEXTS: [&str; 14] = [
    "1",
    "3",
    "5",
    "0",
    "9",
    "ө",
    "Ң",
    "a",
    " ",
    "*",
    "#",
    "\n",
    "👩‍👩‍👧",
    "longer text at once",
];
