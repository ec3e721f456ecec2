//! The pages of the questionnaire as pictures: whole and legible, within reach, telling nothing of
//! the score.

use std::collections::BTreeMap;

use pikir_kiosk::view::ScreenView;
use pikir_kiosk::view::adaptation::{Adaptation, Scheme, TextSize};

use crate::geometry;
use crate::legible;
use crate::letters::{self, Letters};
use crate::lobby::Lobby;
use crate::pixels::{contact_sheet, image, save, thumbnail};
use crate::questionnaire_samples::{self as pages, comment_page};
use crate::samples::{self, LANGUAGES};
use crate::stage::{PANELS, Size, Stage};

/// Every page in every language, on every panel, plain and doubled, in standard colours and in high
/// contrast.
fn check(size: Size) {
    let stage = Stage::new(size);
    let mut faults = Vec::new();
    let mut pictures = Vec::new();
    let mut plain = BTreeMap::new();
    let share = letters::share_beside_the_ways_on(size);
    for text in [TextSize::Plain, TextSize::Largest] {
        for scheme in [Scheme::Standard, Scheme::HighContrast] {
            let adaptation = Adaptation {
                text,
                scheme,
                ..Adaptation::default()
            };
            for language in LANGUAGES {
                for (name, view) in pages::every_page(language) {
                    let mut letters = Letters::new();
                    stage.show(&samples::adapted(&view, adaptation));
                    stage.each_page(|stage, page| {
                        letters::collect(stage, &mut letters);
                        let at = format!("{name} {page} {language} {size:?} {text:?} {scheme:?}");
                        let mut found = geometry::faults(stage, size);
                        // What no language changes is looked at in one.
                        if language == "ky" {
                            let picture = image(&stage.picture());
                            found.extend(legible::faults(stage, &picture));
                            pictures.push(thumbnail(&picture, size.0.max(size.1).div_ceil(500)));
                        }
                        faults.extend(found.into_iter().map(|fault| format!("{at}: {fault}")));
                    });
                    let before = plain
                        .entry((language, name))
                        .or_insert_with(|| letters.clone());
                    if text == TextSize::Largest {
                        let found = letters::too_small(before, &letters, 2.0, size, share);
                        let at = format!("{name} {language} {size:?}");
                        faults.extend(found.into_iter().map(|fault| format!("{at}: {fault}")));
                    }
                }
            }
        }
    }
    let (width, height) = size;
    let sheet = contact_sheet(&pictures, if width > height { 5 } else { 9 });
    save(&sheet, &format!("contact-more-{width}x{height}.png"));
    geometry::assert_none(&faults);
}

#[test]
fn every_page_is_whole_and_legible_on_small_panels() {
    check((480, 320));
    check((320, 480));
}

#[test]
fn every_page_is_whole_and_legible_on_the_usual_panel() {
    check((800, 480));
}

#[test]
fn every_page_is_whole_and_legible_on_upright_panels() {
    check((480, 800));
    check((600, 1024));
}

#[test]
fn every_page_is_whole_and_legible_on_large_panels() {
    check((1280, 800));
    check((1920, 1080));
}

#[test]
fn within_low_reach_nothing_is_pressed_in_the_upper_half() {
    let size = (600, 1024);
    let stage = Stage::new(size);
    let adaptation = Adaptation {
        low_reach: true,
        ..Adaptation::default()
    };
    for (name, view) in pages::every_page("ru") {
        stage.show(&samples::adapted(&view, adaptation));
        for (element, bounds) in stage.elements() {
            let high = geometry::is_target(&element) && bounds.width > 0.0 && bounds.y < 511.0;
            assert!(
                !high,
                "{name}: {:?} at {bounds:?}",
                element.accessible_label()
            );
        }
    }
}

#[test]
fn no_page_tells_which_score_was_given() {
    for size in PANELS {
        let page_after = |score: u8| {
            let mut lobby = Lobby::new(size);
            lobby.button(score);
            lobby.pass(800);
            lobby.stage.settle();
            let thanks = image(&lobby.stage.picture());
            lobby.happen(pikir_kiosk::visit::Event::More);
            lobby.stage.settle();
            (thanks, image(&lobby.stage.picture()))
        };
        let first = page_after(1);
        for score in 2..=5 {
            assert!(
                first == page_after(score),
                "{score} differs from 1 at {size:?}"
            );
        }
    }
}

#[test]
fn the_letters_are_those_of_the_visitors_language_and_change_with_it() {
    let stage = Stage::new((800, 480));
    for (language, letter) in [
        ("kk", "Ұ"),
        ("be", "Ў"),
        ("en", "Q"),
        ("ky", "Ү"),
        ("ru", "Щ"),
    ] {
        stage.show(&samples::view(
            language,
            ScreenView::More(comment_page(String::new())),
        ));
        stage.labelled(letter);
    }
}
