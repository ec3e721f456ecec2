//! Nothing is cut off, too small to hit, or on top of something else.

use i_slint_backend_testing::{AccessibleRole, ElementHandle};

use crate::samples;
use crate::stage::{Bounds, Element, SIZES, Size, Stage, bounds};

/// Text is measured in whole pixels, so it may stand out of its box by less than one.
const ROUNDING: f32 = 1.0;
/// The least side of a target in pixels.
const TARGET: f32 = 44.0;
/// The least width of a key of the keyboard on the screen in pixels; on a panel 320 wide eleven of
/// them leave each 26.
const KEY: f32 = 40.0;
const KEY_ON_THE_NARROWEST: f32 = 26.0;
/// The least side of a face at 800×480 and above.
const FACE: f32 = 90.0;

/// What is wrong with the picture on the stage, in words.
pub fn faults(stage: &Stage, (width, height): Size) -> Vec<String> {
    let window = Bounds {
        x: 0.0,
        y: 0.0,
        width: width as f32,
        height: height as f32,
    };
    let elements = stage.elements();
    let mut faults = outside(&elements, &window);
    faults.extend(overflows(&elements));
    faults.extend(small_targets(&elements, (width, height)));
    faults.extend(overlaps(&elements));
    faults
}

/// Fails with all of them, so that one run names everything.
pub fn assert_none(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The same of what is in the one component of this type, which lies over the rest.
pub fn faults_within(stage: &Stage, (width, height): Size, component: &str) -> Vec<String> {
    let window = Bounds {
        x: 0.0,
        y: 0.0,
        width: width as f32,
        height: height as f32,
    };
    let found = ElementHandle::find_by_element_type_name(stage.screen.component(), component);
    let mut found: Vec<_> = found.collect();
    assert_eq!(found.len(), 1, "{component}");
    let inside = found.remove(0).query_descendants().find_all();
    let touches = |element: &ElementHandle| is_a(element, "TouchArea");
    let elements: Vec<Element> = inside
        .into_iter()
        .filter(|element| !touches(element))
        .map(|element| (element.clone(), bounds(&element)))
        .collect();
    let texts: Vec<Element> = elements
        .iter()
        .filter(|(element, _)| element.accessible_role().is_some())
        .cloned()
        .collect();
    let mut faults = outside(&texts, &window);
    faults.extend(overflows(&elements));
    faults.extend(small_targets(&elements, (width, height)));
    faults.extend(overlaps(&elements));
    faults
}

fn outside(elements: &[Element], window: &Bounds) -> Vec<String> {
    elements
        .iter()
        .filter(|(element, bounds)| {
            is_something(element, bounds) && !bounds.inside(window, ROUNDING)
        })
        .map(|(element, bounds)| format!("{} is outside the window: {bounds:?}", name(element)))
        .collect()
}

fn is_something(element: &ElementHandle, bounds: &Bounds) -> bool {
    // What `FitText` measures with draws nothing.
    let measures = element.type_name().is_some_and(|name| name == "Probe")
        || element.id().is_some_and(|id| id == "FitText::ceiling");
    // The last lines of a long comment are shown; those before them are above its box, which clips
    // them.
    let clipped = element.id().is_some_and(|id| id == "Written::shown");
    bounds.width > 0.0 && bounds.height > 0.0 && !measures && !clipped
}

fn overflows(elements: &[Element]) -> Vec<String> {
    let boxes: Vec<&Element> = elements
        .iter()
        .filter(|(element, _)| is_a(element, "FitText"))
        .collect();
    assert!(boxes.len() > 1, "only {} texts found", boxes.len());
    let mut faults = Vec::new();
    for (element, outer) in boxes {
        let [Some(shown), Some(ceiling)] = ["FitText::shown", "FitText::ceiling"]
            .map(|id| element.query_descendants().match_id(id).find_first())
        else {
            faults.push(format!("{} has lost its text: {outer:?}", name(element)));
            continue;
        };
        let text = bounds(&shown);
        if !text.inside(outer, ROUNDING) || text.height > ceiling.size().height + ROUNDING {
            faults.push(format!(
                "text of {} overflows: {text:?} in {outer:?}",
                name(element)
            ));
        }
    }
    faults
}

pub fn is_a(element: &ElementHandle, component: &str) -> bool {
    element.type_name().is_some_and(|name| name == component)
        || element
            .bases()
            .is_some_and(|mut bases| bases.any(|base| base == component))
}

fn small_targets(elements: &[Element], (width, height): Size) -> Vec<String> {
    let mut faults = Vec::new();
    for (element, bounds) in elements.iter().filter(|(element, _)| is_target(element)) {
        if bounds.width == 0.0 {
            continue; // Not there now.
        }
        // Beside each other; a row of a list is as wide as the screen.
        let face = bounds.width < 2.0 * bounds.height
            && element
                .accessible_label()
                .is_some_and(|label| label.contains(" – "));
        let least = if face && width.max(height) >= 800 && width.min(height) >= 480 && width != 480
        {
            FACE
        } else {
            TARGET
        };
        let (least_width, least) = match (is_a(element, "KeyboardKey"), width) {
            (true, ..480) => (KEY_ON_THE_NARROWEST, KEY),
            (true, _) => (KEY, KEY),
            (false, _) => (least, least),
        };
        if bounds.width < least_width || bounds.height < least {
            faults.push(format!(
                "{} is smaller than {least}: {bounds:?}",
                name(element)
            ));
        }
    }
    faults
}

pub fn is_target(element: &ElementHandle) -> bool {
    matches!(
        element.accessible_role(),
        Some(AccessibleRole::Button | AccessibleRole::RadioButton)
    )
}

/// Texts, pictures and targets that share pixels.
fn overlaps(elements: &[Element]) -> Vec<String> {
    let solid = |(element, bounds): &&Element| {
        let is_solid = is_target(element)
            || matches!(
                element.accessible_role(),
                Some(AccessibleRole::Text | AccessibleRole::Image)
            );
        is_solid && bounds.width > 0.0
    };
    let solid: Vec<&Element> = elements.iter().filter(solid).collect();
    let mut faults = Vec::new();
    for (at, (one, first)) in solid.iter().enumerate() {
        for (other, second) in &solid[at + 1..] {
            if first.overlaps(second, ROUNDING) {
                faults.push(format!(
                    "{} and {} overlap: {first:?}, {second:?}",
                    name(one),
                    name(other)
                ));
            }
        }
    }
    faults
}

pub fn name(element: &ElementHandle) -> String {
    let of = |text: Option<slint::SharedString>| text.map(String::from).unwrap_or_default();
    format!("{} {:?}", of(element.id()), of(element.accessible_label()))
}

#[test]
fn nothing_is_cut_small_or_covered_on_other_panels() {
    for size in [(1024, 600), (1024, 768)] {
        let stage = Stage::new(size);
        for (screen, view) in samples::every_screen("ru") {
            stage.show(&view);
            let faults = faults(&stage, size);
            assert!(faults.is_empty(), "{screen} {size:?}: {faults:#?}");
        }
    }
}

#[test]
fn a_text_too_long_for_any_size_is_found() {
    let size = SIZES[0];
    let stage = Stage::new(size);
    let (_, mut view) = samples::every_screen("ru").remove(0);
    view.organization = samples::long_name("ru").repeat(6);
    stage.show(&view);
    assert!(
        faults(&stage, size)
            .iter()
            .any(|fault| fault.contains("Header::name"))
    );
}
