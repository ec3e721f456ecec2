//! `cargo xtask test --fresh`: both commands of the README on a bare Debian 12, in a root directory
//! of its own.
//!
//! Nothing is in it but what the README asks for: Rust, its linker, git. What the commands lack
//! they install themselves. The commit at hand is tested, not what is uncommitted. Downloads of
//! cargo are shared with the machine; nothing that was compiled is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::packages::{self, BARE_DEBIAN};
use crate::run::{run, succeeds, target, workspace};
use crate::steps::Steps;

/// The release that the README names.
const RELEASE: &str = "bookworm";
/// What is there beside Debian's essential packages and apt.
const INCLUDED: &str = "--include=ca-certificates,gcc,git,libc6-dev";
/// Certificates with which this machine's programs reach registries.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";
/// How names are resolved; where Rust is mounted; where the sources are.
const RESOLVER: &str = "etc/resolv.conf";
const RUST: &str = "opt/rust";
const SOURCES: &str = "root/pikir";

/// Becomes the first process of the new root: `$1`, with Rust from `$2` and cargo's downloads from
/// `$3`.
const ENTER: &str = r#"set -eu
root=$1; rust=$2; downloads=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount --bind -o ro "$rust" "$root/opt/rust"
if [ -d "$downloads" ]; then mount --bind "$downloads" "$root/root/.cargo/registry"; fi
exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 CI="${CI:-}" \
    PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$@"
"#;

/// Makes the root and runs both commands in it.
pub fn fresh() -> Result<()> {
    ensure!(
        packages::is_root(),
        "a root directory of its own takes root: sudo -E env PATH=\"$PATH\" cargo xtask test --fresh"
    );
    println!(
        "What cannot be had in a root directory: another kernel, a running systemd, a screen, a touch panel.\nTests that need one of them say NOT TESTED."
    );
    let root = target().join("fresh/root");
    let mut steps = Steps::new(4);
    steps.step("A bare Debian 12", || make_root(&root))?;
    steps.step("Rust and the sources", || furnish(&root))?;
    for (what, arguments) in [
        (
            "In it: cargo xtask demo --once",
            ["demo", "--once"].as_slice(),
        ),
        ("In it: cargo xtask test", ["test"].as_slice()),
    ] {
        steps.step(what, || run(&mut inside(&root, arguments)?))?;
    }
    steps.finish();
    Ok(())
}

/// A new root each time, so that nothing of an earlier run is in it.
fn make_root(root: &Path) -> Result<()> {
    packages::ensure(&[&BARE_DEBIAN])?;
    ensure!(
        !is_mounted(root)?,
        "something is still mounted in {}: another run?",
        root.display()
    );
    if root.exists() {
        std::fs::remove_dir_all(root)?;
    }
    let folder = root.parent().context("the root has a folder")?;
    std::fs::create_dir_all(folder)?;
    run(Command::new("mmdebstrap")
        .args(["--variant=apt", "--mode=root", INCLUDED, RELEASE])
        .arg(root))
}

fn is_mounted(root: &Path) -> Result<bool> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let root = root.to_string_lossy();
    Ok(mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .any(|place| place.starts_with(&*root)))
}

fn furnish(root: &Path) -> Result<()> {
    for folder in [RUST, "root/.cargo/registry"] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    for file in [AUTHORITIES, RESOLVER] {
        let from = Path::new("/").join(file);
        if from.exists() {
            std::fs::copy(&from, root.join(file))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    let changed = Command::new("git")
        .args(["status", "--porcelain"])
        .current_dir(workspace())
        .output()
        .context("git could not be started")?;
    if !changed.stdout.is_empty() {
        println!("      what is not committed is not tested");
    }
    run(Command::new("git")
        .args(["clone", "--quiet", "--no-hardlinks"])
        .arg(workspace())
        .arg(root.join(SOURCES)))
}

/// `cargo xtask …` in the root, in a mount and a process namespace of its own: everything in it
/// ends with it.
fn inside(root: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c"])
        .args([ENTER, "sh"])
        .arg(root)
        .arg(toolchain()?)
        .arg(cargo_home()?.join("registry"))
        .args(["sh", "-c", "cd \"/$0\" && exec cargo xtask \"$@\"", SOURCES])
        .args(arguments);
    Ok(command)
}

/// The toolchain in use, with its cargo.
fn toolchain() -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(workspace())
        .output()
        .context("rustc could not be started")?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let cargo = sysroot.join("bin/cargo");
    if !succeeds(Command::new(&cargo).arg("--version")) {
        bail!("{} is no toolchain that can be lent", sysroot.display());
    }
    Ok(sysroot)
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(PathBuf::from(home).join(".cargo"))
}
