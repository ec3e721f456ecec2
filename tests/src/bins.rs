//! Finds the built programs beside the running one.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// Names a folder whose programs come first: the bench measures the terminal as it is shipped.
pub const FOLDER: &str = "PIKIR_PROGRAMS";

/// The path of a program of this workspace: in the folder that [`FOLDER`] names, in that of the running executable or,
/// for a test (which lies in `deps/`), in one above it.
pub fn path(name: &str) -> Result<PathBuf> {
    let running =
        std::env::current_exe().context("the running program does not know its own path")?;
    let preferred = std::env::var_os(FOLDER).map(PathBuf::from);
    let beside = running.ancestors().skip(1).take(3).map(PathBuf::from);
    preferred
        .into_iter()
        .chain(beside)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .with_context(|| {
            format!("{name} is not built beside {}: run `cargo xtask test`, or `cargo build --workspace` first", running.display())
        })
}
