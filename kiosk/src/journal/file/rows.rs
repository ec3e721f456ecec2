//! Between rows of the file and the types of the program.

use pikir_contract::{
    BootId, Event, EventStatus, EventsAnswer, MAX_SAFE_INTEGER, RejectReason, Seal, SealKey,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::journal::error::JournalError;
use crate::journal::state::JournalState;

pub(in crate::journal) fn read_chain(
    connection: &Connection,
) -> Result<(u64, SealKey), JournalError> {
    let (seq, key) = connection
        .prepare_cached("SELECT next_seq, ratchet FROM chain WHERE id = 1")?
        .query_row([], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })?;
    if key.is_empty() {
        return Err(JournalError::KeyLost);
    }
    let key = SealKey::from_slice(&key)
        .ok_or_else(|| JournalError::Damaged("the ratchet key is not 32 bytes long".into()))?;
    if !(1..=MAX_SAFE_INTEGER).contains(&seq) {
        return Err(JournalError::Damaged(format!(
            "{seq} is not the seq of an event"
        )));
    }
    Ok((seq as u64, key))
}

pub(in crate::journal) fn read_state(
    connection: &Connection,
) -> Result<JournalState, JournalError> {
    let (terminal, next_seq, through, removed) = connection
        .prepare_cached(
            "SELECT terminal, next_seq, received_through, removed_through FROM chain WHERE id = 1",
        )?
        .query_row([], |row| {
            Ok((
                row.get::<_, Option<String>>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, i64>(3)?,
            ))
        })?;
    let rejected = count(
        connection,
        "SELECT count(*) FROM events WHERE fate IN ('rejected', 'refused')",
        [],
    )?;
    let terminal = terminal
        .map(|text| {
            text.parse()
                .map_err(|_| JournalError::Damaged(format!("terminal id {text:?} is not a UUIDv7")))
        })
        .transpose()?;
    if next_seq < 1 || through < 0 || through >= next_seq {
        return Err(JournalError::Damaged(format!(
            "{through} of {} events are said to be acknowledged",
            next_seq - 1
        )));
    }
    let last_seq = next_seq as u64 - 1;
    Ok(JournalState {
        terminal,
        last_seq,
        received_through: through as u64,
        pending: pending(connection, last_seq as i64, through, removed)?,
        rejected,
        last_rating: read_last_rating(connection)?,
    })
}

/// Events that still have to be sent: arithmetic, and rows only where there are few.
fn pending(
    connection: &Connection,
    last: i64,
    through: i64,
    removed: i64,
) -> Result<u64, JournalError> {
    // Above `base` every seq is a row, or a stated gap.
    let base = through.max(removed);
    let below = count(
        connection,
        "SELECT count(*) FROM events WHERE seq > ?1 AND seq <= ?2 AND fate IS NULL",
        [through, base],
    )?;
    let settled = count(
        connection,
        "SELECT count(*) FROM events WHERE fate IS NOT NULL AND seq > ?1",
        [base],
    )?;
    let absent = count(
        connection,
        "SELECT coalesce(sum(min(last_seq, ?2) - max(first_seq, ?1 + 1) + 1), 0) FROM gaps
         WHERE last_seq > ?1 AND first_seq <= ?2",
        [base, last],
    )?;
    let above = (last - base).max(0) as u64;
    Ok(below + above.saturating_sub(settled).saturating_sub(absent))
}

fn count<const N: usize>(
    connection: &Connection,
    sql: &str,
    bounds: [i64; N],
) -> Result<u64, JournalError> {
    let count = connection
        .prepare_cached(sql)?
        .query_row(rusqlite::params_from_iter(bounds), |row| {
            row.get::<_, i64>(0)
        })?;
    Ok(count.max(0) as u64)
}

