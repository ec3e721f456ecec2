//! Enrolment in bulk: one-time tokens.

use pikir_contract::{Id, PlaceCode};
use rusqlite::{Connection, OptionalExtension};

use super::enrolments::enrolled;
use super::{Machine, Placing, find_terminal, put_terminal};
use crate::storage::organizations::place_exists;
use crate::storage::{Enrolled, NewEnrolment, Storage, StorageError};

/// The answer to an enrolment with a token.
#[derive(Clone, Debug)]
pub enum Redeemed {
    /// Enrolled.
    Enrolled(Box<Enrolled>),
    /// The token is unknown.
    UnknownToken,
    /// The token has expired.
    ExpiredToken,
    /// Another machine spent the token.
    SpentToken,
    /// The terminal was taken out of service.
    Retired,
}

impl Storage {
    /// Keeps a one-time token (as its hash) for a place. False: there is no such place.
    pub async fn add_token(
        &self,
        hash: [u8; 32],
        place: &PlaceCode,
        now_ms: i64,
        expires_ms: i64,
    ) -> Result<bool, StorageError> {
        let place = place.to_string();
        let add = move |db: &Connection| {
            if !place_exists(db, &place)? {
                return Ok(false);
            }
            db.prepare_cached(
                "INSERT INTO enrolment_tokens (hash, place, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((hash, place, now_ms, expires_ms))?;
            Ok(true)
        };
        self.sqlite.write(add).await
    }

    /// Enrols a machine with a one-time token. The machine that spent it gets the same answer
    /// again.
    pub async fn redeem_token(
        &self,
        hash: [u8; 32],
        machine: NewEnrolment,
        new_id: Id,
        now_ms: i64,
    ) -> Result<Redeemed, StorageError> {
        let fresh_key = self.fresh_key();
        let redeem = move |db: &Connection| {
            let placing = Placing {
                // The token says where.
                place: "",
                new_id,
                fresh_key: &fresh_key,
                now_ms,
            };
            redeem(db, &hash, machine.into(), placing)
        };
        self.sqlite.write(redeem).await
    }
}

fn redeem(
    db: &Connection,
    hash: &[u8; 32],
    machine: Machine,
    placing: Placing<'_>,
) -> Result<Redeemed, StorageError> {
    let found = db
        .prepare_cached("SELECT place, expires_at, spent_by FROM enrolment_tokens WHERE hash = ?1")?
        .query_row([hash], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Option<Vec<u8>>>(2)?,
            ))
        })
        .optional()?;
    let Some((place, expires_at, spent_by)) = found else {
        return Ok(Redeemed::UnknownToken);
    };
    let spent_by_it = spent_by.as_ref() == Some(&machine.public_key);
    if spent_by.is_some() && !spent_by_it {
        return Ok(Redeemed::SpentToken);
    }
    if !spent_by_it && expires_at <= placing.now_ms {
        return Ok(Redeemed::ExpiredToken);
    }
    // A repeated request means that its answer was lost. It does not move the terminal back to the
    // token's place.
    let known = find_terminal(db, "public_key", &machine.public_key)?.filter(|_| spent_by_it);
    let place = known.map_or(place, |known| known.place);
    let placing = Placing {
        place: &place,
        ..placing
    };
    let Some(terminal) = put_terminal(db, &machine, placing)? else {
        return Ok(Redeemed::Retired);
    };
    db.prepare_cached(
        "UPDATE enrolment_tokens SET spent_at = coalesce(spent_at, ?2), spent_by = ?3 WHERE hash = ?1",
    )?
    .execute((hash, placing.now_ms, machine.public_key))?;
    Ok(Redeemed::Enrolled(enrolled(db, terminal)?))
}
