//! What the accessibility panel does to the screens.

use std::collections::BTreeMap;

use pikir_kiosk::adaptation::{Adaptation, Scheme, Spacing, TextSize, Volume};
use pikir_kiosk::view::{Overlay, ScreenView, UserAction};
use slint::platform::Key;

use crate::geometry::{self, is_a, is_target};
use crate::legible::{self, child, ratio};
use crate::matrix::all;
use crate::pixels::image;
use crate::samples::{self, LANGUAGES};
use crate::stage::{PANELS, Size, Stage, bounds};

/// Sizes of the letters (pixels) by what they are part of: each element that has an accessible label, its texts in order.
fn letter_sizes(stage: &Stage, sizes: &mut BTreeMap<String, Vec<f32>>) {
    for (element, bounds) in stage.elements() {
        let Some(label) = element.accessible_label() else {
            continue;
        };
        let spoken = is_target(&element) || is_a(&element, "Prose");
        if !spoken || bounds.width == 0.0 {
            continue;
        }
        let texts = element.query_descendants().match_id("FitText::ceiling");
        let texts = texts.find_all().into_iter();
        // What stands for the present choice has another figure in it.
        let label = label.chars().filter(|letter| !letter.is_ascii_digit());
        sizes
            .entry(label.collect())
            .or_insert_with(|| texts.map(|text| text.size().width).collect());
    }
}

/// Running text at the plain size (pixels), by the theme.
fn body((width, height): Size) -> f32 {
    let (width, height) = (width as f32, height as f32);
    let (compact, upright) = (width.min(height) < 400.0, height > width);
    let (across, down, size) = match (compact, upright) {
        (false, false) => (800.0, 480.0, 18.0),
        (false, true) => (600.0, 1024.0, 18.0),
        (true, false) => (480.0, 320.0, 15.0),
        (true, true) => (320.0, 480.0, 15.0),
    };
    size * f32::min(width / across, height / down)
}

/// Titles, which are large anyway, are at least as large as doubled running text.
#[test]
fn large_text_is_truly_so_much_larger_on_every_screen() {
    for size in PANELS {
        let stage = Stage::new(size);
        let mut faults = Vec::new();
        for language in LANGUAGES {
            let plain = all(language, Adaptation::default());
            for text in [TextSize::Large, TextSize::Largest] {
                let adaptation = Adaptation {
                    text,
                    ..Adaptation::default()
                };
                for (screen, view) in all(language, adaptation) {
                    let (_, plain) = plain.iter().find(|(name, _)| *name == screen).unwrap();
                    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
                    stage.show(plain);
                    stage.each_page(|stage, _| letter_sizes(stage, &mut before));
                    stage.show(&view);
                    stage.each_page(|stage, _| letter_sizes(stage, &mut after));
                    let scale = f32::from(text.percent()) / 100.0;
                    let mut compared = 0;
                    for (label, sizes) in &after {
                        for (one, other) in before.get(label).into_iter().flatten().zip(sizes) {
                            compared += 1;
                            let least = (scale * one).min(scale * body(size)).max(*one) - 0.5;
                            let beside_code = screen == "phone" && !label.is_empty();
                            if *other < least && !beside_code {
                                faults.push(format!(
                                    "{screen} {language} {size:?} {scale}: {label:?} {one} → {other}, not {least}"
                                ));
                            }
                        }
                    }
                    assert!(compared > 0, "{screen} {language}: nothing compared");
                }
            }
        }
        assert!(
            faults.is_empty(),
            "{} faults:\n{}",
            faults.len(),
            faults.join("\n")
        );
    }
}

