//! What the portal holds of each terminal, by day.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use pikir_contract::{Id, Notice, StatusReport};
use rusqlite::{Connection, Row};

use crate::domain::reconciliation::{
    Entry, Figures, Reconciliation, Recovery, Waiting, goes_on_at,
};
use crate::storage::{Storage, StorageError};

/// What is looked at around the days asked for, in milliseconds (a day): estimated times may still
/// move.
const MARGIN_MS: i64 = 24 * 60 * 60 * 1000;

/// The days to reconcile, both included; open where not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

impl Days {
    fn contain(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

impl Storage {
    /// Reconciles one terminal or all of them, by organisation and place.
    pub async fn reconcile(
        &self,
        terminal: Option<Id>,
        days: Days,
    ) -> Result<Vec<Reconciliation>, StorageError> {
        self.sqlite
            .read(move |db| reconcile(db, terminal, days))
            .await
    }
}

/// A terminal whose figures are asked for.
struct Subject {
    key: i64,
    held: u64,
    status: Option<(String, i64, u64)>,
    result: Reconciliation,
}

fn reconcile(
    db: &Connection,
    terminal: Option<Id>,
    days: Days,
) -> Result<Vec<Reconciliation>, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT t.key, t.id, t.place, t.accepted + t.rejected AS held_now, p.name, p.organization, p.timezone,
             s.report, s.received_at, s.held
         FROM terminals t JOIN places p ON p.code = t.place LEFT JOIN status_reports s ON s.terminal = t.key
         WHERE ?1 IS NULL OR t.id = ?1 ORDER BY p.organization, p.name, t.enrolled_at, t.key",
    )?;
    let subjects = statement
        .query_and_then([terminal.map(|id| id.to_string())], read_subject)?
        .collect::<Result<Vec<_>, _>>()?;
    let mut all = Vec::with_capacity(subjects.len());
    for subject in subjects {
        all.push(reconcile_one(db, subject, days)?);
    }
    Ok(all)
}

fn read_subject(row: &Row<'_>) -> Result<Subject, StorageError> {
    let text = |name: &str| row.get::<_, String>(name);
    let status = match row.get::<_, Option<String>>("report")? {
        Some(report) => Some((report, row.get("received_at")?, row.get("held")?)),
        None => None,
    };
    Ok(Subject {
        key: row.get("key")?,
        held: row.get("held_now")?,
        status,
        result: Reconciliation {
            terminal: text("id")?.parse().map_err(StorageError::unreadable)?,
            place: text("place")?.parse().map_err(StorageError::unreadable)?,
            place_name: text("name")?,
            organization: text("organization")?,
            timezone: text("timezone")?,
            days: Vec::new(),
            waiting: None,
            recoveries: Vec::new(),
        },
    })
}

fn reconcile_one(
    db: &Connection,
    subject: Subject,
    days: Days,
) -> Result<Reconciliation, StorageError> {
    let Subject {
        key,
        held,
        status,
        mut result,
    } = subject;
    let mut calendar = Calendar::new(&result.timezone);
    result.waiting = status.and_then(|(report, reported_at, held_then)| {
        let report: StatusReport = serde_json::from_str(&report).ok()?;
        Some(Waiting {
            pending: report.pending,
            reported_at,
            come_since: held.saturating_sub(held_then),
        })
    });
    let first = first_seq(db, key, calendar.start_ms(days.from))?;
    let before = db
        .prepare_cached("SELECT max(seq) FROM events WHERE terminal = ?1 AND seq < ?2")?
        .query_row((key, first), |row| row.get::<_, Option<u64>>(0))?;
    let mut last_seq = before.unwrap_or(0);
    let mut day = None;
    let mut statement = db.prepare_cached(ENTRIES)?;
    let mut rows = statement.query((key, first, Notice::JOURNAL_RECOVERED))?;
    while let Some(row) = rows.next()? {
        let seq: u64 = row.get(0)?;
        let missing = (seq > last_seq + 1).then(|| (last_seq + 1, seq - 1));
        last_seq = seq;
        // What does not say when it happened stands with the entry before it.
        let today = match row.get::<_, Option<i64>>(4)? {
            Some(unix_ms) => calendar.day(unix_ms),
            None => match day {
                Some(day) => day,
                None => calendar.day(row.get(5)?),
            },
        };
        day = Some(today);
        if !days.contain(today) {
            continue;
        }
        let detail: Option<String> = row.get(6)?;
        let is_leap = detail.as_deref().and_then(goes_on_at) == Some(seq);
        let figures = figures_of(&mut result.days, today);
        figures.add(read_entry(row)?, missing.filter(|_| !is_leap));
        if let Some(skipped) = missing.filter(|_| is_leap) {
            figures.skip(skipped);
        }
        if let Some(measured) = row.get(7)? {
            figures.times.add(measured, row.get(8)?);
        }
        if let Some(detail) = detail {
            result.recoveries.push(Recovery { seq, detail });
        }
    }
    result.days.sort_by_key(|(day, _)| *day);
    Ok(result)
}

