//! The rows of a SQLite file, read page by page without SQLite and without trusting its trees
//! (file format: <https://sqlite.org/fileformat2.html>).
//!
//! Every page that looks like a leaf of a table is taken for one; whether a row means anything is
//! for the reader of the row to say (`salvage.rs`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::format::{PAGE_BYTES, short, varint};
use super::wal::Wal;
use crate::journal::error::JournalError;
use crate::platform::files;

/// Largest row that is believed (bytes); the largest the terminal writes is some kilobytes.
const MAX_ROW_BYTES: u64 = 1024 * 1024;
/// Marks a leaf page of a table.
const TABLE_LEAF: u8 = 0x0d;
/// Where the first page's tree begins, after the file's header.
const FILE_HEADER_BYTES: usize = 100;

/// A row as it lies in a page.
pub(in crate::journal) struct Cell {
    pub(in crate::journal) rowid: i64,
    /// The row in SQLite's record format.
    pub(in crate::journal) record: Vec<u8>,
}

/// A database file and its write-ahead log.
pub(in crate::journal) struct Pages {
    database: Option<File>,
    pages: u32,
    pub(in crate::journal) wal: Option<Wal>,
}

impl Pages {
    /// Opens what there is of `database` and its log.
    ///
    /// # Errors
    /// A file is there and cannot be opened.
    pub(in crate::journal) fn open(database: &Path) -> io::Result<Self> {
        let pages = files::len(database)?.div_ceil(PAGE_BYTES as u64);
        Ok(Self {
            database: (pages > 0)
                .then(|| files::open_to_read(database))
                .transpose()?,
            pages: pages.try_into().unwrap_or(u32::MAX),
            wal: Wal::of(database)?,
        })
    }

    /// Calls `each` for every row of every leaf page: first the valid part of the log from its end,
    /// then the database, then the rest of the log, so that of several copies of a row the most
    /// trustworthy comes first.
    ///
    /// # Errors
    /// `each` failed.
    pub(in crate::journal) fn for_each_cell(
        &self,
        mut each: impl FnMut(Cell) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let mut rows = |page: Option<Vec<u8>>, number: u32| -> Result<(), JournalError> {
            let cells = page.map(|page| self.cells(&page, number));
            in_order(cells.unwrap_or_default())
                .into_iter()
                .try_for_each(&mut each)
        };
        if let Some(wal) = &self.wal {
            for index in (0..wal.valid).rev() {
                rows(wal.page(index), 0)?;
            }
        }
        for number in 1..=self.pages {
            rows(self.database_page(number), number)?;
        }
        if let Some(wal) = &self.wal {
            for index in (wal.valid..wal.frames).rev() {
                rows(wal.page(index), 0)?;
            }
        }
        Ok(())
    }

    /// The rows of one page. Page `number` 1 of the database begins with the file's header; in the
    /// log the first page holds the schema alone, which nobody looks for, so it needs no care.
    fn cells(&self, page: &[u8], number: u32) -> Vec<Cell> {
        let start = if number == 1 { FILE_HEADER_BYTES } else { 0 };
        if page[start] != TABLE_LEAF {
            return Vec::new();
        }
        let count = usize::from(short(page, start + 3)).min(PAGE_BYTES / 4);
        (0..count)
            .filter_map(|index| {
                let pointer = start + 8 + 2 * index;
                let at = usize::from(short(page.get(pointer..pointer + 2)?, 0));
                self.cell(page.get(at..)?)
            })
            .collect()
    }

    fn cell(&self, bytes: &[u8]) -> Option<Cell> {
        let (total, first) = varint(bytes)?;
        let (rowid, second) = varint(&bytes[first..])?;
        if total > MAX_ROW_BYTES {
            return None;
        }
        let (total, rest) = (total as usize, &bytes[first + second..]);
        let here = local_bytes(total);
        let mut record = rest.get(..here)?.to_vec();
        if here < total {
            let next = u32::from_be_bytes(rest.get(here..here + 4)?.try_into().ok()?);
            self.follow(next, total, &mut record)?;
        }
        Some(Cell {
            rowid: rowid as i64,
            record,
        })
    }

    /// Appends the overflow pages of a row.
    fn follow(&self, mut next: u32, total: usize, record: &mut Vec<u8>) -> Option<()> {
        while record.len() < total {
            let newest = self
                .wal
                .as_ref()
                .and_then(|wal| wal.page(*wal.latest.get(&next)?));
            let page = newest.or_else(|| self.database_page(next))?;
            let wanted = (total - record.len()).min(PAGE_BYTES - 4);
            record.extend_from_slice(&page[4..4 + wanted]);
            next = u32::from_be_bytes(page[..4].try_into().ok()?);
        }
        Some(())
    }

    /// `None` where there is none, or the disk cannot read it. The last page may be cut short; the
    /// rest reads as zero.
    fn database_page(&self, number: u32) -> Option<Vec<u8>> {
        let file = self.database.as_ref()?;
        let at = u64::from(number.checked_sub(1)?) * PAGE_BYTES as u64;
        let mut page = vec![0; PAGE_BYTES];
        let mut filled = 0;
        while filled < PAGE_BYTES {
            match file.read_at(&mut page[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        (filled > 0).then_some(page)
    }
}

/// Whether the file begins as every journal does. SQLite takes some of these bytes at their word,
/// and would find the file read-only or in another encoding.
///
/// # Errors
/// It cannot be read.
pub(in crate::journal) fn begins_as_a_journal(database: &Path) -> io::Result<bool> {
    let mut header = [0; FILE_HEADER_BYTES];
    match files::open_to_read(database)?.read_exact_at(&mut header, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        other => other?,
    }
    Ok(header.starts_with(b"SQLite format 3\0")
        && short(&header, 16) as usize == PAGE_BYTES
        && [1, 2].contains(&header[18])
        && [1, 2].contains(&header[19])
        && header[20..24] == [0, 64, 32, 32]
        && header[44..48] == [0, 0, 0, 4]
        && header[56..60] == [0, 0, 0, 1])
}

/// Drops rows whose number breaks an order that its neighbours keep: a page holds its rows in
/// ascending order.
fn in_order(cells: Vec<Cell>) -> Vec<Cell> {
    let ids: Vec<i64> = cells.iter().map(|cell| cell.rowid).collect();
    let ascends = |a: Option<usize>, b: usize| {
        a.and_then(|a| ids.get(a))
            .zip(ids.get(b))
            .is_none_or(|(a, b)| a < b)
    };
    let odd = |at: usize| {
        let out_of_place = !ascends(at.checked_sub(1), at) || !ascends(Some(at), at + 1);
        // At an end the next two must agree with each other; inside, the one before and the one
        // after.
        out_of_place
            && match at {
                0 => ids.len() > 2 && ascends(Some(1), 2),
                _ if at + 1 == ids.len() => at > 1 && ascends(Some(at - 2), at - 1),
                _ => ascends(Some(at - 1), at + 1),
            }
    };
    let keep: Vec<bool> = (0..ids.len()).map(|at| !odd(at)).collect();
    cells
        .into_iter()
        .zip(keep)
        .filter_map(|(cell, keep)| keep.then_some(cell))
        .collect()
}

/// How much of a row of so many bytes lies in the leaf page itself.
fn local_bytes(total: usize) -> usize {
    if total <= PAGE_BYTES - 35 {
        return total;
    }
    let least = (PAGE_BYTES - 12) * 32 / 255 - 23;
    let local = least + (total - least) % (PAGE_BYTES - 4);
    if local <= PAGE_BYTES - 35 {
        local
    } else {
        least
    }
}
