//! How much of the time an organisation's terminals were running: what stands beside every score.
//!
//! A boot that was heard of at two moments ran in between. So a terminal without a network is credited once it delivers,
//! and nothing is credited for silence. Where the opening hours of its place are known, only these count: a terminal that is
//! switched off at night misses no visitor.

use rusqlite::{Connection, named_params};

use super::StorageError;
use super::organizations::read_hours;
use crate::hours::Week;

/// How long terminals ran, of the time since they were set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uptime {
    /// Terminals that stand at the organisation's places, those taken out of service included.
    pub terminals: u64,
    /// Those of them of which only the opening hours count.
    pub by_hours: u64,
    /// When the first of them was set up (milliseconds since 1970).
    pub since_ms: Option<i64>,
    /// How long they ran, all together, in milliseconds.
    pub up_ms: i64,
    /// How long they could have run.
    pub of_ms: i64,
}

/// Which hours count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// All: no opening hours are known.
    AllHours,
    /// The opening hours of every place.
    OpeningHours,
    /// The opening hours where they are known, elsewhere all.
    Both,
}

impl Uptime {
    /// The share of time, in thousandths; `None` without a terminal.
    pub fn per_mille(&self) -> Option<u64> {
        let share =
            (self.of_ms > 0).then(|| i128::from(self.up_ms) * 1000 / i128::from(self.of_ms));
        share.and_then(|share| u64::try_from(share).ok())
    }

    /// Which hours count.
    pub fn within(&self) -> Within {
        match self.by_hours {
            0 => Within::AllHours,
            all if all == self.terminals => Within::OpeningHours,
            _ => Within::Both,
        }
    }
}

/// A terminal runs from its first enrolment until it is taken out of service or another takes its place.
const TERMINALS: &str = "SELECT key, since, until, hours, timezone FROM (
         SELECT t.key, p.hours, p.timezone, (SELECT min(since) FROM placements WHERE terminal = t.key) AS since,
             min(?2, coalesce(t.retired_at, ?2),
                 coalesce((SELECT min(n.enrolled_at) FROM terminals n WHERE n.follows = t.key), ?2)) AS until
         FROM terminals t JOIN places p ON p.code = t.place WHERE p.organization = ?1)
     WHERE since IS NOT NULL";

/// How long the terminals of an organisation ran until `now_ms` (milliseconds since 1970), units below it not included.
pub(in crate::storage) fn uptime(
    db: &Connection,
    organization: &str,
    now_ms: i64,
) -> Result<Uptime, StorageError> {
    let mut uptime = Uptime::default();
    let mut statement = db.prepare_cached(TERMINALS)?;
    let mut rows = statement.query((organization, now_ms))?;
    while let Some(row) = rows.next()? {
        let (key, since, until): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let until = until.max(since);
        let week = Week::new(
            &read_hours(&row.get::<_, String>(3)?)?,
            &row.get::<_, String>(4)?,
        );
        let (of_ms, up) = match &week {
            None => (until - since, ran_ms(db, key, until - since)?),
            Some(week) => (
                week.open_ms(since, until),
                ran_while_open_ms(db, key, week, (since, until))?,
            ),
        };
        uptime.terminals += 1;
        uptime.by_hours += u64::from(week.is_some());
        uptime.since_ms = Some(uptime.since_ms.map_or(since, |first| first.min(since)));
        uptime.of_ms += of_ms;
        uptime.up_ms += up.min(of_ms);
    }
    Ok(uptime)
}

/// How long a terminal ran, no boot longer than `most_ms`.
fn ran_ms(db: &Connection, terminal: i64, most_ms: i64) -> Result<i64, StorageError> {
    let ran = db
        .prepare_cached(
            "SELECT coalesce(sum(min(to_up_ms - from_up_ms, :most)), 0) FROM boot_runs WHERE terminal = :terminal",
        )?
        .query_row(named_params! {":terminal": terminal, ":most": most_ms}, |row| row.get(0))?;
    Ok(ran)
}

/// How long a terminal ran while its office was open. Of a boot that nobody can date nothing is known.
fn ran_while_open_ms(
    db: &Connection,
    terminal: i64,
    week: &Week,
    (since, until): (i64, i64),
) -> Result<i64, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT offset_ms + from_up_ms, offset_ms + to_up_ms FROM boot_runs
         WHERE terminal = ?1 AND offset_ms IS NOT NULL",
    )?;
    let mut rows = statement.query([terminal])?;
    let mut ran = 0;
    while let Some(row) = rows.next()? {
        let (from, to): (i64, i64) = (row.get(0)?, row.get(1)?);
        ran += week.open_ms(from.max(since), to.min(until));
    }
    Ok(ran)
}
