//! Every screen × five languages × the sizes of real panels × plain and doubled text × standard and
//! high contrast: nothing overflows, is covered, too small to hit or too faint to see, and large
//! text is as large as it says. Contact sheets lie in `target/screens/`.

use std::collections::BTreeMap;

use pikir_kiosk::view::adaptation::{Adaptation, Scheme, TextSize};
use pikir_kiosk::view::{ScreenView, View};

use crate::letters::{self, Letters};
use crate::pixels::{contact_sheet, image, save, thumbnail};
use crate::samples::{self, LANGUAGES};
use crate::stage::{PANELS, Size, Stage};
use crate::{geometry, legible};

const TEXTS: [TextSize; 2] = [TextSize::Plain, TextSize::Largest];
const SCHEMES: [(&str, Scheme); 2] = [
    ("standard", Scheme::Standard),
    ("contrast", Scheme::HighContrast),
];

/// Every screen and what may lie over it. Set-up is the technician's and never adapted.
pub fn all(language: &str, adaptation: Adaptation) -> Vec<(&'static str, View)> {
    let mut all = samples::every_screen(language);
    all.extend(samples::every_overlay(language));
    let set_up = |view: &View| matches!(view.screen, ScreenView::Setup(_));
    all.retain(|(_, view)| adaptation.text == TextSize::Plain || !set_up(view));
    for (_, view) in &mut all {
        *view = samples::adapted(view, adaptation);
    }
    all
}

/// Whether this cell of the matrix is drawn. What a picture can show beyond the places of its
/// elements is colour, which no language changes: on the smallest panel all are drawn, elsewhere
/// each screen in one language, another one each.
fn is_drawn(size: Size, language: usize, screen: usize) -> bool {
    size == PANELS[0] || screen % LANGUAGES.len() == language
}

fn check(size: Size) {
    let stage = Stage::new(size);
    let share = letters::share(size);
    let mut faults = Vec::new();
    for language in LANGUAGES {
        let mut plain: BTreeMap<&str, Letters> = BTreeMap::new();
        for text in [TextSize::Plain, TextSize::Large, TextSize::Largest] {
            let adaptation = Adaptation {
                text,
                ..Adaptation::default()
            };
            let percent = text.percent();
            for (screen, view) in all(language, adaptation) {
                let mut letters = Letters::new();
                stage.show(&view);
                stage.each_page(|stage, page| {
                    let found = geometry::faults(stage, size).into_iter();
                    faults.extend(found.map(|fault| {
                        format!("{screen} {page} {language} {size:?} {percent} %: {fault}")
                    }));
                    letters::collect(stage, &mut letters);
                });
                if text == TextSize::Plain {
                    plain.insert(screen, letters);
                } else {
                    let scale = f32::from(percent) / 100.0;
                    let found = letters::too_small(&plain[screen], &letters, scale, size, share);
                    let found = found.into_iter();
                    faults.extend(
                        found.map(|fault| {
                            format!("{screen} {language} {size:?} {percent} %: {fault}")
                        }),
                    );
                }
            }
        }
    }
    faults.extend(draw(&stage, size));
    geometry::assert_none(&faults);
}

/// Draws the contact sheets; returns what is hard to see in them.
fn draw(stage: &Stage, size: Size) -> Vec<String> {
    let (width, height) = size;
    let divisor = width.max(height).div_ceil(LARGEST);
    let mut faults = Vec::new();
    for text in TEXTS {
        for (name, scheme) in SCHEMES {
            let adaptation = Adaptation {
                text,
                scheme,
                ..Adaptation::default()
            };
            let mut pictures = Vec::new();
            for (at, language) in LANGUAGES.into_iter().enumerate() {
                let views = all(language, adaptation).into_iter().enumerate();
                for (_, (screen, view)) in views.filter(|(row, _)| is_drawn(size, at, *row)) {
                    stage.show(&view);
                    stage.each_page(|stage, page| {
                        let picture = image(&stage.picture());
                        let found = legible::faults(stage, &picture).into_iter();
                        faults.extend(found.map(|fault| {
                            format!("{screen} {page} {language} {size:?} {text:?} {name}: {fault}")
                        }));
                        pictures.push(thumbnail(&picture, divisor));
                    });
                }
            }
            let sheet = contact_sheet(&pictures, if width > height { 5 } else { 9 });
            let percent = text.percent();
            save(
                &sheet,
                &format!("contact-{width}x{height}-{percent}-{name}.png"),
            );
        }
    }
    faults
}

/// The longest side of a picture on a contact sheet (pixels); larger ones are made smaller.
const LARGEST: u32 = 500;

#[test]
fn the_matrix_holds_at_480_by_320() {
    check(PANELS[0]);
}

#[test]
fn the_matrix_holds_at_800_by_480() {
    check(PANELS[1]);
}

#[test]
fn the_matrix_holds_at_1280_by_800() {
    check(PANELS[2]);
}

#[test]
fn the_matrix_holds_at_1920_by_1080() {
    check(PANELS[3]);
}

#[test]
fn the_matrix_holds_at_480_by_800() {
    check(PANELS[4]);
}

#[test]
fn the_matrix_holds_at_600_by_1024() {
    check(PANELS[5]);
}

#[test]
fn the_matrix_holds_at_320_by_480() {
    check(PANELS[6]);
}
