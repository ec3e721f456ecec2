//! Finds the built programs beside the running one.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The path of a program of this workspace: in the folder of the running executable or, for a test
/// (which lies in `deps/`), in one above it.
pub fn path(name: &str) -> Result<PathBuf> {
    let running =
        std::env::current_exe().context("the running program does not know its own path")?;
    running
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .with_context(|| {
            format!("{name} is not built beside {}: run `cargo xtask test`, or `cargo build --workspace` first", running.display())
        })
}
