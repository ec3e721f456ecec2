//! What lies in the databases of terminal and portal, read beside the running programs.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use pikir_contract::{Seal, SealKey};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::kiosk::Kiosk;
use crate::portal::Portal;
use crate::wait;

/// One event, wherever it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its place in the terminal's chain.
    pub seq: u64,
    /// `rating`, `notice`, …
    pub kind: String,
    /// The body as it was sealed.
    pub body: Value,
    /// Its 16 bytes of seal.
    pub seal: Vec<u8>,
}

impl Record {
    /// The event's own id.
    pub fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or_default()
    }
}

/// The members of a body that the visitor gave: all but its head and what the terminal counted.
pub fn given(record: &Record) -> Value {
    let mut body = record.body.clone();
    if let Value::Object(members) = &mut body {
        for name in ["id", "boot", "up_ms", "wall", "synced", "rating", "gap_ms"] {
            members.remove(name);
        }
    }
    body
}

/// One review that a phone sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// How sure the portal is that it was written on site: `on_site`, `code` or `link`.
    pub assurance: String,
    /// 1–5.
    pub score: u8,
    /// What the visitor wrote.
    pub comment: Option<String>,
    /// The language of the page.
    pub lang: String,
}

/// When a portal thinks that a rating was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatingTime {
    /// 1–5.
    pub score: i64,
    /// Unix time (milliseconds).
    pub rated_at_ms: i64,
    /// `synced`, `portal`, `estimated` or `unknown`.
    pub quality: String,
}

