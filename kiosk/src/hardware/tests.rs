use super::debounce::Debounce;
use super::twin::TestPins;
use super::*;
use crate::limits::{BUTTON_DEBOUNCE_MS, PRESENCE_DEBOUNCE_MS, SWITCH_DEBOUNCE_MS, TICK_MS};
use crate::platform::clock::{Clock as _, TestClock};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tokio::sync::watch;

fn score(number: u8) -> Score {
    Score::new(number).unwrap()
}

fn buttons() -> Vec<Line> {
    Score::ALL.into_iter().map(Line::Button).collect()
}

/// All levels of `lines` at uptimes `from..to`, as the closure tells.
fn samples(
    debounce: &mut Debounce,
    time: std::ops::Range<u64>,
    is_active: impl Fn(Line, u64) -> bool,
) -> Vec<(u64, Input)> {
    time.flat_map(|ms| {
        let inputs = debounce.sample(|line| is_active(line, ms), ms);
        inputs.into_iter().map(move |input| (ms, input))
    })
    .collect()
}

#[test]
fn a_press_that_bounces_counts_once_and_its_release_does_not() {
    for (line, input) in [
        (Line::Button(score(4)), Input::Score(score(4))),
        (Line::Next, Input::Next),
        (Line::Select, Input::Select),
    ] {
        let mut debounce = Debounce::new(&[line]);
        let seen = samples(&mut debounce, 0..400, |_, ms| match ms {
            0..40 | 200..240 => ms % 7 < 3,
            40..200 => true,
            _ => false,
        });
        assert_eq!(seen.len(), 1, "{line:?}: {seen:?}");
        assert_eq!(seen[0].1, input);
    }
}

#[test]
fn a_spike_shorter_than_the_debounce_time_is_no_press() {
    let mut debounce = Debounce::new(&buttons());
    let one = Line::Button(score(1));
    let spiky = |line, ms| line == one && ms % (BUTTON_DEBOUNCE_MS + 5) < BUTTON_DEBOUNCE_MS;
    assert!(samples(&mut debounce, 0..1_000, spiky).is_empty());
}

#[test]
fn two_buttons_at_once_are_two_presses_and_a_held_button_is_one() {
    let mut debounce = Debounce::new(&buttons());
    let both = |line, _| line == Line::Button(score(1)) || line == Line::Button(score(5));
    let seen = samples(&mut debounce, 0..10_000, both);
    let expected = [Input::Score(score(1)), Input::Score(score(5))];
    assert_eq!(
        seen.iter().map(|(_, input)| *input).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn switches_tell_how_they_stand_at_the_start_and_every_change_after_it() {
    let lines = [Line::Housing, Line::Headphones, Line::Presence];
    let mut debounce = Debounce::new(&lines);
    let seen = samples(&mut debounce, 0..5_000, |line, ms| match line {
        Line::Housing => (1_000..2_000).contains(&ms),
        Line::Headphones => true,
        _ => ms >= 3_000,
    });
    assert_eq!(
        seen,
        [
            (SWITCH_DEBOUNCE_MS, Input::Housing { open: false }),
            (SWITCH_DEBOUNCE_MS, Input::Headphones(true)),
            (PRESENCE_DEBOUNCE_MS, Input::Presence(false)),
            (1_000 + SWITCH_DEBOUNCE_MS, Input::Housing { open: true }),
            (2_000 + SWITCH_DEBOUNCE_MS, Input::Housing { open: false }),
            (3_000 + PRESENCE_DEBOUNCE_MS, Input::Presence(true)),
        ]
    );
}

#[test]
fn a_rattling_lid_and_a_flickering_sensor_need_longer_than_a_button() {
    let mut debounce = Debounce::new(&[Line::Housing, Line::Presence]);
    samples(&mut debounce, 0..1_000, |_, _| false);
    let seen = samples(&mut debounce, 1_000..9_000, |_, ms| {
        ms % 300 < SWITCH_DEBOUNCE_MS - 20
    });
    assert!(seen.is_empty(), "{seen:?}");
}

/// Hardware on test pins; time passes when a test lets it.
struct Rig {
    pins: TestPins,
    clock: Arc<TestClock>,
    inputs: Receiver<Input>,
    status: watch::Receiver<HardwareStatus>,
    hardware: Hardware,
}

fn rig(lines: &[Line], lamps: &[Lamp]) -> Rig {
    rig_on(TestPins::default(), lines, lamps)
}

fn rig_on(pins: TestPins, lines: &[Line], lamps: &[Lamp]) -> Rig {
    let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
    let (sender, inputs) = channel();
    let status = watch::Sender::new(HardwareStatus::default());
    let seen = status.subscribe();
    let report = move |input| sender.send(input).unwrap();
    let opened = pins.open(lines, lamps);
    let backlight = Some(pins.backlight());
    let hardware = Hardware::start(Some(opened), backlight, clock.clone(), status, report).unwrap();
    Rig {
        pins,
        clock,
        inputs,
        status: seen,
        hardware,
    }
}

impl Rig {
    /// Lets time pass until `condition` holds.
    fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
            self.clock.advance_ms(1);
            std::thread::yield_now();
        }
    }

    fn next_input(&self) -> Input {
        let start = Instant::now();
        loop {
            if let Ok(input) = self.inputs.recv_timeout(Duration::from_millis(1)) {
                return input;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "no input");
            self.clock.advance_ms(10);
        }
    }
}

