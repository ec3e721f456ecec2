//! The technician's tool for Pikir feedback terminals.

mod enroll;
mod owner;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Set up Pikir feedback terminals.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong use or set-up."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Enrol this terminal at the portal: with a token at once, without one by a code that you
    /// approve there
    Enroll(EnrollArgs),
}

#[derive(Args)]
struct EnrollArgs {
    #[arg(
        long,
        value_name = "URL",
        help = "The portal's address, such as https://otzyv.example [default: what terminal.toml says]"
    )]
    portal: Option<String>,
    /// One-time token for this place, made by: pikir-portal token create
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PIKIR_TOKEN",
        // Older portals make tokens that begin with a hyphen.
        allow_hyphen_values = true,
        hide_env_values = true
    )]
    token: Option<String>,
    /// Settings of this machine; written with the portal's address if there is no such file yet
    /// [default: /etc/pikir/terminal.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the terminal keeps its data [default: /var/lib/pikir]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON: one object for each step
    #[arg(long)]
    json: bool,
}

/// Why a command did not do its work, by exit code.
#[derive(Debug)]
enum ToolError {
    /// Wrong use or set-up: exit code 2.
    Use(String),
    /// Failed: exit code 1.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for ToolError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

fn main() -> ExitCode {
    pikir_kiosk::platform::log::start("error");
    let result = match Cli::parse().command {
        Command::Enroll(args) => enroll::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(ToolError::Use(message)) => complain(&message, 2),
        Err(ToolError::Failed(error)) => complain(&format!("{error:#}"), 1),
    }
}

#[allow(clippy::print_stderr, reason = "a technician reads it")]
fn complain(message: &str, code: u8) -> ExitCode {
    eprintln!("pikir-provision: {message}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_begin_with_a_hyphen() {
        let line = ["pikir-provision", "enroll", "--token", "-Cq7w"];
        let Command::Enroll(args) = Cli::try_parse_from(line).unwrap().command;
        assert_eq!(args.token.as_deref(), Some("-Cq7w"));
    }
}
