//! Debian packages: what is needed for what, which of it is missing, and its installation.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{run, succeeds};

/// Packages that are needed together, and what for.
pub struct Group {
    why: &'static str,
    names: &'static [&'static str],
}

/// What cargo needs to compile and link the terminal and SQLite.
pub const BUILD: Group = Group {
    why: "to compile and link the programs",
    names: &[
        "gcc",
        "libc6-dev",
        "pkg-config",
        "libudev-dev",
        "libinput-dev",
        "libxkbcommon-dev",
    ],
};

/// Libraries that the terminal's window loads at run time.
pub const WINDOW: Group = Group {
    why: "to show the terminal's window on X11",
    names: &[
        "libx11-6",
        "libxcursor1",
        "libxi6",
        "libx11-xcb1",
        "libxkbcommon-x11-0",
    ],
};

/// A display that exists in memory only.
pub const VIRTUAL_DISPLAY: Group = Group {
    why: "to run the terminal on a virtual display",
    names: &["xvfb"],
};

/// The way to watch and tap that display from a browser.
pub const REMOTE_DISPLAY: Group = Group {
    why: "to watch and tap the virtual display in a browser",
    names: &["x11vnc", "novnc"],
};

/// The phone of the tests and of the unattended demonstration.
pub const BROWSER: Group = Group {
    why: "to open the phone page as a phone would",
    names: &["chromium", "chromium-driver", "fonts-dejavu-core"],
};

/// Other typefaces than a bare machine's.
pub const FONTS: Group = Group {
    why: "to try the pages on a machine that has other typefaces",
    names: &["fonts-noto-core"],
};

/// What speaks for the terminal.
pub const SPEECH: Group = Group {
    why: "to hear the terminal speak its five languages",
    names: &["espeak-ng"],
};

/// What fetches axe-core and html-validate, which the tests of the pages use.
pub const NPM: Group = Group {
    why: "to fetch axe-core and html-validate, which look for barriers and faults in the pages",
    names: &["npm"],
};

/// What sets a terminal's clock wrong, and nobody else's.
pub const WRONG_CLOCK: Group = Group {
    why: "to run the terminal with a wrong clock",
    names: &["faketime"],
};

/// What checks the service units.
pub const UNITS: Group = Group {
    why: "to check the service units with systemd-analyze",
    names: &["systemd"],
};

/// What emulates a terminal whose power can be cut, and links the program that runs in it.
pub const EMULATOR: Group = Group {
    why: "to emulate an arm64 terminal and cut its power",
    names: &[
        "qemu-system-arm",
        "gcc-aarch64-linux-gnu",
        "libc6-dev-arm64-cross",
        "e2fsprogs",
    ],
};

/// A compiler for arm64, where the one in use has no such target.
pub const CROSS_RUST: Group = Group {
    why: "to compile for arm64 (`rustup target add aarch64-unknown-linux-gnu` serves as well)",
    names: &["rustc-web", "cargo-web", "libstd-rust-web-dev:arm64"],
};

/// What makes the root directory of a bare Debian.
pub const BARE_DEBIAN: Group = Group {
    why: "to make a bare Debian in a root directory",
    names: &["mmdebstrap", "git"],
};

/// Installs what is missing of `groups`, as root or through sudo, and says what and why.
pub fn ensure(groups: &[&Group]) -> Result<()> {
    let wanted: Vec<&str> = groups
        .iter()
        .flat_map(|group| group.names)
        .copied()
        .collect();
    let Some(installed) = installed(&wanted)? else {
        println!(
            "      This is not Debian (no dpkg-query), so nothing is installed for you. Needed here is what Debian calls:"
        );
        println!("      {}", wanted.join(" "));
        return Ok(());
    };
    let missing: Vec<&str> = wanted
        .into_iter()
        .filter(|name| !installed.contains(*name))
        .collect();
    if missing.is_empty() {
        println!("      every Debian package that is needed is there");
        return Ok(());
    }
    for group in groups {
        let of_group: Vec<&str> = group
            .names
            .iter()
            .filter(|name| missing.contains(name))
            .copied()
            .collect();
        if !of_group.is_empty() {
            println!("      missing {}: {}", group.why, of_group.join(" "));
        }
    }
    install(&missing)
}

