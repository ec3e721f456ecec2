//! True time: what a terminal without a battery-backed clock measured, put on the portal's calendar.
//!
//! True time is `up_ms` + the boot's offset. An offset is known from NTP during that boot (`synced`), from the portal's
//! own clock at a delivery (`portal`), or estimated by the terminal. Where none is known, the time of arrival stands,
//! marked as `unknown`; when a better offset comes, ratings with a doubtful time are set right.

use std::collections::HashMap;

use pikir_contract::{BootId, EventHead, OffsetQuality};
use rusqlite::{Connection, OptionalExtension};

use super::{KnownBoot, StorageError};

/// How far ahead of its arrival an event may lie: clocks differ a little.
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
}

/// What is known about the boots of one terminal.
pub(in crate::storage) struct BootTimes<'a> {
    db: &'a Connection,
    terminal: i64,
    received_at: i64,
    looked_up: HashMap<BootId, Option<(i64, &'static str)>>,
}

impl<'a> BootTimes<'a> {
    pub(in crate::storage) fn new(db: &'a Connection, terminal: i64, received_at: i64) -> Self {
        Self {
            db,
            terminal,
            received_at,
            looked_up: HashMap::new(),
        }
    }

    /// Keeps what is known better now than before, and sets right the ratings whose time was doubtful.
    pub(in crate::storage) fn learn(&mut self, boots: &[KnownBoot]) -> Result<(), StorageError> {
        for known in boots {
            let quality = quality_text(known.quality);
            let before = self.find(known.boot)?;
            let better = before.is_none_or(|(offset_ms, before)| {
                rank(quality) > rank(before)
                    || (quality == "estimated" && before == quality && offset_ms != known.offset_ms)
            });
            // An offset that lies in the future or before all terminals is none.
            if better && (EARLIEST_MS..=self.received_at + TOLERANCE_MS).contains(&known.offset_ms)
            {
                self.keep(known, quality)?;
            }
        }
        Ok(())
    }

    /// When the event with this head happened.
    pub(in crate::storage) fn moment(&mut self, head: &EventHead) -> Result<Moment, StorageError> {
        let known = self.find(head.boot)?.and_then(|(offset_ms, quality)| {
            let unix_ms = i64::try_from(head.up_ms).ok()?.checked_add(offset_ms)?;
            (unix_ms <= self.received_at + TOLERANCE_MS).then_some(Moment { unix_ms, quality })
        });
        Ok(known.unwrap_or(Moment {
            unix_ms: self.received_at,
            quality: "unknown",
        }))
    }

    fn find(&mut self, boot: BootId) -> Result<Option<(i64, &'static str)>, StorageError> {
        if let Some(known) = self.looked_up.get(&boot) {
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
            .map(|(offset_ms, quality)| {
                let quality = ["synced", "portal", "estimated"]
                    .into_iter()
                    .find(|known| *known == quality);
                quality
                    .map(|quality| (offset_ms, quality))
                    .ok_or_else(|| StorageError::unreadable("a boot's quality"))
            })
            .transpose()?;
        self.looked_up.insert(boot, known);
        Ok(known)
    }

    fn keep(&mut self, known: &KnownBoot, quality: &'static str) -> Result<(), StorageError> {
        let boot = known.boot.to_string();
        self.db
            .prepare_cached("INSERT OR REPLACE INTO boots (terminal, boot, offset_ms, quality) VALUES (?1, ?2, ?3, ?4)")?
            .execute((self.terminal, &boot, known.offset_ms, quality))?;
        self.db
            .prepare_cached(
                "UPDATE ratings SET rated_at = up_ms + ?3, time_quality = ?4
                 WHERE terminal = ?1 AND boot = ?2 AND time_quality IN ('estimated', 'unknown') AND up_ms + ?3 <= ?5",
            )?
            .execute((self.terminal, &boot, known.offset_ms, quality, self.received_at + TOLERANCE_MS))?;
        self.looked_up
            .insert(known.boot, Some((known.offset_ms, quality)));
        Ok(())
    }
}

fn quality_text(quality: OffsetQuality) -> &'static str {
    match quality {
        OffsetQuality::Synced => "synced",
        OffsetQuality::Portal => "portal",
        OffsetQuality::Estimated => "estimated",
    }
}

fn rank(quality: &str) -> u8 {
    match quality {
        "synced" => 3,
        "portal" => 2,
        _ => 1,
    }
}
