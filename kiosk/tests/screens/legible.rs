//! What can be seen in a picture: texts against their ground, controls against what is round them.

use i_slint_backend_testing::ElementHandle;
use image::{Rgba, RgbaImage};
use std::collections::HashMap;

use crate::geometry::{is_a, is_target, name};
use crate::stage::{Bounds, Stage, bounds};

/// The least ratio between a text and its ground (WCAG 2, 1.4.3).
const TEXT: f64 = 4.5;
/// The least ratio between a control and what is round it (WCAG 2, 1.4.11).
const CONTROL: f64 = 3.0;

/// What is hard to see in `picture`, in words.
pub fn faults(stage: &Stage, picture: &RgbaImage) -> Vec<String> {
    let elements = stage.elements();
    let mut faults = Vec::new();
    for (element, outer) in &elements {
        if is_a(element, "FitText") && outer.width > 0.0 {
            let shown = child(element, "FitText::shown");
            let best = best_ratio(picture, &bounds(&shown));
            if best.is_some_and(|best| best < TEXT) {
                faults.push(format!("text of {} has {best:.2?}", name(element)));
            }
        }
        if is_target(element) && outer.width > 0.0 {
            // Its outline, or where it has none what it shows.
            let best = best_ratio(picture, &grown(outer, 2.0));
            if best.is_none_or(|best| best < CONTROL) {
                faults.push(format!("control {} has {best:.2?}", name(element)));
            }
        }
    }
    faults
}

/// The one element of this id inside `element`.
pub fn child(element: &ElementHandle, id: &str) -> ElementHandle {
    let found = element.query_descendants().match_id(id).find_first();
    found.unwrap_or_else(|| panic!("{} has no {id}", name(element)))
}

fn grown(bounds: &Bounds, by: f32) -> Bounds {
    Bounds {
        x: bounds.x - by,
        y: bounds.y - by,
        width: bounds.width + 2.0 * by,
        height: bounds.height + 2.0 * by,
    }
}

/// The ratio between the commonest colour of a part of the picture and the one that differs most;
/// `None`: all is of one colour.
fn best_ratio(picture: &RgbaImage, part: &Bounds) -> Option<f64> {
    let mut counts: HashMap<Rgba<u8>, usize> = HashMap::new();
    let raw = picture.as_raw();
    let left = part.x.max(0.0) as usize;
    let right = ((part.x + part.width) as usize).min(picture.width() as usize);
    let bottom = ((part.y + part.height) as usize).min(picture.height() as usize);
    for y in part.y.max(0.0) as usize..bottom {
        let start = y * picture.width() as usize;
        let row = &raw[4 * (start + left)..4 * (start + right.max(left))];
        // Most pixels are like the one before.
        for run in row.as_chunks::<4>().0.chunk_by(|one, other| one == other) {
            *counts.entry(Rgba(run[0])).or_default() += run.len();
        }
    }
    let (ground, _) = counts.iter().max_by_key(|(_, count)| **count)?;
    let others = counts.keys().filter(|color| *color != ground);
    others
        .map(|color| ratio(*ground, *color))
        .max_by(f64::total_cmp)
}

fn luminance(color: Rgba<u8>) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    let [red, green, blue, _] = color.0;
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

/// The contrast of two colours (WCAG 2), 1 to 21.
pub fn ratio(one: Rgba<u8>, other: Rgba<u8>) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
