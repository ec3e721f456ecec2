//! What hangs on the pins: buttons and their lights, switches, the presence sensor, buzzer and
//! backlight.
//!
//! | file | what it is |
//! | --- | --- |
//! | [`wiring`] | which pin is what, as `[gpio]` in `terminal.toml` says |
//! | [`debounce`] | levels that bounce become inputs that do not; the only place where that happens |
//! | [`strike`] | the same button again too soon is the same press |
//! | [`worker`] | the thread that reads the inputs and carries out the outputs |
//! | [`backlight`] | the brightness of the panel through the kernel |
//! | [`pi`] | the Raspberry Pi; the only file that knows rppal, which is in maintenance mode |
//! | [`twin`] | pins for tests on any machine |
//!
//! Everything is optional. What cannot be had is a line in the log and in the status, and the
//! screen works without.

pub mod backlight;
pub mod debounce;
pub mod pi;
pub mod strike;
pub mod twin;
pub mod wiring;
pub mod worker;

#[cfg(test)]
mod tests;

pub use backlight::{Backlight, OpenBacklight};
pub use strike::DoubleStrike;
pub use wiring::{Lamp, Line, Part, Wiring};
pub use worker::{Hardware, Lights, Outputs};

use pikir_contract::Score;
use serde::{Deserialize, Serialize};

/// What somebody did at the housing, debounced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A rating button went down.
    Score(Score),
    /// The scanning button `next` went down.
    Next,
    /// The scanning button `select` went down.
    Select,
    /// Headphones were plugged in (`true`) or out. Also told once after the start.
    Headphones(bool),
    /// Somebody came (`true`) or left. Also told once after the start.
    Presence(bool),
    /// The housing was opened or closed. Also told once after the start.
    Housing {
        /// Whether it is open.
        open: bool,
    },
}

/// `brightness_by` where the panel cannot be dimmed and the picture is darkened in its place.
pub const BY_PICTURE: &str = "picture";

/// The pins of a machine: [`pi::PiPins`] on a Pi, [`twin::TestPins`] anywhere.
pub trait Pins: Send + 'static {
    /// Whether this input is active now: the button down, the plug in, somebody there, the housing
    /// open.
    fn is_active(&mut self, line: Line) -> bool;
    /// Calls `changed` from now on whenever the level of this input changes, on a thread of its
    /// own. Returns whether it does; where not, the input has to be polled.
    fn watch(&mut self, line: Line, changed: Changed) -> bool;
    /// Switches a light or the buzzer.
    fn switch(&mut self, lamp: Lamp, on: bool);
}

/// Told of an edge; must not wait.
pub type Changed = Box<dyn FnMut() + Send>;

/// What could be had of a machine's pins.
pub struct Opened {
    /// The pins.
    pub pins: Box<dyn Pins>,
    /// The inputs among them.
    pub lines: Vec<Line>,
    /// The lights, and the buzzer.
    pub lamps: Vec<Lamp>,
}

impl Pins for Box<dyn Pins> {
    fn is_active(&mut self, line: Line) -> bool {
        (**self).is_active(line)
    }
    fn watch(&mut self, line: Line, changed: Changed) -> bool {
        (**self).watch(line, changed)
    }
    fn switch(&mut self, lamp: Lamp, on: bool) {
        (**self).switch(lamp, on);
    }
}

/// The state of the hardware, for `status --json`. A member is `null` where there is no such thing,
/// or nothing is known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HardwareStatus {
    /// What does not work, each with what to do; empty where all is well.
    pub problems: Vec<String>,
    /// Whether the housing is open.
    pub housing_open: Option<bool>,
    /// Whether somebody is in front of the screen.
    pub presence: Option<bool>,
    /// Whether headphones are plugged in.
    pub headphones: Option<bool>,
    /// Brightness of the screen (percent).
    pub brightness: Option<u8>,
    /// What sets it: `pwm`, `backlight` (the kernel's) or `picture` (a veil over the picture).
    pub brightness_by: Option<String>,
    /// Touch panels that are there; `null` where a window system has them.
    pub touch_panels: Option<u32>,
    /// Displays that are drawn to; `null` before anybody looked.
    pub displays: Option<u32>,
}

impl std::fmt::Display for HardwareStatus {
    /// Lines of the status for a technician; none where there is nothing to say.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(open) = self.housing_open {
            writeln!(f, "  housing    {}", if open { "OPEN" } else { "closed" })?;
        }
        Ok(())
    }
}
