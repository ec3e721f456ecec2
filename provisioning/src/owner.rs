//! Work as the owner of the data directory: root sets terminals up, but the service runs as `pikir`
//! and must be able to read what was written.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use rustix::process::{Gid, Uid};

/// Gives up root for the owner of `directory`, for the rest of the program. Does nothing for
/// anybody else, or where root owns the directory itself.
///
/// # Errors
/// The kernel refuses.
pub fn become_owner_of(directory: &Path) -> anyhow::Result<()> {
    let meta = std::fs::metadata(directory)
        .with_context(|| format!("{} cannot be read", directory.display()))?;
    if !rustix::process::getuid().is_root() || meta.uid() == 0 {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(meta.uid()), Gid::from_raw(meta.gid()));
    let change = || -> rustix::io::Result<()> {
        // Groups first: without root they cannot be changed any more. Other threads do not exist
        // yet.
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_gid(gid)?;
        rustix::thread::set_thread_uid(uid)
    };
    change().with_context(|| format!("cannot work as the owner of {}", directory.display()))
}
