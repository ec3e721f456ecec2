//! When places are open: hours of places and organisations, and the calendars they keep.

use std::collections::BTreeMap;

use jiff::civil::Date;
use pikir_contract::{PlaceCode, Texts};
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::read_hours;
use crate::domain::hours::OpeningHours;
use crate::domain::schedule::{DayKind, Schedule};
use crate::storage::{Storage, StorageError};

/// What a calendar says of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarDay {
    /// The day.
    pub date: Date,
    /// What it is; `None`: a day like every other.
    pub kind: Option<DayKind>,
    /// What people call it.
    pub names: Texts,
}

/// What an import of a calendar does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportedCalendar {
    /// New days.
    pub added: u64,
    /// Known days that are another now.
    pub changed: u64,
    /// Known days that were the same already.
    pub unchanged: u64,
    /// Days that are like every other now.
    pub removed: u64,
}

/// The hours of a place and of the organisations above it, and the calendar that the nearest of
/// them keeps.
const CHAIN: &str = "WITH RECURSIVE chain (depth, parent, hours, calendar, timezone) AS (
         SELECT 0, organization, hours, calendar, timezone FROM places WHERE code = ?1
         UNION ALL
         SELECT depth + 1, o.parent, o.hours, o.calendar, NULL FROM chain c JOIN organizations o ON o.code = c.parent
         WHERE depth < 64)
     SELECT hours, calendar, timezone FROM chain ORDER BY depth";

/// Every place of an organisation and of those below it.
pub(in crate::storage) const PLACES_BELOW: &str = "WITH RECURSIVE below (code) AS (
         SELECT ?1 UNION SELECT o.code FROM below b JOIN organizations o ON o.parent = b.code)
     SELECT p.code FROM below b JOIN places p ON p.organization = b.code";

impl Storage {
    /// When a place is open; `None`: nobody knows.
    pub async fn schedule(&self, place: &PlaceCode) -> Result<Option<Schedule>, StorageError> {
        let place = place.to_string();
        self.sqlite.read(move |db| find_schedule(db, &place)).await
    }

    /// Sets when a place is open; empty: as its organisation. False: there is no such place.
    pub async fn set_hours(
        &self,
        code: &PlaceCode,
        hours: OpeningHours,
    ) -> Result<bool, StorageError> {
        let code = code.to_string();
        let set = move |db: &Connection| {
            let changed = db
                .prepare_cached("UPDATE places SET hours = ?2 WHERE code = ?1")?
                .execute((&code, hours.to_string()))?;
            hours_changed(db, std::slice::from_ref(&code))?;
            Ok(changed == 1)
        };
        self.sqlite.write(set).await
    }

    /// Sets when the places of an organisation and of those below it are open; empty: as the
    /// organisation above. False: there is no such organisation.
    pub async fn set_organization_hours(
        &self,
        code: &str,
        hours: OpeningHours,
    ) -> Result<bool, StorageError> {
        let code = code.to_owned();
        let set = move |db: &Connection| {
            let changed = db
                .prepare_cached("UPDATE organizations SET hours = ?2 WHERE code = ?1")?
                .execute((&code, hours.to_string()))?;
            hours_changed(db, &places_below(db, &code)?)?;
            Ok(changed == 1)
        };
        self.sqlite.write(set).await
    }

    /// The hours that an organisation has of its own.
    pub async fn organization_hours(
        &self,
        code: &str,
    ) -> Result<Option<OpeningHours>, StorageError> {
        let code = code.to_owned();
        let find = move |db: &Connection| {
            let hours: Option<String> = db
                .prepare_cached("SELECT hours FROM organizations WHERE code = ?1")?
                .query_row([code], |row| row.get(0))
                .optional()?;
            hours.map(|hours| read_hours(&hours)).transpose()
        };
        self.sqlite.read(find).await
    }

    /// Takes days into a calendar: those that are not named stay. `dry_run`: only says what would
    /// change.
    pub async fn put_calendar(
        &self,
        calendar: &str,
        days: Vec<CalendarDay>,
        dry_run: bool,
    ) -> Result<ImportedCalendar, StorageError> {
        let calendar = calendar.to_owned();
        let put = move |db: &Connection| put_calendar(db, &calendar, &days, dry_run);
        self.sqlite.write(put).await
    }

    /// The days of every calendar, or of one, in their order.
    pub async fn calendar_days(
        &self,
        calendar: Option<&str>,
    ) -> Result<Vec<(String, CalendarDay)>, StorageError> {
        let calendar = calendar.map(str::to_owned);
        let list = move |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT calendar, date, kind, names FROM calendar_days WHERE ?1 IS NULL OR calendar = ?1
                 ORDER BY calendar, date",
            )?;
            let mut rows = statement.query([calendar])?;
            let mut days = Vec::new();
            while let Some(row) = rows.next()? {
                let (date, kind) = read_day(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?)?;
                let day = CalendarDay {
                    date,
                    kind: Some(kind),
                    names: serde_json::from_str(&row.get::<_, String>(3)?)?,
                };
                days.push((row.get(0)?, day));
            }
            Ok(days)
        };
        self.sqlite.read(list).await
    }

    /// How many organisations and places name a calendar as theirs.
    pub async fn calendar_users(&self, calendar: &str) -> Result<u64, StorageError> {
        let calendar = calendar.to_owned();
        let count = move |db: &Connection| {
            let count = "SELECT (SELECT count(*) FROM organizations WHERE calendar = ?1)
                 + (SELECT count(*) FROM places WHERE calendar = ?1)";
            Ok(db.query_row(count, [calendar], |row| row.get(0))?)
        };
        self.sqlite.read(count).await
    }
}

