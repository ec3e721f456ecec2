//! How much of the time an organisation's terminals were running: what stands beside every score.
//!
//! A boot that was heard of at two moments ran in between. So a terminal without a network is credited once it delivers,
//! and nothing is credited for silence.

use rusqlite::Connection;

use super::{Storage, StorageError};

/// How long terminals ran, of the time since they were set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uptime {
    /// Terminals that stand at the organisation's places, those taken out of service included.
    pub terminals: u64,
    /// When the first of them was set up (milliseconds since 1970).
    pub since_ms: Option<i64>,
    /// How long they ran, all together, in milliseconds.
    pub up_ms: i64,
    /// How long they could have run.
    pub of_ms: i64,
}

impl Uptime {
    /// The share of time, in thousandths; `None` without a terminal.
    pub fn per_mille(&self) -> Option<u64> {
        let share =
            (self.of_ms > 0).then(|| i128::from(self.up_ms) * 1000 / i128::from(self.of_ms));
        share.and_then(|share| u64::try_from(share).ok())
    }
}

impl Storage {
    /// How long the terminals of an organisation ran until `now_ms` (milliseconds since 1970), units below it not included.
    pub async fn uptime(&self, organization: &str, now_ms: i64) -> Result<Uptime, StorageError> {
        let organization = organization.to_owned();
        self.sqlite
            .read(move |db| uptime(db, &organization, now_ms))
            .await
    }
}

/// A terminal runs from its first enrolment until it is taken out of service or another takes its place.
const TERMINALS: &str = "SELECT f.since, f.until, (
         SELECT coalesce(sum(min(to_up_ms - from_up_ms, max(f.until - f.since, 0))), 0)
         FROM boot_runs WHERE terminal = f.key)
     FROM (
         SELECT t.key, (SELECT min(since) FROM placements WHERE terminal = t.key) AS since,
             min(?2, coalesce(t.retired_at, ?2),
                 coalesce((SELECT min(n.enrolled_at) FROM terminals n WHERE n.follows = t.key), ?2)) AS until
         FROM terminals t JOIN places p ON p.code = t.place WHERE p.organization = ?1) f
     WHERE f.since IS NOT NULL";

fn uptime(db: &Connection, organization: &str, now_ms: i64) -> Result<Uptime, StorageError> {
    let mut uptime = Uptime::default();
    let mut statement = db.prepare_cached(TERMINALS)?;
    let mut rows = statement.query((organization, now_ms))?;
    while let Some(row) = rows.next()? {
        let (since, until, up): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let of_ms = (until - since).max(0);
        uptime.terminals += 1;
        uptime.since_ms = Some(uptime.since_ms.map_or(since, |first| first.min(since)));
        uptime.of_ms += of_ms;
        uptime.up_ms += up.min(of_ms);
    }
    Ok(uptime)
}
