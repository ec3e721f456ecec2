//! How large the letters are.

use std::collections::BTreeMap;

use crate::geometry::{is_a, is_target};
use crate::stage::{Size, Stage};

/// Sizes of letters (pixels) by the accessible label of what they are part of.
pub type Letters = BTreeMap<String, Vec<f32>>;

/// Adds the letters that are shown now.
pub fn collect(stage: &Stage, letters: &mut Letters) {
    for (element, bounds) in stage.elements() {
        let spoken = is_target(&element) || is_a(&element, "Prose");
        let Some(label) = element.accessible_label().filter(|_| spoken) else {
            continue;
        };
        if bounds.width > 0.0 {
            let texts = element.query_descendants().match_id("FitText::ceiling");
            let texts = texts.find_all().into_iter();
            // What says the present choice has another figure in it.
            let label = label.chars().filter(|letter| !letter.is_ascii_digit());
            letters
                .entry(label.collect())
                .or_insert_with(|| texts.map(|text| text.size().width).collect());
        }
    }
}

/// The share of the full size that the tightest place of a panel must reach: all of it, but for two
/// words on one button of the narrowest panel.
pub fn share((width, _): Size) -> f32 {
    if width < 400 { 0.89 } else { 1.0 }
}

/// The same on the pages of the questionnaire, where names of an office stand beside the ways on.
pub fn share_beside_the_ways_on(size: Size) -> f32 {
    match size {
        (..400, _) => 0.69,
        (_, ..400) => 0.68,
        (width, height) if width < height => 0.90,
        _ => 0.84,
    }
}

/// What is not `scale` times as large after as before. Titles, which are large anyway, only have to
/// be as large as running text becomes, and not smaller than they were.
pub fn too_small(
    before: &Letters,
    after: &Letters,
    scale: f32,
    size: Size,
    share: f32,
) -> Vec<String> {
    let mut compared = 0;
    let mut faults = Vec::new();
    for (label, sizes) in after {
        for (one, other) in before.get(label).into_iter().flatten().zip(sizes) {
            compared += 1;
            let least = (scale * one).min(scale * body(size)).max(*one);
            // The size is found by halving, to a sixteenth of what it may vary.
            if *other < least * share {
                faults.push(format!(
                    "letters of {label:?}: {one} → {other}, not {least}"
                ));
            }
        }
    }
    if compared == 0 {
        faults.push("no letters compared".into());
    }
    faults
}

/// Running text at the plain size (pixels), by the theme.
pub fn body((width, height): Size) -> f32 {
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
