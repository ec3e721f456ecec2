//! What the disk holds after the power came back, said before anything is appended.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use pikir_kiosk::journal::{self, Journal, Keeper};
use pikir_kiosk::platform::clock::{Clock, SystemClock};
use pikir_kiosk::platform::entropy::SystemEntropy;
use pikir_kiosk::platform::files;
use rusqlite::Connection;

use crate::machine::Parameters;
use crate::{JOURNAL, Port};

/// Says that the enrolment is complete, as `identity.json` does at the terminal.
const ENROLLED: &str = "/data/enrolled";
/// The export lies in memory: the data disk shows nothing but the journal's own writes.
const EXPORT: &str = "/export.jsonl";

/// Enrols where that is not complete, opens the journal as the terminal does, and reports it.
pub fn report(port: &mut Port, parameters: &Parameters, clock: Arc<SystemClock>) -> Result<Keeper> {
    enrol(parameters).context("enrolment")?;
    let path = Path::new(JOURNAL);
    let now = clock.reading();
    let keeper = Keeper::open(
        path.to_owned(),
        parameters.terminal,
        clock,
        Arc::new(SystemEntropy),
    );
    let published = keeper.published();
    if let Some(fault) = published.fault {
        bail!("the journal is at fault: {}", fault.detail);
    }
    if let Some(recovered) = published.recovered {
        writeln!(port, "PROBLEM recovered as if damaged: {recovered}")?;
    }
    let integrity: String = Connection::open(path)?
        .query_row("PRAGMA integrity_check", (), |row| row.get(0))
        .context("integrity_check")?;
    writeln!(port, "INTEGRITY {}", integrity.replace('\n', " "))?;
    let report = journal::verify(path).context("journal verify")?;
    for problem in &report.problems {
        writeln!(port, "PROBLEM {problem}")?;
    }
    let state = published.state;
    writeln!(
        port,
        "FOUND {} {} {}",
        report.events, state.last_seq, state.received_through
    )?;
    let summary = journal::export(path, Path::new(EXPORT), now).context("journal export")?;
    pass_on_export(port, summary.events)?;
    Ok(keeper)
}

/// Makes the journal before anything says that there is one. The power may fail at any step; the
/// next boot goes on.
fn enrol(parameters: &Parameters) -> Result<()> {
    if Path::new(ENROLLED).exists() {
        return Ok(());
    }
    let path = Path::new(JOURNAL);
    let mut journal = if path.exists() {
        Journal::open(path)?
    } else {
        Journal::create(path, &parameters.first_key)?
    };
    journal.set_terminal(parameters.terminal)?;
    files::replace(Path::new(ENROLLED), b"", 0o600)?;
    Ok(())
}

fn pass_on_export(port: &mut Port, events: u64) -> Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, port);
    writeln!(out, "EXPORT {events}")?;
    // The first line is the export's header.
    for line in BufReader::new(std::fs::File::open(EXPORT)?).lines().skip(1) {
        writeln!(out, "{}", line?)?;
    }
    out.flush()?;
    Ok(())
}
