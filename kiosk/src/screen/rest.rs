//! The picture of a screen that rests: darkened, moved by a few pixels; and whether it is painted
//! at all.

use std::cell::Cell;

use slint::ComponentHandle as _;

use super::ui::{AppWindow, Shell};

/// How the whole picture is shown, whatever is on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rest {
    /// How much a veil darkens the picture (percent): 0 not at all, 100 black.
    pub veil_percent: u8,
    /// Nobody can read the screen: a touch only wakes it.
    pub dark: bool,
    /// Where the picture stands: pixels to the right and down.
    pub shift: (i32, i32),
}

thread_local! {
    /// A window lives on one thread, and there is one.
    static PAINTED: Cell<i32> = const { Cell::new(0) };
}

pub(super) fn show(window: &AppWindow, rest: &Rest) {
    let shell = window.global::<Shell>();
    shell.set_veil(f32::from(rest.veil_percent.min(100)) / 100.0);
    shell.set_dark(rest.dark);
    // A few pixels: exact in f32.
    shell.set_shift_x(rest.shift.0 as f32);
    shell.set_shift_y(rest.shift.1 as f32);
}

pub(super) fn painted(beat: i32) {
    PAINTED.set(beat);
}

pub(super) fn painted_beat() -> i32 {
    PAINTED.get()
}
