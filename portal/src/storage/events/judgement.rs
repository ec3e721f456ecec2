//! What the published rules say of the ratings that are held, whatever a terminal flags and in
//! whatever order they come.
//!
//! Each rule is asked anew where what it depends on changes: `repeat` and `burst` around what came
//! in a boot, `periodic` and `position` around what came in the journal, `closed` where a time or
//! the hours of a place become known. What the portal found and finds no more is taken back; a
//! terminal's own flag and what people decided stay. So it makes no difference in how many
//! deliveries, and by which road, ratings arrive.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use pikir_contract::rules::{BURST_COUNT, BURST_WINDOW_MS, Point, pace};
use rusqlite::{Connection, OptionalExtension, Row};

use super::exclusions::{Excluded, exclude, forgive};
use crate::domain::rules::{LOOKAROUND, Rated, Rule, doubtful};
use crate::domain::schedule::Schedule;
use crate::storage::organizations::schedules::find_schedule;
use crate::storage::{Storage, StorageError};

/// Ratings on one side of new ones that are looked at for their pace, at most. [`BURST_COUNT`] that
/// stand are enough, so only a flood of ratings that were taken back comes so far.
const MAX_BESIDE: usize = 4_096;

impl Storage {
    /// Judges one boot anew of those that wait for it. False: none waits.
    pub async fn judge_next(&self, now_ms: i64) -> Result<bool, StorageError> {
        let waits = "SELECT terminal, boot FROM to_judge LIMIT 1";
        let next = move |db: &Connection| -> Result<Option<(i64, String)>, StorageError> {
            let mut statement = db.prepare_cached(waits)?;
            let found = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok(found.optional()?)
        };
        if self.sqlite.read(next).await?.is_none() {
            return Ok(false);
        }
        let judge = move |db: &Connection| {
            let Some((terminal, boot)) = next(db)? else {
                return Ok(false);
            };
            let mut judge = Judge::new(db, terminal, now_ms);
            judge.whole_boot(&boot)?;
            db.prepare_cached("DELETE FROM to_judge WHERE terminal = ?1 AND boot = ?2")?
                .execute((terminal, boot))?;
            Ok(true)
        };
        self.sqlite.write(judge).await
    }

    /// Judges anew whatever waits for it.
    pub async fn judge_all(&self, now_ms: i64) -> Result<(), StorageError> {
        while self.judge_next(now_ms).await? {}
        Ok(())
    }
}

/// A new rating.
#[derive(Clone, Debug)]
pub(in crate::storage) struct NewRating {
    pub(in crate::storage) seq: u64,
    pub(in crate::storage) touched: bool,
}

/// Asks the rules about the ratings of one terminal.
pub(in crate::storage) struct Judge<'a> {
    db: &'a Connection,
    terminal: i64,
    now_ms: i64,
    /// By place.
    schedules: HashMap<String, Option<Rc<Schedule>>>,
}

/// A rating as `repeat` and `burst` look at it.
struct Paced {
    seq: u64,
    up_ms: u64,
    /// When it was taken back, in milliseconds of the same boot.
    withdrawn_ms: Option<u64>,
}

impl Paced {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            up_ms: row.get(1)?,
            withdrawn_ms: row.get(2)?,
        })
    }

    fn stands_at(&self, up_ms: u64) -> bool {
        self.withdrawn_ms.is_none_or(|withdrawn| withdrawn > up_ms)
    }
}

/// Ratings of a boot with when they were taken back; what is wanted of them follows.
const PACED: &str =
    "SELECT seq, up_ms, CASE withdrawn WHEN 1 THEN (SELECT min(w.up_ms) FROM withdrawals w
         WHERE w.terminal = r.terminal AND w.rating = r.event_id AND w.applied = 1) END
     FROM ratings r WHERE terminal = ?1 AND boot = ?2";

impl<'a> Judge<'a> {
    pub(in crate::storage) fn new(db: &'a Connection, terminal: i64, now_ms: i64) -> Self {
        Self {
            db,
            terminal,
            now_ms,
            schedules: HashMap::new(),
        }
    }

