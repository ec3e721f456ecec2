//! The code in the picture is one a phone can read.

use i_slint_backend_testing::AccessibleRole;
use image::RgbaImage;
use pikir_kiosk::view::adaptation::{Adaptation, Scheme, TextSize};
use pikir_kiosk::view::{QrView, ScreenView, View};

use crate::pixels::image;
use crate::samples::{self, CLAIM, PAYLOAD};
use crate::stage::{Bounds, SIZES, Stage};

/// What another program than the one that drew it reads from the picture.
fn decoded(picture: &RgbaImage) -> Vec<String> {
    let gray = |x: usize, y: usize| {
        let [red, green, blue, _] = picture.get_pixel(x as u32, y as u32).0;
        ((u32::from(red) * 3 + u32::from(green) * 6 + u32::from(blue)) / 10) as u8
    };
    let (width, height) = picture.dimensions();
    let mut prepared =
        rqrr::PreparedImage::prepare_from_greyscale(width as usize, height as usize, gray);
    prepared
        .detect_grids()
        .iter()
        .map(|grid| grid.decode().unwrap().1)
        .collect()
}

fn code_bounds(stage: &Stage) -> Bounds {
    let images = stage.with_role(AccessibleRole::Image);
    assert_eq!(images.len(), 1, "images that are read aloud");
    images[0].1
}

/// The pixels a module, after checking that every module is one square of one colour, with four
/// light ones round.
fn pixels_a_module(picture: &RgbaImage, code: Bounds) -> u32 {
    let (left, top, side) = (code.x as u32, code.y as u32, code.width as u32);
    assert_eq!(
        (code.x.fract(), code.y.fract(), code.width.fract()),
        (0.0, 0.0, 0.0),
        "{code:?}"
    );
    let at = |x: u32, y: u32| picture.get_pixel(left + x, top + y).0;
    let light = [255, 255, 255, 255];
    let first_dark = (0..side).find(|&step| at(step, step) != light).unwrap();
    // The quiet zone is four modules, the finder pattern seven dark ones.
    let module = first_dark / 4;
    assert_eq!(first_dark % 4, 0, "a quiet zone of {first_dark} pixels");
    assert_eq!(side % module, 0);
    for y in 0..side {
        for x in 0..side {
            assert_eq!(
                at(x, y),
                at(x - x % module, y - y % module),
                "within a module, at {x}, {y}"
            );
            let edge = x.min(y).min(side - 1 - x).min(side - 1 - y);
            assert!(
                edge >= first_dark || at(x, y) == light,
                "in the quiet zone, at {x}, {y}"
            );
        }
    }
    module
}

#[test]
fn the_code_decodes_to_its_address_on_every_screen_and_panel() {
    for size in SIZES {
        let stage = Stage::new(size);
        for (screen, view) in samples::every_screen("ru") {
            stage.show(&view);
            let expected: &[&str] = match &view.screen {
                ScreenView::Setup(pikir_kiosk::view::SetupView::Claim { .. }) => &[CLAIM],
                // Three buttons need the room of the code on the smallest panel.
                ScreenView::Thanks(thanks) if thanks.more && size.0.min(size.1) < 400 => &[],
                _ if view.qr.is_some() => &[PAYLOAD],
                _ => &[],
            };
            let picture = image(&stage.picture());
            assert_eq!(decoded(&picture), expected, "{screen} {size:?}");
            if !expected.is_empty() {
                pixels_a_module(&picture, code_bounds(&stage));
            }
        }
    }
}

#[test]
fn the_modules_alone_measure_29_mm_on_a_7_inch_panel() {
    // 800 pixels on 154 mm are 5.19 a millimetre.
    const LEAST: f32 = 151.0;
    let stage = Stage::new((800, 480));
    for characters in (24..=110).step_by(2) {
        let payload: String = PAYLOAD.chars().cycle().take(characters).collect();
        let mut view = samples::view("ru", ScreenView::Rate(samples::rate()));
        view.qr = Some(QrView {
            payload,
            address: "otzyv.example".into(),
        });
        stage.show(&view);
        let bounds = code_bounds(&stage);
        let module = pixels_a_module(&image(&stage.picture()), bounds) as f32;
        let alone = bounds.width - 8.0 * module;
        assert!(alone >= LEAST, "{characters} characters: {alone} pixels");
    }
}

#[test]
fn the_code_follows_its_address() {
    let stage = Stage::new((800, 480));
    for token in ["0123456789ABCDEF", "FEDCBA9876543210"] {
        let payload = format!("HTTPS://OTZYV.EXAMPLE/Q/K7M4Q2PX/{token}");
        let mut view = samples::view("ru", ScreenView::Rate(samples::rate()));
        view.qr = Some(QrView {
            payload: payload.clone(),
            address: "otzyv.example".into(),
        });
        stage.show(&view);
        assert_eq!(decoded(&image(&stage.picture())), [payload]);
    }
}

#[test]
fn an_address_too_long_for_a_code_stays_in_text() {
    let stage = Stage::new((800, 480));
    let qr = Some(QrView {
        payload: "A".repeat(5000),
        address: "otzyv.example".into(),
    });
    stage.show(&View {
        qr,
        ..samples::view("ru", ScreenView::Rate(samples::rate()))
    });
    assert!(decoded(&image(&stage.picture())).is_empty());
    stage.labelled("otzyv.example");
    assert_eq!(
        crate::geometry::faults(&stage, (800, 480)),
        Vec::<String>::new()
    );
}

#[test]
fn over_the_screen_of_large_text_the_code_is_no_smaller_and_decodes_in_every_scheme() {
    for size in SIZES {
        let stage = Stage::new(size);
        stage.show(&samples::long("ru", ScreenView::Rate(samples::rate())));
        let on_card = code_bounds(&stage).width;
        for scheme in [Scheme::Standard, Scheme::HighContrast] {
            let large = Adaptation {
                text: TextSize::Largest,
                scheme,
                ..Adaptation::default()
            };
            let (_, view) = &samples::every_overlay("ru")[1];
            stage.show(&samples::adapted(view, large));
            let picture = image(&stage.picture());
            assert_eq!(decoded(&picture), [PAYLOAD], "{size:?}");
            let over = code_bounds(&stage);
            assert!(over.width >= on_card, "{size:?}: {over:?}, {on_card}");
            pixels_a_module(&picture, over);
        }
    }
}
