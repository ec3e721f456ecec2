//! How much of the time an organisation's terminals were running: what stands beside every score.
//!
//! A boot that was heard of at two moments ran in between. So a terminal without a network is credited once it delivers,
//! and nothing is credited for silence. Where the opening hours of its place are known, only these count: a terminal that is
//! switched off at night misses no visitor.

use rusqlite::{Connection, Row};

use crate::domain::hours::Week;
use crate::storage::StorageError;
use crate::storage::organizations::read_hours;

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

/// A terminal runs from its first enrolment until it is taken out of service or another takes its place. One row for each
/// of its boots, or one without a boot.
const BOOTS: &str = "SELECT t.key, since, until, hours, timezone, from_up_ms, to_up_ms, offset_ms FROM (
         SELECT t.key, p.hours, p.timezone, (SELECT min(since) FROM placements WHERE terminal = t.key) AS since,
             min(?2, coalesce(t.retired_at, ?2),
                 coalesce((SELECT min(n.enrolled_at) FROM terminals n WHERE n.follows = t.key), ?2)) AS until
         FROM terminals t JOIN places p ON p.code = t.place WHERE p.organization = ?1) t
     LEFT JOIN boot_runs b ON b.terminal = t.key
     WHERE since IS NOT NULL ORDER BY t.key";

/// How long the terminals of an organisation ran until `now_ms` (milliseconds since 1970), units below it not included.
pub(in crate::storage) fn uptime(
    db: &Connection,
    organization: &str,
    now_ms: i64,
) -> Result<Uptime, StorageError> {
    let mut uptime = Uptime::default();
    let mut statement = db.prepare_cached(BOOTS)?;
    let mut rows = statement.query((organization, now_ms))?;
    let mut current: Option<Terminal> = None;
    while let Some(row) = rows.next()? {
        let key: i64 = row.get("key")?;
        let terminal = match current.take() {
            Some(same) if same.key == key => current.insert(same),
            before => {
                uptime.count(before);
                current.insert(Terminal::read(row)?)
            }
        };
        if let Some(from) = row.get("from_up_ms")? {
            terminal.ran(from, row.get("to_up_ms")?, row.get("offset_ms")?);
        }
    }
    uptime.count(current);
    Ok(uptime)
}

impl Uptime {
    fn count(&mut self, terminal: Option<Terminal>) {
        let Some(terminal) = terminal else { return };
        let (since, of_ms) = (terminal.since, terminal.of_ms());
        self.terminals += 1;
        self.by_hours += u64::from(terminal.week.is_some());
        self.since_ms = Some(self.since_ms.map_or(since, |first| first.min(since)));
        self.of_ms += of_ms;
        self.up_ms += terminal.up_ms.min(of_ms);
    }
}

/// A terminal, and how long it ran in the boots seen so far.
struct Terminal {
    key: i64,
    since: i64,
    until: i64,
    week: Option<Week>,
    up_ms: i64,
}

impl Terminal {
    fn read(row: &Row<'_>) -> Result<Self, StorageError> {
        let since = row.get("since")?;
        let until: i64 = row.get("until")?;
        let hours = read_hours(&row.get::<_, String>("hours")?)?;
        Ok(Self {
            key: row.get("key")?,
            since,
            until: until.max(since),
            week: Week::new(&hours, &row.get::<_, String>("timezone")?),
            up_ms: 0,
        })
    }

    /// How long it could have run.
    fn of_ms(&self) -> i64 {
        match &self.week {
            None => self.until - self.since,
            Some(week) => week.open_ms(self.since, self.until),
        }
    }

    /// Adds a boot. No one is longer than all the time there was, and of one that nobody can date nothing is known about
    /// opening hours.
    fn ran(&mut self, from_up_ms: i64, to_up_ms: i64, offset_ms: Option<i64>) {
        self.up_ms += match (&self.week, offset_ms) {
            (None, _) => (to_up_ms - from_up_ms).min(self.until - self.since),
            (Some(_), None) => 0,
            (Some(week), Some(offset_ms)) => week.open_ms(
                (offset_ms + from_up_ms).max(self.since),
                (offset_ms + to_up_ms).min(self.until),
            ),
        };
    }
}
