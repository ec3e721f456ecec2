//! When things happened: what was heard of each boot, what was told about it, and what follows for its ratings.
//!
//! `boots` holds what somebody told, the terminal or the portal's own clock; `boot_runs` what was heard of each boot and
//! the offset that follows ([`crate::true_time`]). Where nothing is known, the time of arrival stands, marked as
//! `unknown`. Better knowledge sets earlier ratings right, and what a terminal says about the time can be wrong without
//! an event being lost or another's time being changed.

use std::collections::HashMap;

use pikir_contract::{BootId, EventHead, OffsetQuality};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::{KnownBoot, StorageError};
use crate::true_time::{Offset, PORTAL_UNCERTAINTY_MS, Run, SYNCED_UNCERTAINTY_MS, resolve};

/// How far ahead of its arrival an event may lie: clocks differ a little. So far may a synchronised clock be off, too,
/// before the portal believes its own.
const TOLERANCE_MS: i64 = 5 * 60 * 1000;
/// 2020-01-01: a terminal that was somewhere before this did not know the time.
const EARLIEST_MS: i64 = 1_577_836_800_000;

/// When something happened, and how well that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) struct Moment {
    /// Milliseconds since 1970.
    pub(in crate::storage) unix_ms: i64,
    /// `synced`, `portal`, `estimated` or `unknown`.
    pub(in crate::storage) quality: &'static str,
    /// It is right to so many milliseconds; `None`: nothing bounds it.
    pub(in crate::storage) uncertainty_ms: Option<i64>,
}

/// The boot that sends, and how long it has been up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The boot.
    pub boot: BootId,
    /// Milliseconds of that boot at the moment of sending.
    pub up_ms: u64,
    /// True if it sends now; a file may be older.
    pub now: bool,
}

/// What was heard of a boot in one request.
#[derive(Clone, Copy, Debug)]
struct Heard {
    first_seq: Option<u64>,
    last_seq: Option<u64>,
    from_up_ms: u64,
    to_up_ms: u64,
}

/// What is known about the boots of one terminal.
pub(in crate::storage) struct BootTimes<'a> {
    db: &'a Connection,
    terminal: i64,
    received_at: i64,
    sending: Option<Sending>,
    told: HashMap<BootId, Option<(i64, OffsetQuality)>>,
    heard: HashMap<BootId, Heard>,
    /// Something changed that other times may follow from.
    unsettled: bool,
}

impl<'a> BootTimes<'a> {
    pub(in crate::storage) fn new(
        db: &'a Connection,
        terminal: i64,
        received_at: i64,
        sending: Option<Sending>,
    ) -> Self {
        let mut times = Self {
            db,
            terminal,
            received_at,
            sending,
            told: HashMap::new(),
            heard: HashMap::new(),
            unsettled: false,
        };
        if let Some(Sending { boot, up_ms, .. }) = sending {
            times.hear(boot, up_ms, None);
        }
        times
    }

    /// Keeps what is known better now than before.
    pub(in crate::storage) fn learn(&mut self, boots: &[KnownBoot]) -> Result<(), StorageError> {
        for known in boots {
            let before = self.told(known.boot)?;
            let better = before.is_none_or(|(offset_ms, before)| {
                rank(known.quality) > rank(before)
                    || (known.quality == OffsetQuality::Estimated
                        && before == known.quality
                        && offset_ms != known.offset_ms)
            });
            if better && self.is_believable(known) {
                self.db
                    .prepare_cached("INSERT OR REPLACE INTO boots (terminal, boot, offset_ms, quality) VALUES (?1, ?2, ?3, ?4)")?
                    .execute((self.terminal, known.boot.to_string(), known.offset_ms, quality_text(known.quality)))?;
                self.told
                    .insert(known.boot, Some((known.offset_ms, known.quality)));
                self.unsettled = true;
            }
        }
        Ok(())
    }

    /// An offset that lies in the future or before all terminals is none. Of the boot that sends the portal knows better
    /// when it began, and every other boot was over by then.
    fn is_believable(&self, known: &KnownBoot) -> bool {
        let latest = self.received_at + TOLERANCE_MS;
        if !(EARLIEST_MS..=latest).contains(&known.offset_ms) {
            return false;
        }
        let Some(sending) = self.sending.filter(|sending| sending.now) else {
            return true;
        };
        let began = self.received_at.saturating_sub(signed(sending.up_ms));
        if known.boot == sending.boot {
            (known.offset_ms - began).abs() <= TOLERANCE_MS
        } else {
            known.offset_ms <= began.saturating_add(TOLERANCE_MS)
        }
    }

