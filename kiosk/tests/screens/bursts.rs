//! Keys that no hand can press: a scanner for barcodes, a keyboard that is beaten or broken. They
//! do nothing.

use std::time::Duration;

use pikir_kiosk::limits::{HAND_GAP, HAND_QUIET};
use pikir_kiosk::screen::ui::Keys;
use pikir_kiosk::view::ScreenView;
use slint::platform::{Key, WindowEvent};
use slint::{ComponentHandle as _, SharedString};

use crate::keys::{rate_view, stage_with};
use crate::lobby::Lobby;
use crate::questionnaire::{writing, written};
use crate::samples;
use crate::stage::{Stage, keypad};

const CODE: &str = "4870012345678";
/// Gaps between a scanner's keys (milliseconds), the slowest still faster than a hand.
const GAPS_MS: [u64; 5] = [0, 2, 15, 50, 99];

/// Time passes in moments, so that whatever waits is woken when it is due.
fn pass(ms: u64) {
    for _ in 0..ms {
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(1));
    }
}

fn strike(stage: &Stage, text: &SharedString) {
    let window = stage.screen.window();
    window.dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
    window.dispatch_event(WindowEvent::KeyReleased { text: text.clone() });
}

fn signs(text: &str) -> Vec<SharedString> {
    text.chars().map(SharedString::from).collect()
}

fn type_keys(stage: &Stage, keys: &[SharedString], gap_ms: u64) {
    for key in keys {
        strike(stage, key);
        pass(gap_ms);
    }
}

/// Codes as scanners send them: alone, ended or begun by one key or several, in capitals, long and
/// short.
fn codes() -> Vec<Vec<SharedString>> {
    let key = |key: Key| vec![SharedString::from(key)];
    let code = signs(CODE);
    let shifted = |text: &str| -> Vec<SharedString> {
        let pairs = signs(text).into_iter();
        pairs.flat_map(|sign| [Key::Shift.into(), sign]).collect()
    };
    vec![
        code.clone(),
        [code.clone(), key(Key::Return)].concat(),
        [code.clone(), key(Key::Tab)].concat(),
        [code.clone(), key(Key::Tab), key(Key::Return)].concat(),
        [key(Key::Return), code.clone(), key(Key::Return)].concat(),
        [key(Key::F2), code, signs("\r\n")].concat(),
        signs("]C1A5B-12"),
        shifted("A1B2"),
        shifted("1234"),
        signs("12121212"),
        signs("55"),
        signs("5\n"),
        signs("5\r"),
        [signs("3"), key(Key::Tab)].concat(),
        [key(Key::Return), key(Key::Return)].concat(),
        [key(Key::F12), key(Key::F12)].concat(),
        signs("0*#+?"),
    ]
}

#[test]
fn a_scanner_does_nothing_on_any_screen_however_its_code_begins_and_ends() {
    let stage = Stage::new((800, 480));
    let mut screens = samples::every_screen("ru");
    screens.extend(samples::every_overlay("ru"));
    for (screen, view) in screens {
        stage.show(&view);
        let is_writing = stage.screen.component().global::<Keys>().get_typing();
        for (code, gap_ms) in codes().iter().zip(GAPS_MS.iter().cycle()) {
            stage.reported();
            stage.speech.take();
            type_keys(&stage, code, *gap_ms);
            stage.settle();
            if !is_writing {
                assert_eq!(stage.reported(), [], "{screen}: {code:?} every {gap_ms} ms");
                assert_eq!(
                    stage.speech.take(),
                    [],
                    "{screen}: {code:?} every {gap_ms} ms"
                );
            }
        }
    }
}

#[test]
fn of_a_code_no_digit_rates_at_any_speed_of_a_scanner() {
    let stage = stage_with(&rate_view());
    for gap_ms in 0..HAND_GAP.as_millis() as u64 {
        for code in codes() {
            type_keys(&stage, &code, gap_ms);
            stage.settle();
            assert_eq!(stage.reported(), [], "{code:?} every {gap_ms} ms");
        }
    }
    stage.key("4");
    assert_eq!(stage.taken(), [keypad(4)], "a hand comes afterwards");
}

#[test]
fn a_single_digit_rates_after_no_more_than_120_milliseconds() {
    let stage = stage_with(&rate_view());
    strike(&stage, &"4".into());
    assert_eq!(stage.taken(), []);
    pass(120);
    assert_eq!(stage.taken(), [keypad(4)]);
}

#[test]
fn a_digit_so_soon_after_a_hands_that_no_hand_gives_it_rates_nothing() {
    let stage = stage_with(&rate_view());
    let quiet_ms = HAND_QUIET.as_millis() as u64;
    for (gap_ms, expected) in [
        (quiet_ms - 1, vec![keypad(4)]),
        (quiet_ms, vec![keypad(4), keypad(2)]),
    ] {
        type_keys(&stage, &signs("42"), gap_ms);
        stage.settle();
        assert_eq!(stage.taken(), expected, "{gap_ms} ms");
    }
}

