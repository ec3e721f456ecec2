//! Five rating buttons on GPIO pins, read by polling and debounced here, once for all.
//!
//! The buttons connect their pins to ground; the Pi's own pull-ups hold them high. rppal is in maintenance mode, so it is
//! touched by [`GpioPins`] alone.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use pikir_contract::Score;

use crate::clock::SharedClock;
use crate::limits::{BUTTON_DEBOUNCE_MS, BUTTON_POLL};

/// Number of buttons, one for each score.
pub const BUTTONS: usize = 5;

/// Where the buttons' levels come from: [`GpioPins`] on a Pi, any closure in tests.
pub trait Pins: Send + 'static {
    /// Which buttons are down now, for scores 1 to 5.
    fn pressed(&mut self) -> [bool; BUTTONS];
}

impl<F: FnMut() -> [bool; BUTTONS] + Send + 'static> Pins for F {
    fn pressed(&mut self) -> [bool; BUTTONS] {
        self()
    }
}

/// The buttons cannot be read; the terminal works on without them.
#[derive(Debug, thiserror::Error)]
#[error(
    "rating buttons: {0}. Check [gpio] in terminal.toml, the wiring, and that user pikir is in group gpio; the screen works without them"
)]
pub struct ButtonsError(#[from] rppal::gpio::Error);

/// The pins of a Raspberry Pi.
pub struct GpioPins([rppal::gpio::InputPin; BUTTONS]);

impl GpioPins {
    /// Takes the pins with these BCM numbers, for scores 1 to 5.
    ///
    /// # Errors
    /// This machine has no GPIO chip, or a pin is in use.
    pub fn open(numbers: [u8; BUTTONS]) -> Result<Self, ButtonsError> {
        let gpio = rppal::gpio::Gpio::new()?;
        let [one, two, three, four, five] = numbers;
        let pin = |number| gpio.get(number).map(rppal::gpio::Pin::into_input_pullup);
        Ok(Self([
            pin(one)?,
            pin(two)?,
            pin(three)?,
            pin(four)?,
            pin(five)?,
        ]))
    }
}

impl Pins for GpioPins {
    fn pressed(&mut self) -> [bool; BUTTONS] {
        self.0.each_ref().map(rppal::gpio::InputPin::is_low)
    }
}

/// Turns levels that bounce into presses that do not: a level counts once it has held for [`BUTTON_DEBOUNCE_MS`].
#[derive(Debug, Default)]
pub struct Debounce {
    stable: [bool; BUTTONS],
    /// The level that differs from the stable one, and since when (uptime in milliseconds).
    changing_since: [Option<u64>; BUTTONS],
}

impl Debounce {
    /// Takes the levels at uptime `now_ms`; returns the scores of the buttons that have just gone down.
    pub fn sample(&mut self, levels: [bool; BUTTONS], now_ms: u64) -> Vec<Score> {
        let mut presses = Vec::new();
        for (button, score) in Score::ALL.into_iter().enumerate() {
            if levels[button] == self.stable[button] {
                self.changing_since[button] = None;
                continue;
            }
            let since = *self.changing_since[button].get_or_insert(now_ms);
            if now_ms.saturating_sub(since) >= BUTTON_DEBOUNCE_MS {
                self.stable[button] = levels[button];
                self.changing_since[button] = None;
                if levels[button] {
                    presses.push(score);
                }
            }
        }
        presses
    }
}

/// The thread that reads the buttons; ends when dropped.
pub struct Watch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Reads `pins` from now on and calls `report` for every press, on the thread that reads. A button that is down
    /// from the start (stuck, or held by a child) counts once.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        pins: impl Pins,
        clock: SharedClock,
        report: impl Fn(Score) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let body = move || poll(pins, &clock, report, &stopped);
        let thread = std::thread::Builder::new()
            .name("buttons".into())
            .spawn(body)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn poll(mut pins: impl Pins, clock: &SharedClock, report: impl Fn(Score), stopped: &Receiver<()>) {
    let mut debounce = Debounce::default();
    while stopped.recv_timeout(BUTTON_POLL) == Err(RecvTimeoutError::Timeout) {
        debounce
            .sample(pins.pressed(), clock.up_ms())
            .into_iter()
            .for_each(&report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, TestClock};

    const NONE: [bool; BUTTONS] = [false; BUTTONS];

    fn only(score: usize) -> [bool; BUTTONS] {
        std::array::from_fn(|button| button + 1 == score)
    }

    #[test]
    fn a_press_that_bounces_counts_once_and_so_does_its_release() {
        let mut debounce = Debounce::default();
        let mut presses = Vec::new();
        let bouncing = |ms: u64| if ms % 7 < 3 { only(4) } else { NONE };
        for ms in 0..400_u64 {
            let levels = match ms {
                0..40 | 200..240 => bouncing(ms),
                40..200 => only(4),
                _ => NONE,
            };
            presses.extend(debounce.sample(levels, ms));
        }
        assert_eq!(presses, [Score::new(4).unwrap()]);
    }

    #[test]
    fn a_spike_shorter_than_the_debounce_time_is_no_press() {
        let mut debounce = Debounce::default();
        assert!(debounce.sample(only(1), 0).is_empty());
        assert!(debounce.sample(only(1), BUTTON_DEBOUNCE_MS - 1).is_empty());
        assert!(debounce.sample(NONE, BUTTON_DEBOUNCE_MS).is_empty());
        assert!(debounce.sample(only(1), BUTTON_DEBOUNCE_MS + 1).is_empty());
    }

    #[test]
    fn two_buttons_at_once_are_two_presses_and_a_held_button_is_one() {
        let mut debounce = Debounce::default();
        let both = [true, false, false, false, true];
        assert!(debounce.sample(both, 0).is_empty());
        assert_eq!(debounce.sample(both, BUTTON_DEBOUNCE_MS).len(), 2);
        assert!(debounce.sample(both, 10_000).is_empty());
    }

    #[test]
    fn the_thread_reports_a_press_and_ends_when_it_is_no_longer_wanted() {
        let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
        let (sender, presses) = channel();
        let ticking = clock.clone();
        // Time passes with each reading, so the test does not wait for the clock on the wall.
        let pins = move || {
            ticking.advance_ms(10);
            only(if ticking.up_ms() > 1_100 { 3 } else { 0 })
        };
        let watch = Watch::start(pins, clock, move |score| sender.send(score).unwrap()).unwrap();
        assert_eq!(presses.recv().unwrap(), Score::new(3).unwrap());
        drop(watch);
        assert!(presses.recv().is_err());
    }

    #[test]
    fn a_machine_without_a_gpio_chip_is_told_so_in_plain_words() {
        if let Err(error) = GpioPins::open([5, 6, 13, 19, 26]) {
            assert!(
                error.to_string().contains("[gpio] in terminal.toml"),
                "{error}"
            );
        }
    }
}
