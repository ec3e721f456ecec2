//! What a finger or a key does.

use pikir_contract::{InputKind, Score};
use pikir_kiosk::view::adaptation::TextSize;
use pikir_kiosk::view::{ScreenView, UserAction};
use slint::LogicalPosition;
use slint::platform::{Key, WindowEvent};

use crate::questionnaire_samples as pages;
use crate::samples;
use crate::stage::{Stage, keypad};

const FACES: [&str; 5] = [
    "1 – Очень плохо",
    "2 – Плохо",
    "3 – Средне",
    "4 – Хорошо",
    "5 – Отлично",
];

fn rate_stage() -> Stage {
    let stage = Stage::new((800, 480));
    stage.show(&samples::view("ru", ScreenView::Rate(samples::rate())));
    stage
}

fn thanks_stage() -> Stage {
    let stage = Stage::new((800, 480));
    stage.show(&samples::view("ru", samples::thanks(Some(4))));
    stage
}

#[test]
fn a_touched_face_rates_and_says_where() {
    let stage = rate_stage();
    for (label, number) in FACES.into_iter().zip(1..) {
        let centre = crate::stage::bounds(&stage.labelled(label)).centre();
        stage.touch(label);
        let at = (
            (centre.x / 0.8).round() as u16,
            (centre.y / 0.48).round() as u16,
        );
        let score = Score::new(number).unwrap();
        assert_eq!(
            stage.taken(),
            [UserAction::Rate {
                score,
                input: InputKind::Touch,
                at: Some(at)
            }]
        );
    }
}

#[test]
fn every_touch_of_the_panel_is_reported_first_wherever_it_lands_on_every_screen() {
    let (width, height) = (800.0, 480.0);
    let stage = Stage::new((800, 480));
    let mut screens = samples::every_screen("ru");
    screens.push((
        "saving",
        samples::view("ru", ScreenView::Rate(samples::pressed(3))),
    ));
    for (screen, view) in screens {
        stage.show(&view);
        for step in 0..144_u16 {
            // A grid of 12 × 12 that reaches the edges.
            let (x, y) = (f32::from(step % 12) / 11.0, f32::from(step / 12) / 11.0);
            let position = LogicalPosition::new(x * (width - 1.0), y * (height - 1.0));
            let place = (
                (position.x / width * 1000.0).round() as u16,
                (position.y / height * 1000.0).round() as u16,
            );
            stage.touch_at(position);
            let reported = stage.reported();
            let touches = reported
                .iter()
                .filter(|action| matches!(action, UserAction::Touched(_)))
                .count();
            assert_eq!(
                reported.first(),
                Some(&UserAction::Touched(place)),
                "{screen}"
            );
            assert_eq!(touches, 1, "{screen} at {place:?}");
        }
    }
}

#[test]
fn a_touch_is_reported_when_the_finger_goes_down_and_again_when_it_comes_back() {
    let stage = rate_stage();
    stage.press(FACES[3]);
    let first = stage.reported();
    assert!(matches!(first[..], [UserAction::Touched(_)]), "{first:?}");
    stage.release(FACES[3]);
    assert_eq!(stage.reported().len(), 1, "the rating alone");
    stage.press(FACES[3]);
    assert_eq!(stage.reported(), first, "the same place once more");
}

#[test]
fn a_finger_that_slides_off_a_face_rates_nothing() {
    let stage = rate_stage();
    stage.press(FACES[0]);
    stage.release(FACES[4]);
    assert_eq!(stage.taken(), []);
}

#[test]
fn keys_1_to_5_rate_whatever_has_the_focus() {
    let stage = rate_stage();
    for tabs in 0..6 {
        stage.key(tabs_to_text(tabs));
        for number in 1..=5 {
            stage.key(number.to_string());
            assert_eq!(stage.taken(), [keypad(number)], "after {tabs} tabs");
        }
    }
}

fn tabs_to_text(tabs: i32) -> slint::SharedString {
    if tabs == 0 {
        " ".into()
    } else {
        Key::Tab.into()
    }
}

#[test]
fn keys_rate_on_the_thanks_screen_too_for_the_next_visitor() {
    let stage = thanks_stage();
    stage.key("4");
    assert_eq!(stage.taken(), [keypad(4)]);
}

#[test]
fn a_key_held_down_rates_once() {
    let stage = rate_stage();
    stage
        .screen
        .window()
        .dispatch_event(WindowEvent::KeyPressed { text: "3".into() });
    for _ in 0..10 {
        stage
            .screen
            .window()
            .dispatch_event(WindowEvent::KeyPressRepeated { text: "3".into() });
    }
    stage.settle();
    assert_eq!(stage.taken(), [keypad(3)]);
}

