//! What the accessibility panel does to the screens.

use pikir_kiosk::view::adaptation::{Adaptation, Scheme, Spacing, TextSize};
use pikir_kiosk::view::{ScreenView, View};
use slint::LogicalPosition;
use slint::platform::Key;

use crate::geometry::{self, is_target};
use crate::legible::{self, child, ratio};
use crate::letters::body;
use crate::matrix::all;
use crate::pixels::image;
use crate::samples::{self, LANGUAGES};
use crate::stage::{PANELS, Stage, bounds};

#[test]
fn every_spacing_and_typeface_leaves_every_screen_whole() {
    for size in [(480, 320), (800, 480), (600, 1024)] {
        let stage = Stage::new(size);
        let mut faults = Vec::new();
        for text in [TextSize::Plain, TextSize::Largest] {
            for (spacing, serif, pictures_off) in
                [(Spacing::Widest, false, false), (Spacing::Wide, true, true)]
            {
                let adaptation = Adaptation {
                    text,
                    spacing,
                    serif,
                    pictures_off,
                    ..Adaptation::default()
                };
                for (screen, view) in all("ru", adaptation) {
                    stage.show(&view);
                    stage.each_page(|stage, page| {
                        let found = geometry::faults(stage, size).into_iter();
                        faults.extend(found.map(|fault| {
                            format!("{screen} {page} {size:?} {text:?} {spacing:?} serif {serif}: {fault}")
                        }));
                    });
                }
            }
        }
        geometry::assert_none(&faults);
    }
}

#[test]
fn every_scheme_can_be_read() {
    let stage = Stage::new((800, 480));
    for scheme in Scheme::ALL {
        let adaptation = Adaptation {
            scheme,
            ..Adaptation::default()
        };
        for (screen, view) in all("ru", adaptation) {
            stage.show(&view);
            let picture = image(&stage.picture());
            let faults = legible::faults(&stage, &picture);
            assert!(faults.is_empty(), "{screen} {scheme:?}: {faults:#?}");
        }
    }
}

/// A ring all round the control, told from what was there before by 3:1.
fn focus_is_seen(stage: &Stage, view: &View) {
    stage.show(view);
    let targets = stage.elements().into_iter();
    let targets = targets
        .filter(|(element, bounds)| is_target(element) && bounds.width > 0.0)
        .count();
    // After a touch the focus is not shown.
    stage.touch_at(LogicalPosition::new(0.0, 0.0));
    stage.settle();
    let without = image(&stage.picture());
    for stop in 1..=targets {
        stage.key(Key::Tab);
        let with = image(&stage.picture());
        let told = without
            .pixels()
            .zip(with.pixels())
            .filter(|(one, other)| one != other && ratio(**one, **other) >= 3.0)
            .count();
        let scheme = view.adaptation.scheme;
        // Three pixels round the smallest target are 528.
        assert!(
            told >= 400,
            "{scheme:?}: {told} pixels tell of stop {stop} of {targets}"
        );
    }
}

#[test]
fn the_focus_is_seen_on_every_control_in_every_scheme() {
    let stage = Stage::new((480, 320));
    for scheme in Scheme::ALL {
        let adaptation = Adaptation {
            scheme,
            ..Adaptation::default()
        };
        for (screen, view) in all("ru", adaptation) {
            if ["rate", "thanks-more", "panel"].contains(&screen) {
                focus_is_seen(&stage, &view);
            }
        }
    }
}

#[test]
fn the_focus_is_seen_on_every_control_beside_large_text_and_upright() {
    for size in [(480, 320), (320, 480)] {
        let stage = Stage::new(size);
        let adaptation = Adaptation {
            text: TextSize::Largest,
            ..Adaptation::default()
        };
        for (screen, view) in all("ru", adaptation) {
            if ["rate", "rate-long", "thanks-more", "panel", "phone"].contains(&screen) {
                focus_is_seen(&stage, &view);
            }
        }
    }
}

#[test]
fn low_reach_brings_every_control_into_the_lower_half_of_a_tall_screen() {
    for size in [(480, 800), (600, 1024), (1080, 1920)] {
        let stage = Stage::new(size);
        for text in TextSize::ALL {
            let adaptation = Adaptation {
                text,
                low_reach: true,
                ..Adaptation::default()
            };
            for (screen, view) in all("ru", adaptation) {
                if matches!(view.screen, ScreenView::Setup(_)) {
                    continue;
                }
                stage.show(&view);
                stage.each_page(|stage, page| {
                    let faults = geometry::faults(stage, size);
                    assert!(faults.is_empty(), "{screen} {size:?} {text:?}: {faults:#?}");
                    for (element, bounds) in stage.elements() {
                        let high = is_target(&element) && bounds.width > 0.0;
                        assert!(
                            !high || bounds.y >= size.1 as f32 / 2.0 - 1.0,
                            "{screen} {page} {size:?} {text:?}: {:?} at {bounds:?}",
                            element.accessible_label()
                        );
                    }
                });
            }
        }
    }
}

#[test]
fn without_pictures_only_the_code_is_drawn() {
    let stage = Stage::new((800, 480));
    let adaptation = Adaptation {
        pictures_off: true,
        ..Adaptation::default()
    };
    let pictures = |stage: &Stage| {
        let elements = stage.elements().into_iter();
        elements
            .filter(|(element, _)| element.type_name().is_some_and(|name| name == "Image"))
            .map(|(element, _)| element.id().unwrap_or_default())
            .collect::<Vec<_>>()
    };
    for (screen, view) in all("ru", adaptation) {
        // The questionnaire's only picture is the mark of what is chosen.
        if matches!(view.screen, ScreenView::Setup(_) | ScreenView::More(_)) {
            continue;
        }
        stage.show(&view);
        let left = pictures(&stage);
        assert!(
            left.iter().all(|id| id == "QrCode::picture"),
            "{screen}: {left:?}"
        );
    }
    stage.show(&samples::view("ru", ScreenView::Rate(samples::rate())));
    assert!(pictures(&stage).len() > 5, "the test sees pictures");
}

/// A page of its own has the room for a name of 120 letters, on every panel.
#[test]
fn the_name_with_the_code_is_twice_as_large_as_in_the_header() {
    for size in PANELS {
        let stage = Stage::new(size);
        for language in LANGUAGES {
            stage.show(&samples::long(language, ScreenView::Rate(samples::rate())));
            let header = stage.found("Header::name").unwrap();
            let before = child(&header, "FitText::ceiling").size().width;
            let largest = Adaptation {
                text: TextSize::Largest,
                ..Adaptation::default()
            };
            let (_, view) = &samples::every_overlay(language)[1];
            stage.show(&samples::adapted(view, largest));
            let turn = stage.found("PhoneScreen::turn").unwrap();
            stage.touch_at(bounds(&turn).centre());
            stage.settle();
            let name = stage.found("PhoneScreen::name").unwrap();
            let after = child(&name, "FitText::ceiling").size().width;
            let least = (2.0 * before).min(2.0 * body(size));
            assert!(
                after + 0.5 >= least,
                "{language} {size:?}: {before} → {after}"
            );
            assert!(bounds(&name).width > 0.0);
        }
    }
}
