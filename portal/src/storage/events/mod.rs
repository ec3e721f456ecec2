//! Events: what is needed to judge them, and handing them over to be kept ([`self::intake`]).

pub(super) mod boot_runs;
pub(super) mod exclusions;
pub(super) mod intake;
pub(super) mod judgement;
pub(super) mod projection;
pub(super) mod reconciliation;
pub(super) mod status;
pub(super) mod times;

use pikir_contract::SealKey;
use rusqlite::Connection;

pub use self::intake::{Delivered, Delivery};
use self::intake::{deliver, keep_marks};
use super::{Storage, StorageError};
use crate::domain::ingest::{Keys, Ratchet};

/// What is needed to judge a terminal's events.
#[derive(Clone, Debug)]
pub struct SealState {
    /// K1.
    pub seal_key: SealKey,
    /// The keys known around the events asked about.
    pub keys: Keys,
    /// Every event up to this seq is held.
    pub received_through: u64,
    /// The highest seq held; above `received_through` where there is a gap.
    pub held_through: u64,
}

impl Storage {
    /// What is needed to judge a terminal's events from seq `first` to `last`.
    pub async fn seal_state(
        &self,
        terminal: i64,
        first: u64,
        last: u64,
    ) -> Result<SealState, StorageError> {
        self.sqlite
            .read(move |db| seal_state(db, terminal, first, last))
            .await
    }

    /// Keeps keys of the ratchet on the way to an event that is too far for one request.
    pub async fn keep_marks(
        &self,
        terminal: i64,
        seal_key: SealKey,
        marks: Vec<Ratchet>,
    ) -> Result<(), StorageError> {
        let keep = move |db: &Connection| keep_marks(db, terminal, &seal_key, &marks);
        self.sqlite.write(keep).await
    }

    /// Keeps a delivery. Nothing of it is kept unless all of it is.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Delivered, StorageError> {
        self.sqlite.write(move |db| deliver(db, delivery)).await
    }
}

fn seal_state(
    db: &Connection,
    terminal: i64,
    first: u64,
    last: u64,
) -> Result<SealState, StorageError> {
    let ratchet = |row: &rusqlite::Row<'_>| {
        Ok(Ratchet {
            seq: row.get(0)?,
            key: SealKey::from_bytes(row.get(1)?),
        })
    };
    let mut statement = db.prepare_cached(
        "SELECT ratchet_seq, ratchet_key, seal_key, received_through, held_through FROM terminals WHERE key = ?1",
    )?;
    let (at, seal_key, received_through, held_through) =
        statement.query_row([terminal], |row| {
            Ok((
                ratchet(row)?,
                SealKey::from_bytes(row.get(2)?),
                row.get(3)?,
                row.get(4)?,
            ))
        })?;
    let mut statement = db.prepare_cached(
        "SELECT seq, key FROM ratchet_marks WHERE terminal = ?1 AND seq <= ?3
             AND seq >= coalesce((SELECT max(seq) FROM ratchet_marks WHERE terminal = ?1 AND seq <= ?2), 0)",
    )?;
    let marks = statement
        .query_map((terminal, first, last), ratchet)?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(SealState {
        keys: Keys::new(seal_key.clone(), marks.into_iter().chain([at])),
        seal_key,
        received_through,
        held_through,
    })
}
