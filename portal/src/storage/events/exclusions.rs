//! Ratings that are kept but not counted: each exclusion with the rule that made it, reversible by staff.
//!
//! An exclusion is never deleted. Staff may reverse it and apply it again; who did so, when and why is kept for ever.
//! A rating counts when it was not withdrawn and every exclusion of it is reversed.

use pikir_contract::{Id, Texts};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::domain::rules::{LOOKAROUND, Rule, Touch, doubtful};
use crate::storage::{Storage, StorageError};

/// One reason why one rating does not count.
#[derive(Clone, Debug)]
pub struct Exclusion {
    /// Which.
    pub key: ExclusionKey,
    /// True if the portal found it, false if the terminal did.
    pub found_by_portal: bool,
    /// When it was made (milliseconds since 1970).
    pub made_at: i64,
    /// True while staff let the rating count in spite of it.
    pub reversed: bool,
    /// The rating's score.
    pub score: u8,
    /// When the rating was given (milliseconds since 1970), as far as is known.
    pub rated_at: i64,
    /// Whether somebody measured that time; otherwise it is an estimate.
    pub time_measured: bool,
    /// How far it is off at most, in milliseconds, if that is known.
    pub uncertainty_ms: Option<i64>,
    /// The name of the place it was given at.
    pub place: String,
    /// That place's time zone (IANA).
    pub timezone: String,
    /// The name of that place's organisation.
    pub organization: Texts,
    /// The last decision about it.
    pub decision: Option<ExclusionDecision>,
}

/// Names an exclusion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExclusionKey {
    /// The terminal.
    pub terminal: Id,
    /// The rating's number.
    pub seq: u64,
    /// The rule.
    pub rule: Rule,
}

/// What staff decided about an exclusion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExclusionDecision {
    /// True: the rating counts in spite of it. False: it stands again.
    pub reversed: bool,
    /// Why.
    pub reason: String,
    /// The login of who decided.
    pub decided_by: String,
    /// When (milliseconds since 1970).
    pub decided_at: i64,
}

/// Which exclusions to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExclusionFilter {
    /// Those that are reversed, or those that stand.
    pub reversed: bool,
    /// Only those by this rule.
    pub rule: Option<Rule>,
    /// Only those of this terminal.
    pub terminal: Option<Id>,
}

impl Storage {
    /// Lists exclusions, the newest first, `limit` of them after skipping `skip`.
    pub async fn exclusions(
        &self,
        filter: ExclusionFilter,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<Exclusion>, StorageError> {
        self.sqlite
            .read(move |db| list(db, &filter, skip, limit))
            .await
    }

    /// Reverses exclusions or applies them again, all for one reason; those that are as asked for already, or that do not
    /// exist, stay as they are. Says how many changed.
    pub async fn decide_exclusions(
        &self,
        keys: Vec<ExclusionKey>,
        decision: ExclusionDecision,
    ) -> Result<usize, StorageError> {
        let decide = move |db: &Connection| {
            let mut changed = 0;
            for key in &keys {
                changed += usize::from(decide(db, key, &decision)?);
            }
            Ok(changed)
        };
        self.sqlite.write(decide).await
    }
}

fn list(
    db: &Connection,
    filter: &ExclusionFilter,
    skip: usize,
    limit: usize,
) -> Result<Vec<Exclusion>, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT t.id, e.seq, e.rule, e.found_by, e.made_at, e.reversed, r.score, r.rated_at,
             r.time_quality IN ('synced', 'portal') AS time_measured, r.uncertainty_ms, p.name, p.timezone, o.names,
             d.reversed AS decided, d.reason, d.decided_by, d.decided_at
         FROM exclusions e JOIN terminals t ON t.key = e.terminal
             JOIN ratings r ON r.terminal = e.terminal AND r.seq = e.seq
             JOIN places p ON p.code = r.place JOIN organizations o ON o.code = r.organization
             LEFT JOIN exclusion_decisions d ON d.number = (SELECT max(number) FROM exclusion_decisions
                 WHERE terminal = e.terminal AND seq = e.seq AND rule = e.rule)
         WHERE e.reversed = :reversed AND (:rule IS NULL OR e.rule = :rule)
             AND (:terminal IS NULL OR t.id = :terminal)
         ORDER BY e.made_at DESC, e.terminal, e.seq DESC, e.rule LIMIT :limit OFFSET :skip",
    )?;
    let filter = named_params! {
        ":reversed": filter.reversed,
        ":rule": filter.rule.map(Rule::as_str),
        ":terminal": filter.terminal.map(|id| id.to_string()),
        ":limit": limit,
        ":skip": skip,
    };
    statement.query_and_then(filter, read)?.collect()
}

