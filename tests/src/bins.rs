//! Finds the built programs beside the running one.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// Names a folder from which the terminal's programs are taken: the bench measures them as they are
/// shipped, small, and the portal as it runs on a server, fast.
pub const FOLDER: &str = "PIKIR_PROGRAMS";
const OF_THE_TERMINAL: [&str; 2] = ["pikir-kiosk", "pikir-provision"];

/// The path of a program of this workspace: in the folder of the running executable or, for a test
/// (which lies in `deps/`), in one above it; the terminal's in the folder that [`FOLDER`] names,
/// where it does.
pub fn path(name: &str) -> Result<PathBuf> {
    let running =
        std::env::current_exe().context("the running program does not know its own path")?;
    let preferred = std::env::var_os(FOLDER)
        .filter(|_| OF_THE_TERMINAL.contains(&name))
        .map(PathBuf::from);
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
