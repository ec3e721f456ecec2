//! What the programs of a terminal write to standard error, where systemd's journal reads it.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Writes what the environment's `RUST_LOG` asks for, such as `warn,pikir_kiosk=debug`, or what
/// `usually` does.
pub fn start(usually: &str) {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = match asked.parse::<Targets>() {
        Ok(filter) if !asked.is_empty() => filter,
        _ => usually.parse().unwrap_or_default(),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
}
