//! The journal as a file to carry: for a terminal that never has a network.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use pikir_contract::{BootOffset, ClockReading, Id};
use serde::Serialize;

use super::error::JournalError;
use super::file::store::Journal;
use crate::platform::files;

/// Version of the export's layout.
const EXPORT_VERSION: u32 = 1;

/// The first line: whose journal it is and what is known of its clocks. Every further line is one
/// event as the contract has it. Seals make the file as trustworthy as a signed request.
#[derive(Serialize)]
struct Header {
    pikir_journal: u32,
    terminal: Id,
    exported: ClockReading,
    boots: Vec<BootOffset>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportSummary {
    /// Events in the file.
    pub events: u64,
    /// Seq of the newest of them.
    pub last_seq: u64,
}

/// Writes every event of the journal at `journal` to `to` as JSON Lines, for `pikir-portal import`.
///
/// # Errors
/// The journal cannot be read, belongs to no terminal yet, or the file cannot be written.
pub fn export(
    journal: &Path,
    to: &Path,
    exported: ClockReading,
) -> Result<ExportSummary, JournalError> {
    let path = journal;
    let journal = Journal::open_to_read(path)?;
    let terminal = journal.state().terminal.ok_or(JournalError::NotEnrolled)?;
    let summary = write(&journal, terminal, to, exported).map_err(|error| match error {
        // The journal was opened: what fails from here on is what is written.
        JournalError::Io(cause) => JournalError::Export {
            path: to.to_owned(),
            cause,
        },
        other => other,
    })?;
    if let Err(error) = mark_export(path, summary.last_seq) {
        tracing::warn!(%error, "the export is whole, but could not be noted beside the journal");
    }
    Ok(summary)
}

fn write(
    journal: &Journal,
    terminal: Id,
    to: &Path,
    exported: ClockReading,
) -> Result<ExportSummary, JournalError> {
    let mut out = BufWriter::new(files::create_private(to)?);
    write_line(
        &mut out,
        &Header {
            pikir_journal: EXPORT_VERSION,
            terminal,
            exported,
            boots: journal.offsets()?,
        },
    )?;
    let mut summary = ExportSummary {
        events: 0,
        last_seq: 0,
    };
    journal.for_each_event(1, |event| {
        write_line(&mut out, &event)?;
        summary = ExportSummary {
            events: summary.events + 1,
            last_seq: event.seq,
        };
        Ok(())
    })?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(summary)
}

fn write_line(out: &mut impl Write, value: &impl Serialize) -> Result<(), JournalError> {
    let json =
        serde_json::to_string(value).map_err(|error| JournalError::Damaged(error.to_string()))?;
    out.write_all(json.as_bytes())?;
    Ok(out.write_all(b"\n")?)
}

/// Where an export leaves the seq of its newest event.
fn export_mark(journal: &Path) -> PathBuf {
    journal.with_file_name("exported-through")
}

/// Leaves a mark of an export beside the journal, readable for the terminal, whoever exported.
///
/// # Errors
/// It cannot be written.
pub(super) fn mark_export(journal: &Path, last_seq: u64) -> std::io::Result<()> {
    files::replace(
        &export_mark(journal),
        last_seq.to_string().as_bytes(),
        0o644,
    )
}

/// Seq of the newest event that was ever exported; the portal may hold it although it was never
/// sent.
pub(super) fn exported_through(journal: &Path) -> u64 {
    let text = files::read_text_if_there(&export_mark(journal));
    text.ok()
        .flatten()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}