/// Where to begin: nothing before this happened on `from_ms` or later.
fn first_seq(db: &Connection, terminal: i64, from_ms: Option<i64>) -> Result<u64, StorageError> {
    let Some(from_ms) = from_ms else {
        return Ok(0);
    };
    let first = db
        .prepare_cached(
            "SELECT coalesce(min(first_seq), 9223372036854775807) FROM boot_runs
             WHERE terminal = ?1 AND (offset_ms IS NULL OR offset_ms + to_up_ms + coalesce(uncertainty_ms, 0) >= ?2)",
        )?
        .query_row((terminal, from_ms - MARGIN_MS), |row| row.get(0))?;
    Ok(first)
}

/// When an entry happened is read from its body only where it is no rating.
const ENTRIES: &str = "SELECT e.seq, e.verdict, r.flagged, r.withdrawn,
         CAST(coalesce(r.rated_at, (SELECT e.up_ms + b.offset_ms FROM boot_runs b
             WHERE b.terminal = e.terminal AND b.boot = e.boot)) AS INTEGER),
         e.received_at,
         iif(e.kind = 'notice', (SELECT coalesce(n.detail, '') FROM notices n
             WHERE n.terminal = e.terminal AND n.seq = e.seq AND n.what = ?3), NULL),
         r.time_quality IN ('synced', 'portal'), r.uncertainty_ms
     FROM events e LEFT JOIN ratings r ON r.terminal = e.terminal AND r.seq = e.seq
     WHERE e.terminal = ?1 AND e.seq >= ?2 ORDER BY e.seq";

fn read_entry(row: &Row<'_>) -> Result<Entry, StorageError> {
    if row.get::<_, String>(1)? != "accepted" {
        return Ok(Entry::Rejected);
    }
    let marks: (Option<bool>, Option<bool>) = (row.get(2)?, row.get(3)?);
    Ok(match marks {
        (_, Some(true)) => Entry::Withdrawn,
        (Some(true), _) => Entry::Flagged,
        (Some(false), _) => Entry::Counted,
        (None, _) => Entry::Other,
    })
}

fn figures_of(days: &mut Vec<(Date, Figures)>, day: Date) -> &mut Figures {
    // Entries come in their order, so it is nearly always the last one.
    let at = match days.iter().rposition(|(known, _)| *known == day) {
        Some(at) => at,
        None => {
            days.push((day, Figures::default()));
            days.len() - 1
        }
    };
    &mut days[at].1
}

/// Days in one time zone. Entries of one day follow each other, so the day's bounds are kept.
struct Calendar {
    zone: TimeZone,
    known: Option<(i64, i64, Date)>,
}

impl Calendar {
    /// A zone that this machine does not know counts in UTC.
    fn new(name: &str) -> Self {
        Self {
            zone: TimeZone::get(name).unwrap_or(TimeZone::UTC),
            known: None,
        }
    }

    fn day(&mut self, unix_ms: i64) -> Date {
        if let Some((start, end, day)) = self.known
            && (start..end).contains(&unix_ms)
        {
            return day;
        }
        // A time outside the years that can be written is no day anybody asks for.
        let moment = Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let day = moment.to_zoned(self.zone.clone()).date();
        let next = day.checked_add(1.day()).ok();
        self.known = self
            .start_ms(Some(day))
            .zip(self.start_ms(next))
            .map(|(start, end)| (start, end, day));
        day
    }

    fn start_ms(&self, day: Option<Date>) -> Option<i64> {
        let start = day?.to_zoned(self.zone.clone()).ok()?;
        Some(start.timestamp().as_millisecond())
    }
}
