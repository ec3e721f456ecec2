//! Every screen × five languages × the sizes of real panels × plain and doubled text × standard and high contrast: nothing
//! overflows, is covered, too small to hit or too faint to see. A contact sheet each lies in `target/screens/`.

use image::RgbaImage;
use pikir_kiosk::adaptation::{Adaptation, Scheme, TextSize};
use pikir_kiosk::view::{ScreenView, View};

use crate::pixels::{contact_sheet, image, save};
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

fn check(size: Size) {
    let stage = Stage::new(size);
    let mut faults = Vec::new();
    for text in TEXTS {
        for (scheme_name, scheme) in SCHEMES {
            let adaptation = Adaptation {
                text,
                scheme,
                ..Adaptation::default()
            };
            let mut sheet = Vec::new();
            for language in LANGUAGES {
                for (screen, view) in all(language, adaptation) {
                    stage.show(&view);
                    stage.each_page(|stage, page| {
                        let picture = image(&stage.picture());
                        let found = geometry::faults(stage, size)
                            .into_iter()
                            .chain(legible::faults(stage, &picture));
                        let percent = text.percent();
                        let at = format!(
                            "{screen} {page} {language} {size:?} {percent} % {scheme_name}"
                        );
                        faults.extend(found.map(|fault| format!("{at}: {fault}")));
                        add(&mut sheet, picture, size);
                    });
                }
            }
            let (width, height) = size;
            let sheet = contact_sheet(&rows(sheet, width), 1);
            save(
                &sheet,
                &format!(
                    "contact-{width}x{height}-{}-{scheme_name}.png",
                    text.percent()
                ),
            );
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The widest a picture is on a contact sheet, in pixels.
const THUMBNAIL: u32 = 320;

fn add(sheet: &mut Vec<RgbaImage>, picture: RgbaImage, (width, height): Size) {
    let divisor = width.max(height).div_ceil(THUMBNAIL);
    sheet.push(image::imageops::thumbnail(
        &picture,
        width / divisor,
        height / divisor,
    ));
}

fn rows(pictures: Vec<RgbaImage>, width: u32) -> Vec<Vec<RgbaImage>> {
    let columns = if width < 700 { 14 } else { 8 };
    pictures.chunks(columns).map(<[_]>::to_vec).collect()
}

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
