//! What the disk holds after the power came back, said before anything is changed.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use pikir_kiosk::clock::{Clock, SystemClock};
use pikir_kiosk::journal::{self, Journal};
use rusqlite::Connection;

use crate::machine::Parameters;
use crate::{JOURNAL, Port};

/// The export lies in memory: the data disk shows nothing but the journal's own writes.
const EXPORT: &str = "/export.jsonl";

/// Reports the journal, or makes one where there is none yet.
pub fn report(port: &mut Port, parameters: &Parameters) -> Result<()> {
    let path = Path::new(JOURNAL);
    if !path.exists() {
        let mut journal = Journal::create(path, &parameters.first_key)?;
        journal.set_terminal(parameters.terminal)?;
    }
    // Opened as the kiosk opens it, which recovers the write-ahead log.
    let state = Journal::open(path).context("the journal")?.state();
    let integrity: String = Connection::open(path)?
        .query_row("PRAGMA integrity_check", (), |row| row.get(0))
        .context("integrity_check")?;
    writeln!(port, "INTEGRITY {}", integrity.replace('\n', " "))?;
    let report = journal::verify(path).context("journal verify")?;
    for problem in &report.problems {
        writeln!(port, "PROBLEM {problem}")?;
    }
    writeln!(
        port,
        "FOUND {} {} {}",
        report.events, state.last_seq, state.received_through
    )?;
    export(port, path)
}

fn export(port: &mut Port, journal: &Path) -> Result<()> {
    let now = SystemClock::new()?.reading();
    let summary = journal::export(journal, Path::new(EXPORT), now).context("journal export")?;
    let mut out = BufWriter::with_capacity(64 * 1024, port);
    writeln!(out, "EXPORT {}", summary.events)?;
    // The first line is the export's header.
    for line in BufReader::new(std::fs::File::open(EXPORT)?).lines().skip(1) {
        writeln!(out, "{}", line?)?;
    }
    out.flush()?;
    Ok(())
}
