//! What an emulated machine is made of, and whether it is here.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process;

/// Where `cargo xtask test` puts the parts, beside `debug/` in the target folder.
const FOLDER: &str = "power";
/// The emulator.
pub const QEMU: &str = "qemu-system-aarch64";

/// The parts of an emulated machine.
pub struct Parts {
    /// Debian's arm64 kernel.
    pub kernel: PathBuf,
    /// The modules it needs for the disk and the port, in the order in which they are to be loaded.
    pub modules: Vec<PathBuf>,
    /// The cross-built `pikir-guest`.
    pub guest: PathBuf,
}

/// Whether machines can be emulated here.
pub enum Preparation {
    /// They can.
    Ready(Parts),
    /// They cannot, and this is why.
    Absent(String),
}

impl Preparation {
    /// Looks for the parts. On Debian, where `cargo xtask test` can bring them, it is an error when
    /// they are missing: a test that skips itself wherever nobody looks proves nothing.
    pub fn look() -> Result<Self> {
        let missing = match find() {
            Ok(parts) => return Ok(Self::Ready(parts)),
            Err(missing) => missing,
        };
        if Path::new("/etc/debian_version").exists() {
            bail!("{missing:#}: `cargo xtask test` brings it; run that once");
        }
        Ok(Self::Absent(format!(
            "{missing:#}, and this is not Debian, whose packages `cargo xtask test` builds it from"
        )))
    }
}

fn find() -> Result<Parts> {
    let running =
        std::env::current_exe().context("the running program does not know its own path")?;
    let folder = running
        .ancestors()
        .skip(1)
        .map(|folder| folder.join(FOLDER))
        .find(|folder| folder.is_dir())
        .with_context(|| format!("there is no folder {FOLDER} in the target folder"))?;
    let (kernel, guest) = (folder.join("vmlinuz"), folder.join("pikir-guest"));
    for part in [&kernel, &guest] {
        if !part.is_file() {
            bail!("{} is missing", part.display());
        }
    }
    let mut modules = std::fs::read_dir(folder.join("modules"))
        .context("the kernel's modules are missing")?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    modules.sort();
    process::command(QEMU)
        .arg("--version")
        .output()
        .with_context(|| format!("{QEMU} is missing"))?;
    Ok(Parts {
        kernel,
        modules,
        guest,
    })
}