fn read(row: &Row<'_>) -> Result<Exclusion, StorageError> {
    let rule: String = row.get("rule")?;
    let decision = match row.get("decided")? {
        Some(reversed) => Some(ExclusionDecision {
            reversed,
            reason: row.get("reason")?,
            decided_by: row.get("decided_by")?,
            decided_at: row.get("decided_at")?,
        }),
        None => None,
    };
    Ok(Exclusion {
        key: ExclusionKey {
            terminal: row
                .get::<_, String>("id")?
                .parse()
                .map_err(StorageError::unreadable)?,
            seq: row.get("seq")?,
            rule: Rule::parse(&rule)
                .ok_or_else(|| StorageError::unreadable(format_args!("rule {rule:?}")))?,
        },
        found_by_portal: row.get::<_, String>("found_by")? == "portal",
        made_at: row.get("made_at")?,
        reversed: row.get("reversed")?,
        score: row.get("score")?,
        rated_at: row.get("rated_at")?,
        time_measured: row.get("time_measured")?,
        uncertainty_ms: row.get("uncertainty_ms")?,
        place: row.get("name")?,
        timezone: row.get("timezone")?,
        organization: serde_json::from_str(&row.get::<_, String>("names")?)?,
        decision,
    })
}

fn decide(
    db: &Connection,
    key: &ExclusionKey,
    decision: &ExclusionDecision,
) -> Result<bool, StorageError> {
    let terminal: Option<i64> = db
        .prepare_cached("SELECT key FROM terminals WHERE id = ?1")?
        .query_row([key.terminal.to_string()], |row| row.get(0))
        .optional()?;
    let Some(terminal) = terminal else {
        return Ok(false);
    };
    let rule = key.rule.as_str();
    let changed = db
        .prepare_cached(
            "UPDATE exclusions SET reversed = ?4 WHERE terminal = ?1 AND seq = ?2 AND rule = ?3 AND reversed <> ?4",
        )?
        .execute((terminal, key.seq, rule, decision.reversed))?;
    if changed == 0 {
        return Ok(false);
    }
    db.prepare_cached(
        "INSERT INTO exclusion_decisions (terminal, seq, rule, reversed, reason, decided_by, decided_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute((
        terminal,
        key.seq,
        rule,
        decision.reversed,
        &decision.reason,
        &decision.decided_by,
        decision.decided_at,
    ))?;
    mark(db, terminal, key.seq)?;
    Ok(true)
}

/// Keeps that a rule excludes a rating; one that is known already stays as it is, reversed or not. True if it is new.
pub(in crate::storage) fn exclude(
    db: &Connection,
    terminal: i64,
    seq: u64,
    rule: Rule,
    found_by: &'static str,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let added = db
        .prepare_cached(
            "INSERT INTO exclusions (terminal, seq, rule, found_by, made_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
        )?
        .execute((terminal, seq, rule.as_str(), found_by, now_ms))?;
    Ok(added == 1)
}

/// Looks for what the portal's own rules exclude around new ratings (in ascending order), before them as well as after.
pub(in crate::storage) fn exclude_doubtful(
    db: &Connection,
    terminal: i64,
    new: &[u64],
    now_ms: i64,
) -> Result<(), StorageError> {
    let (Some(&first), Some(&last)) = (new.first(), new.last()) else {
        return Ok(());
    };
    for (seq, rule) in doubtful(&touches(db, terminal, first, last)?) {
        if exclude(db, terminal, seq, rule, "portal", now_ms)? {
            mark(db, terminal, seq)?;
        }
    }
    Ok(())
}

/// The ratings from `first` to `last` and some before and after them, in ascending order.
fn touches(
    db: &Connection,
    terminal: i64,
    first: u64,
    last: u64,
) -> Result<Vec<Touch>, StorageError> {
    let read = |row: &Row<'_>| {
        let (x, y): (Option<i32>, Option<i32>) = (row.get(3)?, row.get(4)?);
        Ok(Touch {
            seq: row.get(0)?,
            boot: row.get(1)?,
            up_ms: row.get(2)?,
            point: x.zip(y),
        })
    };
    let mut before = db.prepare_cached(
        "SELECT seq, boot, up_ms, x, y FROM ratings WHERE terminal = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3",
    )?;
    let mut touches = before
        .query_map((terminal, first, LOOKAROUND), read)?
        .collect::<Result<Vec<_>, _>>()?;
    touches.reverse();
    for (low, high, limit) in [
        (first, last, -1),
        (last + 1, u64::MAX >> 1, LOOKAROUND as i64),
    ] {
        let mut from = db.prepare_cached(
            "SELECT seq, boot, up_ms, x, y FROM ratings WHERE terminal = ?1 AND seq BETWEEN ?2 AND ?3
             ORDER BY seq LIMIT ?4",
        )?;
        for touch in from.query_map((terminal, low, high, limit), read)? {
            touches.push(touch?);
        }
    }
    Ok(touches)
}

/// Brings a rating's mark in line with its exclusions.
fn mark(db: &Connection, terminal: i64, seq: u64) -> Result<(), StorageError> {
    db.prepare_cached(
        "UPDATE ratings SET flagged = EXISTS (
             SELECT 1 FROM exclusions e WHERE e.terminal = ?1 AND e.seq = ?2 AND e.reversed = 0)
         WHERE terminal = ?1 AND seq = ?2",
    )?
    .execute((terminal, seq))?;
    Ok(())
}
