//! What a recovery could not read, as rows and in words.

use rusqlite::{Connection, params};

use super::start::{Salvaged, Start};
use crate::journal::error::JournalError;
use crate::journal::gaps::without;

/// Ranges of lost events named in the notice; the table `gaps` has all.
const MAX_RANGES: usize = 5;

/// Writes down what is missing, as rows of `gaps` and in words.
pub(in crate::journal) fn state_losses(
    connection: &Connection,
    found: &Salvaged,
    start: &Start,
) -> Result<String, JournalError> {
    connection.execute("INSERT INTO recoveries (detail) VALUES ('')", [])?;
    let recovery = connection.last_insert_rowid();
    let mut gaps = Vec::new();
    let mut expected = start.removed_through + 1;
    let mut statement = connection.prepare("SELECT seq FROM events WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = statement.query([start.removed_through as i64])?;
    while let Some(row) = rows.next()? {
        let seq = row.get::<_, i64>(0)? as u64;
        if seq > expected {
            gaps.push((expected, seq - 1));
        }
        expected = seq + 1;
    }
    if start.newest >= expected {
        gaps.push((expected, start.newest));
    }
    let mut insert = connection
        .prepare("INSERT INTO gaps (first_seq, last_seq, recovery) VALUES (?1, ?2, ?3)")?;
    for (first, last) in &gaps {
        insert.execute(params![*first as i64, *last as i64, recovery])?;
    }
    let jumped = start.next_seq > start.newest + 1;
    if jumped {
        let (first, last) = (start.newest + 1, start.next_seq - 1);
        insert.execute(params![first as i64, last as i64, recovery])?;
    }
    let mut detail = losses(&without(&gaps, &found.known_gaps), start, found.newest);
    if start.key.is_none() {
        detail.push_str("; the key is lost");
    } else if jumped {
        detail.push_str(&format!("; numbering goes on at {}", start.next_seq));
    }
    Ok(detail)
}

fn losses(gaps: &[(u64, u64)], start: &Start, newest_read: u64) -> String {
    let lost: u64 = gaps.iter().map(|(first, last)| last - first + 1).sum();
    if newest_read == 0 && start.newest == 0 {
        return "no event could be read".into();
    }
    if lost == 0 {
        return format!("every event up to {} could be read", start.newest);
    }
    let ranges: Vec<String> = gaps
        .iter()
        .take(MAX_RANGES)
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first} to {last}")
            }
        })
        .collect();
    let more = if gaps.len() > MAX_RANGES { ", …" } else { "" };
    let doubt = if start.chain_known {
        ""
    } else {
        ", or were removed after their time"
    };
    format!(
        "{lost} of {} events could not be read (seq {}{more}){doubt}",
        start.newest,
        ranges.join(", ")
    )
}