#[test]
fn the_thread_reports_what_is_pressed_and_keeps_how_the_switches_stand() {
    let lines = [Line::Button(score(3)), Line::Housing, Line::Headphones];
    let rig = rig(&lines, &[]);
    assert_eq!(rig.next_input(), Input::Housing { open: false });
    assert_eq!(rig.next_input(), Input::Headphones(false));
    assert_eq!(rig.status.borrow().housing_open, Some(false));
    rig.pins.set(Line::Button(score(3)), true);
    assert_eq!(rig.next_input(), Input::Score(score(3)));
    rig.pins.set(Line::Housing, true);
    assert_eq!(rig.next_input(), Input::Housing { open: true });
    let status = rig.status.borrow().clone();
    assert_eq!(status.housing_open, Some(true));
    assert_eq!((status.headphones, status.presence), (Some(false), None));
}

#[test]
fn where_the_kernel_tells_of_no_edges_polling_alone_finds_everything() {
    let lines = [Line::Button(score(3)), Line::Next, Line::Presence];
    let rig = rig_on(TestPins::without_edges(), &lines, &[]);
    assert_eq!(rig.next_input(), Input::Presence(false));
    for _ in 0..2 {
        rig.pins.set(Line::Button(score(3)), true);
        assert_eq!(rig.next_input(), Input::Score(score(3)));
        rig.pins.set(Line::Button(score(3)), false);
        rig.pins.set(Line::Next, true);
        assert_eq!(rig.next_input(), Input::Next);
        rig.pins.set(Line::Next, false);
        rig.pins.set(Line::Presence, true);
        assert_eq!(rig.next_input(), Input::Presence(true));
        rig.pins.set(Line::Presence, false);
        assert_eq!(rig.next_input(), Input::Presence(false));
    }
}

#[test]
fn a_line_settles_from_the_first_change_until_its_level_counts() {
    let mut debounce = Debounce::new(&[Line::Next]);
    let mut settles = |active, ms| {
        debounce.sample(|_| active, ms);
        debounce.is_settling()
    };
    assert!(!settles(false, 0));
    assert!(settles(true, 10));
    assert!(settles(true, 10 + BUTTON_DEBOUNCE_MS - 1));
    assert!(!settles(true, 10 + BUTTON_DEBOUNCE_MS));
    assert!(settles(false, 100));
    assert!(!settles(true, 110), "it only bounced");
}

#[test]
fn a_backlight_that_cannot_be_opened_is_told_and_the_picture_is_darkened_in_its_place() {
    let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
    let status = watch::Sender::new(HardwareStatus::default());
    let seen = status.subscribe();
    let refused: OpenBacklight = Box::new(|| Err("backlight: no PWM".into()));
    let hardware = Hardware::start(None, Some(refused), clock, status, |_| {}).unwrap();
    let outputs = hardware.outputs();
    // The thread has ended, so it has said what it had to say.
    drop(hardware);
    assert!(!outputs.dims());
    let told = seen.borrow().clone();
    assert_eq!(told.problems, ["backlight: no PWM"]);
    assert_eq!(told.brightness_by.as_deref(), Some(BY_PICTURE));
}

