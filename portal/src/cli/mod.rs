//! The command line: `pikir-portal --help`.
//!
//! Exit code 0: done. 1: it could not be done. 2: the command was wrong (an option, a file that
//! cannot be used).

mod calendar;
mod import;
mod organization;
mod place;
mod reconcile;
mod serve;
mod settings;
mod terminal;
mod token;
mod user;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;
use serde_json::json;

use crate::storage::{Migrated, Migrating, Storage, StorageError, file_in};

/// The central portal for Pikir feedback terminals
#[derive(Debug, Parser)]
#[command(
    name = "pikir-portal",
    version,
    about,
    propagate_version = true,
    subcommand_required = true
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Directory the portal keeps its data in
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/var/lib/pikir-portal"
    )]
    data_dir: PathBuf,
    /// Database to use instead of the one in the data directory: sqlite:PATH
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Print the result as JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the portal
    Serve(serve::Args),
    /// Organisations and the units below them
    #[command(subcommand)]
    Organization(organization::Command),
    /// Places where terminals stand and posters hang
    #[command(subcommand)]
    Place(place::Command),
    /// Holidays, moved working days and short ones
    #[command(subcommand)]
    Calendar(calendar::Command),
    /// One-time tokens that enrol terminals in bulk
    #[command(subcommand)]
    Token(token::Command),
    /// Staff who sign in
    #[command(subcommand)]
    User(user::Command),
    /// Terminals: list them, reconcile what they took, take them out of service
    #[command(subcommand)]
    Terminal(terminal::Command),
    /// Take in a journal written by `pikir-kiosk journal export`
    Import(import::Args),
    /// Bring the database of an older version up to date, while no portal runs
    Migrate,
}

/// Why a command ends without being done.
#[derive(Debug)]
pub enum CliError {
    /// The command was wrong: exit code 2.
    Usage(String),
    /// It could not be done: exit code 1.
    Failed(String),
}

impl CliError {
    /// The command was wrong.
    pub fn usage(why: impl Display) -> Self {
        Self::Usage(why.to_string())
    }

    /// It could not be done.
    pub fn failed(why: impl Display) -> Self {
        Self::Failed(why.to_string())
    }
}

impl From<StorageError> for CliError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::DataDir { .. } => Self::usage(error),
            _ => Self::failed(error),
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return report(&CliError::failed(format_args!(
                "cannot start threads: {error}"
            )));
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

async fn run(cli: Cli) -> Result<(), CliError> {
    let common = &cli.common;
    match cli.command {
        Command::Serve(args) => serve::run(args, common).await,
        Command::Organization(command) => organization::run(command, common).await,
        Command::Place(command) => place::run(command, common).await,
        Command::Calendar(command) => calendar::run(command, common).await,
        Command::Token(command) => token::run(command, common).await,
        Command::User(command) => user::run(command, common).await,
        Command::Terminal(command) => terminal::run(command, common).await,
        Command::Import(args) => import::run(args, common).await,
        Command::Migrate => migrate(common),
    }
}

fn migrate(common: &Common) -> Result<(), CliError> {
    let Migrated { from, to } = Storage::migrate_file(&common.database()?)?;
    let text = match from {
        Some(from) if from == to => format!("the database is at version {to} already"),
        Some(from) => format!("the database is at version {to}, from {from}"),
        None => format!("a database was made, at version {to}"),
    };
    common.answer(&json!({"from": from, "to": to}), text)
}

/// There is no such organisation.
fn no_organization(code: &str) -> CliError {
    CliError::failed(format_args!(
        "there is no organisation {code}; `pikir-portal organization list` shows those there are"
    ))
}

/// Refuses a calendar that was never imported.
async fn check_calendar(storage: &Storage, name: Option<&str>) -> Result<(), CliError> {
    match name {
        Some(name) if storage.calendar_days(Some(name)).await?.is_empty() => Err(CliError::failed(
            format_args!("there is no calendar {name}; `pikir-portal calendar import` makes one"),
        )),
        _ => Ok(()),
    }
}

fn report(error: &CliError) -> ExitCode {
    let (text, code) = match error {
        CliError::Failed(text) => (text, 1),
        CliError::Usage(text) => (text, 2),
    };
    note(format_args!("pikir-portal: {text}"));
    ExitCode::from(code)
}

/// Writes a line for the person at the keyboard to standard error.
pub fn note(text: impl Display) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl Common {
    /// Opens the database that the options name. One of an older version is refused: a portal may
    /// be running on it.
    pub fn storage(&self) -> Result<Storage, CliError> {
        Ok(Storage::open_file(&self.database()?, Migrating::No)?)
    }

    /// The database file that the options name.
    fn database(&self) -> Result<PathBuf, CliError> {
        let Some(url) = &self.database else {
            return Ok(file_in(&self.data_dir)?);
        };
        match url
            .strip_prefix("sqlite:")
            .map(|path| path.strip_prefix("//").unwrap_or(path))
        {
            Some(path) if !path.is_empty() => Ok(path.into()),
            _ => Err(CliError::usage(format_args!(
                "--database {url}: only SQLite is supported so far; write sqlite:PATH, such as sqlite:/srv/pikir/portal.db"
            ))),
        }
    }

    /// Writes a command's result to standard output: `value` as JSON if asked for, otherwise
    /// `text`.
    pub fn answer(&self, value: &impl Serialize, text: impl Display) -> Result<(), CliError> {
        let mut output = std::io::stdout().lock();
        let written = if self.json {
            let json = serde_json::to_string(value).map_err(CliError::failed)?;
            writeln!(output, "{json}")
        } else {
            let text = text.to_string();
            if text.is_empty() {
                Ok(())
            } else {
                writeln!(output, "{}", text.trim_end_matches('\n'))
            }
        };
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(CliError::failed(error))
            }
            _ => Ok(()),
        }
    }
}