#[test]
fn every_scheme_spacing_and_typeface_leaves_every_screen_whole() {
    for size in PANELS {
        let stage = Stage::new(size);
        let mut faults = Vec::new();
        for text in TextSize::ALL {
            for (spacing, serif, pictures_off) in [
                (Spacing::Widest, false, false),
                (Spacing::Wide, true, true),
                (Spacing::Plain, true, false),
            ] {
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
        assert!(
            faults.is_empty(),
            "{} faults:\n{}",
            faults.len(),
            faults.join("\n")
        );
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
#[test]
fn the_focus_is_seen_on_every_control_in_every_scheme() {
    for size in [(480, 320), (800, 480), (600, 1024)] {
        let stage = Stage::new(size);
        for scheme in Scheme::ALL {
            for text in [TextSize::Plain, TextSize::Largest] {
                let adaptation = Adaptation {
                    text,
                    scheme,
                    ..Adaptation::default()
                };
                for (screen, view) in all("ru", adaptation) {
                    if !["rate", "thanks-more", "panel", "phone"].contains(&screen) {
                        continue;
                    }
                    stage.show(&view);
                    let targets = stage.elements().into_iter();
                    let targets = targets
                        .filter(|(element, bounds)| is_target(element) && bounds.width > 0.0)
                        .count();
                    stage.touch_at(slint::LogicalPosition::new(0.0, 0.0));
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
                        // Three pixels round the smallest target are 528.
                        assert!(
                            told >= 400,
                            "{screen} {size:?} {scheme:?} {text:?}: {told} pixels at stop {stop}"
                        );
                    }
                }
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
        if matches!(view.screen, ScreenView::Setup(_)) {
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

fn panel(size: Size) -> Stage {
    let stage = Stage::new(size);
    let [(_, view), _] = &samples::every_overlay("en")[..] else {
        panic!("two overlays");
    };
    stage.show(view);
    stage
}

#[test]
fn every_choice_of_the_panel_reports_how_the_screen_is_wanted() {
    let plain = Adaptation::default();
    let choices = [
        (
            "Text size: 150 %",
            Adaptation {
                text: TextSize::Large,
                ..plain
            },
        ),
        (
            "Text size: 200 %",
            Adaptation {
                text: TextSize::Largest,
                ..plain
            },
        ),
        (
            "Colours: black on white",
            Adaptation {
                scheme: Scheme::BlackOnWhite,
                ..plain
            },
        ),
        (
            "Colours: white on black",
            Adaptation {
                scheme: Scheme::WhiteOnBlack,
                ..plain
            },
        ),
        (
            "Colours: blue",
            Adaptation {
                scheme: Scheme::BlueOnLightBlue,
                ..plain
            },
        ),
        (
            "Colours: yellow on black",
            Adaptation {
                scheme: Scheme::HighContrast,
                ..plain
            },
        ),
        (
            "Letter spacing: wide",
            Adaptation {
                spacing: Spacing::Wide,
                ..plain
            },
        ),
        (
            "Letter spacing: widest",
            Adaptation {
                spacing: Spacing::Widest,
                ..plain
            },
        ),
        (
            "Typeface: with serifs",
            Adaptation {
                serif: true,
                ..plain
            },
        ),
        (
            "Pictures: hidden",
            Adaptation {
                pictures_off: true,
                ..plain
            },
        ),
        (
            "Speech: on",
            Adaptation {
                speech: true,
                ..plain
            },
        ),
        (
            "Volume: 25 %",
            Adaptation {
                volume: Volume::Low,
                ..plain
            },
        ),
        (
            "Volume: 100 %",
            Adaptation {
                volume: Volume::High,
                ..plain
            },
        ),
        (
            "Buttons: lower down",
            Adaptation {
                low_reach: true,
                ..plain
            },
        ),
    ];
    for (label, wanted) in choices {
        let stage = panel((600, 1024));
        stage.touch(label);
        assert_eq!(stage.taken(), [UserAction::Adapt(wanted)], "{label}");
    }
}

#[test]
fn a_further_choice_keeps_the_others() {
    let stage = panel((800, 480));
    let before = Adaptation {
        text: TextSize::Large,
        scheme: Scheme::HighContrast,
        serif: true,
        volume: Volume::High,
        ..Adaptation::default()
    };
    let (_, view) = &samples::every_overlay("en")[0];
    stage.show(&samples::adapted(view, before));
    stage.touch("Text size: 200 %");
    let wanted = Adaptation {
        text: TextSize::Largest,
        ..before
    };
    assert_eq!(stage.taken(), [UserAction::Adapt(wanted)]);
}

#[test]
fn the_panel_is_opened_closed_and_undone_with_one_action() {
    let stage = Stage::new((800, 480));
    stage.show(&samples::view("en", ScreenView::Rate(samples::rate())));
    stage.touch("Accessibility");
    assert_eq!(stage.taken(), [UserAction::Show(Some(Overlay::Panel))]);
    let stage = panel((800, 480));
    stage.touch("Plain view");
    stage.touch("Close");
    let plain = UserAction::Adapt(Adaptation::default());
    assert_eq!(stage.taken(), [plain, UserAction::Show(None)]);
}

#[test]
fn the_panel_can_be_reached_from_every_screen_a_visitor_sees() {
    for size in PANELS {
        let stage = Stage::new(size);
        for (screen, view) in samples::every_screen("en") {
            stage.show(&view);
            let buttons = stage.elements().into_iter().filter(|(element, _)| {
                is_target(element)
                    && element
                        .accessible_label()
                        .is_some_and(|it| it == "Accessibility")
            });
            let expected = usize::from(!matches!(view.screen, ScreenView::Setup(_)));
            assert_eq!(buttons.count(), expected, "{screen} {size:?}");
        }
    }
}

#[test]
fn large_text_offers_the_code_for_phones_over_the_screen() {
    let stage = Stage::new((800, 480));
    let view = samples::view("en", ScreenView::Rate(samples::rate()));
    let large = Adaptation {
        text: TextSize::Largest,
        ..Adaptation::default()
    };
    stage.show(&samples::adapted(&view, large));
    stage.touch("Review by phone");
    assert_eq!(stage.taken(), [UserAction::Show(Some(Overlay::Phone))]);
}

#[test]
fn the_panel_takes_no_rating_and_lets_no_touch_through() {
    let stage = panel((800, 480));
    for key in ["1", "3", "5"] {
        stage.key(key);
    }
    stage.touch_at(slint::LogicalPosition::new(790.0, 470.0));
    assert_eq!(stage.taken(), []);
}

#[test]
fn keys_reach_every_choice_and_the_focus_stays_on_the_text_size() {
    let stage = panel((480, 320));
    stage.key(Key::Tab);
    stage.key(Key::Tab);
    stage.key(Key::Return);
    let large = Adaptation {
        text: TextSize::Large,
        ..Adaptation::default()
    };
    assert_eq!(stage.taken(), [UserAction::Adapt(large)]);
    let (_, view) = &samples::every_overlay("en")[0];
    stage.show(&samples::adapted(view, large));
    stage.key(Key::Tab);
    stage.key(Key::Return);
    let largest = Adaptation {
        text: TextSize::Largest,
        ..Adaptation::default()
    };
    assert_eq!(stage.taken(), [UserAction::Adapt(largest)]);
}

/// What the header and the card say on the plain screen is twice as large beside the code.
#[test]
fn the_name_beside_the_code_is_twice_as_large_as_in_the_header() {
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
