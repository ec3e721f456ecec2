//! Draws QR codes with a whole number of pixels a module, as large as the window asks for.

use qrcode::types::QrError;
use qrcode::{EcLevel, QrCode, Version, bits};
use slint::{ComponentHandle as _, Image, Rgb8Pixel, SharedPixelBuffer};

use super::ui::{AppWindow, Shell};

/// Light modules round the code, as the standard asks for.
const QUIET_ZONE_MODULES: usize = 4;
const INK: Rgb8Pixel = Rgb8Pixel {
    r: 0x14,
    g: 0x21,
    b: 0x3d,
};
const PAPER: Rgb8Pixel = Rgb8Pixel {
    r: 0xff,
    g: 0xff,
    b: 0xff,
};

pub(super) fn connect(window: &AppWindow) {
    window
        .global::<Shell>()
        .on_qr_code(|payload, module_pixels| {
            // Where no code can be made the card shows the address alone, and asks for no image.
            usize::try_from(module_pixels)
                .ok()
                .and_then(|pixels| draw(&payload, pixels).ok())
                .unwrap_or_default()
        });
}

/// The modules a side of the code of `text`, quiet zone included; 0 for an empty text.
pub(super) fn modules(text: &str) -> Result<i32, QrError> {
    if text.is_empty() {
        return Ok(0);
    }
    // A code has at most 177 modules a side.
    let width = i32::from(choose(text)?.0.width());
    Ok(width + 2 * QUIET_ZONE_MODULES as i32)
}

/// The code of `text` with its quiet zone, `module` pixels a module.
fn draw(text: &str, module: usize) -> Result<Image, QrError> {
    if text.is_empty() || module == 0 {
        return Ok(Image::default());
    }
    let code = encode(text)?;
    let width = code.width();
    let colors = code.to_colors();
    let side = (width + 2 * QUIET_ZONE_MODULES) * module;
    // At most 185 modules, and no more pixels than the window has.
    let mut buffer = SharedPixelBuffer::<Rgb8Pixel>::new(side as u32, side as u32);
    let inside = QUIET_ZONE_MODULES..QUIET_ZONE_MODULES + width;
    for (at, pixel) in buffer.make_mut_slice().iter_mut().enumerate() {
        let (x, y) = (at % side / module, at / side / module);
        let dark = inside.contains(&x)
            && inside.contains(&y)
            && colors[(y - QUIET_ZONE_MODULES) * width + x - QUIET_ZONE_MODULES]
                == qrcode::Color::Dark;
        *pixel = if dark { INK } else { PAPER };
    }
    Ok(Image::from_rgb8(buffer))
}

fn encode(text: &str) -> Result<QrCode, QrError> {
    let (version, level) = choose(text)?;
    QrCode::with_version(text, version, level)
}

/// The smallest size with good correction, and the best correction it has room for. Without drawing
/// anything yet: a code is drawn eight times to find its best mask.
fn choose(text: &str) -> Result<(Version, EcLevel), QrError> {
    let version = |level| bits::encode_auto(text.as_bytes(), level).map(|bits| bits.version());
    let good = version(EcLevel::Q)?;
    match version(EcLevel::H) {
        Ok(best) if best == good => Ok((best, EcLevel::H)),
        _ => Ok((good, EcLevel::Q)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_correction_is_taken_where_it_costs_no_larger_code() {
        let short = encode("HTTPS://A.EXAMPLE/Q/K7M4").unwrap();
        assert_eq!(short.error_correction_level(), EcLevel::Q);
        let shorter = encode("HTTPS://A.KG/Q/K7M4").unwrap();
        assert_eq!(shorter.error_correction_level(), EcLevel::H);
    }

    #[test]
    fn the_image_has_four_light_modules_on_every_side() {
        let text = "HTTPS://OTZYV.EXAMPLE/Q/K7M4Q2";
        let pixels = draw(text, 3).unwrap().to_rgb8().unwrap();
        let side = pixels.width() as usize;
        assert_eq!(modules(text).unwrap() as usize * 3, side);
        for (at, pixel) in pixels.as_slice().iter().enumerate() {
            let (x, y) = (at % side, at / side);
            if x.min(y).min(side - 1 - x).min(side - 1 - y) < 12 {
                assert_eq!(*pixel, PAPER, "at {x}, {y}");
            }
        }
        assert_eq!(
            pixels.as_slice()[12 * side + 12],
            INK,
            "the finder pattern begins after the quiet zone"
        );
    }

    #[test]
    fn a_text_too_long_for_any_code_is_an_error() {
        let text = "x".repeat(4000);
        assert!(modules(&text).is_err());
        assert!(draw(&text, 1).is_err());
    }
}
