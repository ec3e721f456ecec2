//! What the journal knows of each boot: where it begins, and its clock.

use pikir_contract::{BootId, BootOffset, Event};
use rusqlite::{OptionalExtension, Transaction, params};

use super::error::JournalError;
use super::rows::{quality_from, quality_name, rank};
use super::store::Journal;

/// Notes that the boot's first event is `seq`, unless that is known already.
pub(super) fn note_first_event(
    transaction: &Transaction<'_>,
    boot: BootId,
    seq: u64,
) -> Result<(), JournalError> {
    transaction
        .prepare_cached(
            "INSERT INTO boots (boot, first_seq) VALUES (?1, ?2)
             ON CONFLICT (boot) DO UPDATE SET first_seq = excluded.first_seq WHERE first_seq IS NULL",
        )?
        .execute(params![boot.to_string(), seq as i64])?;
    Ok(())
}

impl Journal {
    pub(super) fn offsets_of(&self, events: &[Event]) -> Result<Vec<BootOffset>, JournalError> {
        let mut boots: Vec<&str> = events
            .iter()
            .filter_map(|event| event.body.get("boot")?.as_str())
            .collect();
        boots.sort_unstable();
        boots.dedup();
        let mut known = Vec::new();
        for boot in boots {
            known.extend(self.offset_of(boot)?);
        }
        Ok(known)
    }

    fn offset_of(&self, boot: &str) -> Result<Option<BootOffset>, JournalError> {
        let mut statement = self.connection().prepare_cached(
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
            quality: quality_from(&quality)?,
        }))
    }

    /// Every known boot offset, for an export.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn offsets(&self) -> Result<Vec<BootOffset>, JournalError> {
        let mut statement = self
            .connection()
            .prepare_cached("SELECT boot FROM boots WHERE offset_ms IS NOT NULL ORDER BY boot")?;
        let boots = statement
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<Result<Vec<_>, _>>()?;
        let mut known = Vec::new();
        for boot in boots {
            known.extend(self.offset_of(&boot)?);
        }
        Ok(known)
    }

    /// Keeps what was learnt of a boot's clock; a better quality replaces a worse one, never the reverse.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn learn_offset(&mut self, offset: &BootOffset) -> Result<(), JournalError> {
        let boot = offset.boot.to_string();
        if let Some(known) = self.offset_of(&boot)?
            && (known == *offset || rank(known.quality) > rank(offset.quality))
        {
            return Ok(());
        }
        self.connection().execute(
            "INSERT INTO boots (boot, offset_ms, quality) VALUES (?1, ?2, ?3)
             ON CONFLICT (boot) DO UPDATE SET offset_ms = excluded.offset_ms, quality = excluded.quality",
            params![boot, offset.offset_ms, quality_name(offset.quality)],
        )?;
        Ok(())
    }
}