#[test]
fn other_keys_and_shortcuts_do_nothing() {
    let stage = rate_stage();
    for key in ["0", "6", "9", "a", "q"] {
        stage.key(key);
    }
    for key in [Key::Escape, Key::F4, Key::F11, Key::Delete, Key::Home] {
        stage.key(key);
    }
    stage
        .screen
        .window()
        .dispatch_event(WindowEvent::KeyPressed {
            text: Key::Control.into(),
        });
    stage.key("1");
    assert_eq!(stage.taken(), []);
}

#[test]
fn neither_set_up_nor_out_of_service_takes_a_rating() {
    for (screen, view) in samples::every_screen("ru") {
        if matches!(
            view.screen,
            ScreenView::Setup(_) | ScreenView::OutOfService(_)
        ) {
            let stage = Stage::new((800, 480));
            stage.show(&view);
            stage.key("5");
            assert_eq!(stage.taken(), [], "{screen}");
        }
    }
}

#[test]
fn other_faces_take_no_touch_while_one_is_being_saved() {
    let stage = Stage::new((800, 480));
    stage.show(&samples::view("ru", ScreenView::Rate(samples::pressed(2))));
    for label in [FACES[0], FACES[2], FACES[3], FACES[4]] {
        stage.touch(label);
    }
    assert_eq!(stage.taken(), []);
}

#[test]
fn tab_and_return_reach_faces_and_then_languages() {
    let stage = rate_stage();
    stage.key(Key::Tab);
    stage.key(Key::Return);
    assert_eq!(stage.taken(), [keypad(1)]);
    for _ in 0..5 {
        stage.key(Key::Tab);
    }
    stage.key(Key::Return);
    assert_eq!(stage.taken(), [UserAction::Language("ky".into())]);
}

#[test]
fn a_touched_language_is_chosen() {
    let stage = rate_stage();
    for (label, code) in [("Кыргызча", "ky"), ("English", "en")] {
        stage.touch(label);
        assert_eq!(stage.taken(), [UserAction::Language(code.into())]);
    }
}

#[test]
fn a_chosen_language_changes_every_label_and_back() {
    let stage = rate_stage();
    stage.show(&samples::view("ky", ScreenView::Rate(samples::rate())));
    stage.labelled("1 – Өтө начар");
    stage.labelled("Тейлөөнү кандай баалайсыз?");
    stage.show(&samples::view("en", ScreenView::Rate(samples::rate())));
    stage.labelled("1 – Very poor");
    stage.show(&samples::view("uz", ScreenView::Rate(samples::rate())));
    stage.labelled("1 – Very poor");
    stage.show(&samples::view("ru", ScreenView::Rate(samples::rate())));
    stage.labelled(FACES[0]);
}

#[test]
fn thanks_can_be_taken_back_or_done_by_touch_and_key() {
    let stage = thanks_stage();
    stage.touch("Отменить ответ");
    stage.touch("Готово");
    stage.touch("Спасибо!");
    stage.key(Key::Return);
    use UserAction::{Done, Undo};
    assert_eq!(stage.taken(), [Undo, Done, Done, Done]);
}

#[test]
fn the_focus_starts_anew_with_every_screen_at_its_first_control() {
    let stage = rate_stage();
    for _ in 0..4 {
        stage.key(Key::Tab);
    }
    stage.show(&samples::view("ru", samples::thanks(Some(5))));
    stage.key(Key::Return);
    assert_eq!(stage.taken(), [UserAction::Undo]);
}

#[test]
fn a_request_to_close_the_window_is_refused() {
    let stage = rate_stage();
    stage
        .screen
        .window()
        .dispatch_event(WindowEvent::CloseRequested);
    assert!(stage.screen.window().is_visible());
}

#[test]
fn a_touch_that_only_turns_a_page_shows_that_somebody_is_there() {
    let stage = Stage::new((480, 320));
    let touched = |label: &str| {
        stage.reported();
        stage.touch(label);
        assert_eq!(stage.taken_with_stay(), [UserAction::Stay], "{label}");
    };
    let [(_, panel), _] = &samples::every_overlay("en")[..] else {
        panic!("two overlays");
    };
    let mut large = panel.clone();
    large.adaptation.text = TextSize::Largest;
    stage.show(&large);
    touched("Next page");
    touched("Previous page");

    stage.show(&samples::view(
        "en",
        ScreenView::More(pages::services_page("en")),
    ));
    touched("Options below");
    touched("Options above");

    stage.show(&samples::view(
        "en",
        ScreenView::More(pages::comment_page(String::new())),
    ));
    touched("Digits and signs");
    touched("Letters");
    touched("Capital letter: on");
    let full = pages::comment_page("a".repeat(1_000));
    stage.show(&samples::view("en", ScreenView::More(full)));
    touched("s");

    let mut screens = samples::every_screen("en").into_iter();
    let (_, mut asked) = screens.find(|(name, _)| *name == "rate-long").unwrap();
    asked.adaptation.text = TextSize::Largest;
    stage.show(&asked);
    touched("To the answers");
    touched("Question");
}