#[test]
fn the_lights_show_that_ratings_are_taken_then_the_pressed_one_alone_then_nothing() {
    let lamps: Vec<Lamp> = Score::ALL
        .into_iter()
        .map(Lamp::Button)
        .chain([Lamp::Status])
        .collect();
    let rig = rig(&[], &lamps);
    let outputs = rig.hardware.outputs();
    let on = |lamp| rig.pins.on().contains(&lamp);
    let lit = || {
        Score::ALL
            .into_iter()
            .filter(|score| on(Lamp::Button(*score)))
            .count()
    };
    outputs.lights(Lights::All);
    rig.until("all lights", || lit() == 5 && on(Lamp::Status));
    outputs.lights(Lights::Only(score(2)));
    rig.until("one light", || lit() == 1 && on(Lamp::Button(score(2))));
    rig.until("the status light", || on(Lamp::Status));
    outputs.lights(Lights::Off);
    rig.until("darkness", || rig.pins.on().is_empty());
    outputs.lights(Lights::All);
    rig.until("all lights", || lit() == 5);
    let pins = rig.pins.clone();
    drop(rig);
    assert!(
        pins.on().is_empty(),
        "a program that has ended lights nothing"
    );
    assert_eq!(
        pins.levels().last(),
        Some(&100),
        "and leaves the panel bright"
    );
}

#[test]
fn the_buzzer_ticks_once_for_a_press_and_is_silent_again() {
    let rig = rig(&[], &[Lamp::Buzzer]);
    for _ in 0..2 {
        rig.hardware.outputs().tick();
        rig.until("a tick", || !rig.pins.on().is_empty());
        let began_ms = rig.clock.up_ms();
        rig.until("silence", || rig.pins.on().is_empty());
        assert!(rig.clock.up_ms() + 1 >= began_ms + TICK_MS.min(1));
    }
    let heard: Vec<bool> = rig.pins.switched().iter().map(|(_, on)| *on).collect();
    assert_eq!(heard, [true, false, true, false]);
}

#[test]
fn a_backlight_that_fails_is_given_up_and_told_and_the_rest_goes_on() {
    let rig = rig(&[Line::Next], &[]);
    let outputs = rig.hardware.outputs();
    outputs.brightness(40);
    rig.until("the level", || rig.pins.levels() == [40]);
    assert!(outputs.dims());
    rig.pins.break_backlight();
    outputs.brightness(60);
    rig.until("the fault", || !outputs.dims());
    rig.until("the message", || rig.status.borrow().problems.len() == 1);
    rig.pins.set(Line::Next, true);
    assert_eq!(rig.next_input(), Input::Next);
}

#[test]
fn without_pins_and_backlight_there_is_no_thread_and_every_output_goes_nowhere() {
    let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
    let status = watch::Sender::new(HardwareStatus::default());
    let hardware = Hardware::start(None, None, clock, status, |_| {}).unwrap();
    let outputs = hardware.outputs();
    outputs.tick();
    outputs.lights(Lights::All);
    outputs.brightness(3);
    assert!(!outputs.dims());
}

#[test]
fn every_part_reads_as_wired_and_the_other_way_round_where_that_is_said() {
    let mut wiring = Wiring {
        buttons: Some([5, 6, 13, 19, 26]),
        housing: Some(24),
        presence: Some(23),
        ..Wiring::default()
    };
    let low = |wiring: &Wiring| {
        [Line::Button(score(1)), Line::Housing, Line::Presence]
            .map(|line| wiring.is_active_low(line))
    };
    assert_eq!(low(&wiring), [true, false, false]);
    wiring.inverted = [Part::Housing, Part::Presence, Part::Lights].into();
    assert_eq!(low(&wiring), [true, true, true]);
    assert!(wiring.is_on_low(Part::Lights) && !wiring.is_on_low(Part::Buzzer));
    assert_eq!(wiring.lines().len(), 7);
}
