//! Where the keyboard focus is, as a visitor sees it: the ring around a control, ink with paper
//! inside.

use image::RgbImage;

use super::Place;

const INK: [u8; 3] = [0x14, 0x21, 0x3d];
const CARD: [u8; 3] = [0xff; 3];
/// How thick either line of it is (pixels).
const THICK: u32 = 3;
/// The least length of its straight edges, above that of any letter (pixels).
const LEAST: u32 = 24;

/// A ring, in pixels: its upper and lower edge, and how far they are straight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
}

impl Ring {
    /// Whether what is at this place has the focus.
    pub fn surrounds(&self, (x, y): Place) -> bool {
        (self.left..self.right).contains(&x.into()) && (self.top..self.bottom).contains(&y.into())
    }
}

/// The ring on a picture; `None`: no control shows that it has the focus.
pub fn find(picture: &RgbImage) -> Option<Ring> {
    let (width, height) = picture.dimensions();
    (1..height.saturating_sub(2 * THICK)).find_map(|top| {
        let mut left = 0;
        (0..=width).find_map(|x| {
            if x < width && is_upper(picture, x, top) {
                return None;
            }
            let edge = (left, x);
            left = x + 1;
            let (left, right) = edge;
            (right - left >= LEAST)
                .then(|| lower(picture, left, right, top))
                .flatten()
        })
    })
}

/// The ring whose upper edge this is, where there is a lower one.
fn lower(picture: &RgbImage, left: u32, right: u32, top: u32) -> Option<Ring> {
    let bottoms = top + 2 * THICK..picture.height() - 2 * THICK;
    bottoms
        .into_iter()
        .find(|bottom| (left..left + LEAST).all(|x| is_lower(picture, x, *bottom)))
        .map(|bottom| Ring {
            left,
            right,
            top,
            bottom,
        })
}

fn is_upper(picture: &RgbImage, x: u32, y: u32) -> bool {
    picture.get_pixel(x, y - 1).0 != INK
        && is(picture, INK, x, y)
        && is(picture, CARD, x, y + THICK)
}

fn is_lower(picture: &RgbImage, x: u32, y: u32) -> bool {
    is(picture, CARD, x, y)
        && is(picture, INK, x, y + THICK)
        && picture.get_pixel(x, y + 2 * THICK).0 != INK
}

/// Whether so many pixels from here down have this colour as a line of the ring is thick.
fn is(picture: &RgbImage, colour: [u8; 3], x: u32, y: u32) -> bool {
    (y..y + THICK).all(|y| picture.get_pixel(x, y).0 == colour)
}
