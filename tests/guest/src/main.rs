//! The only program of the emulated terminal whose power `tests/tests/power_cuts.rs` cuts.
//!
//! It is process 1: it readies the machine ([`machine`]), says what the disk holds ([`found`]),
//! then appends ratings to the kiosk's own journal as fast as the disk allows ([`rating`]) until
//! the power fails. What it says goes through a virtio port to the host, one line each:
//!
//! | line | meaning |
//! | --- | --- |
//! | `UP` | the program runs; the disk is not mounted yet |
//! | `FOUND count last_seq received_through` | where the journal stands |
//! | `INTEGRITY text` | SQLite's `integrity_check`, `ok` when sound |
//! | `PROBLEM text` | one finding of `pikir-kiosk journal verify`, or that the journal was taken for damaged |
//! | `EXPORT count`, then that many lines | every event, as `pikir-kiosk journal export` writes it |
//! | `RATING` | from here on ratings are appended |
//! | `ACK seq id` | the append has returned: this event must survive everything |
//! | `TOOK seq` | the portal's acknowledgement up to here was taken |
//! | `FAILED text` | something that must not happen; the machine powers off |

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use pikir_kiosk::platform::clock::SystemClock;

mod found;
mod machine;
mod rating;
mod unsafe_journal;

/// Where the journal lies on the data disk.
const JOURNAL: &str = "/data/journal.db";

/// The way to the host.
type Port = std::fs::File;

fn main() -> Result<()> {
    machine::must_be_emulated()?;
    let mut port = machine::prepare()?;
    writeln!(port, "UP")?;
    if let Err(error) = run(&mut port) {
        writeln!(port, "FAILED {}", format!("{error:#}").replace('\n', " "))?;
    }
    machine::power_off()
}

fn run(port: &mut Port) -> Result<()> {
    let parameters = machine::Parameters::read()?;
    machine::mount_data()?;
    let clock = Arc::new(SystemClock::new());
    let keeper = found::report(port, &parameters, clock.clone())?;
    writeln!(port, "RATING")?;
    if parameters.safe {
        rating::rate(port, keeper, &clock)
    } else {
        keeper.close();
        unsafe_journal::rate(port, &clock)
    }
}
