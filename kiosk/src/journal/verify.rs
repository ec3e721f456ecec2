//! What the journal's file says of itself, for a technician. Seals are the portal's to check: the terminal no
//! longer has the keys.

use std::path::Path;

use pikir_contract::{EventBody, canonical_json};

use super::error::JournalError;
use super::store::{Journal, JournalState};

/// The structure of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// Where it stands.
    pub state: JournalState,
    /// Events looked at.
    pub events: u64,
    /// What is wrong, in order of seq; empty: the structure is sound.
    pub problems: Vec<String>,
}

/// Findings listed before the rest is only counted.
const MAX_PROBLEMS: usize = 100;

/// Checks SQLite's own structure, that `seq` runs without gaps to where the chain stands, and that every body is
/// the canonical JSON of a valid event. Reads only.
///
/// # Errors
/// The journal cannot be opened at all.
pub fn verify(path: &Path) -> Result<VerifyReport, JournalError> {
    let journal = Journal::open_to_read(path)?;
    let mut report = VerifyReport {
        state: journal.state(),
        events: 0,
        problems: Vec::new(),
    };
    let mut found = |problem: String| {
        if report.problems.len() < MAX_PROBLEMS {
            report.problems.push(problem);
        }
    };
    let integrity: String =
        journal
            .connection()
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if integrity != "ok" {
        found(format!("database: {integrity}"));
    }
    let mut statement = journal
        .connection()
        .prepare("SELECT seq, kind, body, length(seal) FROM events ORDER BY seq")?;
    let mut rows = statement.query([])?;
    // Acknowledged events may be gone after their time; the rest must be gapless.
    let mut expected = None;
    while let Some(row) = rows.next()? {
        let seq = row.get::<_, i64>(0)? as u64;
        let expected_seq = expected.unwrap_or(seq.min(report.state.received_through + 1));
        if seq != expected_seq {
            found(format!("events {expected_seq} to {} are missing", seq - 1));
        }
        if let Some(problem) = problem_of(
            &row.get::<_, String>(1)?,
            &row.get::<_, String>(2)?,
            row.get(3)?,
        ) {
            found(format!("event {seq}: {problem}"));
        }
        expected = Some(seq + 1);
        report.events += 1;
    }
    let next = expected.unwrap_or(report.state.received_through + 1);
    if next != report.state.last_seq + 1 {
        found(format!(
            "the chain stands at {}, but the last event is {}",
            report.state.last_seq,
            next - 1
        ));
    }
    Ok(report)
}

fn problem_of(kind: &str, body: &str, seal_bytes: i64) -> Option<String> {
    let value: serde_json::Value = match serde_json::from_str(body) {
        Ok(value) => value,
        Err(error) => return Some(format!("the body is not JSON: {error}")),
    };
    if canonical_json(&value).ok().as_deref() != Some(body) {
        return Some("the body is not canonical JSON".into());
    }
    if seal_bytes != 16 {
        return Some("the seal is not 16 bytes long".into());
    }
    EventBody::parse(kind, &value)
        .err()
        .map(|malformed| malformed.to_string())
}
