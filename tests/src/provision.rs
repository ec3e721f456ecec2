//! The technician's tool, as a technician types it.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::bins;
use crate::process::{self, Running};

/// `pikir-provision enroll` for a terminal whose data lie in `data_dir`.
pub fn enroll_command(
    portal: &str,
    token: Option<&str>,
    data_dir: &Path,
    config: &Path,
) -> Result<Command> {
    let mut command = process::command(bins::path("pikir-provision")?);
    command
        .args(["enroll", "--portal", portal, "--data-dir"])
        .arg(data_dir)
        .arg("--config")
        .arg(config);
    if let Some(token) = token {
        command.args(["--token", token]);
    }
    Ok(command)
}

/// Enrols with a one-time token and waits for the end.
pub fn enroll(portal: &str, token: &str, data_dir: &Path, config: &Path) -> Result<()> {
    process::succeed(&mut enroll_command(portal, Some(token), data_dir, config)?).map(|_| ())
}

/// Starts an enrolment by device code, which waits for a technician's approval.
pub fn start_enrolment(portal: &str, data_dir: &Path, config: &Path) -> Result<Running> {
    Running::start(
        &enroll_command(portal, None, data_dir, config)?,
        &data_dir.with_extension("provision.log"),
    )
}
