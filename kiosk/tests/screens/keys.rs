//! Everything that can be done at the screen can be done with keys, and with two buttons.

use std::collections::BTreeSet;

use i_slint_backend_testing::AccessibleRole;
use pikir_kiosk::speech::Request;
use pikir_kiosk::view::{PageView, ScreenView, UserAction, View};
use slint::platform::{Key, WindowEvent};

use crate::pixels::{image, save};
use crate::samples;
use crate::stage::{Stage, keypad};

pub fn rate_view() -> View {
    samples::view("ru", ScreenView::Rate(samples::rate()))
}

pub fn stage_with(view: &View) -> Stage {
    let stage = Stage::new((800, 480));
    stage.show(view);
    stage
}

fn spoken(mut view: View) -> View {
    view.adaptation.speech = true;
    view
}

/// What is said of each control while `key` is pressed until the round is complete; the screen
/// itself comes first.
fn round(stage: &Stage, key: Key) -> Vec<String> {
    stage.said();
    let mut heard = Vec::new();
    while heard.len() < 60 {
        stage.key(key);
        let said = stage.said().join(" ");
        if heard.first() == Some(&said) {
            return heard;
        }
        heard.push(said);
    }
    panic!("no round in 60 steps: {heard:#?}");
}

#[test]
fn the_arrow_keys_reach_every_control_of_every_screen_and_come_round_again() {
    let stage = Stage::new((800, 480));
    for (screen, view) in samples::every_screen("ru") {
        if let ScreenView::More(page) = &view.screen
            && matches!(page.content, PageView::Comment { .. })
        {
            // The arrows move over the keys there, which is a test of its own.
            continue;
        }
        stage.show(&spoken(view));
        let heard = round(&stage, Key::RightArrow);
        let targets = [AccessibleRole::Button, AccessibleRole::RadioButton];
        let labels: BTreeSet<String> = targets
            .into_iter()
            .flat_map(|role| stage.with_role(role))
            .filter(|(element, bounds)| {
                bounds.width > 0.0 && element.accessible_enabled() != Some(false)
            })
            .filter_map(|(element, _)| element.accessible_label().map(String::from))
            .collect();
        for label in &labels {
            assert!(
                heard.iter().any(|said| said.starts_with(label.as_str())),
                "{screen}: {label:?} is not among {heard:#?}"
            );
        }
    }
}

#[test]
fn left_and_up_go_the_way_of_right_and_down_back() {
    let stage = stage_with(&spoken(rate_view()));
    let mut there = round(&stage, Key::DownArrow);
    let mut back = round(&stage, Key::UpArrow);
    there.sort();
    back.sort();
    assert_eq!(there, back);
    assert_eq!(
        there.len(),
        10,
        "five answers, three languages, the panel, the screen itself: {there:#?}"
    );
    stage.key(Key::RightArrow);
    stage.key(Key::RightArrow);
    let second = stage.said().pop();
    stage.key(Key::RightArrow);
    stage.key(Key::LeftArrow);
    assert_eq!(stage.said().pop(), second);
}

#[test]
fn the_focus_is_seen_once_a_key_was_used_and_no_longer_after_a_touch() {
    let stage = stage_with(&rate_view());
    let plain = image(&stage.picture());
    stage.key(Key::RightArrow);
    stage.key(Key::RightArrow);
    let focused = image(&stage.picture());
    assert!(plain != focused);
    save(&focused, "keys-focus-800x480-ru.png");
    stage.touch_at(slint::LogicalPosition::new(300.0, 100.0));
    stage.settle();
    assert!(plain == image(&stage.picture()), "a touch hides the focus");
    stage.key(Key::LeftArrow);
    assert!(
        plain != image(&stage.picture()),
        "the next key shows it again"
    );
}

