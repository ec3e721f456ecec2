//! Between rows of the file and the types of the program.

use pikir_contract::{
    BootId, Event, EventStatus, EventsAnswer, OffsetQuality, RejectReason, Seal, SealKey,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::JournalError;
use super::store::JournalState;

pub(super) fn read_chain(connection: &Connection) -> Result<(u64, SealKey), JournalError> {
    let (seq, key) = connection
        .prepare_cached("SELECT next_seq, ratchet FROM chain WHERE id = 1")?
        .query_row([], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })?;
    let key = key
        .try_into()
        .map_err(|_| JournalError::Damaged("the ratchet key is not 32 bytes long".into()))?;
    Ok((seq as u64, SealKey::from_bytes(key)))
}

pub(super) fn read_state(connection: &Connection) -> Result<JournalState, JournalError> {
    let (terminal, next_seq, through) = connection
        .prepare_cached("SELECT terminal, next_seq, received_through FROM chain WHERE id = 1")?
        .query_row([], |row| {
            Ok((
                row.get::<_, Option<String>>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i64>(2)?,
            ))
        })?;
    let count = |sql: &str| {
        connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get::<_, i64>(0))
    };
    let rejected = count("SELECT count(*) FROM events WHERE fate IN ('rejected', 'refused')")?;
    let ahead = connection
        .prepare_cached("SELECT count(*) FROM events WHERE fate IS NOT NULL AND seq > ?1")?
        .query_row([through], |row| row.get::<_, i64>(0))?;
    let terminal = terminal
        .map(|text| {
            text.parse()
                .map_err(|_| JournalError::Damaged(format!("terminal id {text:?} is not a UUIDv7")))
        })
        .transpose()?;
    let last_seq = next_seq as u64 - 1;
    Ok(JournalState {
        terminal,
        last_seq,
        received_through: through as u64,
        pending: last_seq
            .saturating_sub(through as u64)
            .saturating_sub(ahead as u64),
        rejected: rejected as u64,
        last_rating: read_last_rating(connection)?,
    })
}

/// The newest rating, looked for among the newest events only: it serves to measure the gap to the next one.
fn read_last_rating(connection: &Connection) -> Result<Option<(BootId, u64)>, JournalError> {
    let mut statement =
        connection.prepare_cached("SELECT kind, body FROM events ORDER BY seq DESC LIMIT 20")?;
    let mut rows = statement.query([])?;
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

pub(super) fn read_event(row: &rusqlite::Row<'_>) -> Result<Event, JournalError> {
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
pub(super) fn note_results(
    transaction: &Transaction<'_>,
    answer: &EventsAnswer,
) -> Result<bool, JournalError> {
    // Only a gap the terminal itself cannot fill keeps the cursor behind events that the portal holds.
    let gap_is_ours = transaction
        .prepare_cached("SELECT fate = 'refused' FROM events WHERE seq = ?1")?
        .query_row([answer.received_through as i64 + 1], |row| {
            row.get::<_, Option<bool>>(0)
        })
        .optional()?
        .flatten()
        .unwrap_or(false);
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

pub(super) fn rank(quality: OffsetQuality) -> u8 {
    match quality {
        OffsetQuality::Estimated => 0,
        OffsetQuality::Portal => 1,
        OffsetQuality::Synced => 2,
    }
}

fn reject_reason(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::Malformed => "malformed",
        RejectReason::Seal => "seal",
    }
}

pub(super) fn quality_name(quality: OffsetQuality) -> &'static str {
    match quality {
        OffsetQuality::Estimated => "estimated",
        OffsetQuality::Portal => "portal",
        OffsetQuality::Synced => "synced",
    }
}

pub(super) fn quality_from(name: &str) -> Result<OffsetQuality, JournalError> {
    [
        OffsetQuality::Estimated,
        OffsetQuality::Portal,
        OffsetQuality::Synced,
    ]
    .into_iter()
    .find(|quality| quality_name(*quality) == name)
    .ok_or_else(|| JournalError::Damaged(format!("{name:?} is not a quality of a clock")))
}
