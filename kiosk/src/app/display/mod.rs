//! The screen as an appliance: brightness, burn-in, the buttons' lights and the buzzer follow what
//! is on the screen. Runs on the UI thread and waits for nothing.

pub mod brightness;
pub mod pixel_shift;

use tokio::sync::watch;

use self::brightness::{Brightness, Surroundings, is_dark};
use crate::config::night_hours::NightHours;
use crate::config::settings::ScreenSettings;
use crate::hardware::{HardwareStatus, Input, Lights, Outputs};
use crate::screen::Rest;
use crate::view::ScreenView;

/// Without any input for this long the picture may move (milliseconds).
const STILL_MS: u64 = 60 * 1_000;

/// What is known of the time and the screen as the appliance follows it.
pub struct Moment<'a> {
    /// What is on the screen.
    pub screen: &'a ScreenView,
    /// A visitor set the screen up, opened something or is asked to stay.
    pub begun: bool,
    /// A finger is on the panel.
    pub finger_down: bool,
    /// The night hours of the configuration.
    pub night: Option<&'a NightHours>,
    /// Uptime (ms).
    pub now_ms: u64,
    /// The true time (Unix ms), where it is known.
    pub unix_ms: Option<i64>,
}

/// The state of the appliance.
pub struct Appliance {
    brightness: Brightness,
    shifts: bool,
    shift: (i32, i32),
    outputs: Outputs,
    status: watch::Sender<HardwareStatus>,
    lights: Option<Lights>,
    percent: Option<u8>,
}

impl Appliance {
    /// A terminal that was just started.
    pub fn new(
        settings: ScreenSettings,
        outputs: Outputs,
        status: watch::Sender<HardwareStatus>,
        now_ms: u64,
    ) -> Self {
        Self {
            brightness: Brightness::new(settings.min_brightness, now_ms),
            shifts: settings.pixel_shift,
            shift: (0, 0),
            outputs,
            status,
            lights: None,
            percent: None,
        }
    }

    /// Somebody touched the screen or pressed a key.
    pub fn touched(&mut self, now_ms: u64) {
        self.brightness.touched(now_ms);
    }

    /// Something happened at the housing.
    pub fn input(&mut self, input: Input, now_ms: u64) {
        match input {
            Input::Score(_) | Input::Next | Input::Select | Input::Headphones(true) => {
                self.touched(now_ms);
            }
            Input::Presence(there) => self.brightness.presence(there, now_ms),
            Input::Headphones(false) | Input::Housing { .. } => {}
        }
    }

    /// A press was accepted, of whatever kind: the buzzer ticks, the same for every one.
    pub fn accepted(&self) {
        self.outputs.tick();
    }

    /// Carries out what this moment asks of the outputs. Returns how the picture is to be shown,
    /// and in how many milliseconds time alone changes something.
    pub fn follow(&mut self, moment: &Moment<'_>) -> (Rest, Option<u64>) {
        self.light(lights(moment.screen));
        let around = Surroundings {
            visiting: is_visit(moment.screen) || moment.begun || moment.finger_down,
            night: night(moment),
        };
        let percent = self.brightness.percent(around, moment.now_ms);
        self.dim(percent);
        let is_still = !around.visiting && moment.now_ms >= self.brightness.awake_ms() + STILL_MS;
        if self.shifts && is_still {
            self.shift = pixel_shift::shift(moment.now_ms);
        }
        let rest = Rest {
            veil_percent: if self.outputs.dims() {
                0
            } else {
                100 - percent
            },
            dark: is_dark(percent),
            shift: self.shift,
        };
        (rest, self.next_ms(around, moment))
    }

    fn next_ms(&self, around: Surroundings, moment: &Moment<'_>) -> Option<u64> {
        let now_ms = moment.now_ms;
        let dims = self.brightness.deadline(around, now_ms);
        let night = moment.night.zip(moment.unix_ms);
        [
            dims.map(|at_ms| at_ms - now_ms),
            night.map(|(hours, unix_ms)| hours.until_change_ms(unix_ms)),
            self.shifts.then(|| pixel_shift::until_next_step_ms(now_ms)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn light(&mut self, lights: Lights) {
        if self.lights.replace(lights) != Some(lights) {
            self.outputs.lights(lights);
        }
    }

    fn dim(&mut self, percent: u8) {
        if self.percent.replace(percent) != Some(percent) {
            self.outputs.brightness(percent);
            self.status
                .send_modify(|status| status.brightness = Some(percent));
        }
    }
}

fn night(moment: &Moment<'_>) -> bool {
    let known = moment.night.zip(moment.unix_ms);
    known.is_some_and(|(hours, unix_ms)| hours.is_night(unix_ms))
}

/// Whether somebody is in the middle of something, so that the screen neither dims nor moves.
fn is_visit(screen: &ScreenView) -> bool {
    match screen {
        ScreenView::Setup(_) | ScreenView::OutOfService(_) => false,
        ScreenView::Rate(rate) => rate.pressed.is_some() || rate.message.is_some(),
        ScreenView::Thanks(_) | ScreenView::More(_) => true,
    }
}

fn lights(screen: &ScreenView) -> Lights {
    match screen {
        ScreenView::Setup(_) | ScreenView::OutOfService(_) => Lights::Off,
        ScreenView::Rate(rate) => rate.pressed.map_or(Lights::All, Lights::Only),
        ScreenView::Thanks(_) | ScreenView::More(_) => Lights::All,
    }
}

#[cfg(test)]
mod tests;
