//! The control: the same transactions with `synchronous=NORMAL`, which must lose acknowledged
//! ratings.
//!
//! The kiosk's library has no such setting, and is not given one for a test: the two statements of
//! an append are repeated here on a connection of its own.

use std::io::Write;

use anyhow::{Context, Result};
use pikir_contract::{SealKey, canonical_json};
use pikir_kiosk::journal::NewEvent;
use pikir_kiosk::platform::clock::SystemClock;
use rusqlite::{Connection, TransactionBehavior, params};

use crate::rating::rating;
use crate::{JOURNAL, Port};

/// Appends until the power fails.
pub fn rate(port: &mut Port, clock: &SystemClock) -> Result<()> {
    let mut connection = Connection::open(JOURNAL)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    loop {
        let event = rating(clock);
        let id = event.id;
        let seq = append(&mut connection, event)?;
        writeln!(port, "ACK {seq} {id}")?;
    }
}

fn append(connection: &mut Connection, event: NewEvent) -> Result<i64> {
    let body = event.into_body();
    let (kind, value) = (body.kind().to_owned(), body.to_value());
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (seq, key): (i64, Vec<u8>) =
        transaction.query_row("SELECT next_seq, ratchet FROM chain", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let key = SealKey::from_slice(&key).context("the ratchet is not 32 bytes long")?;
    let seal = key.seal(seq as u64, &kind, &value)?;
    transaction.execute(
        "INSERT INTO events (seq, kind, body, seal) VALUES (?1, ?2, ?3, ?4)",
        params![
            seq,
            kind,
            canonical_json(&value)?,
            seal.as_bytes().as_slice()
        ],
    )?;
    transaction.execute(
        "UPDATE chain SET next_seq = ?1, ratchet = ?2 WHERE id = 1",
        params![seq + 1, key.next().as_bytes().as_slice()],
    )?;
    transaction.commit()?;
    Ok(seq)
}
