//! The Raspberry Pi. Nothing else knows rppal.

use rppal::gpio::{Gpio, InputPin, OutputPin, Trigger};
use rppal::pwm::{Channel, Polarity, Pwm};

use super::{Backlight, Changed, Lamp, Line, Opened, Part, Pins, Wiring};

/// Cycles a second of the backlight's PWM (hertz): above what an eye or a camera sees, below what
/// drivers cannot follow.
const BACKLIGHT_HZ: f64 = 1_000.0;
/// RP1, the I/O chip of a Pi 5, has a PWM channel for each pin; older chips share two.
const RP1_GPIO: &str = "/dev/gpiomem0";

/// The pins of a Pi that could be taken.
pub struct PiPins {
    lines: Vec<(Line, InputPin, bool)>,
    lamps: Vec<(Lamp, OutputPin, bool)>,
}

/// Takes every pin of `wiring` that can be had; returns with it what cannot, for a technician.
/// `None` where nothing is wired or nothing could be taken.
#[must_use]
pub fn open(wiring: &Wiring) -> (Option<Opened>, Vec<String>) {
    let (lines, lamps) = (wiring.lines(), wiring.lamps());
    if lines.is_empty() && lamps.is_empty() {
        return (None, Vec::new());
    }
    let gpio = match Gpio::new() {
        Ok(gpio) => gpio,
        Err(error) => return (None, vec![no_chip(&error)]),
    };
    let mut problems = Vec::new();
    let mut pins = PiPins {
        lines: Vec::new(),
        lamps: Vec::new(),
    };
    for (line, number) in lines {
        match gpio.get(number) {
            Ok(pin) if Wiring::is_pulled_up(line) => {
                let active_low = wiring.is_active_low(line);
                pins.lines.push((line, pin.into_input_pullup(), active_low));
            }
            Ok(pin) => {
                let active_low = wiring.is_active_low(line);
                pins.lines
                    .push((line, pin.into_input_pulldown(), active_low));
            }
            Err(error) => problems.push(no_pin(line.part(), number, &error)),
        }
    }
    for (lamp, number) in lamps {
        let on_low = wiring.is_on_low(lamp.part());
        match gpio.get(number) {
            // Off from the first moment on.
            Ok(pin) if on_low => pins.lamps.push((lamp, pin.into_output_high(), on_low)),
            Ok(pin) => pins.lamps.push((lamp, pin.into_output_low(), on_low)),
            Err(error) => problems.push(no_pin(lamp.part(), number, &error)),
        }
    }
    let opened = Opened {
        lines: pins.lines.iter().map(|(line, ..)| *line).collect(),
        lamps: pins.lamps.iter().map(|(lamp, ..)| *lamp).collect(),
        pins: Box::new(pins),
    };
    let nothing = opened.lines.is_empty() && opened.lamps.is_empty();
    ((!nothing).then_some(opened), problems)
}

fn no_chip(error: &rppal::gpio::Error) -> String {
    format!(
        "GPIO: {error}. Check that this is a Raspberry Pi and that user pikir is in group gpio, or remove [gpio] from terminal.toml; \
         the screen works without"
    )
}

fn no_pin(part: Part, number: u8, error: &rppal::gpio::Error) -> String {
    let key = part.key();
    format!(
        "{key}: pin {number}: {error}. Check [gpio] in terminal.toml and the wiring; the screen works without"
    )
}

impl Pins for PiPins {
    fn is_active(&mut self, line: Line) -> bool {
        let found = self.lines.iter().find(|(known, ..)| *known == line);
        found.is_some_and(|(_, pin, active_low)| pin.is_low() == *active_low)
    }

    fn watch(&mut self, line: Line, mut changed: Changed) -> bool {
        let found = self.lines.iter_mut().find(|(known, ..)| *known == line);
        let Some((_, pin, _)) = found else {
            return false;
        };
        pin.set_async_interrupt(Trigger::Both, None, move |_| changed())
            .inspect_err(|error| tracing::warn!(%error, ?line, "no interrupts: the pin is polled"))
            .is_ok()
    }

    fn switch(&mut self, lamp: Lamp, on: bool) {
        if let Some((_, pin, on_low)) = self.lamps.iter_mut().find(|(known, ..)| *known == lamp) {
            pin.write((on != *on_low).into());
        }
    }
}

/// A backlight on a PWM pin.
pub struct PwmBacklight(Pwm);

impl PwmBacklight {
    /// Takes the PWM of the wired pin, at full brightness.
    ///
    /// # Errors
    /// There is no PWM at that pin, or it may not be used: what to do, for a technician.
    pub fn open(wiring: &Wiring, pin: u8) -> Result<Self, String> {
        let polarity = if wiring.is_on_low(Part::Backlight) {
            Polarity::Inverse
        } else {
            Polarity::Normal
        };
        let channel = channel(pin, crate::platform::files::exists(RP1_GPIO.as_ref()));
        Pwm::with_frequency(channel, BACKLIGHT_HZ, 1.0, polarity, true)
            .map(Self)
            .map_err(|error| {
                format!(
                    "backlight: PWM at pin {pin}: {error}. Check `dtoverlay=pwm,pin={pin},func=…` in config.txt and that group gpio \
                     may write to /sys/class/pwm"
                )
            })
    }
}

/// The PWM channel that reaches this pin.
fn channel(pin: u8, is_rp1: bool) -> Channel {
    match (pin, is_rp1) {
        (12, _) | (18, false) => Channel::Pwm0,
        (18, true) => Channel::Pwm2,
        (19, true) => Channel::Pwm3,
        _ => Channel::Pwm1,
    }
}

impl Backlight for PwmBacklight {
    fn set(&mut self, percent: u8) -> Result<(), String> {
        let share = f64::from(percent.min(100)) / 100.0;
        self.0
            .set_duty_cycle(share)
            .map_err(|error| format!("backlight: PWM: {error}"))
    }

    fn name(&self) -> &'static str {
        "pwm"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_gpio_chip_is_told_so_in_plain_words_and_nothing_breaks() {
        let wiring = Wiring {
            buttons: Some([5, 6, 13, 19, 26]),
            buzzer: Some(17),
            ..Wiring::default()
        };
        let (opened, problems) = open(&wiring);
        // On a Pi the pins are there.
        if opened.is_none() {
            assert_eq!(problems.len(), 1);
            assert!(problems[0].contains("[gpio]"), "{problems:?}");
        }
        let (opened, problems) = open(&Wiring::default());
        assert!(opened.is_none() && problems.is_empty());
    }

    #[test]
    fn a_backlight_that_cannot_be_had_is_told_with_its_pin() {
        if let Err(problem) = PwmBacklight::open(&Wiring::default(), 18) {
            assert!(problem.contains("pin 18"), "{problem}");
        }
    }

    #[test]
    fn each_pin_has_its_channel_on_older_chips_and_on_rp1() {
        let on = |is_rp1: bool| [12, 13, 18, 19].map(|pin| channel(pin, is_rp1));
        use Channel::{Pwm0, Pwm1, Pwm2, Pwm3};
        assert_eq!(on(false), [Pwm0, Pwm1, Pwm0, Pwm1]);
        assert_eq!(on(true), [Pwm0, Pwm1, Pwm2, Pwm3]);
    }
}