/// When a portal thinks that a terminal's ratings were given, in the order in which they were.
pub fn times(portal: &Portal, terminal: &str) -> Result<Vec<RatingTime>> {
    let database = database(portal)?;
    let mut statement = database.prepare(
        "SELECT score, rated_at, time_quality FROM ratings
         WHERE terminal = (SELECT key FROM terminals WHERE id = ?1) ORDER BY seq",
    )?;
    let rows = statement.query_map([terminal], |row| {
        Ok(RatingTime {
            score: row.get(0)?,
            rated_at_ms: row.get(1)?,
            quality: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What a portal has put together of each visit at a terminal, in order: the members that the
/// visitor gave; reasons by key.
pub fn visits(portal: &Portal, terminal: &str) -> Result<Vec<Value>> {
    let database = database(portal)?;
    let mut statement = database.prepare(
        "SELECT json_object('score', r.score, 'lang', r.lang, 'input', r.input, 'service', a.service,
             'criteria', json(a.criteria), 'reasons', json(a.reasons), 'comment', a.comment,
             'flags', json(r.flags), 'withdrawn', r.withdrawn)
         FROM ratings r LEFT JOIN answered a ON a.terminal = r.terminal AND a.rating = r.event_id
         WHERE r.terminal = (SELECT key FROM terminals WHERE id = ?1) ORDER BY r.seq",
    )?;
    let rows = statement.query_map([terminal], |row| row.get::<_, String>(0))?;
    rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
}

/// The ratings among `records`.
pub fn ratings(records: &[Record]) -> Vec<Record> {
    records
        .iter()
        .filter(|record| record.kind == "rating")
        .cloned()
        .collect()
}

/// The scores of the ratings among `records`.
pub fn scores(records: &[Record]) -> Vec<u64> {
    ratings(records)
        .iter()
        .filter_map(|rating| rating.body["score"].as_u64())
        .collect()
}

/// The events in a terminal's journal, in order.
pub fn in_journal(kiosk: &Kiosk) -> Result<Vec<Record>> {
    // SQLite does not find its way to a disk that only the program sees: a copy does.
    let copy = tempfile::tempdir()?;
    for name in ["journal.db", "journal.db-wal"] {
        let path = kiosk.data_dir().join(name);
        if path.exists() {
            std::fs::copy(path, copy.path().join(name))?;
        }
    }
    of_journal(&Connection::open(copy.path().join("journal.db"))?)
}

/// The events in a journal, in order.
pub fn of_journal(journal: &Connection) -> Result<Vec<Record>> {
    let mut statement = journal.prepare("SELECT seq, kind, body, seal FROM events ORDER BY seq")?;
    read(&mut statement, ())
}

/// The events in a terminal's journal that come after `seq`, in order.
pub fn in_journal_after(kiosk: &Kiosk, seq: u64) -> Result<Vec<Record>> {
    let journal = open(&kiosk.data_dir().join("journal.db"))?;
    let mut statement =
        journal.prepare("SELECT seq, kind, body, seal FROM events WHERE seq > ?1 ORDER BY seq")?;
    read(&mut statement, [seq])
}

/// The events a portal holds of a terminal and has accepted, in order.
pub fn in_portal(portal: &Portal, terminal: &str) -> Result<Vec<Record>> {
    with_verdict(portal, terminal, "verdict = 'accepted'")
}

/// The events a portal holds of a terminal and has rejected, in order.
pub fn rejected_in_portal(portal: &Portal, terminal: &str) -> Result<Vec<Record>> {
    with_verdict(portal, terminal, "verdict <> 'accepted'")
}

/// The newest status report of a terminal, as the portal keeps it.
pub fn status_report(portal: &Portal, terminal: &str) -> Result<Value> {
    let report: String = database(portal)?.query_row(
        "SELECT report FROM status_reports JOIN terminals ON key = terminal WHERE id = ?1",
        [terminal],
        |row| row.get(0),
    )?;
    Ok(serde_json::from_str(&report)?)
}

/// How many ratings a portal counts or flags, whoever they are from.
pub fn ratings_in_portal(portal: &Portal) -> Result<u64> {
    Ok(database(portal)?.query_row("SELECT count(*) FROM ratings", (), |row| row.get(0))?)
}

/// The reviews a portal holds, oldest first.
pub fn reviews(portal: &Portal) -> Result<Vec<Review>> {
    let database = database(portal)?;
    let mut statement =
        database.prepare("SELECT assurance, score, comment, lang FROM reviews ORDER BY id")?;
    let rows = statement.query_map((), |row| {
        Ok(Review {
            assurance: row.get(0)?,
            score: row.get(1)?,
            comment: row.get(2)?,
            lang: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Waits until a portal holds this many reviews, and returns them.
pub fn wait_for_reviews(portal: &Portal, count: usize) -> Result<Vec<Review>> {
    wait::until(&format!("{count} reviews in the portal"), || {
        let reviews = reviews(portal)?;
        Ok((reviews.len() == count).then_some(reviews))
    })
}

/// Checks every seal the portal holds of a terminal, from the first key on, and that the portal
/// itself calls the terminal intact.
pub fn check_seals(portal: &Portal, terminal: &str) -> Result<()> {
    for (expected, record) in (1..).zip(check_seals_with_gaps(portal, terminal)?) {
        ensure!(
            record.seq == expected,
            "event {expected} is missing: {} follows",
            record.seq
        );
    }
    Ok(())
}

/// [`check_seals`] of a terminal whose journal may lack events; returns those that the portal has.
pub fn check_seals_with_gaps(portal: &Portal, terminal: &str) -> Result<Vec<Record>> {
    let (key, broken): (Vec<u8>, Option<u64>) = database(portal)?
        .query_row(
            "SELECT seal_key, broken_seq FROM terminals WHERE id = ?1",
            [terminal],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .context("the portal does not know the terminal")?;
    ensure!(
        broken.is_none(),
        "the portal says that the journal is broken from {broken:?} on"
    );
    let first = SealKey::from_bytes(
        key.as_slice()
            .try_into()
            .context("K1 is not 32 bytes long")?,
    );
    let records = in_portal(portal, terminal)?;
    for record in &records {
        let seal = Seal::from_bytes(
            record
                .seal
                .as_slice()
                .try_into()
                .context("a seal is not 16 bytes long")?,
        );
        let key = first.advance(record.seq - 1);
        ensure!(
            key.verify(record.seq, &record.kind, &record.body, &seal)?,
            "the seal of {} is broken",
            record.seq
        );
    }
    Ok(records)
}

fn with_verdict(portal: &Portal, terminal: &str, condition: &str) -> Result<Vec<Record>> {
    let database = database(portal)?;
    let sql = format!(
        "SELECT seq, kind, body, seal FROM events
         WHERE terminal = (SELECT key FROM terminals WHERE id = ?1) AND {condition} ORDER BY seq"
    );
    let mut statement = database.prepare(&sql)?;
    read(&mut statement, [terminal])
}

fn read(
    statement: &mut rusqlite::Statement<'_>,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Record>> {
    let rows = statement.query_map(parameters, |row| {
        let body: String = row.get(2)?;
        Ok((row.get(0)?, row.get(1)?, body, row.get(3)?))
    })?;
    rows.map(|row| {
        let (seq, kind, body, seal) = row?;
        Ok(Record {
            seq,
            kind,
            body: serde_json::from_str(&body)?,
            seal,
        })
    })
    .collect()
}

fn database(portal: &Portal) -> Result<Connection> {
    open(&portal.data_dir().join("portal.db"))
}

fn open(path: &Path) -> Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("cannot open {}", path.display()))
}
