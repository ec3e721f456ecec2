//! axe-core, which looks for what keeps people with disabilities out of a page. Only tests use it;
//! it is fetched from the npm registry, never kept in the repository (Mozilla Public Licence 2.0).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::process;

/// The version that is used: another one may find other things.
const VERSION: &str = "4.14.1";
/// SHA-512 of the package as the registry has it.
const SHA512: &str = "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5";

/// The script, fetched the first time.
pub fn script() -> Result<String> {
    let path = beside_the_tests("axe")?.join(format!("axe-core-{VERSION}.js"));
    if !path.is_file() {
        fetch(&path)?;
    }
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// A folder beside the built tests, so that `cargo clean` removes it.
pub(crate) fn beside_the_tests(name: &str) -> Result<PathBuf> {
    let running = std::env::current_exe()?;
    let target = running
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let folder = target
        .with_context(|| format!("{} lies in no target directory", running.display()))?
        .join(name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

fn fetch(path: &Path) -> Result<()> {
    let dir = tempfile::tempdir_in(path.parent().context("no folder for axe-core")?)?;
    let mut pack = process::inheriting("npm");
    pack.args(["pack", "--silent", "--ignore-scripts"])
        .arg(format!("axe-core@{VERSION}"))
        .current_dir(dir.path());
    process::succeed(&mut pack)
        .context("axe-core comes from the npm registry: npm and a network are needed once")?;
    let package = dir.path().join(format!("axe-core-{VERSION}.tgz"));
    let sum = process::succeed(process::command("sha512sum").arg(&package))?.stdout;
    ensure!(
        sum.starts_with(SHA512.as_bytes()),
        "the registry sent another axe-core {VERSION} than the one that is pinned: {}",
        String::from_utf8_lossy(&sum)
    );
    let mut unpack = process::command("tar");
    unpack
        .arg("-xzf")
        .arg(&package)
        .arg("package/axe.min.js")
        .current_dir(dir.path());
    process::succeed(&mut unpack)?;
    // In one step: another test may be doing the same.
    std::fs::rename(dir.path().join("package/axe.min.js"), path)
        .with_context(|| format!("cannot write {}", path.display()))
}
