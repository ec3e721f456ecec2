//! When things happened: what was heard of each boot, what was told about it, and what follows for
//! its ratings.
//!
//! `boots` holds what somebody told, the terminal or the portal's own clock; `boot_runs` what was
//! heard of each boot and the offset that follows ([`crate::domain::true_time`]). Where nothing is
//! known, the time of arrival stands, marked as `unknown`. Better knowledge sets earlier ratings
//! right, and what a terminal says about the time can be wrong without an event being lost or
//! another's time being changed.
//!
//! What the portal measured itself of a boot (`boots.measured_ms`) is the best of that boot's
//! requests ([`crate::domain::true_time::measured_again`]). It stands against everything that is
//! told of this boot and lies further away than a synchronised clock may be off, by whichever boot
//! and however much later.

use std::collections::HashMap;

use pikir_contract::{BootId, BootOffset, EventHead, OffsetQuality};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::boot_runs::{KEEP_HEARD, SET_RIGHT, StoredRun, read_quality, runs};
use crate::domain::true_time::{
    Offset, Run, TOLERANCE_MS, measured_again, measured_uncertainty_ms, resolve,
};
use crate::storage::StorageError;

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

/// What is kept of a boot's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    offset_ms: i64,
    quality: OffsetQuality,
    /// What the portal's own clock says, if the boot ever sent anything.
    measured_ms: Option<i64>,
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
    known: HashMap<BootId, Option<Known>>,
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
            known: HashMap::new(),
            heard: HashMap::new(),
            unsettled: false,
        };
        if let Some(Sending { boot, up_ms, .. }) = sending {
            times.hear(boot, up_ms, None);
        }
        times
    }

    /// Keeps what is known better now than before: what the portal's own clock says of the boot
    /// that sends, and what the sender tells.
    pub(in crate::storage) fn learn(&mut self, told: &[BootOffset]) -> Result<(), StorageError> {
        self.measure()?;
        for one in told {
            let before = self.known(one.boot)?;
            let better = before.is_none_or(|before| {
                one.quality > before.quality
                    || (one.quality == OffsetQuality::Estimated
                        && before.quality == one.quality
                        && before.offset_ms != one.offset_ms)
            });
            let measured_ms = before.and_then(|before| before.measured_ms);
            if better && self.is_believable(one, measured_ms) {
                let known = Known {
                    offset_ms: one.offset_ms,
                    quality: one.quality,
                    measured_ms,
                };
                self.keep(one.boot, known)?;
            }
        }
        Ok(())
    }

    /// Measures the boot that sends by the portal's own clock. What was told of it stays where the
    /// two agree.
    fn measure(&mut self) -> Result<(), StorageError> {
        let Some((sending, began)) = self.sending_since() else {
            return Ok(());
        };
        if began < EARLIEST_MS {
            return Ok(());
        }
        let boot = sending.boot;
        let before = self.known(boot)?;
        let best = before.and_then(|before| before.measured_ms);
        let is_new = self.goes_on(sending)?;
        let measured_ms = measured_again(best, began, is_new);
        if best == Some(measured_ms) {
            return Ok(());
        }
        let told = before
            .filter(|before| before.quality > OffsetQuality::Portal)
            .filter(|before| before.offset_ms.abs_diff(measured_ms) <= TOLERANCE_MS as u64);
        let known = Known {
            offset_ms: told.map_or(measured_ms, |told| told.offset_ms),
            quality: told.map_or(OffsetQuality::Portal, |told| told.quality),
            measured_ms: Some(measured_ms),
        };
        self.keep(boot, known)
    }

    /// Whether this moment of the boot lies behind all that was heard of it: an old request that is
    /// repeated does not.
    fn goes_on(&self, sending: Sending) -> Result<bool, StorageError> {
        let heard: Option<i64> = self
            .db
            .prepare_cached("SELECT to_up_ms FROM boot_runs WHERE terminal = ?1 AND boot = ?2")?
            .query_row((self.terminal, sending.boot.to_string()), |row| row.get(0))
            .optional()?;
        Ok(heard.is_none_or(|to_up_ms| to_up_ms < signed(sending.up_ms)))
    }

    fn keep(&mut self, boot: BootId, known: Known) -> Result<(), StorageError> {
        let Known {
            offset_ms,
            quality,
            measured_ms,
        } = known;
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO boots (terminal, boot, offset_ms, quality, measured_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((self.terminal, boot.to_string(), offset_ms, quality.as_str(), measured_ms))?;
        self.known.insert(boot, Some(known));
        self.unsettled = true;
        Ok(())
    }

    /// An offset that lies in the future or before all terminals is none. Of a boot that sent
    /// anything itself the portal knows better when it began; every other was over before the one
    /// that sends began.
    fn is_believable(&self, told: &BootOffset, measured_ms: Option<i64>) -> bool {
        let latest = self.received_at + TOLERANCE_MS;
        if !(EARLIEST_MS..=latest).contains(&told.offset_ms) {
            return false;
        }
        match (measured_ms, self.sending_since()) {
            (Some(measured_ms), _) => (told.offset_ms - measured_ms).abs() <= TOLERANCE_MS,
            (None, Some((_, began))) => told.offset_ms <= began.saturating_add(TOLERANCE_MS),
            (None, None) => true,
        }
    }

    /// The boot that sends now and when it began by the portal's clock (milliseconds since 1970).
    fn sending_since(&self) -> Option<(Sending, i64)> {
        let sending = self.sending.filter(|sending| sending.now)?;
        let began = self.received_at.saturating_sub(signed(sending.up_ms));
        Some((sending, began))
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
        let known = self.known(head.boot)?.and_then(|known| {
            let uncertainty_ms = measured_uncertainty_ms(known.quality)?;
            let unix_ms = signed(head.up_ms).checked_add(known.offset_ms)?;
            (unix_ms <= self.received_at + TOLERANCE_MS).then_some(Moment {
                unix_ms,
                quality: known.quality.as_str(),
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

    fn known(&mut self, boot: BootId) -> Result<Option<Known>, StorageError> {
        if let Some(known) = self.known.get(&boot) {
            return Ok(*known);
        }
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(i64, String, Option<i64>)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        };
        let found = self
            .db
            .prepare_cached(
                "SELECT offset_ms, quality, measured_ms FROM boots WHERE terminal = ?1 AND boot = ?2",
            )?
            .query_row((self.terminal, boot.to_string()), read)
            .optional()?;
        let known = match found {
            Some((offset_ms, quality, measured_ms)) => Some(Known {
                offset_ms,
                quality: read_quality(&quality)?,
                measured_ms,
            }),
            None => None,
        };
        self.known.insert(boot, known);
        Ok(known)
    }

    /// Keeps what was heard; where it matters, finds anew when the terminal's boots began and sets
    /// its ratings right. Answers with the boots of those. While there is more to come, that would
    /// be the same work again and again: it waits for the last of it.
    pub(in crate::storage) fn settle(
        mut self,
        more_to_come: bool,
    ) -> Result<Vec<String>, StorageError> {
        let latest = self.received_at + TOLERANCE_MS;
        for (boot, heard) in std::mem::take(&mut self.heard) {
            // No boot lasts longer than until now; one that says so must not push the others out of
            // their time.
            let began = self
                .known(boot)?
                .map_or(EARLIEST_MS, |known| known.offset_ms);
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
            self.leave_undated()?;
            return Ok(Vec::new());
        }
        if !self.unsettled && !self.has_undated()? {
            return Ok(Vec::new());
        }
        let sending = self.sending.map(|sending| sending.boot);
        let runs = runs(self.db, self.terminal, sending)?;
        let earliest: Option<i64> = self
            .db
            .prepare_cached("SELECT min(since) FROM placements WHERE terminal = ?1")?
            .query_row([self.terminal], |row| row.get(0))?;
        let shapes: Vec<Run> = runs.iter().map(|known| known.run).collect();
        let mut set_right = Vec::new();
        for (known, offset) in runs.into_iter().zip(resolve(&shapes, earliest)) {
            if let Some(offset) = offset
                && self.set_right(&known, &offset)?
            {
                set_right.push(known.boot);
            }
        }
        self.bound_unknown(earliest)?;
        Ok(set_right)
    }

    /// Marks the boots that came and cannot be dated by themselves, for the delivery that settles
    /// them.
    fn leave_undated(&mut self) -> Result<(), StorageError> {
        let heard: Vec<BootId> = self.heard.keys().copied().collect();
        for boot in heard {
            if self
                .known(boot)?
                .and_then(|known| measured_uncertainty_ms(known.quality))
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

    /// False: no rating has another time now.
    fn set_right(&self, known: &StoredRun, offset: &Offset) -> Result<bool, StorageError> {
        // What came in a boot that was measured has its time already.
        let came = offset.quality == OffsetQuality::Estimated
            && known
                .boot
                .parse::<BootId>()
                .is_ok_and(|boot| self.heard.contains_key(&boot));
        if known.offset.as_ref() == Some(offset) && !came {
            return Ok(false);
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
            return Ok(false);
        };
        let changed = self.db.prepare_cached(SET_RIGHT)?.execute(named_params! {
            ":terminal": self.terminal,
            ":first_seq": first_seq,
            ":last_seq": last_seq,
            ":boot": known.boot,
            ":offset_ms": offset.offset_ms,
            ":quality": quality,
            ":uncertainty_ms": offset.uncertainty_ms,
            ":latest": self.received_at + TOLERANCE_MS,
        })?;
        Ok(changed > 0)
    }

    /// Of a rating whose boot nobody can date, the arrival stands; it was given after the
    /// enrolment.
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
