//! What the window's libraries would read at every start, and an appliance has no use for.
//!
//! Under X11 that is the table of composed keys: half a megabyte of text, read twice, a third of
//! the time to the first frame. Whoever wants it sets its variable.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd as _, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};

/// Keeps the libraries from what is of no use here. To be called before any thread is started; what
/// it returns is to be kept until the window is there.
pub fn spare() -> Option<OwnedFd> {
    if has("XCOMPOSEFILE") {
        return None;
    }
    // It must be a file that can be read, or libxkbcommon complains.
    let table = memfd_create("no-composed-keys", MemfdFlags::CLOEXEC).ok()?;
    rustix::io::write(&table, b"# none\n").ok()?;
    set(
        "XCOMPOSEFILE",
        &format!("/proc/self/fd/{}", table.as_raw_fd()),
    );
    Some(table)
}

fn has(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value != OsStr::new(""))
}

fn set(name: &str, value: &str) {
    #[allow(
        unsafe_code,
        reason = "the libraries read the environment; there is no other way"
    )]
    // SAFETY: no other thread runs yet.
    unsafe {
        std::env::set_var(name, value);
    }
}