/// Whether this is a Debian, or made from one.
pub fn on_debian() -> bool {
    succeeds(Command::new("dpkg-query").arg("--version"))
}

/// Makes apt know the newest packages, those of the foreign `architecture` included.
pub fn refresh(architecture: &str) -> Result<()> {
    run(&mut as_root(&["dpkg", "--add-architecture", architecture]))?;
    run(&mut as_root(&["apt-get", "update", "--quiet"]))
}

/// Which of `names` are installed; `None` where there is no dpkg.
fn installed(names: &[&str]) -> Result<Option<HashSet<String>>> {
    let query = Command::new("dpkg-query")
        .args([
            "--show",
            "--showformat=${Package} ${Architecture} ${db:Status-Status}\n",
        ])
        .args(names)
        .output();
    let listed = match query {
        // dpkg-query ends with 1 when it does not know one of the names: that is an answer, too.
        Ok(output) => output.stdout,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("dpkg-query could not be started"),
    };
    let native = Command::new("dpkg")
        .arg("--print-architecture")
        .output()
        .context("dpkg could not be started")?
        .stdout;
    let (listed, native) = (
        String::from_utf8_lossy(&listed),
        String::from_utf8_lossy(&native),
    );
    Ok(Some(parse_status(&listed, native.trim())))
}

/// What dpkg-query reports as fully installed: `name` for this machine, `name:architecture` for
/// any.
fn parse_status(lines: &str, native: &str) -> HashSet<String> {
    let mut names = HashSet::new();
    for line in lines.lines() {
        let [name, architecture, "installed"] = line.split(' ').collect::<Vec<_>>()[..] else {
            continue;
        };
        names.insert(format!("{name}:{architecture}"));
        if [native, "all"].contains(&architecture) {
            names.insert(name.to_owned());
        }
    }
    names
}

/// Whether this process may install, mount and change its root.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// A command line as root, through sudo where need be.
fn as_root(line: &[&str]) -> Command {
    let root = is_root();
    let mut command = Command::new(if root { "env" } else { "sudo" });
    command.args(if root { &[][..] } else { &["env"][..] });
    command.arg("DEBIAN_FRONTEND=noninteractive").args(line);
    command
}

fn install(missing: &[&str]) -> Result<()> {
    let foreign = missing
        .iter()
        .find_map(|name| Some(name.split_once(':')?.1));
    let by_hand = format!(
        "{}apt-get update && apt-get install --no-install-recommends {}",
        foreign.map_or(String::new(), |name| format!(
            "dpkg --add-architecture {name} && "
        )),
        missing.join(" ")
    );
    if !is_root() && !succeeds(Command::new("sudo").arg("--version")) {
        bail!(
            "you are not root and there is no sudo. Let someone with root run\n  {by_hand}\nand start this again"
        );
    }
    if !is_root() {
        println!("      installing needs root: sudo may ask for your password");
    }
    let known = match foreign {
        Some(architecture) => refresh(architecture),
        None => run(&mut as_root(&["apt-get", "update", "--quiet"])),
    };
    let line = [
        "apt-get",
        "install",
        "--yes",
        "--quiet",
        "--no-install-recommends",
    ];
    known
        .and_then(|()| run(&mut as_root(&[&line[..], missing].concat())))
        .with_context(|| {
            format!("packages are missing and could not be installed. As root, try\n  {by_hand}\n")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_with_leftover_configuration_counts_as_missing() {
        let installed = parse_status(
            "gcc amd64 installed\nxvfb amd64 config-files\nnovnc all not-installed\n",
            "amd64",
        );
        assert!(installed.contains("gcc"));
        assert!(!installed.contains("xvfb"));
        assert!(!installed.contains("novnc"));
    }

    #[test]
    fn a_package_of_another_architecture_counts_only_where_that_is_asked_for() {
        let installed = parse_status(
            "libstd-rust-web-dev arm64 installed\nnovnc all installed\ngcc amd64 installed\n",
            "amd64",
        );
        assert!(installed.contains("libstd-rust-web-dev:arm64"));
        assert!(!installed.contains("libstd-rust-web-dev"));
        assert!(installed.contains("novnc"));
        assert!(installed.contains("gcc"));
    }
}
