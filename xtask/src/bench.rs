//! `cargo xtask bench`: builds for speed and hands over to `pikir-bench`.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Result, bail};

use crate::packages::{self, BROWSER, BUILD, VIRTUAL_DISPLAY, WINDOW};
use crate::run::{cargo, run, target};
use crate::steps::Steps;

/// What can be measured alone.
pub const PARTS: [&str; 6] = ["commit", "pending", "drain", "ingest", "fleet", COUNTER];
/// The part that needs the terminal's window, a display and a browser.
const COUNTER: &str = "counter";
/// The profile of the portal on its server; the figures are taken with it.
const PROFILE: &str = "server";

/// Builds the programs and becomes `pikir-bench`.
pub fn bench(quick: bool, parts: &[String]) -> Result<()> {
    let counter = parts.is_empty() || parts.iter().any(|part| part == COUNTER);
    let mut steps = Steps::new(3);
    let groups: &[&packages::Group] = match counter {
        true => &[&BUILD, &WINDOW, &VIRTUAL_DISPLAY, &BROWSER],
        false => &[&BUILD],
    };
    steps.step("Debian packages", || packages::ensure(groups))?;
    steps.step("Building for speed (many minutes the first time)", || {
        let selection = ["--package", "pikir-portal", "--package", "pikir-tests"];
        let programs = ["--bin", "pikir-portal", "--bin", "pikir-bench"];
        run(cargo(&["build", "--profile", PROFILE])
            .args(selection)
            .args(programs))?;
        if counter {
            let terminal = ["--package", "pikir-kiosk", "--package", "pikir-provision"];
            run(cargo(&["build", "--release"]).args(terminal))?;
        }
        Ok(())
    })?;

    println!("\n[3/3] Measuring");
    let mut program = Command::new(target().join(PROFILE).join("pikir-bench"));
    program.arg("--out").arg(target().join("bench"));
    if quick {
        program.arg("--quick");
    }
    program.args(parts);
    if counter {
        // The terminal as it is shipped: small rather than fast.
        program.env("PIKIR_PROGRAMS", target().join("release"));
    }
    // The bench takes this process's place, so that Ctrl-C reaches it and nothing is between.
    let error = program.exec();
    bail!(
        "{} could not be started: {error}",
        program.get_program().display()
    )
}