    fn whole_boot(&mut self, boot: &str) -> Result<(), StorageError> {
        let mut statement = self
            .db
            .prepare_cached(&format!("{PACED} ORDER BY up_ms, seq"))?;
        let ratings = statement.query_map((self.terminal, boot), Paced::read)?;
        let ratings: Vec<Paced> = ratings.collect::<Result<_, _>>()?;
        self.judge_pace(&ratings, 0)?;
        self.closed_in_boot(boot)
    }

    /// Asks `repeat` and `burst` about the ratings of a boot at these moments and those that follow
    /// them (milliseconds of the boot): something came or was taken back there.
    pub(in crate::storage) fn pace(
        &self,
        boot: &str,
        moments: &BTreeSet<u64>,
    ) -> Result<(), StorageError> {
        let moments: Vec<u64> = moments.iter().copied().collect();
        for near in moments.chunk_by(|one, next| next - one <= BURST_WINDOW_MS) {
            let (first, last) = (near[0], near[near.len() - 1]);
            let mut ratings = self.beside(
                "AND up_ms < ?3 AND up_ms >= ?4 ORDER BY up_ms DESC, seq DESC",
                (boot, first, first.saturating_sub(BURST_WINDOW_MS)),
            )?;
            ratings.reverse();
            let context = ratings.len();
            let mut within = self.db.prepare_cached(&format!(
                "{PACED} AND up_ms BETWEEN ?3 AND ?4 ORDER BY up_ms, seq"
            ))?;
            for rating in within.query_map((self.terminal, boot, first, last), Paced::read)? {
                ratings.push(rating?);
            }
            ratings.extend(self.beside(
                "AND up_ms > ?3 AND up_ms <= ?4 ORDER BY up_ms, seq",
                (boot, last, last.saturating_add(BURST_WINDOW_MS)),
            )?);
            self.judge_pace(&ratings, context)?;
        }
        Ok(())
    }

    /// The nearest ratings on one side, as far as any may count: [`BURST_COUNT`] that were never
    /// taken back.
    fn beside(
        &self,
        wanted: &str,
        (boot, from, to): (&str, u64, u64),
    ) -> Result<Vec<Paced>, StorageError> {
        let mut statement = self.db.prepare_cached(&format!("{PACED} {wanted}"))?;
        let mut rows = statement.query((self.terminal, boot, from, to))?;
        let (mut found, mut standing) = (Vec::new(), 0);
        while standing < BURST_COUNT
            && found.len() < MAX_BESIDE
            && let Some(row) = rows.next()?
        {
            let rating = Paced::read(row)?;
            standing += usize::from(rating.withdrawn_ms.is_none());
            found.push(rating);
        }
        Ok(found)
    }

    /// Judges these ratings of one boot in their order, but for the first of them, which are only
    /// there to be compared with.
    fn judge_pace(&self, ratings: &[Paced], context: usize) -> Result<(), StorageError> {
        for (at, rating) in ratings.iter().enumerate().skip(context) {
            let before = ratings[..at].iter().rev();
            let standing = before
                .map(|earlier| (rating.up_ms - earlier.up_ms, earlier))
                .take_while(|(gap_ms, _)| *gap_ms < BURST_WINDOW_MS)
                .filter(|(_, earlier)| earlier.stands_at(rating.up_ms));
            let found = pace(standing.map(|(gap_ms, _)| gap_ms));
            self.settle(rating.seq, Rule::Repeat, found.repeat)?;
            self.settle(rating.seq, Rule::Burst, found.burst)?;
        }
        Ok(())
    }

    /// Asks `closed` about the ratings of a boot: when it was became known, or when the office is
    /// open.
    pub(in crate::storage) fn closed_in_boot(&mut self, boot: &str) -> Result<(), StorageError> {
        self.closed("boot = ?2 ORDER BY seq", &boot)
    }

    /// Asks `closed` about one rating.
    pub(in crate::storage) fn closed_of(&mut self, seq: u64) -> Result<(), StorageError> {
        self.closed("seq = ?2", &seq)
    }

