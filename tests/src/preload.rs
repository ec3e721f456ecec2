//! Libraries that come between a program and the machine it runs on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process;

/// Compiles a C source of this package (`framebuffer/framebuffer.c`) to a library in `dir` that can
/// be preloaded.
pub fn compile(source: &str, dir: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let name = source.file_stem().context("a source has a name")?;
    let library = dir.join(name).with_extension("so");
    process::succeed(
        process::command("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .arg(&source),
    )
    .with_context(|| format!("{} cannot be compiled", source.display()))?;
    Ok(library)
}

/// Debian's libfaketime: between a program and the C library's clock.
pub fn libfaketime() -> Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")?.flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketime.so.1"))
        .find(|library| library.is_file())
        .context("libfaketime is missing (Debian's package faketime): run `cargo xtask test`")
}
