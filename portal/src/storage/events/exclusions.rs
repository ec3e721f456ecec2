//! Ratings that are kept but not counted: each exclusion with the rule that made it, reversible by
//! staff.
//!
//! What a terminal flagged and what staff decided is never deleted: they may reverse an exclusion
//! and apply it again, and who did so, when and why is kept for ever. What the portal found itself
//! in ratings is set right when it knows better ([`super::judgement`]). `+reversed` in a query
//! keeps SQLite from looking through every exclusion there is for those of one rating. A rating
//! counts when it was not withdrawn and every exclusion of it is reversed.

use pikir_contract::{Id, Texts};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::domain::rules::Rule;
use crate::storage::{Storage, StorageError};

/// One reason why one rating, or the review from one phone, does not count.
#[derive(Clone, Debug)]
pub struct Exclusion {
    /// Which.
    pub key: ExclusionKey,
    /// Who found it.
    pub found_by: ExclusionFoundBy,
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
    /// What does not count.
    pub of: ExclusionOf,
    /// The rule.
    pub rule: Rule,
}

/// What an exclusion is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExclusionOf {
    /// A rating.
    Rating {
        /// The terminal.
        terminal: Id,
        /// The rating's number.
        seq: u64,
    },
    /// A review from a phone.
    Review(Id),
}

/// Who found an exclusion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExclusionFoundBy {
    /// The terminal, the moment the rating was given.
    Terminal,
    /// The portal.
    Portal,
    /// A moderator.
    Moderator,
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

    /// Reverses exclusions or applies them again, all for one reason; those that are as asked for
    /// already, or that do not exist, stay as they are. Says how many changed.
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
        "SELECT t.id, e.seq, e.review, e.rule, e.found_by, e.made_at, e.reversed,
             coalesce(r.score, v.score) AS score, coalesce(r.rated_at, v.created_at) AS rated_at,
             r.seq IS NULL OR r.time_quality IN ('synced', 'portal') AS time_measured,
             iif(r.seq IS NULL, 1000, r.uncertainty_ms) AS uncertainty_ms, p.name, p.timezone, o.names,
             d.reversed AS decided, d.reason, d.decided_by, d.decided_at
         FROM exclusions e LEFT JOIN terminals t ON t.key = e.terminal
             LEFT JOIN ratings r ON r.terminal = e.terminal AND r.seq = e.seq
             LEFT JOIN reviews v ON v.id = e.review
             JOIN places p ON p.code = coalesce(r.place, v.place)
             JOIN organizations o ON o.code = coalesce(r.organization, v.organization)
             LEFT JOIN exclusion_decisions d ON d.number = (
                 SELECT max(number) FROM exclusion_decisions WHERE exclusion = e.number)
         WHERE e.reversed = :reversed AND (:rule IS NULL OR e.rule = :rule)
             AND (:terminal IS NULL OR t.id = :terminal)
         ORDER BY e.made_at DESC, e.number DESC LIMIT :limit OFFSET :skip",
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
    let id = |name: &str| -> Result<Option<Id>, StorageError> {
        let text: Option<String> = row.get(name)?;
        let id = text.map(|text| text.parse()).transpose();
        id.map_err(StorageError::unreadable)
    };
    Ok(Exclusion {
        key: ExclusionKey {
            of: match (id("id")?, id("review")?) {
                (Some(terminal), _) => ExclusionOf::Rating {
                    terminal,
                    seq: row.get("seq")?,
                },
                (None, Some(review)) => ExclusionOf::Review(review),
                (None, None) => return Err(StorageError::unreadable("an exclusion of nothing")),
            },
            rule: Rule::parse(&rule)
                .ok_or_else(|| StorageError::unreadable(format_args!("rule {rule:?}")))?,
        },
        found_by: match row
            .get_ref("found_by")?
            .as_str()
            .map_err(StorageError::failed)?
        {
            "terminal" => ExclusionFoundBy::Terminal,
            "moderator" => ExclusionFoundBy::Moderator,
            _ => ExclusionFoundBy::Portal,
        },
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

/// What an exclusion is of, as the database names it.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) enum Excluded<'a> {
    /// A rating: the terminal's internal name and the number.
    Rating(i64, u64),
    /// A review from a phone, by its identifier.
    Review(&'a str),
}

impl Excluded<'_> {
    /// `terminal`, `seq` and `review`, of which the others are NULL.
    fn columns(&self) -> (Option<i64>, Option<u64>, Option<&str>) {
        match *self {
            Self::Rating(terminal, seq) => (Some(terminal), Some(seq), None),
            Self::Review(id) => (None, None, Some(id)),
        }
    }
}

fn decide(
    db: &Connection,
    key: &ExclusionKey,
    decision: &ExclusionDecision,
) -> Result<bool, StorageError> {
    match key.of {
        ExclusionOf::Rating { terminal, seq } => {
            let terminal: Option<i64> = db
                .prepare_cached("SELECT key FROM terminals WHERE id = ?1")?
                .query_row([terminal.to_string()], |row| row.get(0))
                .optional()?;
            match terminal {
                Some(terminal) => reverse(db, Excluded::Rating(terminal, seq), key.rule, decision),
                None => Ok(false),
            }
        }
        ExclusionOf::Review(id) => {
            reverse(db, Excluded::Review(&id.to_string()), key.rule, decision)
        }
    }
}

/// Reverses an exclusion or applies it again; false if it is as asked for already, or does not
/// exist.
pub(in crate::storage) fn reverse(
    db: &Connection,
    of: Excluded<'_>,
    rule: Rule,
    decision: &ExclusionDecision,
) -> Result<bool, StorageError> {
    let Some(number) = find(db, of, rule)? else {
        return Ok(false);
    };
    let changed = db
        .prepare_cached("UPDATE exclusions SET reversed = ?2 WHERE number = ?1 AND reversed <> ?2")?
        .execute((number, decision.reversed))?;
    if changed == 0 {
        return Ok(false);
    }
    note(db, number, decision)?;
    mark(db, of)?;
    Ok(true)
}

/// Excludes a rating or a review by a moderator's decision, or applies such an exclusion again.
pub(in crate::storage) fn exclude_by_hand(
    db: &Connection,
    of: Excluded<'_>,
    rule: Rule,
    decision: &ExclusionDecision,
) -> Result<(), StorageError> {
    if !exclude(db, of, rule, "moderator", decision.decided_at)? {
        reverse(db, of, rule, decision)?;
        return Ok(());
    }
    match find(db, of, rule)? {
        Some(number) => note(db, number, decision),
        None => Ok(()),
    }
}

fn find(db: &Connection, of: Excluded<'_>, rule: Rule) -> Result<Option<i64>, StorageError> {
    let number = match of {
        Excluded::Rating(terminal, seq) => db
            .prepare_cached(
                "SELECT number FROM exclusions WHERE terminal = ?1 AND seq = ?2 AND rule = ?3",
            )?
            .query_row((terminal, seq, rule.as_str()), |row| row.get(0)),
        Excluded::Review(id) => db
            .prepare_cached("SELECT number FROM exclusions WHERE review = ?1 AND rule = ?2")?
            .query_row((id, rule.as_str()), |row| row.get(0)),
    };
    Ok(number.optional()?)
}

fn note(db: &Connection, exclusion: i64, decision: &ExclusionDecision) -> Result<(), StorageError> {
    db.prepare_cached(
        "INSERT INTO exclusion_decisions (exclusion, reversed, reason, decided_by, decided_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((
        exclusion,
        decision.reversed,
        &decision.reason,
        &decision.decided_by,
        decision.decided_at,
    ))?;
    Ok(())
}

