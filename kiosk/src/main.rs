//! The command line of the terminal.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use pikir_kiosk::app::{self, AppError, Options};
use pikir_kiosk::platform::clock::{Clock, SystemClock};
use pikir_kiosk::platform::files::DataDir;
use pikir_kiosk::{control, journal};

/// The Pikir feedback terminal: shows the organisation's QR code, takes ratings, delivers them to
/// the portal.
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
    /// Run the terminal (what the service pikir-kiosk does)
    Run {
        /// Settings of this machine [default: /etc/pikir/terminal.toml]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        data: Data,
        /// Show a window of this size instead of taking the whole screen, such as 800x480
        #[arg(long, value_name = "WxH", value_parser = parse_size)]
        windowed: Option<(u32, u32)>,
    },
    /// Say how the running terminal is: in service, what waits, how the portal answers
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Look at the journal of ratings
    #[command(subcommand)]
    Journal(JournalCommand),
}

#[derive(Subcommand)]
enum JournalCommand {
    /// Check that the journal is whole: structure, order, every event readable
    Verify {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Write all events to FILE, to be carried to the portal (pikir-portal import FILE)
    Export {
        /// The file to write; an existing one is replaced
        file: PathBuf,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Args)]
struct Data {
    /// Where the terminal keeps its data [default: /var/lib/pikir]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    pikir_kiosk::platform::log::start("warn,pikir_kiosk=info");
    match carry_out(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::from(if matches!(error, AppError::SetUp(_)) {
                2
            } else {
                1
            })
        }
    }
}

#[allow(clippy::print_stderr, reason = "a person at a terminal reads it")]
fn complain(error: &AppError) {
    eprintln!("pikir-kiosk: {error}");
}

fn carry_out(command: Command) -> Result<ExitCode, AppError> {
    match command {
        Command::Run {
            config,
            data,
            windowed,
        } => {
            app::run(&Options {
                config,
                data_dir: data.data_dir,
                windowed,
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Status { json, data } => status(json, &data),
        Command::Journal(JournalCommand::Verify { json, data }) => verify(json, &data),
        Command::Journal(JournalCommand::Export { file, data }) => export(&file, &data),
    }
}

impl Data {
    fn checked(&self) -> Result<DataDir, AppError> {
        let data = DataDir::new(self.data_dir.as_deref());
        data.check().map_err(AppError::SetUp)?;
        Ok(data)
    }
}

fn status(json: bool, data: &Data) -> Result<ExitCode, AppError> {
    let data = DataDir::new(data.data_dir.as_deref());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    let status = runtime.block_on(control::ask_status(data.control()))?;
    if json {
        println!(
            "{}",
            serde_json::to_string_pretty(&status).map_err(anyhow::Error::from)?
        );
    } else {
        println!("{status}");
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(json: bool, data: &Data) -> Result<ExitCode, AppError> {
    let report = journal::verify(&data.checked()?.journal()).map_err(anyhow::Error::from)?;
    let sound = report.problems.is_empty();
    if json {
        let text = serde_json::json!({
            "sound": sound,
            "events": report.events,
            "last_seq": report.state.last_seq,
            "received_through": report.state.received_through,
            "pending": report.state.pending,
            "rejected": report.state.rejected,
            "stated": report.stated,
            "problems": report.problems,
        });
        println!("{text:#}");
    } else {
        println!(
            "{}: {} events, newest {}, delivered {}, {} waiting, {} rejected",
            if sound { "sound" } else { "NOT SOUND" },
            report.events,
            report.state.last_seq,
            report.state.received_through,
            report.state.pending,
            report.state.rejected
        );
        report
            .stated
            .iter()
            .chain(&report.problems)
            .for_each(|problem| println!("  {problem}"));
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn export(file: &std::path::Path, data: &Data) -> Result<ExitCode, AppError> {
    let now = SystemClock::new().reading();
    let summary =
        journal::export(&data.checked()?.journal(), file, now).map_err(anyhow::Error::from)?;
    println!(
        "{} events written to {}, newest {}",
        summary.events,
        file.display(),
        summary.last_seq
    );
    println!(
        "Carry the file to the portal and run there: pikir-portal import {}",
        file.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let size = text
        .split_once('x')
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    size.filter(|(width, height)| (320..=7680).contains(width) && (240..=7680).contains(height))
        .ok_or_else(|| {
            "write it as WIDTHxHEIGHT in pixels, such as 800x480 (320x240 up to 7680x7680)".into()
        })
}