/// What the newest recovery says of itself.
pub(in crate::journal) fn read_recovered(
    connection: &Connection,
) -> Result<Option<String>, JournalError> {
    Ok(connection
        .query_row(
            "SELECT detail FROM recoveries ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?)
}

/// From `settled` on, the last seq before the first event that still has to be sent.
pub(in crate::journal) fn skip_settled(
    connection: &Connection,
    settled: u64,
) -> Result<u64, JournalError> {
    let mut statement = connection
        .prepare_cached("SELECT seq, fate IS NULL FROM events WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = statement.query([settled as i64])?;
    let mut settled = settled;
    while let Some(row) = rows.next()? {
        if row.get::<_, bool>(1)? {
            break;
        }
        settled = row.get::<_, i64>(0)? as u64;
    }
    Ok(settled)
}

/// How many events count as the newest ones: what is looked for among them is never further back.
pub(in crate::journal) const NEWEST_EVENTS: u32 = 20;

/// The newest rating, looked for among the newest events only: it serves to measure the gap to the
/// next one.
fn read_last_rating(connection: &Connection) -> Result<Option<(BootId, u64)>, JournalError> {
    let mut statement =
        connection.prepare_cached("SELECT kind, body FROM events ORDER BY seq DESC LIMIT ?1")?;
    let mut rows = statement.query([NEWEST_EVENTS])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, String>(0)? == "rating" {
            let body: serde_json::Value =
                serde_json::from_str(&row.get::<_, String>(1)?).map_err(|error| {
                    JournalError::Damaged(format!("the body of a rating is not JSON: {error}"))
                })?;
            let boot = body
                .get("boot")
                .and_then(|boot| boot.as_str()?.parse().ok());
            return Ok(boot.zip(body.get("up_ms").and_then(serde_json::Value::as_u64)));
        }
    }
    Ok(None)
}

pub(in crate::journal) fn read_event(row: &rusqlite::Row<'_>) -> Result<Event, JournalError> {
    let seq = row.get::<_, i64>(0)? as u64;
    let damaged = |what: &str| JournalError::Damaged(format!("event {seq}: {what}"));
    let text = row
        .get_ref(2)?
        .as_str()
        .map_err(|_| damaged("the body is not text"))?;
    let seal: Vec<u8> = row.get(3)?;
    Ok(Event {
        seq,
        kind: row.get(1)?,
        body: serde_json::from_str(text).map_err(|_| damaged("the body is not JSON"))?,
        seal: Seal::from_bytes(
            seal.try_into()
                .map_err(|_| damaged("the seal is not 16 bytes long"))?,
        ),
    })
}

/// Notes what the portal said of single events. Returns whether any fate changed.
pub(in crate::journal) fn note_results(
    transaction: &Transaction<'_>,
    answer: &EventsAnswer,
    last_seq: u64,
) -> Result<bool, JournalError> {
    // Only a gap the terminal itself cannot fill keeps the cursor behind events that the portal
    // holds: an event that was set aside, or one that is not there.
    let next = answer.received_through + 1;
    let gap_is_ours = transaction
        .prepare_cached("SELECT fate = 'refused' FROM events WHERE seq = ?1")?
        .query_row([next as i64], |row| row.get::<_, Option<bool>>(0))
        .optional()?
        .map_or(next <= last_seq, |refused| refused == Some(true));
    let mut update = transaction.prepare_cached(
        "UPDATE events SET fate = ?2, reason = ?3 WHERE seq = ?1 AND fate IS NULL",
    )?;
    let mut changed = 0;
    for result in &answer.results {
        let seq = result.seq as i64;
        match result.status {
            EventStatus::Rejected => {
                let reason = result.reason.map_or("unknown", reject_reason);
                changed += update.execute(params![seq, "rejected", reason])?;
            }
            EventStatus::Accepted | EventStatus::Duplicate
                if gap_is_ours && result.seq > answer.received_through =>
            {
                changed += update.execute(params![seq, "held", None::<String>])?;
            }
            EventStatus::Accepted | EventStatus::Duplicate => {}
        }
    }
    Ok(changed > 0)
}

fn reject_reason(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::Malformed => "malformed",
        RejectReason::Seal => "seal",
    }
}

/// Writes the cursor into the file.
pub(in crate::journal) fn set_cursor(
    connection: &Connection,
    through: u64,
) -> Result<(), JournalError> {
    connection
        .prepare_cached("UPDATE chain SET received_through = ?1 WHERE id = 1")?
        .execute([through as i64])?;
    Ok(())
}
