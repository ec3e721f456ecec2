//! The service units are ones that systemd understands, and lock the programs in well.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use pikir_tests::process;
use tempfile::TempDir;

const UNITS: [&str; 2] = ["pikir-kiosk.service", "pikir-portal.service"];

/// systemd's exposure level times ten: 3.0.
const MAX_EXPOSURE: &str = "30";

/// From this version on systemd knows the settings of the back-off drop-ins.
const KNOWS_BACK_OFF: u32 = 254;

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd")
}

/// A root directory in which the packages are installed as far as systemd looks: the units, the
/// programs they start, and the system units they refer to.
fn installed() -> Result<TempDir> {
    let root = tempfile::tempdir()?;
    let units = root.path().join("usr/lib/systemd/system");
    let programs = root.path().join("usr/bin");
    fs::create_dir_all(&units)?;
    fs::create_dir_all(&programs)?;
    let system = Path::new("/usr/lib/systemd/system");
    for entry in fs::read_dir(system).context("systemd is not installed: run `cargo xtask test`")? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("target")) {
            fs::copy(
                &path,
                units.join(path.file_name().context("an entry has a name")?),
            )?;
        }
    }
    for unit in ["getty@.service", "systemd-user-sessions.service"] {
        fs::copy(system.join(unit), units.join(unit))?;
    }
    for unit in UNITS {
        fs::copy(sources().join(unit), units.join(unit))?;
        let program = programs.join(unit.trim_end_matches(".service"));
        fs::write(&program, "#!/bin/sh\n")?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        if version()? >= KNOWS_BACK_OFF {
            let drop_ins = units.join(format!("{unit}.d"));
            fs::create_dir(&drop_ins)?;
            fs::copy(
                sources().join(format!("{unit}.d/back-off.conf")),
                drop_ins.join("back-off.conf"),
            )?;
        }
    }
    Ok(root)
}

fn version() -> Result<u32> {
    let output = process::command("systemd-analyze")
        .arg("--version")
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text
        .split_whitespace()
        .nth(1)
        .context("systemd-analyze tells no version")?;
    number
        .parse()
        .with_context(|| format!("systemd-analyze's version {number:?} is no number"))
}

/// Runs systemd-analyze on both units; it must end well.
fn analyze(arguments: &[&str]) -> Result<String> {
    let root = installed()?;
    let output = process::command("systemd-analyze")
        .args(arguments)
        .arg(format!("--root={}", root.path().display()))
        .args(UNITS)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .context("systemd-analyze cannot be started: run `cargo xtask test`")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(
        output.status.success(),
        "systemd-analyze {}: {said}",
        arguments.join(" ")
    );
    Ok(said)
}

#[test]
fn systemd_finds_nothing_to_complain_about_in_the_units() -> Result<()> {
    assert_eq!(analyze(&["verify", "--recursive-errors=yes"])?, "");
    Ok(())
}

#[test]
fn the_units_expose_no_more_than_three_point_nought() -> Result<()> {
    let said = analyze(&[
        "security",
        "--offline=yes",
        "--no-pager",
        &format!("--threshold={MAX_EXPOSURE}"),
    ])?;
    assert_eq!(
        said.matches("Overall exposure level").count(),
        UNITS.len(),
        "{said}"
    );
    Ok(())
}

#[test]
fn every_group_and_user_a_unit_names_is_made_by_sysusers_or_comes_with_debian() -> Result<()> {
    let made: String = ["pikir-kiosk.conf", "pikir-portal.conf"]
        .iter()
        .map(|file| fs::read_to_string(sources().join("sysusers.d").join(file)))
        .collect::<std::io::Result<_>>()?;
    let made: Vec<&str> = made
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    let debian = ["video", "render", "input", "audio"];
    for unit in UNITS {
        let text = fs::read_to_string(sources().join(unit))?;
        let values = ["User=", "Group=", "SupplementaryGroups="];
        let named = text
            .lines()
            .filter_map(|line| values.iter().find_map(|key| line.strip_prefix(key)));
        for name in named.flat_map(str::split_whitespace) {
            assert!(
                made.contains(&name) || debian.contains(&name),
                "{unit} names {name}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_udev_rules_open_the_panel_to_groups_that_the_terminal_is_in() -> Result<()> {
    let rules = fs::read_to_string(sources().join("udev/70-pikir-kiosk.rules"))?;
    let unit = fs::read_to_string(sources().join("pikir-kiosk.service"))?;
    let groups = unit
        .lines()
        .find_map(|line| line.strip_prefix("SupplementaryGroups="))
        .context("the unit names no groups")?;
    let words: Vec<&str> = rules.split([' ', '"']).collect();
    let opened: Vec<&str> = words
        .windows(3)
        .filter(|run| run[0] == "/bin/chgrp")
        .map(|run| if run[1] == "-R" { run[2] } else { run[1] })
        .collect();
    assert_eq!(opened, ["video", "gpio"]);
    for group in opened {
        assert!(groups.split(' ').any(|name| name == group), "{group}");
    }
    assert!(
        unit.contains("ReadWritePaths=-/sys/devices"),
        "ProtectKernelTunables= makes /sys read-only otherwise"
    );
    Ok(())
}

#[test]
fn sysusers_understands_what_it_is_to_make() -> Result<()> {
    let root = tempfile::tempdir()?;
    fs::create_dir_all(root.path().join("etc"))?;
    for file in ["pikir-kiosk.conf", "pikir-portal.conf"] {
        let output = process::command("systemd-sysusers")
            .args(["--dry-run", &format!("--root={}", root.path().display())])
            // With --root a relative name would be looked up inside it; a path with a slash is
            // taken as it is.
            .arg(sources().join("sysusers.d").join(file).canonicalize()?)
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.status.success() && !said.contains("nvalid"),
            "{file}: {said}"
        );
    }
    Ok(())
}
