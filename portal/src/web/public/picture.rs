//! Photos that visitors send: read within limits, turned upright, made smaller, encoded anew.
//!
//! Only the picture itself survives. Position, time, camera and whatever else a phone writes into
//! the file are gone.

//!
//! What a picture takes to decode stands in its header, so memory is set aside before it is opened.

use std::io::Cursor;
use std::sync::LazyLock;
use std::time::Duration;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use tokio::sync::OwnedSemaphorePermit;

use crate::platform::blocking::{self, Budget};
use crate::storage::Photo;

/// Photos with one review.
pub const MAX_PHOTOS: usize = 2;
/// Bytes of one photo as it is sent.
pub const MAX_PHOTO_BYTES: usize = 10 << 20;
/// Pixels of one photo as it is sent: a small file can unpack to any size.
pub const MAX_PIXELS: u64 = 32_000_000;
/// Bytes a pixel that decoders of JPEG (progressive) and WebP (animated) need beside the picture.
const SCRATCH_BYTES_A_PIXEL: u64 = 8;
/// Bytes that all decoding may take at the same time: one picture of the largest kind, or several
/// of those that phones send (400 MiB).
pub const MAX_DECODING_BYTES: u64 = 400 << 20;
/// The unit in which that memory is given out, in bytes.
const MEMORY_UNIT: u64 = 1 << 10;
/// Photos that are decoded at the same time: each takes a processor.
const DECODERS: usize = 2;
/// How long a photo waits for memory and a processor.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of photos that are on their way, or wait to be decoded (192 MiB).
pub const MAX_WAITING_BYTES: usize = 192 << 20;
/// The unit in which these are counted and set aside, in bytes.
const WAITING_UNIT: usize = 64 << 10;
/// The longer side of a photo as it is kept, pixels.
pub const KEPT_SIDE: u32 = 1600;
/// Of 100: beyond it files grow and nobody sees a difference.
const JPEG_QUALITY: u8 = 82;

/// Why a file is not taken as a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFault {
    /// Neither JPEG, PNG nor WebP, or damaged.
    NoPicture,
    /// More pixels than [`MAX_PIXELS`].
    TooManyPixels,
    /// Other photos take all the memory there is for them.
    Busy,
}

static WAITING: LazyLock<Budget> = LazyLock::new(|| Budget::new(MAX_WAITING_BYTES / WAITING_UNIT));
static PROCESSORS: LazyLock<Budget> = LazyLock::new(|| Budget::new(DECODERS));
static MEMORY: LazyLock<Budget> = LazyLock::new(|| {
    // 409,600 units.
    Budget::new(usize::try_from(MAX_DECODING_BYTES / MEMORY_UNIT).unwrap_or(0))
});

/// A file as it comes in, with the memory set aside for it.
#[derive(Debug, Default)]
pub struct PhotoFile {
    bytes: Vec<u8>,
    held: Option<OwnedSemaphorePermit>,
}

impl PhotoFile {
    /// Takes what came next; an error if there is no memory for it.
    pub fn push(&mut self, next: &[u8]) -> Result<(), PictureFault> {
        let held = self.held.as_ref().map_or(0, |held| held.num_permits());
        let missing = (self.bytes.len() + next.len())
            .div_ceil(WAITING_UNIT)
            .saturating_sub(held);
        if missing > 0 {
            let units = u32::try_from(missing).map_err(|_| PictureFault::Busy)?;
            let more = WAITING.try_take(units).ok_or(PictureFault::Busy)?;
            match &mut self.held {
                Some(held) => held.merge(more),
                held => *held = Some(more),
            }
            // Not twice as much each time: what is held is what is counted.
            let unused = self.bytes.capacity() - self.bytes.len();
            let wanted = missing * WAITING_UNIT + next.len();
            self.bytes.reserve_exact(wanted.saturating_sub(unused));
        }
        self.bytes.extend_from_slice(next);
        Ok(())
    }