    /// Notes that a boot was running at this moment, and which event said so.
    pub(in crate::storage) fn hear(&mut self, boot: BootId, up_ms: u64, seq: Option<u64>) {
        let heard = self.heard.entry(boot).or_insert(Heard {
            first_seq: seq,
            last_seq: seq,
            from_up_ms: up_ms,
            to_up_ms: up_ms,
        });
        heard.first_seq = [heard.first_seq, seq].into_iter().flatten().min();
        heard.last_seq = heard.last_seq.max(seq);
        heard.from_up_ms = heard.from_up_ms.min(up_ms);
        heard.to_up_ms = heard.to_up_ms.max(up_ms);
    }

    /// When the event with this head happened, as far as is known before [`Self::settle`].
    pub(in crate::storage) fn moment(&mut self, head: &EventHead) -> Result<Moment, StorageError> {
        let known = self.told(head.boot)?.and_then(|(offset_ms, quality)| {
            let uncertainty_ms = measured_uncertainty(quality)?;
            let unix_ms = signed(head.up_ms).checked_add(offset_ms)?;
            (unix_ms <= self.received_at + TOLERANCE_MS).then_some(Moment {
                unix_ms,
                quality: quality_text(quality),
                uncertainty_ms: Some(uncertainty_ms),
            })
        });
        self.unsettled |= known.is_none();
        Ok(known.unwrap_or(Moment {
            unix_ms: self.received_at,
            quality: "unknown",
            uncertainty_ms: None,
        }))
    }

