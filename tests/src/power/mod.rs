//! Power cuts: the kiosk's journal in an emulated arm64 machine whose power fails while it takes
//! ratings.
//!
//! The machine (`machine.rs`) is `qemu-system-aarch64` with Debian's kernel and one program,
//! `pikir-guest`, which appends ratings through the kiosk's own library to an ext4 disk and says
//! `ACK` after each. The power fails when QEMU is killed. A [`Life`] boots the same disk again and
//! again, and holds every acknowledged rating against what is found.
//!
//! # What this shows
//! - Whatever was acknowledged had left the kernel's page cache *and* the disk's own cache. The
//!   disk (`disk.rs`) keeps what was written since the last flush apart, and at the cut each of its
//!   blocks reaches the medium or does not, by chance: writes are lost and reordered as far as a
//!   disk with a volatile cache may do that. Every other cut is timed by the disk: it goes silent
//!   with a write, before that can be flushed.
//! - SQLite's recovery, ext4's recovery and the journal's own start work on such a disk, also when
//!   the power fails again while they run.
//! - The control does the same transactions with `synchronous=NORMAL` and loses acknowledged
//!   ratings. Without it, nothing would tell this test from one that cannot fail.
//!
//! # What it does not show
//! - A block of 4 KiB is written whole or not at all, as ext4 itself needs it for its superblock.
//!   Blocks torn at 512 bytes are the business of the fault-injecting SQLite VFS.
//! - A disk that says it has flushed and has not (a worn or forged card) is not modelled here
//!   either.
//! - An SD card can damage blocks that were not being written. Nothing here does that; recovery has
//!   tests of its own.

mod disk;
mod initramfs;
mod life;
mod machine;
mod nbd;
mod parts;
mod report;

pub use life::{Life, Tally};
pub use machine::JournalKind;
pub use parts::{Parts, Preparation};

use anyhow::{Context, Result};

/// Random bytes of the system.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
    Ok(bytes)
}

/// A random number in `0..limit`.
fn random_below(limit: u64) -> Result<u64> {
    Ok(u64::from_le_bytes(random()?) % limit.max(1))
}