#[test]
fn a_key_that_is_stuck_rates_once_and_its_repetitions_nothing() {
    let stage = stage_with(&rate_view());
    let text = SharedString::from("3");
    let window = stage.screen.window();
    window.dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
    pass(500);
    for _ in 0..100 {
        window.dispatch_event(WindowEvent::KeyPressRepeated { text: text.clone() });
        pass(33);
    }
    assert_eq!(stage.taken(), [keypad(3)]);
    // Keyboards of another kind let it go in between.
    type_keys(&stage, &signs(&"3".repeat(100)), 33);
    stage.settle();
    assert_eq!(stage.taken(), []);
}

#[test]
fn a_digit_that_needs_shift_is_a_hands_as_any_other() {
    let stage = stage_with(&rate_view());
    let window = stage.screen.window();
    let shift = SharedString::from(Key::Shift);
    window.dispatch_event(WindowEvent::KeyPressed {
        text: shift.clone(),
    });
    pass(60);
    strike(&stage, &"5".into());
    pass(60);
    window.dispatch_event(WindowEvent::KeyReleased { text: shift });
    stage.settle();
    assert_eq!(stage.taken(), [keypad(5)]);
}

#[test]
fn what_is_pressed_together_with_a_key_for_shortcuts_rates_nothing_when_that_is_lifted() {
    let stage = stage_with(&rate_view());
    let window = stage.screen.window();
    let control = SharedString::from(Key::Control);
    window.dispatch_event(WindowEvent::KeyPressed {
        text: control.clone(),
    });
    strike(&stage, &"1".into());
    window.dispatch_event(WindowEvent::KeyReleased { text: control });
    stage.settle();
    assert_eq!(stage.taken(), []);
}

#[test]
fn a_digit_so_soon_after_a_shortcut_that_no_hand_gives_it_rates_nothing() {
    let stage = stage_with(&rate_view());
    let window = stage.screen.window();
    let control = SharedString::from(Key::Control);
    let quiet_ms = HAND_QUIET.as_millis() as u64;
    for (gap_ms, expected) in [
        (0, vec![]),
        (quiet_ms - 1, vec![]),
        (quiet_ms, vec![keypad(3)]),
    ] {
        window.dispatch_event(WindowEvent::KeyPressed {
            text: control.clone(),
        });
        strike(&stage, &Key::Escape.into());
        window.dispatch_event(WindowEvent::KeyReleased {
            text: control.clone(),
        });
        pass(gap_ms);
        strike(&stage, &"3".into());
        stage.settle();
        assert_eq!(stage.taken(), expected, "{gap_ms} ms");
    }
}

#[test]
fn the_buttons_of_the_housing_are_not_held_back() {
    let stage = stage_with(&rate_view());
    stage.screen.scan_next();
    stage.screen.scan_next();
    stage.screen.scan_select();
    assert!(!stage.taken().is_empty());
    let mut lobby = Lobby::new((800, 480));
    lobby.button(5);
    assert_eq!(lobby.ratings().len(), 1);
}

#[test]
fn a_code_read_while_a_comment_is_written_is_text_and_nothing_else() {
    for end in ["", "\n", "\t", "\n\t", "\t\n"] {
        let mut lobby = writing();
        lobby.stage.reported();
        for key in signs(CODE).into_iter().chain(signs(end)) {
            strike(&lobby.stage, &key);
            lobby.follow();
            pass(5);
        }
        lobby.stage.settle();
        lobby.follow();
        let lines = end.replace('\t', "");
        assert_eq!(written(&lobby), format!("{CODE}{lines}"), "{end:?}");
    }
}

#[test]
fn a_code_is_read_into_nothing_but_an_open_comment() {
    let mut lobby = Lobby::new((800, 480));
    for key in signs(CODE) {
        strike(&lobby.stage, &key);
        lobby.follow();
        pass(5);
    }
    lobby.pass(500);
    assert!(matches!(lobby.screen(), ScreenView::Rate(_)));
    assert_eq!(lobby.journal.len(), 0);
    lobby.button(2);
    lobby.pass(1_000);
    assert!(matches!(lobby.screen(), ScreenView::Thanks(_)));
    for end in ["\n", "\t", "\t\n", ""] {
        for key in signs(CODE).into_iter().chain(signs(end)) {
            strike(&lobby.stage, &key);
            lobby.follow();
            pass(5);
        }
        lobby.pass(500);
        assert!(matches!(lobby.screen(), ScreenView::Thanks(_)), "{end:?}");
        assert_eq!(lobby.journal.len(), 1, "neither rated nor taken back");
    }
}

#[test]
fn a_fast_hand_that_writes_loses_no_letter() {
    let mut lobby = writing();
    let text = "баары тез жазылат";
    for (key, gap_ms) in signs(text).iter().zip([40, 95, 130, 60].iter().cycle()) {
        strike(&lobby.stage, key);
        lobby.follow();
        pass(*gap_ms);
    }
    assert_eq!(written(&lobby), text);
    strike(&lobby.stage, &Key::Backspace.into());
    lobby.follow();
    assert_eq!(written(&lobby).chars().count(), text.chars().count() - 1);
}
