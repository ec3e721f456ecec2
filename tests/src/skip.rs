//! What cannot be tested on this machine is said, and is a failure where everything has to be tested.

use std::io::Write as _;

use anyhow::{Result, bail};

/// Set where a test that cannot run has to fail: a green run there means that everything was tested.
pub const EVERYTHING: &str = "PIKIR_TEST_EVERYTHING";

/// Says that `what` is not tested here; an error where [`EVERYTHING`] is set.
pub fn not_tested(what: &str) -> Result<()> {
    if std::env::var_os(EVERYTHING).is_some() {
        bail!("not tested, and {EVERYTHING} is set: {what}");
    }
    // The handle itself is not captured by the test runner: a passing test shows it, too. Where nobody reads it there is
    // nothing to be done.
    let _ = writeln!(std::io::stderr(), "\nNOT TESTED: {what}");
    Ok(())
}
