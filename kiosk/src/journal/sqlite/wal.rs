//! SQLite's write-ahead log, read without SQLite (file format:
//! <https://sqlite.org/fileformat2.html#walformat>).
//!
//! SQLite stops at the first frame whose checksum is wrong and forgets the rest. After a power cut
//! that is right: the rest is the one transaction that was never answered. After damage in the
//! middle it would silently drop what was answered. Two transactions beyond that point tell the two
//! apart, because a transaction is written only when the one before it is on the disk.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::format::PAGE_BYTES;
use crate::journal::paths::with_suffix;
use crate::platform::files;

const HEADER_BYTES: u64 = 32;
const FRAME_HEADER_BYTES: usize = 24;
const FRAME_BYTES: usize = FRAME_HEADER_BYTES + PAGE_BYTES;
/// The header's first number; its last bit says that checksums read big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// A write-ahead log and what can be believed of it.
pub(in crate::journal) struct Wal {
    file: File,
    /// Whole frames in the file.
    pub(in crate::journal) frames: u32,
    /// Frames from the first that are valid and committed.
    pub(in crate::journal) valid: u32,
    /// Transactions that end beyond the valid frames.
    pub(in crate::journal) lost_commits: u32,
    /// The whole file is valid.
    pub(in crate::journal) whole: bool,
    /// The newest valid frame of each page.
    pub(in crate::journal) latest: HashMap<u32, u32>,
}

/// Where the log of this database lies.
pub(in crate::journal) fn place(database: &Path) -> PathBuf {
    with_suffix(database, "-wal")
}

impl Wal {
    /// Surveys the log of `database`; `None` where there is none or it is empty.
    ///
    /// # Errors
    /// It is there and cannot be opened.
    pub(in crate::journal) fn of(database: &Path) -> io::Result<Option<Self>> {
        let path = place(database);
        let bytes = files::len(&path)?;
        if bytes == 0 {
            return Ok(None);
        }
        let frames = bytes.saturating_sub(HEADER_BYTES) / FRAME_BYTES as u64;
        let mut wal = Self {
            file: files::open_to_read(&path)?,
            frames: frames.try_into().unwrap_or(u32::MAX),
            valid: 0,
            lost_commits: 0,
            whole: false,
            latest: HashMap::new(),
        };
        let salts = wal.survey();
        wal.lost_commits = wal.commits_beyond(salts);
        wal.whole = salts.is_some()
            && wal.valid == wal.frames
            && bytes == HEADER_BYTES + u64::from(wal.frames) * FRAME_BYTES as u64;
        Ok(Some(wal))
    }

    /// Follows the checksums to the last commit they reach. Returns the header's salts, if the
    /// header is valid.
    fn survey(&mut self) -> Option<[u8; 8]> {
        let mut header = [0; HEADER_BYTES as usize];
        self.file.read_exact_at(&mut header, 0).ok()?;
        let magic = word(&header, 0);
        let big = magic & 1 == 1;
        let mut sums = checksum(big, &header[..24], (0, 0));
        let sound = magic & !1 == MAGIC
            && word(&header, 8) as usize == PAGE_BYTES
            && sums == (word(&header, 24), word(&header, 28));
        if !sound {
            return None;
        }
        let salts: [u8; 8] = header[16..24].try_into().ok()?;
        let mut open: Vec<(u32, u32)> = Vec::new();
        for index in 0..self.frames {
            let Some(frame) = self.frame(index) else {
                break;
            };
            sums = checksum(big, &frame[..8], sums);
            sums = checksum(big, &frame[FRAME_HEADER_BYTES..], sums);
            if frame[8..16] != salts || sums != (word(&frame, 16), word(&frame, 20)) {
                break;
            }
            open.push((word(&frame, 0), index));
            if word(&frame, 4) != 0 {
                self.latest.extend(open.drain(..));
                self.valid = index + 1;
            }
        }
        Some(salts)
    }

    /// Commits beyond the valid frames that carry the log's salts; without a valid header those
    /// that most of them carry.
    fn commits_beyond(&self, salts: Option<[u8; 8]>) -> u32 {
        let mut commits: HashMap<[u8; 8], u32> = HashMap::new();
        for index in self.valid..self.frames {
            let Some(frame) = self.frame(index) else {
                continue;
            };
            let own = std::array::from_fn(|at| frame[8 + at]);
            if word(&frame, 4) != 0 && salts.is_none_or(|salts| salts == own) {
                *commits.entry(own).or_default() += 1;
            }
        }
        commits.into_values().max().unwrap_or(0)
    }

    /// Reads the page in a frame.
    pub(in crate::journal) fn page(&self, index: u32) -> Option<Vec<u8>> {
        let mut frame = self.frame(index)?;
        frame.drain(..FRAME_HEADER_BYTES);
        Some(frame)
    }

    /// `None` where the disk cannot read it.
    fn frame(&self, index: u32) -> Option<Vec<u8>> {
        let mut frame = vec![0; FRAME_BYTES];
        let at = HEADER_BYTES + u64::from(index) * FRAME_BYTES as u64;
        self.file.read_exact_at(&mut frame, at).ok()?;
        Some(frame)
    }
}

/// The big-endian number at `at`. Callers name places inside a header.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn checksum(big: bool, bytes: &[u8], (mut first, mut second): (u32, u32)) -> (u32, u32) {
    let number = |four: &[u8]| {
        let four = std::array::from_fn(|i| four[i]);
        if big {
            u32::from_be_bytes(four)
        } else {
            u32::from_le_bytes(four)
        }
    };
    for eight in bytes.chunks_exact(8) {
        first = first.wrapping_add(number(&eight[..4])).wrapping_add(second);
        second = second.wrapping_add(number(&eight[4..])).wrapping_add(first);
    }
    (first, second)
}
