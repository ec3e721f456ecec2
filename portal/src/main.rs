//! The central portal for Pikir feedback terminals.

use std::process::ExitCode;

fn main() -> ExitCode {
    pikir_portal::cli::main()
}
