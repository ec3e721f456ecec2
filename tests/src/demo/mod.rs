//! The demonstration: a portal with two sample organisations and a terminal that works, on this
//! machine alone.
//!
//! Attended, it opens the terminal's window and tells where to look until Ctrl-C. Unattended, it
//! goes the whole way itself and proves it by the figures.

use std::path::PathBuf;

use anyhow::{Context, Result};

mod attended;
mod remote;
mod stage;
mod unattended;

/// Runs the demonstration; everything it started has ended when this returns.
pub fn run(once: bool) -> Result<()> {
    if once {
        unattended::run()
    } else {
        attended::run()
    }
}

/// Where the pictures of the screens go: `demo/` in cargo's target directory, which is made.
fn pictures() -> Result<PathBuf> {
    let program =
        std::env::current_exe().context("the running program does not know its own path")?;
    let target = program
        .ancestors()
        .nth(2)
        .context("the program does not lie in a target directory")?;
    let folder = target.join("demo");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// One thing that was done.
fn done(what: &str) {
    println!("  ✓ {what}");
}
