//! Events: what is needed to judge them, and handing them over to be kept ([`super::intake`]).

use pikir_contract::{BootOffset, EventResult, SealKey};
use rusqlite::Connection;

use super::intake::deliver;
use super::{Sending, Storage, StorageError};
use crate::ingest::{Judged, Ratchet};

/// What is needed to judge a terminal's events.
#[derive(Clone, Debug)]
pub struct SealState {
    /// K1.
    pub seal_key: SealKey,
    /// The ratchet as far as every event before it is held.
    pub ratchet: Ratchet,
    /// The ratchet beyond the gaps, where there are any.
    pub ahead: Option<Ratchet>,
    /// Every event up to this seq is held.
    pub received_through: u64,
    /// The highest seq held; above `received_through` where there is a gap.
    pub held_through: u64,
}

impl SealState {
    /// Where judging may begin, the nearest first. A gap may stay for ever, so most events come beyond it; one that fills
    /// it is judged from before it, and whatever the portal lost of its own from K1.
    pub fn beginnings(&self) -> Vec<Ratchet> {
        let first = Ratchet::start(self.seal_key.clone());
        let mut all: Vec<Ratchet> = self.ahead.iter().cloned().collect();
        all.push(self.ratchet.clone());
        if self.ratchet.seq > first.seq {
            all.push(first);
        }
        all
    }
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
    /// One of the events lies before where judging began and is not held: judge them from further back. Nothing was kept.
    Unjudged,
}

impl Storage {
    /// What is needed to judge the events of a terminal.
    pub async fn seal_state(&self, terminal: i64) -> Result<SealState, StorageError> {
        let find = move |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT seal_key, ratchet_seq, ratchet_key, ahead_seq, ahead_key, received_through, held_through
                 FROM terminals WHERE key = ?1",
            )?;
            let read = |row: &rusqlite::Row<'_>| {
                let ahead = row.get::<_, Option<u64>>(3)?.zip(row.get(4)?);
                Ok(SealState {
                    seal_key: SealKey::from_bytes(row.get(0)?),
                    ratchet: ratchet(row.get(1)?, row.get(2)?),
                    ahead: ahead.map(|(seq, key)| ratchet(seq, key)),
                    received_through: row.get(5)?,
                    held_through: row.get(6)?,
                })
            };
            Ok(statement.query_row([terminal], read)?)
        };
        self.sqlite.read(find).await
    }

    /// Keeps a delivery. Nothing of it is kept unless all of it is.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Delivered, StorageError> {
        self.sqlite.write(move |db| deliver(db, delivery)).await
    }
}

pub(in crate::storage) fn ratchet(seq: u64, key: [u8; 32]) -> Ratchet {
    Ratchet {
        seq,
        key: SealKey::from_bytes(key),
    }
}
