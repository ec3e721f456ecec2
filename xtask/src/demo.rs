//! `cargo xtask demo`: installs, builds, and hands over to `pikir-demo`.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Result, bail};

use crate::packages::{self, BROWSER, BUILD, REMOTE_DISPLAY, VIRTUAL_DISPLAY, WINDOW};
use crate::run::{cargo, run, target_debug};
use crate::steps::Steps;

/// Installs and builds what the demonstration needs and becomes it.
pub fn demo(once: bool) -> Result<()> {
    let display = std::env::var_os("DISPLAY").is_some_and(|value| !value.is_empty());
    let mut groups = vec![&BUILD, &WINDOW];
    if once {
        groups.extend([&VIRTUAL_DISPLAY, &BROWSER]);
    } else if !display {
        groups.extend([&VIRTUAL_DISPLAY, &REMOTE_DISPLAY]);
    }

    let mut steps = Steps::new(3);
    steps.step("Debian packages", || packages::ensure(&groups))?;
    steps.step(
        "Building the programs (a few minutes the first time)",
        || {
            let packages = [
                "pikir-portal",
                "pikir-kiosk",
                "pikir-provision",
                "pikir-tests",
            ];
            let selection = packages.iter().flat_map(|name| ["--package", name]);
            run(cargo(&["build", "--bins"]).args(selection))
        },
    )?;

    println!("\n[3/3] The demonstration");
    let mut program = Command::new(target_debug().join("pikir-demo"));
    if once {
        program.arg("--once");
    }
    // The demonstration takes this process's place, so that Ctrl-C reaches it and nothing is
    // between.
    let error = program.exec();
    bail!(
        "{} could not be started: {error}",
        program.get_program().display()
    )
}
