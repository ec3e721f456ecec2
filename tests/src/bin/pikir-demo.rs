//! `pikir-demo`: what `cargo xtask demo` runs once everything is installed and built.

use std::process::ExitCode;

use clap::Parser;
use pikir_tests::{demo, wait};
use tokio::signal::unix::{SignalKind, signal};

/// Shows a portal and a terminal at work on this machine.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Goes the whole way unattended and exits 0 or 1
    #[arg(long)]
    once: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = end_on_signals().and_then(|()| demo::run(arguments.once));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\n  ✗ {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// From now on Ctrl-C, `kill` and a closed terminal end every wait, so that what was started is
/// ended in order.
fn end_on_signals() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _context = runtime.enter();
    let mut signals = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ]
    .map(signal)
    .into_iter()
    .collect::<Result<Vec<_>, _>>()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let [interrupt, terminate, hangup] = signals.as_mut_slice() else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            wait::end();
        });
    });
    Ok(())
}
