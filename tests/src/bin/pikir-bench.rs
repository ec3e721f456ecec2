//! `pikir-bench`: what `cargo xtask bench` runs once it is built.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use pikir_tests::bench::{self, Part, Scale};

/// Measures what Pikir costs, as ratios against what is measured beside it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Measures less: enough to see that everything runs; the figures are rough
    #[arg(long)]
    quick: bool,
    /// Folder for tables and pictures
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Parts to measure [default: all]
    parts: Vec<Name>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// An append beside the disk's own limit
    Commit,
    /// An append with 10⁵ and 10⁶ pending beside one with none
    Pending,
    /// Delivering a backlog beside posting the same bytes
    Drain,
    /// The portal's ingest beside SQLite's bulk insert
    Ingest,
    /// A simulated fleet that comes back after an outage
    Fleet,
    /// The terminal beside the same screen in Chromium's kiosk mode
    Counter,
}

impl Name {
    fn part(self) -> Part {
        match self {
            Self::Commit => Part::Commit,
            Self::Pending => Part::Pending,
            Self::Drain => Part::Drain,
            Self::Ingest => Part::Ingest,
            Self::Fleet => Part::Fleet,
            Self::Counter => Part::Counter,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen: Vec<Part> = arguments.parts.iter().map(|name| name.part()).collect();
    let parts = if chosen.is_empty() {
        Part::ALL.to_vec()
    } else {
        chosen
    };
    let scale = if arguments.quick {
        Scale::QUICK
    } else {
        Scale::FULL
    };
    match bench::run(&arguments.out, &parts, &scale) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("Not every target was reached.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("\nFailed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