pub(in crate::storage) fn find_schedule(
    db: &Connection,
    place: &str,
) -> Result<Option<Schedule>, StorageError> {
    let (mut levels, mut calendar, mut timezone) = (Vec::new(), None, None);
    let mut statement = db.prepare_cached(CHAIN)?;
    let mut rows = statement.query([place])?;
    while let Some(row) = rows.next()? {
        levels.push(read_hours(&row.get::<_, String>(0)?)?);
        calendar = calendar.or(row.get::<_, Option<String>>(1)?);
        timezone = timezone.or(row.get::<_, Option<String>>(2)?);
    }
    levels.retain(|hours| !hours.is_empty());
    if levels.is_empty() {
        return Ok(None);
    }
    let days = match calendar {
        Some(calendar) if !calendar.is_empty() => days_of(db, &calendar)?,
        _ => BTreeMap::new(),
    };
    Ok(Schedule::new(&timezone.unwrap_or_default(), levels, days))
}

fn days_of(db: &Connection, calendar: &str) -> Result<BTreeMap<Date, DayKind>, StorageError> {
    let mut statement =
        db.prepare_cached("SELECT date, kind FROM calendar_days WHERE calendar = ?1")?;
    let mut rows = statement.query([calendar])?;
    let mut days = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (date, kind) = read_day(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?)?;
        days.insert(date, kind);
    }
    Ok(days)
}

fn read_day(date: &str, kind: &str) -> Result<(Date, DayKind), StorageError> {
    let day = date.parse().ok().zip(DayKind::parse(kind));
    day.ok_or_else(|| StorageError::unreadable(format_args!("a calendar's day {date} {kind}")))
}

fn put_calendar(
    db: &Connection,
    calendar: &str,
    days: &[CalendarDay],
    dry_run: bool,
) -> Result<ImportedCalendar, StorageError> {
    let mut done = ImportedCalendar::default();
    for day in days {
        let known: Option<(String, String)> = db
            .prepare_cached(
                "SELECT kind, names FROM calendar_days WHERE calendar = ?1 AND date = ?2",
            )?
            .query_row((calendar, day.date.to_string()), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let wanted = match day.kind {
            Some(kind) => Some((kind.as_str().to_owned(), serde_json::to_string(&day.names)?)),
            None => None,
        };
        match (&known, &wanted) {
            (None, Some(_)) => done.added += 1,
            (Some(_), None) => done.removed += 1,
            (known, wanted) if known == wanted => done.unchanged += 1,
            _ => done.changed += 1,
        }
        match wanted.filter(|_| !dry_run) {
            Some((kind, names)) => db
                .prepare_cached(
                    "INSERT OR REPLACE INTO calendar_days (calendar, date, kind, names) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((calendar, day.date.to_string(), kind, names))?,
            None if dry_run => 0,
            None => db
                .prepare_cached("DELETE FROM calendar_days WHERE calendar = ?1 AND date = ?2")?
                .execute((calendar, day.date.to_string()))?,
        };
    }
    if !dry_run && done.unchanged < days.len() as u64 {
        hours_changed(db, &places_that_keep(db, calendar)?)?;
    }
    Ok(done)
}

/// The places whose organisation, or they themselves, name this calendar; with those of units that
/// may have another.
fn places_that_keep(db: &Connection, calendar: &str) -> Result<Vec<String>, StorageError> {
    let mut places = strings(db, "SELECT code FROM places WHERE calendar = ?1", calendar)?;
    for organization in strings(
        db,
        "SELECT code FROM organizations WHERE calendar = ?1",
        calendar,
    )? {
        places.extend(places_below(db, &organization)?);
    }
    Ok(places)
}

pub(in crate::storage) fn places_below(
    db: &Connection,
    organization: &str,
) -> Result<Vec<String>, StorageError> {
    strings(db, PLACES_BELOW, organization)
}

fn strings(db: &Connection, sql: &str, of: &str) -> Result<Vec<String>, StorageError> {
    let mut statement = db.prepare_cached(sql)?;
    let found = statement.query_map([of], |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The hours of these places are others: their terminals get them, and what was rated there is
/// judged anew.
pub(in crate::storage) fn hours_changed(
    db: &Connection,
    places: &[String],
) -> Result<(), StorageError> {
    for place in places {
        db.prepare_cached("UPDATE places SET version = version + 1 WHERE code = ?1")?
            .execute([place])?;
        db.prepare_cached(
            "INSERT OR IGNORE INTO to_judge (terminal, boot)
             SELECT b.terminal, b.boot FROM boot_runs b
             WHERE b.terminal IN (SELECT terminal FROM placements WHERE place = ?1) AND b.first_seq IS NOT NULL",
        )?
        .execute([place])?;
    }
    Ok(())
}
