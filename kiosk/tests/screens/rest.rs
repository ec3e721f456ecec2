//! A screen that rests: darkened, dark, or moved by a few pixels.

use i_slint_backend_testing::mock_elapsed_time;
use pikir_contract::{InputKind, Score};
use pikir_kiosk::screen::Rest;
use pikir_kiosk::view::{ScreenView, UserAction};
use slint::platform::{PointerEventButton, WindowEvent};
use slint::{LogicalPosition, Rgba8Pixel, SharedPixelBuffer};

use crate::samples;
use crate::stage::{SIZES, Stage, bounds};

fn stage(size: (u32, u32)) -> Stage {
    let stage = Stage::new(size);
    stage.show(&samples::view("en", ScreenView::Rate(samples::rate())));
    stage
}

fn luminance(picture: &SharedPixelBuffer<Rgba8Pixel>) -> f64 {
    let sum: u64 = picture
        .as_slice()
        .iter()
        .map(|pixel| u64::from(pixel.r) + u64::from(pixel.g) + u64::from(pixel.b))
        .sum();
    sum as f64 / (picture.as_slice().len() * 3) as f64
}

/// The middle of the face of score 3, found by what a touch there does.
fn face(stage: &Stage) -> LogicalPosition {
    let (element, _) = stage
        .elements()
        .into_iter()
        .find(|(element, _)| {
            element
                .accessible_label()
                .is_some_and(|label| label.starts_with('3'))
        })
        .unwrap();
    bounds(&element).centre()
}

fn rated(actions: &[UserAction]) -> bool {
    let three = Score::new(3).unwrap();
    matches!(actions, [UserAction::Rate { score, input: InputKind::Touch, .. }] if *score == three)
}

#[test]
fn a_veiled_screen_is_darker_by_what_was_asked_and_a_touch_counts_as_what_it_hit() {
    for size in SIZES {
        let stage = stage(size);
        let bright = luminance(&stage.picture());
        let veiled = Rest {
            veil_percent: 50,
            ..Rest::default()
        };
        stage.screen.rest(&veiled);
        stage.settle();
        let share = luminance(&stage.picture()) / bright;
        assert!((0.45..0.55).contains(&share), "{size:?}: {share}");
        stage.touch_at(face(&stage));
        assert!(rated(&stage.taken()), "{size:?}");
    }
}

#[test]
fn the_touch_that_wakes_a_dark_screen_is_told_of_and_hits_nothing_and_the_next_one_counts() {
    for size in SIZES {
        let stage = stage(size);
        let dark = Rest {
            veil_percent: 100,
            dark: true,
            ..Rest::default()
        };
        stage.screen.rest(&dark);
        stage.settle();
        assert_eq!(luminance(&stage.picture()), 0.0, "{size:?}");
        let (position, button) = (face(&stage), PointerEventButton::Left);
        let window = stage.screen.window();
        window.dispatch_event(WindowEvent::PointerMoved { position });
        window.dispatch_event(WindowEvent::PointerPressed { position, button });
        assert!(
            matches!(stage.reported()[..], [UserAction::Touched(_)]),
            "{size:?}"
        );
        // The program wakes the screen at once, with the finger still down.
        stage.screen.rest(&Rest::default());
        mock_elapsed_time(std::time::Duration::from_millis(50));
        window.dispatch_event(WindowEvent::PointerReleased { position, button });
        window.dispatch_event(WindowEvent::PointerExited);
        stage.settle();
        assert!(stage.taken().is_empty(), "{size:?}");
        stage.touch_at(position);
        assert!(rated(&stage.taken()), "{size:?}");
    }
}

#[test]
fn keys_count_in_the_dark_too() {
    let stage = stage((800, 480));
    stage.screen.rest(&Rest {
        dark: true,
        ..Rest::default()
    });
    stage.settle();
    stage.reported();
    stage.key("4");
    assert!(matches!(
        stage.reported()[..],
        [
            UserAction::Stay,
            UserAction::Rate {
                input: InputKind::Keypad,
                ..
            }
        ]
    ));
    stage.key(slint::platform::Key::F7);
    assert_eq!(
        stage.reported(),
        [UserAction::Stay],
        "a key that does nothing wakes the screen, too"
    );
}

#[test]
fn a_moved_picture_is_the_same_picture_a_few_pixels_further() {
    for size in SIZES {
        let stage = stage(size);
        let still = stage.picture();
        let (dx, dy) = (3, -2);
        stage.screen.rest(&Rest {
            shift: (dx, dy),
            ..Rest::default()
        });
        stage.settle();
        let moved = stage.picture();
        let (width, height) = (size.0 as i32, size.1 as i32);
        let at = |picture: &SharedPixelBuffer<Rgba8Pixel>, x: i32, y: i32| {
            picture.as_slice()[(y * width + x) as usize]
        };
        let inside = |x: i32, y: i32| (8..width - 8).contains(&x) && (8..height - 8).contains(&y);
        let same = (0..width * height)
            .map(|index| (index % width, index / width))
            .filter(|(x, y)| inside(*x, *y))
            .filter(|(x, y)| at(&still, *x, *y) == at(&moved, x + dx, y + dy))
            .count();
        let all = ((width - 16) * (height - 16)) as usize;
        assert!(same * 1_000 >= all * 999, "{size:?}: {same} of {all}");
        assert!(still.as_slice() != moved.as_slice());
    }
}

#[test]
fn a_finger_is_known_to_be_down_until_it_is_lifted_even_where_what_it_touched_is_gone() {
    let stage = stage((800, 480));
    let (position, button) = (face(&stage), PointerEventButton::Left);
    let window = stage.screen.window();
    assert!(!stage.screen.is_finger_down());
    window.dispatch_event(WindowEvent::PointerMoved { position });
    window.dispatch_event(WindowEvent::PointerPressed { position, button });
    assert!(stage.screen.is_finger_down());
    stage.show(&samples::view("en", samples::thanks(Some(4))));
    assert!(stage.screen.is_finger_down());
    window.dispatch_event(WindowEvent::PointerReleased { position, button });
    assert!(!stage.screen.is_finger_down());
}

#[test]
fn a_frame_that_is_asked_for_is_painted_and_known_to_be() {
    let stage = stage((480, 320));
    stage.screen.on_first_frame(|| {});
    for beat in 1..4 {
        stage.screen.ask_for_frame(beat);
        assert_ne!(stage.screen.painted_beat(), beat);
        stage.picture();
        assert_eq!(stage.screen.painted_beat(), beat);
    }
}
