//! `cargo xtask test`: everything that must hold, in one way everywhere; CI runs the same.

use std::process::Command;

use anyhow::Result;

use crate::guest;
use crate::packages::{
    self, BROWSER, BUILD, NPM, SPEECH, UNITS, VIRTUAL_DISPLAY, WINDOW, WRONG_CLOCK,
};
use crate::run::{cargo, run, succeeds};
use crate::steps::Steps;

/// The cargo-deny that reads `deny.toml` as it is written.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// Runs all checks and tests, in the order in which they are quick to fail.
pub fn test() -> Result<()> {
    let mut steps = Steps::new(8);
    steps.step("Debian packages", || {
        let mut groups = vec![
            &BUILD,
            &WINDOW,
            &VIRTUAL_DISPLAY,
            &BROWSER,
            &WRONG_CLOCK,
            &UNITS,
            &SPEECH,
        ];
        // From wherever it came: nodejs.org's package is not called npm.
        if !succeeds(Command::new("npm").arg("--version")) {
            groups.push(&NPM);
        }
        groups.extend(guest::packages());
        packages::ensure(&groups)
    })?;
    steps.step("Formatting", || {
        run(&mut cargo(&["fmt", "--all", "--check"]))
    })?;
    steps.step("Lints", || {
        run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))
    })?;
    steps.step(
        "Licences, banned crates and sources of the dependencies",
        dependencies,
    )?;
    steps.step("Documentation", || {
        run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    // All targets at once, so that the tests find the programs built from the same features.
    steps.step("Building the programs and the tests", || {
        run(&mut cargo(&["build", "--workspace", "--all-targets"]))
    })?;
    steps.step("Building the guest for the power cuts", guest::prepare)?;
    steps.step("Tests", || {
        run(&mut cargo(&["test", "--workspace", "--no-fail-fast"]))
    })?;
    steps.finish();
    Ok(())
}

/// Checks the dependencies against `deny.toml`; known vulnerabilities only where their database can be had.
fn dependencies() -> Result<()> {
    if !succeeds(&mut cargo(&["deny", "--version"])) {
        println!("      cargo-deny is missing and is built now; this takes some minutes, once");
        run(&mut cargo(&["install", "--locked", CARGO_DENY]))?;
    }
    run(&mut cargo(&[
        "deny", "check", "licenses", "bans", "sources",
    ]))?;
    if database_reached() {
        run(&mut cargo(&[
            "deny",
            "check",
            "--disable-fetch",
            "advisories",
        ]))
    } else {
        println!(
            "      advisories are not checked: their database (github.com/rustsec/advisory-db) cannot be reached from here"
        );
        Ok(())
    }
}

/// Fetches the advisory database. A network that swallows packets must not hold up the tests: a minute is enough.
fn database_reached() -> bool {
    let fetch = cargo(&["deny", "fetch", "db"]);
    let mut limited = Command::new("timeout");
    limited
        .arg("60")
        .arg(fetch.get_program())
        .args(fetch.get_args())
        .current_dir(crate::run::workspace());
    succeeds(&mut limited)
}