/// Keeps that a rule excludes a rating or a review; one that is known already stays as it is,
/// reversed or not. True if it is new.
pub(in crate::storage) fn exclude(
    db: &Connection,
    of: Excluded<'_>,
    rule: Rule,
    found_by: &'static str,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let (terminal, seq, review) = of.columns();
    let added = db
        .prepare_cached(
            "INSERT INTO exclusions (terminal, seq, review, rule, found_by, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO NOTHING",
        )?
        .execute((terminal, seq, review, rule.as_str(), found_by, now_ms))?;
    if added == 1 {
        mark(db, of)?;
    }
    Ok(added == 1)
}

/// The portal no longer finds that a rule excludes a rating. What a terminal said and what people
/// decided stays.
pub(in crate::storage) fn forgive(
    db: &Connection,
    terminal: i64,
    seq: u64,
    rule: Rule,
) -> Result<(), StorageError> {
    let removed = db
        .prepare_cached(
            "DELETE FROM exclusions WHERE terminal = ?1 AND seq = ?2 AND rule = ?3 AND found_by = 'portal'
                 AND NOT EXISTS (SELECT 1 FROM exclusion_decisions d WHERE d.exclusion = exclusions.number)",
        )?
        .execute((terminal, seq, rule.as_str()))?;
    if removed == 1 {
        mark(db, Excluded::Rating(terminal, seq))?;
    }
    Ok(())
}

/// Brings the mark of a rating or a review in line with its exclusions.
fn mark(db: &Connection, of: Excluded<'_>) -> Result<(), StorageError> {
    match of {
        Excluded::Rating(terminal, seq) => db
            .prepare_cached(
                "UPDATE ratings SET flagged = EXISTS (
                     SELECT 1 FROM exclusions e WHERE e.terminal = ?1 AND e.seq = ?2 AND +e.reversed = 0)
                 WHERE terminal = ?1 AND seq = ?2",
            )?
            .execute((terminal, seq))?,
        Excluded::Review(id) => db
            .prepare_cached(
                "UPDATE reviews SET flagged = EXISTS (
                     SELECT 1 FROM exclusions e WHERE e.review = ?1 AND +e.reversed = 0)
                 WHERE id = ?1",
            )?
            .execute([id])?,
    };
    Ok(())
}
