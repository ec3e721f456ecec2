//! What the journal knows of each boot: where it begins, and its clock.
//!
//! # Boots whose clock nobody ever knew
//! A boot without NTP and without the portal leaves events without a true time. Its neighbours
//! bound it: it began after the last event of the boot before, and its own last event came before
//! the next boot began. Several such boots in a row share one window; each began at the earliest
//! when all before it had run for as long as their events show, and at the latest so that it and
//! all after it still fit. The middle of these two is the estimate (`estimated`); it is reckoned
//! again whenever more is known. Without a known boot before, only the latest moment is known, and
//! that is it.

use pikir_contract::{BootId, BootOffset, Event, OffsetQuality};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::Value;

use crate::journal::error::JournalError;

/// The newest boots that every batch tells of, whether its events are theirs or not (boots): what
/// is known of them may have changed after their events were delivered.
const RECENT_BOOTS: usize = 16;
/// How many events before a boot's end are looked at for its last one (events). Events that were
/// appended again after a loss stand among those of a later boot.
const LAST_EVENTS: usize = 20;

/// Notes that the boot's first event is `seq`, unless that is known already.
pub(in crate::journal) fn note_first_event(
    connection: &Connection,
    boot: BootId,
    seq: u64,
) -> Result<(), JournalError> {
    connection
        .prepare_cached(
            "INSERT INTO boots (boot, first_seq) VALUES (?1, ?2)
             ON CONFLICT (boot) DO UPDATE SET first_seq = excluded.first_seq WHERE first_seq IS NULL",
        )?
        .execute(params![boot.to_string(), seq as i64])?;
    Ok(())
}

/// What is known of the boots of these events, then of the newest others.
pub(super) fn offsets_of(
    connection: &Connection,
    events: &[Event],
) -> Result<Vec<BootOffset>, JournalError> {
    let mut boots: Vec<String> = events
        .iter()
        .filter_map(|event| Some(event.body.get("boot")?.as_str()?.to_owned()))
        .collect();
    boots.sort_unstable();
    boots.dedup();
    for boot in recent_boots(connection)? {
        if !boots.contains(&boot) {
            boots.push(boot);
        }
    }
    known(connection, boots)
}

fn recent_boots(connection: &Connection) -> Result<Vec<String>, JournalError> {
    let mut statement = connection.prepare_cached(
        "SELECT boot FROM boots WHERE offset_ms IS NOT NULL AND first_seq IS NOT NULL ORDER BY first_seq DESC LIMIT ?1",
    )?;
    let boots = statement.query_map([RECENT_BOOTS as i64], |row| row.get(0))?;
    Ok(boots.collect::<Result<_, _>>()?)
}

fn known(connection: &Connection, boots: Vec<String>) -> Result<Vec<BootOffset>, JournalError> {
    let mut known = Vec::new();
    for boot in boots {
        known.extend(offset_of(connection, &boot)?);
    }
    Ok(known)
}

