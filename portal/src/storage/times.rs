//! When things happened: what was heard of each boot, what was told about it, and what follows for its ratings.
//!
//! `boots` holds what somebody told, the terminal or the portal's own clock; `boot_runs` what was heard of each boot and
//! the offset that follows ([`crate::true_time`]). Where nothing is known, the time of arrival stands, marked as
//! `unknown`. Better knowledge sets earlier ratings right, and what a terminal says about the time can be wrong without
//! an event being lost or another's time being changed.

use std::collections::HashMap;

use pikir_contract::{BootId, BootOffset, EventHead, OffsetQuality};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::StorageError;
use super::boot_runs::{KEEP_HEARD, SET_RIGHT, StoredRun, read_quality, runs};
use crate::true_time::{Offset, Run, measured_uncertainty_ms, resolve};

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

impl Heard {
    fn until(self, up_ms: u64) -> Self {
        Self {
            from_up_ms: self.from_up_ms.min(up_ms),
            to_up_ms: self.to_up_ms.min(up_ms),
            ..self
        }
    }
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

    /// Keeps what is known better now than before: what the sender tells, and what the portal's own clock says of the boot
    /// that sends.
    pub(in crate::storage) fn learn(&mut self, told: &[BootOffset]) -> Result<(), StorageError> {
        let own = self.sending_since().map(|(boot, offset_ms)| BootOffset {
            boot,
            offset_ms,
            quality: OffsetQuality::Portal,
        });
        for known in told.iter().chain(&own) {
            let before = self.told(known.boot)?;
            let better = before.is_none_or(|(offset_ms, before)| {
                known.quality > before
                    || (known.quality == OffsetQuality::Estimated
                        && before == known.quality
                        && offset_ms != known.offset_ms)
            });
            if better && self.is_believable(known) {
                self.db
                    .prepare_cached("INSERT OR REPLACE INTO boots (terminal, boot, offset_ms, quality) VALUES (?1, ?2, ?3, ?4)")?
                    .execute((self.terminal, known.boot.to_string(), known.offset_ms, known.quality.as_str()))?;
                self.told
                    .insert(known.boot, Some((known.offset_ms, known.quality)));
                self.unsettled = true;
            }
        }
        Ok(())
    }

    /// An offset that lies in the future or before all terminals is none. Of the boot that sends the portal knows better
    /// when it began, and every other boot was over by then.
    fn is_believable(&self, known: &BootOffset) -> bool {
        let latest = self.received_at + TOLERANCE_MS;
        if !(EARLIEST_MS..=latest).contains(&known.offset_ms) {
            return false;
        }
        let Some((sending, began)) = self.sending_since() else {
            return true;
        };
        if known.boot == sending {
            (known.offset_ms - began).abs() <= TOLERANCE_MS
        } else {
            known.offset_ms <= began.saturating_add(TOLERANCE_MS)
        }
    }

    /// The boot that sends now and when it began by the portal's clock (milliseconds since 1970).
    fn sending_since(&self) -> Option<(BootId, i64)> {
        let sending = self.sending.filter(|sending| sending.now)?;
        let began = self.received_at.saturating_sub(signed(sending.up_ms));
        Some((sending.boot, began))
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
            let uncertainty_ms = measured_uncertainty_ms(quality)?;
            let unix_ms = signed(head.up_ms).checked_add(offset_ms)?;
            (unix_ms <= self.received_at + TOLERANCE_MS).then_some(Moment {
                unix_ms,
                quality: quality.as_str(),
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
    /// While there is more to come, that would be the same work again and again: it waits for the last of it.
    pub(in crate::storage) fn settle(mut self, more_to_come: bool) -> Result<(), StorageError> {
        let latest = self.received_at + TOLERANCE_MS;
        for (boot, heard) in std::mem::take(&mut self.heard) {
            // No boot lasts longer than until now; one that says so must not push the others out of their time.
            let began = self
                .told(boot)?
                .map_or(EARLIEST_MS, |(offset_ms, _)| offset_ms);
            let heard = heard.until(u64::try_from(latest - began).unwrap_or(0));
            self.heard.insert(boot, heard);
            self.db.prepare_cached(KEEP_HEARD)?.execute(named_params! {
                ":terminal": self.terminal,
                ":boot": boot.to_string(),
                ":first_seq": heard.first_seq,
                ":last_seq": heard.last_seq,
                ":from_up_ms": heard.from_up_ms,
                ":to_up_ms": heard.to_up_ms,
            })?;
        }
        if more_to_come {
            return self.leave_undated();
        }
        if !self.unsettled && !self.has_undated()? {
            return Ok(());
        }
        let sending = self.sending.map(|sending| sending.boot);
        let runs = runs(self.db, self.terminal, sending)?;
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

    /// Marks the boots that came and cannot be dated by themselves, for the delivery that settles them.
    fn leave_undated(&mut self) -> Result<(), StorageError> {
        let heard: Vec<BootId> = self.heard.keys().copied().collect();
        for boot in heard {
            if self
                .told(boot)?
                .and_then(|(_, quality)| measured_uncertainty_ms(quality))
                .is_none()
            {
                self.db
                    .prepare_cached(
                        "UPDATE boot_runs SET offset_ms = NULL, quality = NULL WHERE terminal = ?1 AND boot = ?2",
                    )?
                    .execute((self.terminal, boot.to_string()))?;
            }
        }
        Ok(())
    }

    fn has_undated(&self) -> Result<bool, StorageError> {
        let found = self
            .db
            .prepare_cached(
                "SELECT 1 FROM boot_runs WHERE terminal = ?1 AND offset_ms IS NULL AND first_seq IS NOT NULL LIMIT 1",
            )?
            .query_row([self.terminal], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    fn set_right(&self, known: &StoredRun, offset: &Offset) -> Result<(), StorageError> {
        // What came in a boot that was measured has its time already.
        let came = offset.quality == OffsetQuality::Estimated
            && known
                .boot
                .parse::<BootId>()
                .is_ok_and(|boot| self.heard.contains_key(&boot));
        if known.offset.as_ref() == Some(offset) && !came {
            return Ok(());
        }
        let quality = offset.quality.as_str();
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

/// Milliseconds as SQLite counts them; what the contract allows fits.
fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
