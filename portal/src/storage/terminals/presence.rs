//! Keys that prove presence: they change, and the former ones count only for as long as a terminal
//! may still show them.

use pikir_contract::PlaceCode;
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::storage::{Storage, StorageError};

/// Bytes of a presence key.
pub const PRESENCE_KEY_BYTES: usize = 32;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How old a key becomes, in milliseconds (a year): with the next request of a terminal of its
/// place it changes.
pub const PRESENCE_KEY_AGE_MS: i64 = 365 * DAY_MS;
/// How long a key counts at most once another has replaced it, in milliseconds (35 days): so long a
/// terminal may be without a network and still be believed.
pub const FORMER_KEY_MS: i64 = 35 * DAY_MS;

/// A new key of a place.
pub(in crate::storage) type FreshKey = [u8; PRESENCE_KEY_BYTES];

impl Storage {
    /// Gives a place another presence key. False: there is no such place.
    pub async fn rotate_presence_key(
        &self,
        place: &PlaceCode,
        now_ms: i64,
    ) -> Result<bool, StorageError> {
        let (place, fresh) = (place.to_string(), self.fresh_key());
        let rotate = move |db: &Connection| rotate(db, &place, &fresh, now_ms);
        self.sqlite.write(rotate).await
    }

    /// Gives the place another key if it has had the present one for [`PRESENCE_KEY_AGE_MS`].
    pub async fn renew_presence_key(&self, place: &str, now_ms: i64) -> Result<(), StorageError> {
        let (place, fresh) = (place.to_owned(), self.fresh_key());
        let renew = move |db: &Connection| {
            if since(db, &place)?.is_some_and(|since| since + PRESENCE_KEY_AGE_MS <= now_ms) {
                rotate(db, &place, &fresh, now_ms)?;
            }
            Ok(())
        };
        self.sqlite.write(renew).await
    }

    /// Notes that a terminal has the key that its place got at `since` (milliseconds since 1970).
    pub async fn presence_key_fetched(
        &self,
        terminal: i64,
        since: i64,
    ) -> Result<(), StorageError> {
        let note = move |db: &Connection| {
            db.prepare_cached("UPDATE terminals SET presence_since = ?2 WHERE key = ?1")?
                .execute((terminal, since))?;
            Ok(())
        };
        let known = move |db: &Connection| {
            let known: i64 = db
                .prepare_cached("SELECT presence_since FROM terminals WHERE key = ?1")?
                .query_row([terminal], |row| row.get(0))?;
            Ok(known == since)
        };
        match self.sqlite.read(known).await? {
            true => Ok(()),
            false => self.sqlite.write(note).await,
        }
    }

    /// The keys that prove presence at a place now, the present one first.
    pub async fn presence_keys(
        &self,
        place: &PlaceCode,
        now_ms: i64,
    ) -> Result<Vec<Vec<u8>>, StorageError> {
        let place = place.to_string();
        let find = move |db: &Connection| {
            let mut statement = db.prepare_cached(VALID)?;
            let keys = statement.query_map(
                named_params! {
                    ":place": place,
                    ":now": now_ms,
                    ":oldest": now_ms - PRESENCE_KEY_AGE_MS - FORMER_KEY_MS,
                },
                |row| row.get(0),
            )?;
            Ok(keys.collect::<Result<_, _>>()?)
        };
        self.sqlite.read(find).await
    }

    pub(in crate::storage) fn fresh_key(&self) -> FreshKey {
        self.entropy.bytes()
    }
}

/// The present key, unless no terminal has asked for so long that it should have changed (0: nobody
/// knows since when it is there). A former one, as long as a terminal that stands there fetched
/// none since: one that is retired or replaced stands there no more.
const VALID: &str = "SELECT presence_key FROM places WHERE code = :place AND (presence_since > :oldest OR presence_since = 0)
     UNION ALL
     SELECT key FROM (SELECT f.key FROM former_presence_keys f WHERE f.place = :place AND f.until > :now
         AND EXISTS (SELECT 1 FROM terminals t
             WHERE t.place = f.place AND t.presence_since = f.since AND t.retired_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM terminals n WHERE n.follows = t.key))
     ORDER BY f.since DESC)";

/// Since when a place has its key; `None`: there is no such place.
pub(in crate::storage) fn since(db: &Connection, place: &str) -> Result<Option<i64>, StorageError> {
    Ok(db
        .prepare_cached("SELECT presence_since FROM places WHERE code = ?1")?
        .query_row([place], |row| row.get(0))
        .optional()?)
}

/// Gives a place this key. False: there is no such place.
pub(in crate::storage) fn rotate(
    db: &Connection,
    place: &str,
    fresh: &FreshKey,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let Some(before) = since(db, place)? else {
        return Ok(false);
    };
    db.prepare_cached("DELETE FROM former_presence_keys WHERE place = ?1 AND until <= ?2")?
        .execute((place, now_ms))?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO former_presence_keys (place, since, key, until)
         SELECT code, presence_since, presence_key, ?2 FROM places WHERE code = ?1",
    )?
    .execute((place, now_ms + FORMER_KEY_MS))?;
    // Terminals tell the keys apart by their time.
    db.prepare_cached(
        "UPDATE places SET presence_key = ?2, presence_since = ?3, version = version + 1 WHERE code = ?1",
    )?
    .execute((place, fresh, now_ms.max(before + 1)))?;
    Ok(true)
}
