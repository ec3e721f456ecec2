//! Events: what is needed to judge them, and handing them over to be kept ([`super::intake`]).

use pikir_contract::{BootOffset, EventResult, SealKey};
use rusqlite::Connection;

use super::intake::deliver;
use super::{Sending, Storage, StorageError};
use crate::ingest::{Judged, Keys, Ratchet};

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

/// Judged events of one terminal, to be kept.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The terminal's internal name.
    pub terminal: i64,
    /// The K1 they were judged with.
    pub seal_key: SealKey,
    /// The ratchet after judging them.
    pub ratchet: Ratchet,
    /// Keys found on the way there.
    pub marks: Vec<Ratchet>,
    /// The events, in ascending order of seq.
    pub events: Vec<Judged>,
    /// What the sender tells of boots.
    pub boots: Vec<BootOffset>,
    /// The boot that sends them.
    pub sending: Sending,
    /// When they came (milliseconds since 1970).
    pub received_at: i64,
}

/// What became of a delivery.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// It is kept.
    Kept {
        /// Every event up to this seq is held now.
        received_through: u64,
        /// What became of each event.
        results: Vec<EventResult>,
    },
    /// What is known of the terminal changed since the events were judged: judge them again.
    Stale,
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

/// Keeps keys, unless the terminal has another K1 by now.
pub(in crate::storage) fn keep_marks(
    db: &Connection,
    terminal: i64,
    seal_key: &SealKey,
    marks: &[Ratchet],
) -> Result<(), StorageError> {
    for mark in marks {
        db.prepare_cached(
            "INSERT OR IGNORE INTO ratchet_marks (terminal, seq, key)
             SELECT key, ?2, ?3 FROM terminals WHERE key = ?1 AND seal_key = ?4",
        )?
        .execute((terminal, mark.seq, mark.key.as_bytes(), seal_key.as_bytes()))?;
    }
    Ok(())
}
