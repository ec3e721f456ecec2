//! Set-up, tests, figures and demonstration of the workspace: `cargo xtask demo`, `test` and
//! `bench`.
//!
//! Kept free of everything but clap and anyhow, so that it compiles in seconds on a machine that
//! has nothing yet and can install what the other packages need to be built.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod circles;
mod demo;
mod fresh;
mod guest;
mod packages;
mod run;
mod steps;
mod test;

/// Installs what is missing, builds, and shows or tests the whole of Pikir.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts a portal and a terminal with sample organisations, and prints where to look
    Demo {
        /// Does the whole way unattended: tap, upload, phone review; exits 0 or 1
        #[arg(long)]
        once: bool,
    },
    /// Runs every check and every test, as CI does
    Test {
        /// Only what is quick, for work in between: formatting, circles, lints, tests without other
        /// programs
        #[arg(long)]
        quick: bool,
        /// Makes a bare Debian 12 in a root directory and runs `demo --once` and `test` in it;
        /// takes root
        #[arg(long, conflicts_with = "quick")]
        fresh: bool,
    },
    /// Measures what Pikir costs, beside what the machine itself can do; writes tables and curves
    /// to target/bench/
    Bench {
        /// Measures less: enough to see that everything runs; the figures are rough
        #[arg(long)]
        quick: bool,
        /// commit, pending, drain, ingest, fleet, counter [default: all]
        #[arg(value_parser = bench::PARTS)]
        parts: Vec<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo { once } => demo::demo(once),
        Command::Test { fresh: true, .. } => fresh::fresh(),
        Command::Test { quick: true, .. } => test::quick(),
        Command::Test { .. } => test::test(),
        Command::Bench { quick, parts } => bench::bench(quick, &parts),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nFailed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
