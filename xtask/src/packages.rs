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
    names: &["chromium", "chromium-driver"],
};

/// What checks the service units.
pub const UNITS: Group = Group {
    why: "to check the service units with systemd-analyze",
    names: &["systemd"],
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

/// Which of `names` are installed; `None` where there is no dpkg.
fn installed(names: &[&str]) -> Result<Option<HashSet<String>>> {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\n"])
        .args(names)
        .output();
    match query {
        // dpkg-query ends with 1 when it does not know one of the names: that is an answer, too.
        Ok(output) => Ok(Some(parse_status(&String::from_utf8_lossy(&output.stdout)))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("dpkg-query could not be started"),
    }
}

/// The names that dpkg-query reports as fully installed.
fn parse_status(lines: &str) -> HashSet<String> {
    lines
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, status)| *status == "installed")
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn install(missing: &[&str]) -> Result<()> {
    let by_hand = format!(
        "apt-get update && apt-get install --no-install-recommends {}",
        missing.join(" ")
    );
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !root && !succeeds(Command::new("sudo").arg("--version")) {
        bail!(
            "you are not root and there is no sudo. Let someone with root run\n  {by_hand}\nand start this again"
        );
    }
    if !root {
        println!("      installing needs root: sudo may ask for your password");
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if root { "env" } else { "sudo" });
        command.args(if root { &[][..] } else { &["env"][..] });
        command
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .args(arguments);
        run(&mut command)
    };
    apt(&["update", "--quiet"])
        .and_then(|()| {
            apt(&[
                &["install", "--yes", "--quiet", "--no-install-recommends"],
                missing,
            ]
            .concat())
        })
        .with_context(|| {
            format!("packages are missing and could not be installed. As root, try\n  {by_hand}\n")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_with_leftover_configuration_counts_as_missing() {
        let installed = parse_status("gcc installed\nxvfb config-files\nnovnc not-installed\n");
        assert!(installed.contains("gcc"));
        assert!(!installed.contains("xvfb"));
        assert!(!installed.contains("novnc"));
    }
}
