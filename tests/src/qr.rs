//! Reads QR codes from pictures with a decoder that shares nothing with the terminal's generator.

use anyhow::{Context, Result, bail};
use image::RgbImage;
use rqrr::PreparedImage;

/// The text of the one QR code in `picture`.
pub fn decode(picture: &RgbImage) -> Result<String> {
    let grey = image::imageops::grayscale(picture);
    let (width, height) = (
        usize::try_from(grey.width())?,
        usize::try_from(grey.height())?,
    );
    let mut prepared =
        PreparedImage::prepare_from_greyscale(width, height, |x, y| grey.as_raw()[y * width + x]);
    let grids = prepared.detect_grids();
    let [grid] = grids.as_slice() else {
        bail!("{} QR codes are on the picture instead of one", grids.len());
    };
    let (_, text) = grid.decode().context("the QR code cannot be read")?;
    Ok(text)
}
