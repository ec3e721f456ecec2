//! `cargo xtask bench`: builds for speed and hands over to `pikir-bench`.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Result, bail};

use crate::packages::{self, BUILD};
use crate::run::{cargo, run, target};
use crate::steps::Steps;

/// What can be measured alone.
pub const PARTS: [&str; 5] = ["commit", "pending", "drain", "ingest", "fleet"];
/// The profile of the portal on its server; the figures are taken with it.
const PROFILE: &str = "server";

/// Builds the programs and becomes `pikir-bench`.
pub fn bench(quick: bool, parts: &[String]) -> Result<()> {
    let mut steps = Steps::new(3);
    steps.step("Debian packages", || packages::ensure(&[&BUILD]))?;
    steps.step("Building for speed (many minutes the first time)", || {
        let selection = ["--package", "pikir-portal", "--package", "pikir-tests"];
        let programs = ["--bin", "pikir-portal", "--bin", "pikir-bench"];
        run(cargo(&["build", "--profile", PROFILE])
            .args(selection)
            .args(programs))
    })?;

    println!("\n[3/3] Measuring");
    let mut program = Command::new(target().join(PROFILE).join("pikir-bench"));
    program.arg("--out").arg(target().join("bench"));
    if quick {
        program.arg("--quick");
    }
    program.args(parts);
    // The bench takes this process's place, so that Ctrl-C reaches it and nothing is between.
    let error = program.exec();
    bail!(
        "{} could not be started: {error}",
        program.get_program().display()
    )
}