/// What is known of this boot's clock.
pub(super) fn offset_of(
    connection: &Connection,
    boot: &str,
) -> Result<Option<BootOffset>, JournalError> {
    let mut statement = connection.prepare_cached(
        "SELECT offset_ms, quality FROM boots WHERE boot = ?1 AND offset_ms IS NOT NULL",
    )?;
    let row = statement
        .query_row([boot], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((offset_ms, quality)) = row else {
        return Ok(None);
    };
    let boot = boot
        .parse()
        .map_err(|_| JournalError::Damaged(format!("boot id {boot:?} is not a UUID")))?;
    Ok(Some(BootOffset {
        boot,
        offset_ms,
        quality: OffsetQuality::from_name(&quality).ok_or_else(|| {
            JournalError::Damaged(format!("{quality:?} is not a quality of a clock"))
        })?,
    }))
}

/// Every known boot offset.
pub(super) fn offsets(connection: &Connection) -> Result<Vec<BootOffset>, JournalError> {
    let mut statement = connection
        .prepare_cached("SELECT boot FROM boots WHERE offset_ms IS NOT NULL ORDER BY boot")?;
    let boots = statement
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    known(connection, boots)
}

/// Keeps what was learnt of this boot's clock, and what follows from it for boots whose clock
/// nobody knew. A better quality replaces a worse one, never the reverse.
pub(super) fn learn_offset(
    connection: &mut Connection,
    offset: &BootOffset,
) -> Result<(), JournalError> {
    let boot = offset.boot.to_string();
    if let Some(known) = offset_of(connection, &boot)?
        && (known == *offset || known.quality > offset.quality)
    {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO boots (boot, offset_ms, quality) VALUES (?1, ?2, ?3)
         ON CONFLICT (boot) DO UPDATE SET offset_ms = excluded.offset_ms, quality = excluded.quality",
        params![boot, offset.offset_ms, offset.quality.as_str()],
    )?;
    estimate(&transaction, &boot)?;
    transaction.commit()?;
    Ok(())
}

/// One boot as the journal has it.
struct Row {
    boot: String,
    first_seq: Option<u64>,
    /// Unix time (ms) at which it began, where that was measured.
    measured: Option<i64>,
    estimate: Option<i64>,
}

/// Reckons the estimates anew. `newest` is the boot that was just learnt of, which may have no
/// event yet.
fn estimate(transaction: &Transaction<'_>, newest: &str) -> Result<(), JournalError> {
    let boots = rows(transaction, newest)?;
    // Up to when the boot before was at work for sure (Unix time in ms), and whether its events
    // still show it.
    let (mut after, mut is_shown) = (None, true);
    let mut from = 0;
    while from < boots.len() {
        let run = boots[from..]
            .iter()
            .take_while(|row| row.measured.is_none())
            .count();
        if let Some(next) = boots.get(from + run) {
            let before = next.measured;
            stack(
                transaction,
                &boots[from..=from + run],
                after,
                before,
                is_shown,
            )?;
            let end = boots.get(from + run + 1).and_then(|row| row.first_seq);
            let span = span_ms(transaction, next, end)?;
            is_shown = span.is_some();
            after = before.map(|began| began.saturating_add(span.unwrap_or(0)));
        }
        from += run + 1;
    }
    Ok(())
}

/// Puts boots nobody measured between `after` and `before` (Unix time in ms). The last of `boots`
/// is the one that ends the window. Where events that showed how long a boot ran are gone by now
/// (`is_shown` speaks of the boot before), an estimate made with them is the better one and stays.
fn stack(
    transaction: &Transaction<'_>,
    boots: &[Row],
    after: Option<i64>,
    before: Option<i64>,
    is_shown: bool,
) -> Result<(), JournalError> {
    let Some(mut latest) = before else {
        return Ok(());
    };
    let mut spans = Vec::new();
    for pair in boots.windows(2) {
        // Without its events a boot has nothing to be dated.
        spans.push(span_ms(transaction, &pair[0], pair[1].first_seq)?);
    }
    let is_final = !is_shown || spans.iter().any(Option::is_none);
    let shown: i64 = spans.iter().flatten().sum();
    // What all of them together leave free; clocks that contradict each other leave nothing.
    let free = after.map_or(0, |after| {
        latest.saturating_sub(after).saturating_sub(shown).max(0)
    });
    for (row, span) in boots.iter().zip(&spans).rev() {
        let Some(span) = span else { continue };
        latest = latest.saturating_sub(*span);
        let offset_ms = latest - free / 2;
        if row.estimate != Some(offset_ms) && !(is_final && row.estimate.is_some()) {
            transaction
                .prepare_cached(
                    "UPDATE boots SET offset_ms = ?2, quality = 'estimated' WHERE boot = ?1",
                )?
                .execute(params![row.boot, offset_ms])?;
        }
    }
    Ok(())
}

/// All boots whose place is known, oldest first; then `newest`, where it has no event yet.
fn rows(connection: &Connection, newest: &str) -> Result<Vec<Row>, JournalError> {
    let mut statement = connection.prepare_cached(
        "SELECT boot, first_seq, offset_ms, quality FROM boots WHERE first_seq IS NOT NULL OR boot = ?1
         ORDER BY first_seq IS NULL, first_seq",
    )?;
    let rows = statement.query_map([newest], |row| {
        let offset_ms: Option<i64> = row.get(2)?;
        let is_estimate =
            row.get::<_, Option<String>>(3)?.as_deref() == Some(OffsetQuality::Estimated.as_str());
        Ok(Row {
            boot: row.get(0)?,
            first_seq: row.get::<_, Option<i64>>(1)?.map(|seq| seq as u64),
            measured: offset_ms.filter(|_| !is_estimate),
            estimate: offset_ms.filter(|_| is_estimate),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How long the boot ran at least (ms): the uptime of its last event before `end`; `None` where its
/// events are gone.
fn span_ms(
    connection: &Connection,
    row: &Row,
    end: Option<u64>,
) -> Result<Option<i64>, JournalError> {
    let Some(first) = row.first_seq else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT body FROM events WHERE seq >= ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3",
    )?;
    let end = end.map_or(i64::MAX, |end| end as i64);
    let bodies = statement.query_map(params![first as i64, end, LAST_EVENTS as i64], |row| {
        row.get::<_, String>(0)
    })?;
    let mut span = None;
    for body in bodies {
        let body: Value = serde_json::from_str(&body?).unwrap_or_default();
        if body.get("boot").and_then(Value::as_str) == Some(&row.boot) {
            span = span.max(body.get("up_ms").and_then(Value::as_i64));
        }
    }
    Ok(span)
}

#[cfg(test)]
mod tests;