#[test]
fn the_focus_stays_on_a_language_that_was_chosen_and_scores_still_count() {
    let stage = stage_with(&rate_view());
    // Backwards from the first answer: the accessibility panel, then the last language.
    stage.key(Key::LeftArrow);
    stage.key(Key::LeftArrow);
    stage.key(Key::Return);
    assert_eq!(stage.taken(), [UserAction::Language("en".into())]);
    stage.show(&samples::view("en", ScreenView::Rate(samples::rate())));
    stage.key(Key::Return);
    assert_eq!(
        stage.taken(),
        [UserAction::Language("en".into())],
        "still there"
    );
    stage.key("4");
    assert_eq!(stage.taken(), [keypad(4)]);
}

#[test]
fn the_focus_goes_on_when_the_time_to_take_it_back_is_over_under_it() {
    let stage = stage_with(&rate_view());
    stage.key("3");
    stage.taken();
    stage.show(&samples::view("ru", samples::thanks(Some(1))));
    stage.show(&samples::view("ru", samples::thanks(None)));
    stage.key(Key::Return);
    assert_eq!(stage.taken(), [UserAction::Done]);
    stage.key("4");
    assert_eq!(stage.taken(), [keypad(4)], "keys are still heard");
}

#[test]
fn whoever_does_not_see_the_focus_go_hears_where_it_is() {
    let stage = stage_with(&spoken(samples::view("ru", samples::thanks(Some(1)))));
    stage.key(Key::RightArrow);
    assert!(stage.said().join(" ").contains("Отменить ответ"));
    stage.show(&spoken(samples::view("ru", samples::thanks(None))));
    let said = stage.said();
    assert!(
        matches!(&said[..], [page] if page.starts_with("Спасибо!")),
        "{said:?}"
    );
}

#[test]
fn enter_of_a_number_block_and_shift_tab_do_as_return_and_an_arrow() {
    let stage = stage_with(&rate_view());
    for _ in 0..3 {
        stage.key(Key::RightArrow);
    }
    stage.key(Key::Backtab);
    stage.key("\r");
    assert_eq!(stage.taken(), [keypad(2)]);
    stage.show(&samples::view("ru", samples::thanks(Some(5))));
    stage.key("\r");
    assert_eq!(stage.taken(), [UserAction::Undo]);
}

#[test]
fn return_and_space_held_down_select_once() {
    for text in ["\n", "\r", " "] {
        let stage = stage_with(&rate_view());
        stage.key(Key::RightArrow);
        let window = stage.screen.window();
        window.dispatch_event(WindowEvent::KeyPressed { text: text.into() });
        for _ in 0..10 {
            window.dispatch_event(WindowEvent::KeyPressRepeated { text: text.into() });
        }
        stage.settle();
        assert_eq!(stage.taken(), [keypad(1)], "{text:?}");
    }
}

#[test]
fn an_arrow_held_down_moves_the_focus_once() {
    let stage = stage_with(&spoken(rate_view()));
    stage.said();
    let text = slint::SharedString::from(Key::RightArrow);
    let window = stage.screen.window();
    window.dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
    for _ in 0..10 {
        window.dispatch_event(WindowEvent::KeyPressRepeated { text: text.clone() });
    }
    stage.settle();
    assert_eq!(stage.said().len(), 1);
}

#[test]
fn the_marked_keys_ask_for_speech_volume_and_repetition() {
    let stage = stage_with(&rate_view());
    for (keys, request) in [
        (["#", &String::from(char::from(Key::F3))], Request::Switch),
        (["+", &String::from(char::from(Key::F2))], Request::Louder),
    ] {
        for key in keys {
            stage.speech.take();
            stage.key(key);
            assert_eq!(
                stage.speech.take(),
                [Request::Hush, request.clone()],
                "{key:?}"
            );
        }
    }
    stage.show(&spoken(rate_view()));
    stage.key(Key::RightArrow);
    let first = stage.said().pop().unwrap();
    for key in ["0", "?", &String::from(char::from(Key::F1))] {
        stage.key(key);
        assert_eq!(stage.said(), std::slice::from_ref(&first), "{key:?}");
    }
    assert_eq!(stage.taken(), [], "none of them answers anything");
}