    fn told(&mut self, boot: BootId) -> Result<Option<(i64, OffsetQuality)>, StorageError> {
        if let Some(known) = self.told.get(&boot) {
            return Ok(*known);
        }
        let found: Option<(i64, String)> = self
            .db
            .prepare_cached(
                "SELECT offset_ms, quality FROM boots WHERE terminal = ?1 AND boot = ?2",
            )?
            .query_row((self.terminal, boot.to_string()), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let known = found
            .map(|(offset_ms, quality)| Ok::<_, StorageError>((offset_ms, read_quality(&quality)?)))
            .transpose()?;
        self.told.insert(boot, known);
        Ok(known)
    }

    /// Keeps what was heard; where it matters, finds anew when the terminal's boots began and sets its ratings right.
    pub(in crate::storage) fn settle(self) -> Result<(), StorageError> {
        for (boot, heard) in &self.heard {
            self.db.prepare_cached(KEEP_HEARD)?.execute(named_params! {
                ":terminal": self.terminal,
                ":boot": boot.to_string(),
                ":first_seq": heard.first_seq,
                ":last_seq": heard.last_seq,
                ":from_up_ms": heard.from_up_ms,
                ":to_up_ms": heard.to_up_ms,
            })?;
        }
        if !self.unsettled {
            return Ok(());
        }
        let runs = self.runs()?;
        let earliest: Option<i64> = self
            .db
            .prepare_cached("SELECT min(since) FROM placements WHERE terminal = ?1")?
            .query_row([self.terminal], |row| row.get(0))?;
        let shapes: Vec<Run> = runs.iter().map(|known| known.run).collect();
        for (known, offset) in runs.iter().zip(resolve(&shapes, earliest)) {
            if let Some(offset) = offset {
                self.set_right(known, &offset)?;
            }
        }
        self.bound_unknown(earliest)
    }

    /// The terminal's boots that have events, in their order; the one that sends is the last of all.
    fn runs(&self) -> Result<Vec<StoredRun>, StorageError> {
        let sending = self.sending.map(|sending| sending.boot.to_string());
        let mut statement = self.db.prepare_cached(
            "SELECT r.boot, r.first_seq, r.last_seq, r.from_up_ms, r.to_up_ms, r.offset_ms, r.quality, r.uncertainty_ms,
                 b.offset_ms AS told_ms, b.quality AS told_quality
             FROM boot_runs r LEFT JOIN boots b ON b.terminal = r.terminal AND b.boot = r.boot
             WHERE r.terminal = ?1 AND (r.first_seq IS NOT NULL OR r.boot = ?2)
             ORDER BY r.first_seq IS NULL, r.first_seq",
        )?;
        statement
            .query_and_then((self.terminal, sending), read_run)?
            .collect()
    }

    fn set_right(&self, known: &StoredRun, offset: &Offset) -> Result<(), StorageError> {
        let touched = known
            .boot
            .parse::<BootId>()
            .is_ok_and(|boot| self.heard.contains_key(&boot));
        if known.offset.as_ref() == Some(offset) && !touched {
            return Ok(());
        }
        let quality = quality_text(offset.quality);
        self.db
            .prepare_cached(
                "UPDATE boot_runs SET offset_ms = ?3, quality = ?4, uncertainty_ms = ?5 WHERE terminal = ?1 AND boot = ?2",
            )?
            .execute((
                self.terminal,
                &known.boot,
                offset.offset_ms,
                quality,
                offset.uncertainty_ms,
            ))?;
        let (Some(first_seq), Some(last_seq)) = (known.first_seq, known.last_seq) else {
            return Ok(());
        };
        self.db.prepare_cached(SET_RIGHT)?.execute(named_params! {
            ":terminal": self.terminal,
            ":first_seq": first_seq,
            ":last_seq": last_seq,
            ":boot": known.boot,
            ":offset_ms": offset.offset_ms,
            ":quality": quality,
            ":uncertainty_ms": offset.uncertainty_ms,
            ":latest": self.received_at + TOLERANCE_MS,
        })?;
        Ok(())
    }

    /// Of a rating whose boot nobody can date, the arrival stands; it was given after the enrolment.
    fn bound_unknown(&self, earliest: Option<i64>) -> Result<(), StorageError> {
        for heard in self.heard.values() {
            let (Some(first_seq), Some(last_seq), Some(earliest)) =
                (heard.first_seq, heard.last_seq, earliest)
            else {
                continue;
            };
            self.db
                .prepare_cached(
                    "UPDATE ratings SET uncertainty_ms = rated_at - ?4
                     WHERE terminal = ?1 AND seq BETWEEN ?2 AND ?3 AND time_quality = 'unknown' AND rated_at >= ?4",
                )?
                .execute((self.terminal, first_seq, last_seq, earliest))?;
        }
        Ok(())
    }
}

const KEEP_HEARD: &str = "INSERT INTO boot_runs (terminal, boot, first_seq, last_seq, from_up_ms, to_up_ms)
     VALUES (:terminal, :boot, :first_seq, :last_seq, :from_up_ms, :to_up_ms)
     ON CONFLICT (terminal, boot) DO UPDATE SET
         first_seq = min(coalesce(first_seq, excluded.first_seq), coalesce(excluded.first_seq, first_seq)),
         last_seq = max(coalesce(last_seq, excluded.last_seq), coalesce(excluded.last_seq, last_seq)),
         from_up_ms = min(from_up_ms, excluded.from_up_ms), to_up_ms = max(to_up_ms, excluded.to_up_ms)";

/// With its time, a rating's place may change: it counts for where the terminal stood then.
const SET_RIGHT: &str = "UPDATE ratings SET
         rated_at = up_ms + :offset_ms, time_quality = :quality, uncertainty_ms = :uncertainty_ms,
         (place, organization) = (SELECT p.code, p.organization FROM places p WHERE p.code = coalesce(
             (SELECT place FROM placements
              WHERE terminal = :terminal AND since <= ratings.up_ms + :offset_ms ORDER BY since DESC LIMIT 1),
             (SELECT place FROM placements WHERE terminal = :terminal ORDER BY since LIMIT 1)))
     WHERE terminal = :terminal AND seq BETWEEN :first_seq AND :last_seq AND boot = :boot
         AND up_ms + :offset_ms <= :latest
         AND (rated_at, time_quality, uncertainty_ms) IS NOT (up_ms + :offset_ms, :quality, :uncertainty_ms)";

struct StoredRun {
    boot: String,
    first_seq: Option<u64>,
    last_seq: Option<u64>,
    run: Run,
    offset: Option<Offset>,
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

/// Milliseconds as SQLite counts them; what the contract allows fits.
fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn measured_uncertainty(quality: OffsetQuality) -> Option<i64> {
    match quality {
        OffsetQuality::Synced => Some(SYNCED_UNCERTAINTY_MS),
        OffsetQuality::Portal => Some(PORTAL_UNCERTAINTY_MS),
        OffsetQuality::Estimated => None,
    }
}

fn quality_text(quality: OffsetQuality) -> &'static str {
    match quality {
        OffsetQuality::Synced => "synced",
        OffsetQuality::Portal => "portal",
        OffsetQuality::Estimated => "estimated",
    }
}

fn read_quality(text: &str) -> Result<OffsetQuality, StorageError> {
    match text {
        "synced" => Ok(OffsetQuality::Synced),
        "portal" => Ok(OffsetQuality::Portal),
        "estimated" => Ok(OffsetQuality::Estimated),
        _ => Err(StorageError::unreadable(format_args!(
            "a boot's quality {text:?}"
        ))),
    }
}

fn rank(quality: OffsetQuality) -> u8 {
    match quality {
        OffsetQuality::Synced => 3,
        OffsetQuality::Portal => 2,
        OffsetQuality::Estimated => 1,
    }
}
