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

/// `rows` of equal pictures as one, `gap` pixels apart, each made `divisor` times smaller.
pub fn contact_sheet(rows: &[Vec<RgbaImage>], divisor: u32) -> RgbaImage {
    const GAP: u32 = 8;
    let (width, height) = rows[0][0].dimensions();
    let (width, height) = (width / divisor, height / divisor);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let mut sheet = RgbaImage::from_pixel(
        columns * (width + GAP) + GAP,
        rows.len() as u32 * (height + GAP) + GAP,
        image::Rgba([0x60, 0x66, 0x70, 0xff]),
    );
    for (row, pictures) in rows.iter().enumerate() {
        for (column, picture) in pictures.iter().enumerate() {
            let small = if divisor == 1 {
                picture.clone()
            } else {
                imageops::thumbnail(picture, width, height)
            };
            let x = GAP + column as u32 * (width + GAP);
            let y = GAP + row as u32 * (height + GAP);
            imageops::replace(&mut sheet, &small, i64::from(x), i64::from(y));
        }
    }
    sheet
}