    /// How many bytes have come.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if nothing has come.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Makes of a file the photo that is kept, as soon as there is memory and a processor for it.
pub async fn take(file: PhotoFile) -> Result<Photo, PictureFault> {
    let need = memory_for(&file.bytes)?;
    let units =
        u32::try_from(need.div_ceil(MEMORY_UNIT)).map_err(|_| PictureFault::TooManyPixels)?;
    let room = async {
        Some((
            PROCESSORS.take(1, PATIENCE).await?,
            MEMORY.take(units, PATIENCE).await?,
        ))
    };
    let room = tokio::time::timeout(PATIENCE, room).await.ok().flatten();
    let room = room.ok_or(PictureFault::Busy)?;
    let decoded = blocking::run((room, file.held), move || encode_anew(&file.bytes)).await;
    // A decoder that panics has met a file which is no picture.
    decoded.unwrap_or(Err(PictureFault::NoPicture))
}

/// Bytes that decoding this file takes at most. Reads its header alone.
fn memory_for(file: &[u8]) -> Result<u64, PictureFault> {
    let (format, decoder) = open(file)?;
    Ok(memory_of(format, &decoder) + file.len() as u64)
}

fn memory_of(format: ImageFormat, decoder: &impl ImageDecoder) -> u64 {
    let (width, height) = decoder.dimensions();
    let scratch = match format {
        // Row by row.
        ImageFormat::Png => 0,
        _ => u64::from(width) * u64::from(height) * SCRATCH_BYTES_A_PIXEL,
    };
    decoder.total_bytes() + scratch
}

/// A decoder that has read the header and nothing else.
fn open(file: &[u8]) -> Result<(ImageFormat, impl ImageDecoder + '_), PictureFault> {
    let format = match image::guess_format(file) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => format,
        _ => return Err(PictureFault::NoPicture),
    };
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODING_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PictureFault::TooManyPixels);
    }
    Ok((format, decoder))
}