    fn closed(&mut self, which: &str, of: &dyn rusqlite::ToSql) -> Result<(), StorageError> {
        let db = self.db;
        let mut statement = db.prepare_cached(&format!(
            "SELECT seq, place, rated_at, time_quality IN ('synced', 'portal') FROM ratings
             WHERE terminal = ?1 AND {which}"
        ))?;
        let mut rows = statement.query((self.terminal, of))?;
        while let Some(row) = rows.next()? {
            let (place, rated_at, measured): (String, i64, bool) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            // Where nobody measured the time, nobody knows that the office was closed.
            let schedule = self.schedule(place)?.filter(|_| measured);
            let closed = schedule.is_some_and(|schedule| !schedule.serves(rated_at));
            self.settle(row.get(0)?, Rule::Closed, closed)?;
        }
        Ok(())
    }

    fn schedule(&mut self, place: String) -> Result<Option<Rc<Schedule>>, StorageError> {
        Ok(match self.schedules.entry(place) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(unknown) => {
                let found = find_schedule(self.db, unknown.key())?;
                unknown.insert(found.map(Rc::new)).clone()
            }
        })
    }

    /// Asks `periodic` and `position` about new ratings, in ascending order of seq, and those
    /// around them.
    pub(in crate::storage) fn touches(&self, new: &[NewRating]) -> Result<(), StorageError> {
        // Where a gap is filled, what came lies in several parts of the journal.
        for part in new.chunk_by(|one, next| next.seq - one.seq <= LOOKAROUND as u64) {
            let (first, last) = (part[0].seq, part[part.len() - 1].seq);
            let later = self.ratings("seq > ?2 ORDER BY seq LIMIT ?3", last, 2 * LOOKAROUND)?;
            if later.is_empty() && part.iter().all(|rating| !rating.touched) {
                continue;
            }
            // What is at the end only adds to what was found. In between it may also end a row.
            let (reach, lifts) = match later.is_empty() {
                true => (LOOKAROUND, false),
                false => (2 * LOOKAROUND, true),
            };
            let mut ratings = self.ratings("seq < ?2 ORDER BY seq DESC LIMIT ?3", first, reach)?;
            ratings.reverse();
            let before = ratings.len();
            ratings.extend(self.between(first, last)?);
            let through = ratings.len();
            ratings.extend(later);
            let mut found: BTreeMap<u64, BTreeSet<Rule>> = BTreeMap::new();
            for (seq, rule) in doubtful(&ratings) {
                found.entry(seq).or_default().insert(rule);
            }
            // Of those further away not all that matters was looked at.
            let known = before.saturating_sub(LOOKAROUND)..ratings.len().min(through + LOOKAROUND);
            for rating in &ratings[known] {
                for rule in [Rule::Periodic, Rule::Position] {
                    let is_found = found.get(&rating.seq).is_some_and(|of| of.contains(&rule));
                    if is_found || lifts {
                        self.settle(rating.seq, rule, is_found)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn between(&self, first: u64, last: u64) -> Result<Vec<Rated>, StorageError> {
        let count = usize::try_from(last - first + 1).unwrap_or(usize::MAX >> 1);
        self.ratings("seq >= ?2 ORDER BY seq LIMIT ?3", first, count)
            .map(|mut found| {
                found.retain(|rating| rating.seq <= last);
                found
            })
    }

    fn ratings(&self, which: &str, seq: u64, limit: usize) -> Result<Vec<Rated>, StorageError> {
        let mut statement = self.db.prepare_cached(&format!(
            "SELECT seq, boot, up_ms, x, y FROM ratings WHERE terminal = ?1 AND {which}"
        ))?;
        let read = |row: &Row<'_>| {
            let (x, y): (Option<u16>, Option<u16>) = (row.get(3)?, row.get(4)?);
            Ok(Rated {
                seq: row.get(0)?,
                boot: row.get(1)?,
                up_ms: row.get(2)?,
                point: x.zip(y).map(Point::from),
            })
        };
        let found = statement.query_map((self.terminal, seq, limit), read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Keeps what a rule says of a rating now.
    fn settle(&self, seq: u64, rule: Rule, doubted: bool) -> Result<(), StorageError> {
        if doubted {
            let rating = Excluded::Rating(self.terminal, seq);
            exclude(self.db, rating, rule, "portal", self.now_ms)?;
            Ok(())
        } else {
            forgive(self.db, self.terminal, seq, rule)
        }
    }
}
