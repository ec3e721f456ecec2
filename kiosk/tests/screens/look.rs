//! Pictures of every screen, and what must be seen in them.

use crate::pixels::{image, save};
use crate::samples::{self, LANGUAGES};
use crate::stage::{PANELS, SIZES, Stage};
use i_slint_backend_testing::ElementHandle;
use pikir_kiosk::screen::ScreenOptions;
use pikir_kiosk::view::{RateView, ScreenView, Slide, View};

#[test]
fn thanks_look_the_same_for_every_score() {
    let thanks_after = |score: u8| {
        let stage = Stage::new((800, 480));
        stage.show(&samples::view("ru", ScreenView::Rate(samples::rate())));
        stage.show(&samples::view(
            "ru",
            ScreenView::Rate(samples::pressed(score)),
        ));
        stage.show(&samples::view("ru", samples::thanks(Some(5))));
        image(&stage.picture())
    };
    let first = thanks_after(1);
    for score in 2..=5 {
        assert!(
            first == thanks_after(score),
            "thanks for {score} differ from thanks for 1"
        );
    }
}

/// Every pixel that is not of the hint is the same with it and without it.
#[test]
fn the_hint_to_the_technician_neither_covers_nor_moves_nor_shrinks_anything() {
    for size in SIZES {
        let stage = Stage::new(size);
        // The smallest panel has the least room to spare; on the others the longest language stands
        // for all.
        let languages = if size == SIZES[0] {
            &LANGUAGES[..]
        } else {
            &LANGUAGES[..1]
        };
        for language in languages {
            for (screen, view) in samples::every_screen(language) {
                let ScreenView::Rate(rate) = view.screen.clone() else {
                    continue;
                };
                if !["rate", "rate-long", "rate-not-saved"].contains(&screen) {
                    continue;
                }
                let with = |check_needed, hint: &str| {
                    let rate = RateView {
                        check_needed,
                        ..rate.clone()
                    };
                    stage.show(&View {
                        screen: ScreenView::Rate(rate),
                        hint: hint.to_owned(),
                        ..view.clone()
                    });
                    image(&stage.picture())
                };
                let without = with(false, "");
                let problems = "no-touch-panel, no-authorities, clock-unknown, speech";
                for (check_needed, problems) in [(true, ""), (false, problems)] {
                    let with = with(check_needed, problems);
                    let hint = ElementHandle::find_by_element_type_name(
                        stage.screen.component(),
                        "TechnicianHint",
                    )
                    .next()
                    .unwrap();
                    let hint = crate::stage::bounds(&hint);
                    let mut changed = (0, 0);
                    for ((x, y, one), other) in without.enumerate_pixels().zip(with.pixels()) {
                        let inside = (hint.x..hint.x + hint.width).contains(&(x as f32))
                            && (hint.y..hint.y + hint.height).contains(&(y as f32));
                        match (one == other, inside) {
                            (true, _) => {}
                            (false, true) => changed.0 += 1,
                            (false, false) => changed.1 += 1,
                        }
                    }
                    assert!(
                        changed.0 > 20,
                        "{screen} {language} {size:?}: no hint is seen"
                    );
                    assert_eq!(
                        changed.1, 0,
                        "{screen} {language} {size:?}: pixels beside the hint"
                    );
                }
            }
        }
    }
}

#[test]
fn a_pressed_face_takes_its_colour_at_once() {
    let stage = Stage::with_options(&ScreenOptions {
        windowed: Some((800, 480)),
        reduced_motion: false,
    });
    stage.show(&samples::view("ru", ScreenView::Rate(samples::rate())));
    let label = "2 – Плохо";
    let face = crate::stage::bounds(&stage.labelled(label));
    let colored = |picture: &image::RgbaImage| {
        let inside = |x: u32, y: u32| {
            let (x, y) = (x as f32, y as f32);
            x >= face.x && x < face.x + face.width && y >= face.y && y < face.y + 8.0
        };
        let orange = image::Rgba([0xb4, 0x55, 0x1b, 0xff]);
        picture
            .enumerate_pixels()
            .filter(|(x, y, pixel)| inside(*x, *y) && **pixel == orange)
            .count()
    };
    let before = colored(&image(&stage.picture()));
    stage.press(label);
    let after = colored(&image(&stage.picture()));
    stage.release(label);
    assert_eq!(before, 0);
    assert!(
        after > 100,
        "{after} pixels of the border are coloured without any time passing"
    );
}

#[test]
fn keyboard_focus_is_seen() {
    let stage = Stage::new((800, 480));
    stage.show(&samples::view("en", ScreenView::Rate(samples::rate())));
    let before = image(&stage.picture());
    // Past the three languages to the first face.
    for _ in 0..4 {
        stage.key(slint::platform::Key::Tab);
    }
    let after = image(&stage.picture());
    let changed = before
        .pixels()
        .zip(after.pixels())
        .filter(|(one, other)| one != other)
        .count();
    assert!(changed > 1000, "{changed} pixels tell where the focus is");
    save(&after, "rate-focus-800x480-en.png");
}

#[test]
fn the_first_frame_is_reported_once_and_only_after_it_was_painted() {
    let stage = Stage::new((800, 480));
    let reported = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = reported.clone();
    stage
        .screen
        .on_first_frame(move || count.set(count.get() + 1));
    stage.show(&samples::view("en", ScreenView::Rate(samples::rate())));
    assert_eq!(reported.get(), 0, "nothing has been painted");
    stage.picture();
    assert_eq!(
        reported.get(),
        0,
        "the frame is not presented while it is painted"
    );
    stage.settle();
    stage.picture();
    stage.settle();
    assert_eq!(reported.get(), 1);
}

/// Also on the smallest panel, where news have no place; and an answer under way ends it.
#[test]
fn the_days_ratings_stand_where_the_question_was_and_can_be_read_aloud() {
    for size in PANELS {
        let stage = Stage::new(size);
        for (language, sentence) in [
            ("ru", "Сегодня здесь поставлено 12 оценок."),
            ("ky", "Бүгүн бул жерде 12 баа коюлду."),
        ] {
            let view = samples::told(
                samples::view(language, ScreenView::Rate(samples::rate())),
                Slide::Ratings(12),
            );
            stage.show(&view);
            let told = crate::stage::bounds(&stage.labelled(sentence));
            let (width, height) = size;
            save(
                &image(&stage.picture()),
                &format!("rate-counted-{width}x{height}-{language}.png"),
            );
            stage.show(&View {
                slide: None,
                ..view.clone()
            });
            let question = stage.screen.component();
            let left = ElementHandle::find_by_accessible_label(question, sentence).count();
            assert_eq!(
                left, 0,
                "{language} {size:?}: the question takes turns with it"
            );
            assert!(told.width > 0.0 && told.height > 0.0);
            stage.show(&View {
                screen: ScreenView::Rate(samples::pressed(3)),
                ..view
            });
            let left = ElementHandle::find_by_accessible_label(question, sentence).count();
            assert_eq!(left, 0, "{language} {size:?}: somebody is there");
        }
    }
}