/// Makes of a file the photo that is kept. Takes up to a second of processor time.
fn encode_anew(file: &[u8]) -> Result<Photo, PictureFault> {
    let (_, mut decoder) = open(file)?;
    let (width, height) = decoder.dimensions();
    let orientation = decoder.orientation();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(fault)?;
    if width.max(height) > KEPT_SIDE {
        // Of whole pixels: other filters need a picture of floating-point numbers in between.
        picture = picture.thumbnail(KEPT_SIDE, KEPT_SIDE);
    }
    if let Ok(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    let picture = on_white(&picture);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode_image(&picture)
        .map_err(fault)?;
    Ok(Photo {
        width: picture.width(),
        height: picture.height(),
        jpeg,
    })
}

/// The picture without transparency: JPEG has none, and what shines through is white paper.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let mut plain = RgbImage::new(picture.width(), picture.height());
    for (from, to) in picture.to_rgba8().pixels().zip(plain.pixels_mut()) {
        let [.., alpha] = from.0.map(u16::from);
        for (channel, value) in to.0.iter_mut().zip(from.0) {
            let mixed = (u16::from(value) * alpha + 255 * (255 - alpha)) / 255;
            *channel = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
    }
    plain
}

fn fault(error: ImageError) -> PictureFault {
    match error {
        ImageError::Limits(_) => PictureFault::TooManyPixels,
        _ => PictureFault::NoPicture,
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, Rgba, RgbaImage};

    use super::*;

    /// A JPEG, its left half red and its right half blue.
    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let colour = |x, _| {
            if x < width / 2 {
                Rgb([200, 0, 0])
            } else {
                Rgb([0, 0, 200])
            }
        };
        let mut file = Vec::new();
        RgbImage::from_fn(width, height, colour)
            .write_to(&mut Cursor::new(&mut file), ImageFormat::Jpeg)
            .unwrap();
        file
    }

    /// The same with an Exif segment (Exif 2.32 §4.5): the orientation, and a position in the GPS
    /// directory.
    fn with_position(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let mut tiff: Vec<u8> = b"MM\0\x2a\0\0\0\x08".to_vec();
        tiff.extend([0, 2]);
        tiff.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
        tiff.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38]);
        tiff.extend([0, 0, 0, 0]);
        tiff.extend([0, 1]);
        tiff.extend([0, 0x1d, 0, 2, 0, 0, 0, 11, 0, 0, 0, 56]);
        tiff.extend([0, 0, 0, 0]);
        tiff.extend(b"GPS-BISHKEK");
        let mut file = jpeg[..2].to_vec();
        file.extend([0xff, 0xe1]);
        file.extend(u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
        file.extend(b"Exif\0\0");
        file.extend(tiff);
        file.extend(&jpeg[2..]);
        file
    }

    #[test]
    fn the_largest_picture_fits_into_the_memory_that_is_set_aside() {
        let mut file = Vec::new();
        image::ImageBuffer::<Rgba<u16>, _>::new(1, 1)
            .write_to(&mut Cursor::new(&mut file), ImageFormat::Png)
            .unwrap();
        let side = 5_656_u32;
        claim(&mut file, side);
        let need = memory_for(&file).unwrap();
        assert!(need >= u64::from(side * side) * 8, "{need}");
        assert!(need <= MAX_DECODING_BYTES, "{need}");
        let most = MAX_PIXELS * (4 + SCRATCH_BYTES_A_PIXEL) + MAX_PHOTO_BYTES as u64;
        assert!(most <= MAX_DECODING_BYTES, "{most}");
    }

    #[tokio::test]
    async fn memory_is_set_aside_for_files_on_their_way_and_given_back() {
        let mut files = Vec::new();
        let piece = vec![0; 8 << 20];
        let full = loop {
            let mut file = PhotoFile::default();
            match file.push(&piece) {
                Ok(()) => files.push(file),
                Err(fault) => break fault,
            }
        };
        assert_eq!(full, PictureFault::Busy);
        assert!(files.len() * piece.len() <= MAX_WAITING_BYTES);
        files.pop();
        let mut next = PhotoFile::default();
        next.push(&piece).unwrap();
        assert_eq!(next.len(), piece.len());
        assert_eq!(next.push(&piece), Err(PictureFault::Busy));
    }

    fn contains(file: &[u8], text: &[u8]) -> bool {
        file.windows(text.len()).any(|part| part == text)
    }

    #[test]
    fn nothing_but_the_picture_is_left_and_it_stands_upright() {
        let sent = with_position(&jpeg(64, 32), 6);
        assert!(contains(&sent, b"Exif") && contains(&sent, b"GPS-BISHKEK"));
        let photo = encode_anew(&sent).unwrap();
        assert_eq!((photo.width, photo.height), (32, 64));
        for trace in [&b"Exif"[..], b"GPS", b"\xff\xe1"] {
            assert!(!contains(&photo.jpeg, trace), "{trace:?}");
        }
        let shown = image::load_from_memory(&photo.jpeg).unwrap().to_rgb8();
        // Turned by 90° clockwise, the left half is above.
        assert!(shown.get_pixel(16, 5).0[0] > 150 && shown.get_pixel(16, 60).0[2] > 150);
    }

    #[test]
    fn a_large_photo_is_made_smaller_and_transparency_becomes_white() {
        let photo = encode_anew(&jpeg(3200, 100)).unwrap();
        assert_eq!((photo.width, photo.height), (KEPT_SIDE, 50));
        let mut png = Vec::new();
        RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0]))
            .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
            .unwrap();
        let photo = encode_anew(&png).unwrap();
        let shown = image::load_from_memory(&photo.jpeg).unwrap().to_rgb8();
        assert!(shown.get_pixel(4, 4).0.iter().all(|value| *value > 250));
    }

    #[test]
    fn a_small_file_that_unpacks_to_far_too_much_is_refused_unopened() {
        // A PNG that claims 60,000 × 60,000 pixels in a few bytes: its header is all that is read
        // of it.
        let mut png = Vec::new();
        image::GrayImage::new(1, 1)
            .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
            .unwrap();
        claim(&mut png, 60_000);
        assert_eq!(encode_anew(&png), Err(PictureFault::TooManyPixels));
    }

    /// Makes the header of a PNG say that the picture has this many pixels each way.
    fn claim(png: &mut [u8], side: u32) {
        png[16..20].copy_from_slice(&side.to_be_bytes());
        png[20..24].copy_from_slice(&side.to_be_bytes());
        let crc = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&crc.to_be_bytes());
    }

    /// The checksum of PNG (ISO 15948 annex D).
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
            })
        })
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let mut cut = jpeg(64, 64);
        cut.truncate(30);
        for file in [&b""[..], b"%PDF-1.7", b"GIF89a\x01\0\x01\0", &cut] {
            assert_eq!(encode_anew(file), Err(PictureFault::NoPicture));
        }
    }
}
