//! The spare key: a future key of the ratchet in a file of its own, for the day the journal cannot
//! be read.
//!
//! It lies always ahead of the journal, so it reveals nothing about seals that were made. A journal
//! that is rebuilt goes on at the spare key's seq, which no event ever had; the portal verifies
//! from there as ever. It also proves the key in the journal: the ratchet leads from one to the
//! other.

use std::path::{Path, PathBuf};

use pikir_contract::{Bytes, Id, Seal, SealKey};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::JournalError;
use super::file::store::Journal;
use crate::limits::{MAX_LEAP, SPARE_AHEAD};
use crate::platform::files;

/// `spare-key.json`.
#[derive(Serialize, Deserialize)]
struct SpareFile {
    terminal: Id,
    seq: u64,
    key: Bytes,
    /// Seal over the rest, made with the key itself: a damaged file is no key.
    check: Seal,
}

/// A key that the journal has not reached yet.
#[derive(Clone)]
pub(super) struct Spare {
    pub(super) seq: u64,
    pub(super) key: SealKey,
}

impl Spare {
    /// The spare key of a journal that stands at `next_seq` with `key`.
    pub(super) fn ahead_of(next_seq: u64, key: &SealKey) -> Self {
        Self {
            seq: next_seq + SPARE_AHEAD,
            key: key.advance(SPARE_AHEAD),
        }
    }

    /// The spare key beside the journal, if it is whole and this terminal's.
    ///
    /// # Errors
    /// It is there and cannot be read from the disk.
    pub(super) fn load(journal: &Path, terminal: Id) -> std::io::Result<Option<Self>> {
        let text = match files::read_text_if_there(&place(journal)) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Ok(None),
            Err(error) => return Err(error),
        };
        let Ok(file) = serde_json::from_str::<SpareFile>(&text) else {
            return Ok(None);
        };
        let Some(key) = SealKey::from_slice(&file.key.0) else {
            return Ok(None);
        };
        let whole = check(terminal, file.seq, &key).is_ok_and(|check| check == file.check);
        Ok((whole && file.terminal == terminal).then_some(Self { seq: file.seq, key }))
    }

    /// Writes it durably beside the journal, for its owner alone.
    pub(super) fn save(&self, journal: &Path, terminal: Id) -> Result<(), JournalError> {
        let file = SpareFile {
            terminal,
            seq: self.seq,
            key: Bytes(self.key.as_bytes().to_vec()),
            check: check(terminal, self.seq, &self.key)?,
        };
        let text = serde_json::to_string(&file)
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(files::replace(&place(journal), text.as_bytes(), 0o600)?)
    }

    /// Whether `key` is the ratchet's key for `seq`. A distance too far to compute proves nothing:
    /// `None`.
    pub(super) fn confirms(&self, seq: u64, key: &SealKey) -> Option<bool> {
        let (steps, from, to) = if seq <= self.seq {
            (self.seq - seq, key, &self.key)
        } else {
            (seq - self.seq, &self.key, key)
        };
        (steps <= MAX_LEAP + 2 * SPARE_AHEAD)
            .then(|| from.advance(steps).as_bytes() == to.as_bytes())
    }
}

/// Makes sure that a spare key lies ahead of the journal of `terminal`: enrolment's last care for
/// it.
///
/// # Errors
/// The journal cannot be read, or the key cannot be written.
pub fn make_spare_key(journal: &Path, terminal: Id) -> Result<(), JournalError> {
    let (next, key) = Journal::open(journal)?.chain()?;
    let present = Spare::load(journal, terminal)?;
    if present.is_some_and(|spare| spare.seq > next && spare.confirms(next, &key) == Some(true)) {
        return Ok(());
    }
    Spare::ahead_of(next, &key).save(journal, terminal)
}

/// Where the spare key of this journal lies.
pub(super) fn place(journal: &Path) -> PathBuf {
    journal.with_file_name("spare-key.json")
}

fn check(terminal: Id, seq: u64, key: &SealKey) -> Result<Seal, JournalError> {
    Ok(key.seal(seq, "spare-key", &json!({ "terminal": terminal }))?)
}
