//! What a `POST` carries: JSON, whose end may be packed before its beginning is known.
//!
//! A delivery says when it is sent, so it cannot be made ready beforehand. But nearly all of it are
//! events, which can: they are compressed while the delivery before is under way. When it is their
//! turn, the beginning goes before them in the same gzip member (RFC 1952), uncompressed: a deflate
//! stream is a row of blocks, and a stored one (RFC 1951, 3.2.4) begins and ends at whole bytes.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use flate2::read::DeflateDecoder;
use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};

use crate::limits::COMPRESS_FROM_BYTES;

/// Begins a gzip member (RFC 1952, 2.3): deflate, no further fields, no time, made fast, on any
/// system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// Longest stored block (bytes).
const MAX_STORED: usize = u16::MAX as usize;

/// JSON to be sent. Clones share what is packed.
#[derive(Clone)]
pub struct Content {
    begin: Vec<u8>,
    end: Option<Arc<Packed>>,
}

/// The end of a JSON text, ready to be sent behind a beginning.
pub struct End(Kind);

enum Kind {
    /// Too short to be worth packing.
    Plain(Vec<u8>),
    Packed(Arc<Packed>),
}

struct Packed {
    /// Deflate blocks to the end of the stream.
    blocks: Vec<u8>,
    /// Of what they hold.
    crc: Crc,
}

impl End {
    /// Packs the end of a JSON text.
    ///
    /// # Errors
    /// It cannot be compressed.
    pub fn pack(json: Vec<u8>) -> io::Result<Self> {
        if json.len() < COMPRESS_FROM_BYTES {
            return Ok(Self(Kind::Plain(json)));
        }
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&json)?;
        let mut crc = Crc::new();
        crc.update(&json);
        let blocks = packer.finish()?;
        Ok(Self(Kind::Packed(Arc::new(Packed { blocks, crc }))))
    }
}

impl Content {
    /// A JSON text that begins with `begin` and ends with `end`.
    #[must_use]
    pub fn joined(mut begin: Vec<u8>, end: End) -> Self {
        match end.0 {
            Kind::Plain(json) => {
                begin.extend_from_slice(&json);
                Self::from(begin)
            }
            Kind::Packed(packed) => Self {
                begin,
                end: Some(packed),
            },
        }
    }

    /// The JSON text itself, unpacked again.
    ///
    /// # Errors
    /// Never: what is unpacked was packed here.
    pub fn json(&self) -> io::Result<Vec<u8>> {
        let mut json = self.begin.clone();
        if let Some(packed) = &self.end {
            DeflateDecoder::new(packed.blocks.as_slice()).read_to_end(&mut json)?;
        }
        Ok(json)
    }

    /// The bytes to be sent, and whether they are gzip.
    ///
    /// # Errors
    /// They cannot be compressed.
    pub(super) fn into_sent(self) -> io::Result<(Vec<u8>, bool)> {
        match self.end {
            Some(packed) => Ok((member(&self.begin, &packed), true)),
            None if self.begin.len() >= COMPRESS_FROM_BYTES => {
                let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
                packer.write_all(&self.begin)?;
                Ok((packer.finish()?, true))
            }
            None => Ok((self.begin, false)),
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(json: Vec<u8>) -> Self {
        Self {
            begin: json,
            end: None,
        }
    }
}

impl fmt::Debug for Content {
    /// Shows nothing of what it holds: a comment is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").finish_non_exhaustive()
    }
}

/// One gzip member of `begin`, as stored blocks, and of what was packed.
fn member(begin: &[u8], packed: &Packed) -> Vec<u8> {
    let mut member = Vec::with_capacity(begin.len() + packed.blocks.len() + 64);
    member.extend_from_slice(&GZIP_HEADER);
    for part in begin.chunks(MAX_STORED) {
        // A chunk is never longer than 16 bits can say.
        let length = part.len() as u16;
        member.push(0);
        member.extend_from_slice(&length.to_le_bytes());
        member.extend_from_slice(&(!length).to_le_bytes());
        member.extend_from_slice(part);
    }
    member.extend_from_slice(&packed.blocks);
    let mut crc = Crc::new();
    crc.update(begin);
    crc.combine(&packed.crc);
    member.extend_from_slice(&crc.sum().to_le_bytes());
    member.extend_from_slice(&crc.amount().to_le_bytes());
    member
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;

    use super::*;

    fn unpacked(sent: &[u8]) -> Vec<u8> {
        let mut decoder = GzDecoder::new(sent);
        let mut unpacked = Vec::new();
        decoder.read_to_end(&mut unpacked).unwrap();
        let rest = decoder.into_inner();
        assert!(rest.is_empty(), "one member, and nothing behind it");
        unpacked
    }

    #[test]
    fn what_was_packed_beforehand_is_one_gzip_member_with_its_beginning() {
        let end: Vec<u8> = (0..50_000_u32)
            .flat_map(|n| (n % 977).to_le_bytes())
            .collect();
        for length in [0, 1, 200, MAX_STORED, MAX_STORED + 1, 3 * MAX_STORED + 7] {
            let begin: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let whole = [begin.clone(), end.clone()].concat();
            let content = Content::joined(begin, End::pack(end.clone()).unwrap());
            assert_eq!(content.json().unwrap(), whole);
            let (sent, zipped) = content.into_sent().unwrap();
            assert!(zipped);
            assert_eq!(unpacked(&sent), whole, "{length} bytes before");
        }
    }

    #[test]
    fn what_is_short_travels_as_it_is_and_what_is_long_does_not() {
        let short = Content::joined(
            b"{\"events\":".to_vec(),
            End::pack(b"[]}".to_vec()).unwrap(),
        );
        assert_eq!(
            short.into_sent().unwrap(),
            (b"{\"events\":[]}".to_vec(), false)
        );
        let long = vec![b' '; COMPRESS_FROM_BYTES];
        let (sent, zipped) = Content::from(long.clone()).into_sent().unwrap();
        assert!(zipped && sent.len() < long.len() / 4);
        assert_eq!(unpacked(&sent), long);
    }
}
