//! The boots of a terminal as they are kept: what was heard of each, what was told, and the offset
//! that follows.

use pikir_contract::{BootId, OffsetQuality};
use rusqlite::Connection;

use crate::domain::true_time::{Offset, Run};
use crate::storage::StorageError;

/// What was heard of a boot, added to what was heard before.
pub(in crate::storage) const KEEP_HEARD: &str = "INSERT INTO boot_runs (terminal, boot, first_seq, last_seq, from_up_ms, to_up_ms)
     VALUES (:terminal, :boot, :first_seq, :last_seq, :from_up_ms, :to_up_ms)
     ON CONFLICT (terminal, boot) DO UPDATE SET
         first_seq = min(coalesce(first_seq, excluded.first_seq), coalesce(excluded.first_seq, first_seq)),
         last_seq = max(coalesce(last_seq, excluded.last_seq), coalesce(excluded.last_seq, last_seq)),
         from_up_ms = min(from_up_ms, excluded.from_up_ms), to_up_ms = max(to_up_ms, excluded.to_up_ms)";

/// With its time, a rating's place may change: it counts for where the terminal stood then.
pub(in crate::storage) const SET_RIGHT: &str = "UPDATE ratings SET
         rated_at = up_ms + :offset_ms, time_quality = :quality, uncertainty_ms = :uncertainty_ms,
         (place, organization) = (SELECT p.code, p.organization FROM places p WHERE p.code = coalesce(
             (SELECT place FROM placements
              WHERE terminal = :terminal AND since <= ratings.up_ms + :offset_ms ORDER BY since DESC LIMIT 1),
             (SELECT place FROM placements WHERE terminal = :terminal ORDER BY since LIMIT 1)))
     WHERE terminal = :terminal AND seq BETWEEN :first_seq AND :last_seq AND boot = :boot
         AND up_ms + :offset_ms <= :latest
         AND (rated_at, time_quality, uncertainty_ms) IS NOT (up_ms + :offset_ms, :quality, :uncertainty_ms)";

/// A boot of a terminal.
pub(in crate::storage) struct StoredRun {
    pub(in crate::storage) boot: String,
    pub(in crate::storage) first_seq: Option<u64>,
    pub(in crate::storage) last_seq: Option<u64>,
    pub(in crate::storage) run: Run,
    /// As it was found last.
    pub(in crate::storage) offset: Option<Offset>,
}

/// The terminal's boots that have events, in their order; `sending` is the last of all.
pub(in crate::storage) fn runs(
    db: &Connection,
    terminal: i64,
    sending: Option<BootId>,
) -> Result<Vec<StoredRun>, StorageError> {
    let sending = sending.map(|boot| boot.to_string());
    let mut statement = db.prepare_cached(
        "SELECT r.boot, r.first_seq, r.last_seq, r.from_up_ms, r.to_up_ms, r.offset_ms, r.quality, r.uncertainty_ms,
             b.offset_ms AS told_ms, b.quality AS told_quality
         FROM boot_runs r LEFT JOIN boots b ON b.terminal = r.terminal AND b.boot = r.boot
         WHERE r.terminal = ?1 AND (r.first_seq IS NOT NULL OR r.boot = ?2)
         ORDER BY r.first_seq IS NULL, r.first_seq",
    )?;
    statement
        .query_and_then((terminal, sending), read_run)?
        .collect()
}

fn read_run(row: &rusqlite::Row<'_>) -> Result<StoredRun, StorageError> {
    let quality = |name: &str| -> Result<Option<OffsetQuality>, StorageError> {
        row.get::<_, Option<String>>(name)?
            .map(|text| read_quality(&text))
            .transpose()
    };
    let told = row.get::<_, Option<i64>>("told_ms")?;
    let offset = row.get::<_, Option<i64>>("offset_ms")?;
    let uncertainty_ms = row.get("uncertainty_ms")?;
    Ok(StoredRun {
        boot: row.get("boot")?,
        first_seq: row.get("first_seq")?,
        last_seq: row.get("last_seq")?,
        run: Run {
            from_up_ms: row.get("from_up_ms")?,
            to_up_ms: row.get("to_up_ms")?,
            told: told.zip(quality("told_quality")?),
        },
        offset: offset
            .zip(quality("quality")?)
            .map(|(offset_ms, quality)| Offset {
                offset_ms,
                quality,
                uncertainty_ms,
            }),
    })
}

pub(in crate::storage) fn read_quality(text: &str) -> Result<OffsetQuality, StorageError> {
    OffsetQuality::from_name(text)
        .ok_or_else(|| StorageError::unreadable(format_args!("a boot's quality {text:?}")))
}
