//! The accessibility panel under a finger and under keys.

use i_slint_backend_testing::AccessibleRole;
use pikir_kiosk::view::adaptation::{Adaptation, Scheme, Spacing, TextSize, Volume};
use pikir_kiosk::view::{Overlay, ScreenView, UserAction};
use slint::LogicalPosition;
use slint::platform::Key;

use crate::geometry::{self, is_target};
use crate::pixels::{image, save};
use crate::stage::{Bounds, PANELS, Size, Stage};
use crate::{questionnaire_samples, samples};

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
            "Volume: 10 %",
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
    assert_eq!(stage.taken(), [UserAction::Plain, UserAction::Show(None)]);
}

/// Where the buttons that lead to the panel are.
fn panel_buttons(stage: &Stage, label: &str) -> Vec<Bounds> {
    let elements = stage.elements().into_iter();
    let buttons = elements.filter(|(element, bounds)| {
        let called = element.accessible_label().is_some_and(|it| it == label);
        called && is_target(element) && bounds.width > 0.0
    });
    buttons.map(|(_, bounds)| bounds).collect()
}

/// Also where the keys of a comment take the whole screen, whose rows are more in some languages
/// than in others.
#[test]
fn the_panel_can_be_reached_from_every_page_of_the_questionnaire() {
    let mut faults = Vec::new();
    for size in PANELS {
        let stage = Stage::new(size);
        for (language, label) in [
            ("ky", "Атайын мүмкүнчүлүктөр"),
            ("ru", "Специальные возможности"),
            ("be", "Спецыяльныя магчымасці"),
            ("en", "Accessibility"),
            ("kk", "Арнайы мүмкіндіктер"),
        ] {
            for text in TextSize::ALL {
                for (page, view) in questionnaire_samples::every_page(language) {
                    let adaptation = Adaptation {
                        text,
                        ..Adaptation::default()
                    };
                    stage.show(&samples::adapted(&view, adaptation));
                    let there = panel_buttons(&stage, label);
                    let large = |it: &Bounds| it.width >= 44.0 && it.height >= 44.0;
                    if there.len() != 1 || !there.iter().all(large) {
                        faults.push(format!("{page} {language} {size:?} {text:?}: {there:?}"));
                        continue;
                    }
                    stage.taken();
                    stage.touch_at(there[0].centre());
                    if stage.taken() != [UserAction::Show(Some(Overlay::Panel))] {
                        faults.push(format!("{page} {language} {size:?} {text:?}: no panel"));
                    }
                }
            }
        }
    }
    geometry::assert_none(&faults);
}

#[test]
fn the_panel_can_be_reached_from_every_screen_a_visitor_sees() {
    for size in PANELS {
        let stage = Stage::new(size);
        for (screen, view) in samples::every_screen("en") {
            stage.show(&view);
            let expected = usize::from(!matches!(view.screen, ScreenView::Setup(_)));
            let there = panel_buttons(&stage, "Accessibility");
            assert_eq!(there.len(), expected, "{screen} {size:?}");
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
    stage.touch_at(LogicalPosition::new(790.0, 470.0));
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

/// Goes on by the arrow key until this is heard.
fn reach(stage: &Stage, label: &str) {
    for _ in 0..40 {
        stage.said();
        stage.key(Key::RightArrow);
        if stage.said().join(" ").starts_with(label) {
            return;
        }
    }
    panic!("{label} is not heard");
}

#[test]
fn the_focus_stays_on_the_place_of_the_buttons_when_it_lays_the_panel_out_anew() {
    for size in [(600, 1024), (480, 800)] {
        let stage = Stage::new(size);
        let (_, view) = &samples::every_overlay("en")[0];
        let with = |low_reach| Adaptation {
            speech: true,
            low_reach,
            ..Adaptation::default()
        };
        stage.show(&samples::adapted(view, with(false)));
        reach(&stage, "Buttons: lower down");
        stage.key(Key::Return);
        assert_eq!(stage.taken(), [UserAction::Adapt(with(true))], "{size:?}");
        stage.show(&samples::adapted(view, with(true)));
        let picture = image(&stage.picture());
        save(&picture, &format!("panel-low-{}x{}-en.png", size.0, size.1));
        stage.key(Key::LeftArrow);
        stage.key(Key::Return);
        assert_eq!(stage.taken(), [UserAction::Adapt(with(false))], "{size:?}");
    }
}

#[test]
fn a_terminal_that_cannot_speak_offers_neither_speech_nor_volume() {
    for size in PANELS {
        let stage = Stage::new(size);
        stage.screen.set_speech(false, false);
        let (_, view) = &samples::every_overlay("en")[0];
        stage.show(view);
        let mut settings = Vec::new();
        stage.each_page(|stage, page| {
            let faults = geometry::faults(stage, size);
            assert!(faults.is_empty(), "{size:?}: {faults:#?}");
            let groups = stage.with_role(AccessibleRole::Groupbox).into_iter();
            settings.extend(groups.filter_map(|(element, _)| element.accessible_label()));
            let name = format!("panel-mute-{}x{}-{page}-en.png", size.0, size.1);
            save(&image(&stage.picture()), &name);
        });
        let (width, height) = size;
        let mut expected = vec![
            "Text size",
            "Colours",
            "Letter spacing",
            "Typeface",
            "Pictures",
        ];
        if height > width && width >= 400 {
            expected.push("Buttons");
        }
        assert_eq!(settings, expected, "{size:?}");
    }
}
