//! The central portal for Pikir feedback terminals.

use std::process::ExitCode;

fn main() -> ExitCode {
    pikir_portal::platform::blocking::give_memory_back();
    pikir_portal::cli::main()
}
