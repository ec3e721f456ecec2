//! "Are you still there?": seen, heard, and answered by anything.

use pikir_kiosk::speech::Request;
use pikir_kiosk::view::{ScreenView, UserAction, View};
use slint::platform::Key;

use crate::geometry;
use crate::pixels::{contact_sheet, image, save, thumbnail};
use crate::samples::{self, LANGUAGES};
use crate::stage::{SIZES, Stage};

fn asked(language: &str, default_language: &str, left: u32) -> View {
    View {
        default_language: default_language.into(),
        idle_left_s: Some(left),
        ..samples::view(language, ScreenView::Rate(samples::rate()))
    }
}

#[test]
fn any_key_is_the_answer_and_does_nothing_else() {
    let stage = Stage::new((800, 480));
    stage.show(&asked("ru", "ky", 20));
    let keys = [
        Key::Return,
        Key::Tab,
        Key::Escape,
        Key::F1,
        Key::F3,
        Key::F11,
        Key::F12,
        Key::RightArrow,
    ];
    let keys = keys.iter().map(|key| String::from(char::from(*key)));
    for key in keys.chain(["1", "5", " ", "#", "0", "*", "+", "a"].map(String::from)) {
        stage.reported();
        stage.speech.take();
        stage.key(key.as_str());
        assert_eq!(stage.reported(), [UserAction::Stay], "{key:?}");
        let asked_for: Vec<_> = stage.speech.take();
        assert!(!asked_for.contains(&Request::Switch), "{key:?}");
    }
}

#[test]
fn a_touch_anywhere_is_the_answer_and_does_nothing_else() {
    let stage = Stage::new((800, 480));
    stage.show(&asked("ru", "ky", 20));
    for step in 0..144_u16 {
        let position = slint::LogicalPosition::new(
            f32::from(step % 12) / 11.0 * 799.0,
            f32::from(step / 12) / 11.0 * 479.0,
        );
        stage.reported();
        stage.touch_at(position);
        assert_eq!(
            stage.taken_with_stay(),
            [UserAction::Stay],
            "at {position:?}"
        );
    }
}

#[test]
fn the_focus_is_where_it_was_when_the_question_is_answered() {
    let stage = Stage::new((800, 480));
    let mut view = asked("ru", "ky", 20);
    view.idle_left_s = None;
    stage.show(&view);
    stage.key(Key::RightArrow);
    stage.key(Key::RightArrow);
    stage.show(&asked("ru", "ky", 20));
    stage.key(Key::RightArrow);
    stage.show(&view);
    stage.taken();
    stage.key(Key::Return);
    assert!(
        matches!(stage.taken()[..], [UserAction::Rate { score, .. }] if score.get() == 2),
        "the second answer still has the focus"
    );
}

#[test]
fn it_is_asked_in_the_visitors_language_and_in_the_default_one() {
    let stage = Stage::new((800, 480));
    stage.show(&asked("ru", "ky", 20));
    stage.labelled("Вы ещё здесь?");
    stage.labelled("Сиз дагы деле ушул жердесизби?");
    stage.labelled("Осталось секунд: 20");
    stage.show(&asked("ru", "ky", 19));
    stage.labelled("Осталось секунд: 19");
    let mut view = asked("ru", "ky", 19);
    view.idle_left_s = None;
    stage.show(&view);
    stage.labelled("Как вы оцениваете обслуживание?");
    // In the default language itself it is asked once.
    stage.show(&asked("ky", "ky", 20));
    stage.labelled("Сиз дагы деле ушул жердесизби?");
}

#[test]
fn the_seconds_are_said_every_five_and_at_the_end_one_by_one() {
    let stage = Stage::new((800, 480));
    let view = |left| {
        let mut view = asked("ru", "ky", left);
        view.adaptation.speech = true;
        view
    };
    let mut quiet = view(1);
    quiet.idle_left_s = None;
    stage.show(&quiet);
    stage.said();
    let mut heard = Vec::new();
    for left in (0..=20).rev() {
        stage.show(&view(left));
        heard.extend(stage.said());
    }
    let first = "Вы ещё здесь? Чтобы продолжить, нажмите любую клавишу. Осталось секунд: 20.";
    assert_eq!(heard, [first, "15", "10", "5", "3", "2", "1"]);
}

#[test]
fn nothing_of_it_is_cut_small_or_covered_on_any_panel_at_any_text_size() {
    for size in SIZES.into_iter().chain([(1920, 1080), (480, 800)]) {
        let stage = Stage::new(size);
        let divisor = if size.0 > 1000 { 4 } else { 2 };
        let mut pictures = Vec::new();
        for scale in pikir_kiosk::view::adaptation::TextSize::ALL {
            for language in LANGUAGES {
                let mut view = asked(language, if language == "ky" { "ru" } else { "ky" }, 20);
                view.adaptation.text = scale;
                let unasked = View {
                    idle_left_s: None,
                    ..view.clone()
                };
                stage.show(&unasked);
                stage.show(&view);
                let faults = geometry::faults_within(&stage, size, "IdleWarningScreen");
                assert!(
                    faults.is_empty(),
                    "{language} {size:?} {scale:?}: {faults:#?}"
                );
                let picture = image(&stage.picture());
                save(
                    &picture,
                    &format!(
                        "idle-warning-{}x{}-{}-{language}.png",
                        size.0,
                        size.1,
                        scale.percent()
                    ),
                );
                pictures.push(thumbnail(&picture, divisor));
            }
        }
        save(
            &contact_sheet(&pictures, LANGUAGES.len() as u32),
            &format!("idle-warning-contact-{}x{}.png", size.0, size.1),
        );
    }
}
