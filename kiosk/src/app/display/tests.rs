use super::brightness::{ABSENCE_MS, IDLE_MS, IDLE_PERCENT};
use super::*;
use crate::hardware::twin::TestPins;
use crate::hardware::{Hardware, Lamp};
use crate::platform::clock::{Clock as _, TestClock};
use crate::view::{Fault, FaultView, RateView, ThanksView};
use pikir_contract::Score;
use std::time::{Duration, Instant};

/// An appliance on test pins.
struct Rig {
    pins: TestPins,
    status: watch::Sender<HardwareStatus>,
    appliance: Appliance,
    now_ms: u64,
    /// The visit is begun.
    begun: bool,
    _hardware: Hardware,
}

/// With a backlight that can be dimmed, or without.
fn rig(dims: bool) -> Rig {
    let pins = TestPins::default();
    let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
    let now_ms = clock.up_ms();
    let status = watch::Sender::new(HardwareStatus::default());
    let lamps: Vec<Lamp> = Score::ALL.into_iter().map(Lamp::Button).collect();
    let opened = pins.open(&[], &lamps);
    let backlight = dims.then(|| pins.backlight());
    let hardware = Hardware::start(Some(opened), backlight, clock, status.clone(), |_| {}).unwrap();
    let settings = ScreenSettings::default();
    Rig {
        pins,
        appliance: Appliance::new(settings, hardware.outputs(), status.clone(), now_ms),
        status,
        now_ms,
        begun: false,
        _hardware: hardware,
    }
}

fn rate(pressed: Option<Score>) -> ScreenView {
    ScreenView::Rate(RateView {
        question: None,
        words: Default::default(),
        pressed,
        message: None,
        check_needed: false,
    })
}

fn thanks() -> ScreenView {
    ScreenView::Thanks(ThanksView {
        undo_left_s: Some(5),
        more: false,
    })
}

fn out_of_service() -> ScreenView {
    ScreenView::OutOfService(FaultView {
        fault: Fault::DiskFull,
        detail: "disk: 38 MB free, 64 MB needed".into(),
    })
}

impl Rig {
    fn after(&mut self, ms: u64, screen: &ScreenView, finger_down: bool) -> (Rest, Option<u64>) {
        self.now_ms += ms;
        self.appliance.follow(&Moment {
            screen,
            begun: self.begun,
            finger_down,
            night: None,
            now_ms: self.now_ms,
            unix_ms: None,
        })
    }

    fn lit(&self, expected: &[u8]) {
        let start = Instant::now();
        loop {
            let mut lit: Vec<u8> = self
                .pins
                .on()
                .into_iter()
                .filter_map(|lamp| match lamp {
                    Lamp::Button(score) => Some(score.get()),
                    _ => None,
                })
                .collect();
            lit.sort_unstable();
            if lit == expected {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "lit: {lit:?}");
            std::thread::yield_now();
        }
    }
}

#[test]
fn lights_follow_the_screen_and_thanks_looks_the_same_for_every_score() {
    let mut rig = rig(true);
    rig.after(0, &rate(None), false);
    rig.lit(&[1, 2, 3, 4, 5]);
    for score in Score::ALL {
        rig.after(10, &rate(Some(score)), false);
        rig.lit(&[score.get()]);
        rig.after(10, &thanks(), false);
        rig.lit(&[1, 2, 3, 4, 5]);
    }
    rig.after(10, &out_of_service(), false);
    rig.lit(&[]);
}

#[test]
fn a_panel_that_can_be_dimmed_is_and_a_picture_on_one_that_cannot_is_veiled() {
    let mut dimmed = rig(true);
    assert_eq!(dimmed.after(IDLE_MS, &rate(None), false).0.veil_percent, 0);
    let start = Instant::now();
    while dimmed.pins.levels() != [IDLE_PERCENT] {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::yield_now();
    }
    let mut veiled = rig(false);
    assert_eq!(veiled.after(0, &rate(None), false).0, Rest::default());
    let (rest, _) = veiled.after(IDLE_MS, &rate(None), false);
    assert_eq!((rest.veil_percent, rest.dark), (100 - IDLE_PERCENT, false));
    assert_eq!(veiled.status.borrow().brightness, Some(IDLE_PERCENT));
    veiled.appliance.touched(veiled.now_ms);
    assert_eq!(veiled.after(0, &rate(None), false).0.veil_percent, 0);
}

#[test]
fn a_screen_that_somebody_set_up_neither_dims_nor_moves() {
    let mut rig = rig(true);
    rig.begun = true;
    let (rest, _) = rig.after(IDLE_MS, &rate(None), false);
    assert_eq!(rest, Rest::default());
    assert_eq!(rig.status.borrow().brightness, Some(100));
    rig.begun = false;
    rig.after(0, &rate(None), false);
    assert_eq!(rig.status.borrow().brightness, Some(IDLE_PERCENT));
}

#[test]
fn with_a_sensor_the_screen_goes_dark_and_whoever_comes_or_presses_wakes_it() {
    let mut rig = rig(true);
    rig.appliance.input(Input::Presence(false), rig.now_ms);
    let (rest, next) = rig.after(0, &rate(None), false);
    assert!(!rest.dark);
    assert!(next.unwrap() <= ABSENCE_MS);
    assert!(rig.after(ABSENCE_MS, &rate(None), false).0.dark);
    for input in [
        Input::Score(Score::ALL[2]),
        Input::Next,
        Input::Select,
        Input::Headphones(true),
        Input::Presence(true),
    ] {
        rig.now_ms += ABSENCE_MS;
        assert!(rig.after(0, &rate(None), false).0.dark, "{input:?}");
        rig.appliance.input(input, rig.now_ms);
        assert!(!rig.after(0, &rate(None), false).0.dark, "{input:?}");
    }
}

#[test]
fn the_picture_moves_while_idle_and_never_under_a_finger_or_during_a_visit() {
    let step = pixel_shift::SHIFT_STEP_MS;
    let mut rig = rig(true);
    let place =
        |rig: &mut Rig, screen: &ScreenView, finger| rig.after(step, screen, finger).0.shift;
    let first = place(&mut rig, &rate(None), false);
    assert_ne!(place(&mut rig, &rate(None), false), first, "idle");
    let before = place(&mut rig, &rate(None), false);
    assert_eq!(place(&mut rig, &rate(None), true), before, "a finger");
    assert_eq!(place(&mut rig, &thanks(), false), before, "a visit");
    rig.appliance.touched(rig.now_ms + step - 1);
    assert_eq!(place(&mut rig, &rate(None), false), before, "just touched");
    assert_ne!(place(&mut rig, &rate(None), false), before, "idle again");
}

#[test]
fn an_idle_terminal_wakes_for_itself_less_than_once_a_minute() {
    let mut rig = rig(true);
    let (mut wakes, mut next) = (0, rig.after(0, &rate(None), false).1);
    let end_ms = rig.now_ms + 24 * 3_600_000;
    while rig.now_ms < end_ms {
        next = rig.after(next.unwrap().max(1), &rate(None), false).1;
        wakes += 1;
    }
    assert!(wakes < 24 * 60 / 2, "{wakes} times in a day");
}
