//! Pictures of the screens, one by one and side by side, for people to look at.

use std::path::PathBuf;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{RgbaImage, imageops};
use slint::{Rgba8Pixel, SharedPixelBuffer};

/// `target/screens`, made where it is missing.
fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("screens");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes `picture` to the folder, fast rather than small.
pub fn save(picture: &RgbaImage, name: &str) {
    let file = std::fs::File::create(folder().join(name)).unwrap();
    let encoder = PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::NoFilter);
    picture.write_with_encoder(encoder).unwrap();
}

pub fn image(picture: &SharedPixelBuffer<Rgba8Pixel>) -> RgbaImage {
    RgbaImage::from_raw(
        picture.width(),
        picture.height(),
        picture.as_bytes().to_vec(),
    )
    .unwrap()
}

/// Every `divisor`th pixel of every `divisor`th line.
pub fn thumbnail(picture: &RgbaImage, divisor: u32) -> RgbaImage {
    let (width, height) = picture.dimensions();
    RgbaImage::from_fn(width / divisor, height / divisor, |x, y| {
        *picture.get_pixel(x * divisor, y * divisor)
    })
}

/// Equal pictures side by side, so many a row, a little apart.
pub fn contact_sheet(pictures: &[RgbaImage], columns: u32) -> RgbaImage {
    const GAP: u32 = 8;
    let (width, height) = pictures[0].dimensions();
    let rows = (pictures.len() as u32).div_ceil(columns);
    let mut sheet = RgbaImage::from_pixel(
        columns * (width + GAP) + GAP,
        rows * (height + GAP) + GAP,
        image::Rgba([0x60, 0x66, 0x70, 0xff]),
    );
    for (at, picture) in pictures.iter().enumerate() {
        let at = at as u32;
        let x = GAP + at % columns * (width + GAP);
        let y = GAP + at / columns * (height + GAP);
        imageops::replace(&mut sheet, picture, i64::from(x), i64::from(y));
    }
    sheet
}
