//! What the journal's file says of itself, for a technician. Seals are the portal's to check: the
//! terminal no longer has the keys.

use std::path::Path;

use pikir_contract::{EventBody, canonical_value};

use super::error::JournalError;
use super::file::check::check_database;
use super::file::store::Journal;
use super::gaps::without;
use super::state::JournalState;

/// The structure of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// Where it stands.
    pub state: JournalState,
    /// Events looked at.
    pub events: u64,
    /// What the journal itself says of losses and recoveries; no problem, but worth knowing.
    pub stated: Vec<String>,
    /// What is wrong, in order of seq; empty: the structure is sound.
    pub problems: Vec<String>,
}

/// Findings listed before the rest is only counted.
const MAX_PROBLEMS: usize = 100;

/// Checks SQLite's own structure, that `seq` runs to where the chain stands without gaps but those
/// stated, and that every body is the canonical JSON of a valid event. Reads only.
///
/// # Errors
/// The journal cannot be opened at all.
pub fn verify(path: &Path) -> Result<VerifyReport, JournalError> {
    let journal = Journal::open_to_read(path)?;
    let mut report = VerifyReport {
        state: journal.state(),
        events: 0,
        stated: Vec::new(),
        problems: Vec::new(),
    };
    let mut found = |problem: String| {
        if report.problems.len() < MAX_PROBLEMS {
            report.problems.push(problem);
        }
    };
    match check_database(journal.connection()) {
        Err(JournalError::Damaged(problem)) => found(format!("database: {problem}")),
        checked => checked?,
    }
    let known = Known::read(&journal)?;
    let mut statement = journal
        .connection()
        .prepare("SELECT seq, kind, body, length(seal) FROM events ORDER BY seq")?;
    let mut rows = statement.query([])?;
    // What was removed after its time needs no explanation; the rest is gapless, or the gap is
    // stated.
    let mut expected = known.removed_through + 1;
    while let Some(row) = rows.next()? {
        let seq = row.get::<_, i64>(0)? as u64;
        if seq > expected {
            known.unexplained(expected, seq - 1).for_each(&mut found);
        }
        if let Some(problem) = problem_of(
            &row.get::<_, String>(1)?,
            &row.get::<_, String>(2)?,
            row.get(3)?,
        ) {
            found(format!("event {seq}: {problem}"));
        }
        expected = expected.max(seq + 1);
        report.events += 1;
    }
    let last = report.state.last_seq;
    if expected <= last {
        known.unexplained(expected, last).for_each(&mut found);
    } else if expected != last + 1 {
        found(format!(
            "the chain stands at {last}, but the last event is {}",
            expected - 1
        ));
    }
    report.stated = known.stated;
    Ok(report)
}

/// What the journal says of events that are not in it.
struct Known {
    removed_through: u64,
    gaps: Vec<(u64, u64)>,
    stated: Vec<String>,
}

impl Known {
    fn read(journal: &Journal) -> Result<Self, JournalError> {
        let connection = journal.connection();
        let removed: i64 =
            connection.query_row("SELECT removed_through FROM chain", [], |row| row.get(0))?;
        let gaps = connection
            .prepare("SELECT first_seq, last_seq FROM gaps ORDER BY first_seq")?
            .query_map([], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
            })?
            .collect::<Result<_, _>>()?;
        let stated = connection
            .prepare("SELECT 'recovery ' || id || ': ' || detail FROM recoveries ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(Self {
            removed_through: removed as u64,
            gaps,
            stated,
        })
    }

    /// The missing events from `first` to `last` that nothing explains, as findings.
    fn unexplained(&self, first: u64, last: u64) -> impl Iterator<Item = String> + use<> {
        without(&[(first, last)], &self.gaps)
            .into_iter()
            .map(|(first, last)| format!("events {first} to {last} are missing"))
    }
}

fn problem_of(kind: &str, body: &str, seal_bytes: i64) -> Option<String> {
    let value: serde_json::Value = match serde_json::from_str(body) {
        Ok(value) => value,
        Err(error) => return Some(format!("the body is not JSON: {error}")),
    };
    match canonical_value(&value) {
        Ok(canonical) if canonical == body => {}
        Ok(_) => return Some("the body is not canonical JSON".into()),
        Err(error) => return Some(format!("the body could not be sealed: {error}")),
    }
    if seal_bytes != 16 {
        return Some("the seal is not 16 bytes long".into());
    }
    EventBody::parse(kind, &value)
        .err()
        .map(|malformed| malformed.to_string())
}
