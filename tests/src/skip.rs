//! What cannot be tested on this machine is said, and is a failure where everything has to be
//! tested.

use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::{Result, bail};

/// Set where a test that cannot run has to fail: a green run there means that everything was
/// tested.
pub const EVERYTHING: &str = "PIKIR_TEST_EVERYTHING";

/// Names a file to which that is added, for a runner that shows nothing of tests that pass.
const FILE: &str = "PIKIR_NOT_TESTED";

/// Says that `what` is not tested here; an error where [`EVERYTHING`] is set.
pub fn not_tested(what: &str) -> Result<()> {
    if std::env::var_os(EVERYTHING).is_some() {
        bail!("not tested, and {EVERYTHING} is set: {what}");
    }
    // The handle itself is not captured by the test runner: a passing test shows it, too. Where
    // nobody reads it there is nothing to be done.
    let _ = writeln!(std::io::stderr(), "\nNOT TESTED: {what}");
    if let Some(file) = std::env::var_os(FILE) {
        // In one write, because several tests may have something to say.
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(file)?
            .write_all(format!("NOT TESTED: {what}\n").as_bytes())?;
    }
    Ok(())
}