#[test]
fn every_key_is_reported_as_a_sign_of_life_and_silences_what_is_being_said() {
    let stage = stage_with(&spoken(rate_view()));
    for (key, sign) in [
        (Key::RightArrow, UserAction::Steer),
        (Key::Backtab, UserAction::Steer),
        (Key::F11, UserAction::Steer),
        (Key::Escape, UserAction::Stay),
        (Key::F7, UserAction::Stay),
        (Key::PageUp, UserAction::Stay),
    ] {
        stage.speech.take();
        stage.reported();
        stage.key(key);
        assert_eq!(stage.reported(), [sign], "{key:?}");
        assert_eq!(stage.speech.take().first(), Some(&Request::Hush), "{key:?}");
    }
}

#[test]
fn a_touch_silences_what_is_being_said() {
    let stage = stage_with(&spoken(rate_view()));
    stage.speech.take();
    stage.touch_at(slint::LogicalPosition::new(300.0, 100.0));
    assert_eq!(stage.speech.take(), [Request::Hush]);
}

#[test]
fn two_buttons_rate_and_take_back() {
    let stage = stage_with(&rate_view());
    for _ in 0..4 {
        stage.screen.scan_next();
        stage.settle();
    }
    stage.screen.scan_select();
    stage.settle();
    assert_eq!(stage.taken(), [keypad(4)]);
    stage.show(&samples::view("ru", samples::thanks(Some(5))));
    stage.screen.scan_select();
    stage.settle();
    assert_eq!(
        stage.taken(),
        [UserAction::Undo],
        "the first control has the focus already"
    );
    for _ in 0..100 {
        stage.screen.scan_next();
    }
    stage.screen.scan_select();
    stage.settle();
    assert_eq!(stage.taken().len(), 1, "the round never ends");
}

#[test]
fn no_combination_of_keys_leaves_the_kiosk_or_answers_anything() {
    let keys = [
        Key::Tab,
        Key::Backtab,
        Key::Escape,
        Key::Return,
        Key::Delete,
        Key::Backspace,
        Key::Insert,
        Key::Home,
        Key::End,
        Key::PageUp,
        Key::PageDown,
        Key::Pause,
        Key::SysReq,
        Key::ScrollLock,
        Key::Menu,
        Key::F1,
        Key::F2,
        Key::F4,
        Key::F5,
        Key::F6,
        Key::F10,
        Key::F11,
        Key::F12,
        Key::UpArrow,
        Key::LeftArrow,
    ];
    let texts = keys.iter().map(|key| String::from(char::from(*key)));
    let texts: Vec<String> = texts
        .chain("qwcnptlr1 5\\".chars().map(String::from))
        .collect();
    let modifiers = [Key::Control, Key::Alt, Key::Meta, Key::Shift];
    for (screen, view) in samples::every_screen("ru") {
        let stage = stage_with(&view);
        for held in 1..1 << modifiers.len() {
            let held = modifiers
                .iter()
                .enumerate()
                .filter(|(bit, _)| held & (1 << bit) != 0);
            let held: Vec<_> = held
                .map(|(_, key)| slint::SharedString::from(*key))
                .collect();
            if held == [slint::SharedString::from(Key::Shift)] {
                // Shift alone belongs to `?`, `+`, `#` and Shift+Tab.
                continue;
            }
            let window = stage.screen.window();
            for text in &held {
                window.dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
            }
            for text in &texts {
                window.dispatch_event(WindowEvent::KeyPressed {
                    text: text.as_str().into(),
                });
                window.dispatch_event(WindowEvent::KeyReleased {
                    text: text.as_str().into(),
                });
            }
            for text in held {
                window.dispatch_event(WindowEvent::KeyReleased { text });
            }
        }
        stage.settle();
        assert!(stage.screen.window().is_visible(), "{screen}");
        let taken = stage.taken();
        assert_eq!(taken, [], "{screen}");
    }
}
