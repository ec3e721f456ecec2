//! The emulated terminal of the power-cut tests: its program, and Debian's arm64 kernel with the
//! modules it needs, in `target/power/`. What is there already is used again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::packages::{self, CROSS_RUST, EMULATOR, Group};
use crate::run::{cargo, run, target, workspace};

/// What the program is compiled for.
const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Debian's name for it.
const ARCHITECTURE: &str = "arm64";
/// The package that depends on the newest kernel.
const KERNEL: &str = "linux-image-arm64";
/// Modules for an ext4 file system on a virtio disk and a port to the host, each after those it
/// needs.
const MODULES: [&str; 9] = [
    "lib/crc16",
    "crypto/crc32c_generic",
    "lib/libcrc32c",
    "fs/mbcache",
    "fs/jbd2/jbd2",
    "fs/ext4/ext4",
    "drivers/virtio/virtio_mmio",
    "drivers/block/virtio_blk",
    "drivers/char/virtio_console",
];

/// The packages it takes, depending on what the compiler in use can do.
pub fn packages() -> Vec<&'static Group> {
    if compiler_knows_target() {
        vec![&EMULATOR]
    } else {
        vec![&EMULATOR, &CROSS_RUST]
    }
}

/// Builds the program and fetches the kernel.
pub fn prepare() -> Result<()> {
    if !packages::on_debian() {
        println!(
            "      This is not Debian, whose packages it takes: the power cuts will be NOT TESTED"
        );
        return Ok(());
    }
    let folder = target().join("power");
    std::fs::create_dir_all(&folder)?;
    build(&folder)?;
    fetch_kernel(&folder)
}

/// Whether the standard library for arm64 lies beside the compiler in use.
fn compiler_knows_target() -> bool {
    let library = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(workspace())
        .output();
    library.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

fn build(folder: &Path) -> Result<()> {
    let arguments = [
        "build",
        "--locked",
        "--package",
        "pikir-guest",
        "--profile",
        "guest",
        "--target",
        TARGET,
        "--target-dir",
    ];
    let mut command = if compiler_knows_target() {
        cargo(&arguments)
    } else {
        // Debian's own, whichever comes first in PATH.
        let mut command = Command::new("/usr/bin/cargo");
        command.args(arguments).env("RUSTC", "/usr/bin/rustc");
        command.current_dir(workspace());
        command
    };
    let built = folder.join("build");
    // A static program is all that the machine's first file system has to hold.
    command
        .arg(&built)
        .env_remove("RUSTFLAGS")
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "aarch64-linux-gnu-gcc",
        )
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
            "-C target-feature=+crt-static",
        );
    run(&mut command)?;
    let program = built.join(TARGET).join("guest/pikir-guest");
    std::fs::copy(&program, folder.join("pikir-guest"))
        .with_context(|| format!("cannot copy {}", program.display()))?;
    Ok(())
}

fn fetch_kernel(folder: &Path) -> Result<()> {
    let kernel = folder.join("vmlinuz");
    if kernel.is_file() {
        return Ok(());
    }
    let fetched = folder.join("kernel");
    let modules = folder.join("modules");
    for old in [&fetched, &modules] {
        if old.exists() {
            std::fs::remove_dir_all(old)?;
        }
        std::fs::create_dir_all(old)?;
    }
    if download(&fetched).is_err() {
        packages::refresh(ARCHITECTURE)?;
        download(&fetched)?;
    }
    unpack(&fetched)?;
    let tree = only_entry(&fetched.join("lib/modules"))?.join("kernel");
    for (index, module) in MODULES.iter().enumerate() {
        let file = tree.join(format!("{module}.ko"));
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // Numbered, because they are loaded in the order of their names.
        std::fs::rename(&file, modules.join(format!("{index:02}-{name}")))
            .with_context(|| format!("the kernel has no module {module}"))?;
    }
    // Last, so that it stands for all of it.
    std::fs::rename(only_entry(&fetched.join("boot"))?, &kernel)?;
    Ok(std::fs::remove_dir_all(&fetched)?)
}

/// Downloads the kernel's package without installing it.
fn download(into: &Path) -> Result<()> {
    let depends = Command::new("apt-cache")
        .args(["depends", &format!("{KERNEL}:{ARCHITECTURE}")])
        .output()
        .context("apt-cache could not be started")?;
    let depends = String::from_utf8_lossy(&depends.stdout);
    let name = depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .with_context(|| format!("apt knows no package {KERNEL}:{ARCHITECTURE}"))?;
    run(Command::new("apt-get")
        .args(["download", "--quiet", name])
        .current_dir(into))
}

/// Unpacks what is needed of the one package in `folder`.
fn unpack(folder: &Path) -> Result<()> {
    let mut package = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(only_entry(folder)?)
        .stdout(Stdio::piped())
        .spawn()
        .context("dpkg-deb could not be started")?;
    let archive = package.stdout.take().context("dpkg-deb has no output")?;
    let wanted =
        MODULES.map(|module| OsString::from(format!("./lib/modules/*/kernel/{module}.ko")));
    run(Command::new("tar")
        .args(["--extract", "--wildcards", "./boot/vmlinuz-*"])
        .args(wanted)
        .stdin(archive)
        .current_dir(folder))?;
    ensure!(
        package.wait()?.success(),
        "the kernel's package cannot be read"
    );
    Ok(())
}

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let entry = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .next()
        .with_context(|| format!("{} is empty", folder.display()))?;
    Ok(entry?.path())
}
