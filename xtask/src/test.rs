//! `cargo xtask test`: everything that must hold, in one way everywhere; CI runs the same.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::packages::{
    self, BROWSER, BUILD, FONTS, NPM, SPEECH, UNITS, VIRTUAL_DISPLAY, WINDOW, WRONG_CLOCK,
};
use crate::run::{cargo, run, succeeds, target, workspace};
use crate::steps::Steps;
use crate::{circles, guest};

/// The cargo-deny that reads `deny.toml` as it is written.
const CARGO_DENY: &str = "cargo-deny@0.20.2";
/// Names the file in which tests say what they could not test.
const NOT_TESTED: &str = "PIKIR_NOT_TESTED";
/// Crates whose tests start no other program.
const IN_PROCESS: [&str; 5] = [
    "pikir-contract",
    "pikir-portal",
    "pikir-provision",
    "pikir-kiosk",
    "xtask",
];

/// Runs all checks and tests, in the order in which they are quick to fail.
pub fn test() -> Result<()> {
    let mut steps = Steps::new(9);
    steps.step("Debian packages", install)?;
    steps.step("Formatting", formatting)?;
    steps.step("Circles between files", circles::check)?;
    steps.step("Lints", lints)?;
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
    steps.step("Tests", tests)?;
    steps.finish();
    Ok(())
}

/// What is worth running before every commit.
pub fn quick() -> Result<()> {
    let mut steps = Steps::new(4);
    steps.step("Formatting", formatting)?;
    steps.step("Circles between files", circles::check)?;
    steps.step("Lints", lints)?;
    steps.step("Tests without other programs", || {
        let packages = IN_PROCESS.iter().flat_map(|name| ["--package", name]);
        // The screens' tests draw thousands of pictures.
        let kinds = [
            "--lib", "--bins", "--test", "contract", "--test", "machines", "--test", "web",
        ];
        run(runner().args(["--no-fail-fast"]).args(packages).args(kinds))
    })?;
    steps.finish();
    Ok(())
}

fn install() -> Result<()> {
    let mut groups = vec![
        &BUILD,
        &WINDOW,
        &VIRTUAL_DISPLAY,
        &BROWSER,
        &FONTS,
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
}

fn formatting() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))
}

/// `cargo nextest run` where it is installed: it runs tests of several files side by side
/// (`.config/nextest.toml`).
fn runner() -> Command {
    match has_nextest() {
        true => cargo(&["nextest", "run"]),
        false => cargo(&["test"]),
    }
}

fn has_nextest() -> bool {
    succeeds(&mut cargo(&["nextest", "--version"]))
}

fn tests() -> Result<()> {
    let told = target().join("not-tested.txt");
    std::fs::write(&told, "").with_context(|| format!("cannot write {}", told.display()))?;
    let outcome = run_tests(&told);
    // At the end, where somebody reads it: nextest shows nothing of tests that pass.
    print!("{}", std::fs::read_to_string(&told)?);
    outcome
}

fn run_tests(told: &Path) -> Result<()> {
    let all = ["--workspace", "--no-fail-fast"];
    if has_nextest() {
        // nextest leaves the examples in documentation to cargo.
        run(cargo(&["test", "--doc"]).args(all))?;
    }
    run(runner().args(all).env(NOT_TESTED, told))
}

/// Checks the dependencies against `deny.toml`; known vulnerabilities only where their database can
/// be had.
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

/// Fetches the advisory database. A network that swallows packets must not hold up the tests: a
/// minute is enough.
fn database_reached() -> bool {
    let fetch = cargo(&["deny", "fetch", "db"]);
    let mut limited = Command::new("timeout");
    limited
        .arg("60")
        .arg(fetch.get_program())
        .args(fetch.get_args())
        .current_dir(workspace());
    succeeds(&mut limited)
}
