//! A disk with a volatile cache, which a power cut empties in part.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::random;
use crate::process;

/// What reaches the medium whole or not at all (bytes).
const BLOCK_BYTES: usize = 4096;
/// Size of the disk: the terminal wants 64 MiB free, the rest is for the journal (bytes).
const DISK_BYTES: u64 = 128 * 1024 * 1024;

/// A disk in memory.
#[derive(Clone)]
pub struct Disk {
    /// What a power cut cannot take.
    medium: Vec<u8>,
    /// Blocks written since the last flush, by number.
    cache: BTreeMap<usize, Box<[u8]>>,
}

impl Disk {
    /// A disk with an empty ext4 file system, made by mke2fs in `dir`.
    pub fn format(dir: &Path) -> Result<Self> {
        let image = dir.join("empty.img");
        std::fs::File::create(&image)?.set_len(DISK_BYTES)?;
        process::succeed(
            process::command("/sbin/mke2fs")
                .args(["-q", "-F", "-t", "ext4", "-b", "4096"])
                .arg(&image),
        )
        .context("the data disk cannot be formatted")?;
        let medium = std::fs::read(&image)?;
        std::fs::remove_file(&image)?;
        Ok(Self::holding(medium))
    }

    fn holding(medium: Vec<u8>) -> Self {
        Self {
            medium,
            cache: BTreeMap::new(),
        }
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.medium.len()
    }

    /// Whether `bytes` at `offset` lie on this disk.
    pub fn holds(&self, offset: usize, bytes: usize) -> bool {
        offset
            .checked_add(bytes)
            .is_some_and(|end| end <= self.medium.len())
    }

    /// Reads what was written last, flushed or not. The range must lie on the disk
    /// ([`Disk::holds`]).
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        into.copy_from_slice(&self.medium[offset..offset + into.len()]);
        for (block, from, to) in blocks(offset, into.len()) {
            if let Some(cached) = self.cache.get(&block) {
                let start = block * BLOCK_BYTES;
                into[start + from - offset..start + to - offset].copy_from_slice(&cached[from..to]);
            }
        }
    }

    /// Writes into the cache. The range must lie on the disk ([`Disk::holds`]).
    pub fn write(&mut self, offset: usize, data: &[u8]) {
        for (block, from, to) in blocks(offset, data.len()) {
            let start = block * BLOCK_BYTES;
            let cached = self.cache.entry(block).or_insert_with(|| {
                let end = (start + BLOCK_BYTES).min(self.medium.len());
                self.medium[start..end].into()
            });
            cached[from..to].copy_from_slice(&data[start + from - offset..start + to - offset]);
        }
    }

    /// Moves the cache to the medium.
    pub fn flush(&mut self) {
        for (block, data) in std::mem::take(&mut self.cache) {
            let start = block * BLOCK_BYTES;
            self.medium[start..start + data.len()].copy_from_slice(&data);
        }
    }

    /// The power fails: of the cache each block reaches the medium or does not, by chance. Returns
    /// how many did not.
    pub fn cut(&mut self) -> Result<usize> {
        let mut forgotten = 0;
        for (block, data) in std::mem::take(&mut self.cache) {
            if random::<1>()?[0] & 1 == 0 {
                let start = block * BLOCK_BYTES;
                self.medium[start..start + data.len()].copy_from_slice(&data);
            } else {
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }

    /// Keeps the medium as a file, so that a failure can be looked into.
    pub fn keep(&self, path: &Path) -> Result<()> {
        std::fs::write(path, &self.medium)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The blocks that `bytes` at `offset` touch: number, first byte and end within the block.
fn blocks(offset: usize, bytes: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let end = offset + bytes;
    (offset / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES)).map(move |block| {
        let start = block * BLOCK_BYTES;
        (
            block,
            offset.max(start) - start,
            end.min(start + BLOCK_BYTES) - start,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(disk: &Disk, offset: usize, bytes: usize) -> Vec<u8> {
        let mut into = vec![0; bytes];
        disk.read(offset, &mut into);
        into
    }

    #[test]
    fn what_was_written_is_read_before_and_after_a_flush_across_blocks() {
        let mut disk = Disk::holding(vec![0; 4 * BLOCK_BYTES]);
        disk.write(BLOCK_BYTES - 3, &[7; 6]);
        assert_eq!(read(&disk, BLOCK_BYTES - 4, 8), [0, 7, 7, 7, 7, 7, 7, 0]);
        disk.flush();
        assert_eq!(read(&disk, BLOCK_BYTES - 4, 8), [0, 7, 7, 7, 7, 7, 7, 0]);
    }

    #[test]
    fn a_cut_leaves_what_was_flushed_and_forgets_some_of_the_rest() {
        let blocks = 200;
        let mut disk = Disk::holding(vec![0; blocks * BLOCK_BYTES]);
        disk.write(0, &vec![1; blocks * BLOCK_BYTES]);
        disk.flush();
        disk.write(0, &vec![2; blocks * BLOCK_BYTES]);
        // All or nothing of 200 blocks has a chance of 2^-199.
        let forgotten = disk.cut().unwrap();
        assert!(0 < forgotten && forgotten < blocks, "{forgotten}");
        let whole = read(&disk, 0, blocks * BLOCK_BYTES);
        let old = whole.iter().filter(|byte| **byte == 1).count();
        assert_eq!(old, forgotten * BLOCK_BYTES);
        assert!(whole.iter().all(|byte| *byte == 1 || *byte == 2));
    }

    #[test]
    fn nothing_beyond_the_end_lies_on_the_disk() {
        let disk = Disk::holding(vec![0; BLOCK_BYTES]);
        assert!(disk.holds(0, BLOCK_BYTES));
        assert!(!disk.holds(1, BLOCK_BYTES));
        assert!(!disk.holds(usize::MAX, 2));
    }
}
