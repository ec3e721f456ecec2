//! How much of the time an organisation's terminals were running: what stands beside every score.
//!
//! A boot that was heard of at two moments ran in between. So a terminal without a network is
//! credited once it delivers, and nothing is credited for silence. Where the opening hours of its
//! place are known, only these count: a terminal that is switched off at night misses no visitor.

use std::collections::HashMap;
use std::rc::Rc;

use rusqlite::{Connection, Row};

use crate::domain::schedule::OpenTime;
use crate::storage::StorageError;
use crate::storage::organizations::schedules::find_schedule;

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

/// A terminal runs from its first enrolment until it is taken out of service or another takes its
/// place. One row for each of its boots, or one without a boot.
const BOOTS: &str = "SELECT t.key, since, until, place, kept, from_up_ms, to_up_ms, offset_ms FROM (
         SELECT t.key, p.code AS place, p.hours || '|' || coalesce(p.calendar, '-') || '|' || p.timezone AS kept, (SELECT min(since) FROM placements WHERE terminal = t.key) AS since,
             min(?2, coalesce(t.retired_at, ?2),
                 coalesce((SELECT min(n.enrolled_at) FROM terminals n WHERE n.follows = t.key), ?2)) AS until
         FROM terminals t JOIN places p ON p.code = t.place WHERE p.organization = ?1) t
     LEFT JOIN boot_runs b ON b.terminal = t.key
     WHERE since IS NOT NULL ORDER BY t.key";

/// How long the terminals of an organisation ran until `now_ms` (milliseconds since 1970), units
/// below it not included.
pub(in crate::storage) fn uptime(
    db: &Connection,
    organization: &str,
    now_ms: i64,
) -> Result<Uptime, StorageError> {
    let mut uptime = Uptime::default();
    let mut open_times = OpenTimes {
        db,
        now_ms,
        known: HashMap::new(),
    };
    let mut statement = db.prepare_cached(BOOTS)?;
    let mut rows = statement.query((organization, now_ms))?;
    let mut current: Option<Terminal> = None;
    while let Some(row) = rows.next()? {
        let key: i64 = row.get("key")?;
        let terminal = match current.take() {
            Some(same) if same.key == key => current.insert(same),
            before => {
                uptime.count(before);
                current.insert(Terminal::read(row, &mut open_times)?)
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
        self.by_hours += u64::from(terminal.open.is_some());
        self.since_ms = Some(self.since_ms.map_or(since, |first| first.min(since)));
        self.of_ms += of_ms;
        self.up_ms += terminal.up_ms.min(of_ms);
    }
}

/// When the places of one organisation were open. Those with the same hours share what is worked
/// out.
struct OpenTimes<'a> {
    db: &'a Connection,
    now_ms: i64,
    /// By what a place has of its own; each from a moment on.
    known: HashMap<String, (i64, Option<Rc<OpenTime>>)>,
}

impl OpenTimes<'_> {
    fn of(
        &mut self,
        place: String,
        kept: String,
        since: i64,
    ) -> Result<Option<Rc<OpenTime>>, StorageError> {
        if let Some((from, known)) = self.known.get(&kept)
            && *from <= since
        {
            return Ok(known.clone());
        }
        let schedule = find_schedule(self.db, &place)?;
        let found = schedule.map(|found| Rc::new(OpenTime::new(&found, since, self.now_ms)));
        self.known.insert(kept, (since, found.clone()));
        Ok(found)
    }
}

/// A terminal, and how long it ran in the boots seen so far.
struct Terminal {
    key: i64,
    since: i64,
    until: i64,
    open: Option<Rc<OpenTime>>,
    up_ms: i64,
}

impl Terminal {
    fn read(row: &Row<'_>, open_times: &mut OpenTimes<'_>) -> Result<Self, StorageError> {
        let since = row.get("since")?;
        let until: i64 = row.get("until")?;
        Ok(Self {
            key: row.get("key")?,
            since,
            until: until.max(since),
            open: open_times.of(row.get("place")?, row.get("kept")?, since)?,
            up_ms: 0,
        })
    }

    /// How long it could have run.
    fn of_ms(&self) -> i64 {
        match &self.open {
            None => self.until - self.since,
            Some(open) => open.open_ms(self.since, self.until),
        }
    }

    /// Adds a boot. No one is longer than all the time there was, and of one that nobody can date
    /// nothing is known about opening hours.
    fn ran(&mut self, from_up_ms: i64, to_up_ms: i64, offset_ms: Option<i64>) {
        self.up_ms += match (&self.open, offset_ms) {
            (None, _) => (to_up_ms - from_up_ms).min(self.until - self.since),
            (Some(_), None) => 0,
            (Some(open), Some(offset_ms)) => open.open_ms(
                (offset_ms + from_up_ms).max(self.since),
                (offset_ms + to_up_ms).min(self.until),
            ),
        };
    }
}
