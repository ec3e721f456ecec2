//! Reviews as they are listed: what came by phone and what was written on terminals in one order.
//!
//! Each of the two is read by its own index and no further than it is shown.

use pikir_contract::{Id, Score, Time};
use rusqlite::{Connection, Row, params};

use crate::domain::rules::Rule;
use crate::storage::{
    DeclineReason, OfficialAnswer, Review, ReviewChannel, ReviewState, Storage, StorageError,
};

impl Storage {
    /// The review with this status code (upper case, without hyphens).
    pub async fn review_by_status_code(
        &self,
        status_code: &str,
    ) -> Result<Option<Review>, StorageError> {
        let status_code = status_code.to_owned();
        self.sqlite
            .read(move |db| {
                let of_code = format!("{BY_PHONE} WHERE status_code = ?1");
                Ok(select(db, &with_names(&of_code), params![status_code])?.pop())
            })
            .await
    }

    /// What moderators read in this state and is older than `before`, at most `limit`: what waits
    /// from the oldest on, what is decided from the newest.
    pub async fn reviews_to_read(
        &self,
        state: ReviewState,
        before: Option<Id>,
        limit: usize,
    ) -> Result<Vec<Review>, StorageError> {
        self.sqlite
            .read(move |db| {
                let order = if state == ReviewState::New {
                    "ASC"
                } else {
                    "DESC"
                };
                let sql = to_read(order, limit);
                select(db, &sql, params![state.as_str(), bound(before)])
            })
            .await
    }
}

/// The latest published comments on an organisation that are older than `before`, at most `limit`.
pub(in crate::storage) fn published_comments(
    db: &Connection,
    organization: &str,
    before: Option<Id>,
    limit: usize,
) -> Result<Vec<Review>, StorageError> {
    let sql = published(limit);
    select(db, &sql, params![organization, bound(before)])
}

fn bound(before: Option<Id>) -> String {
    // Identifiers are lower-case hexadecimal: every one sorts before "~".
    before.map_or_else(|| "~".to_owned(), |id| id.to_string())
}

/// What came by phone, as it is read.
const BY_PHONE: &str = "SELECT id, place, organization, assurance AS channel, score, comment, lang, state, reason,
         created_at, photos, photos_shown, answer, answer_lang, answered_at,
         iif(flagged, (SELECT group_concat(rule, ' ') FROM exclusions WHERE review = reviews.id AND +reversed = 0), NULL)
             AS left_out
     FROM reviews";

/// A comment from a terminal with its rating, as it is read. SQLite looks through the first table
/// and finds the other's row.
fn by_terminal(first: &str, second: &str) -> String {
    format!(
        "SELECT a.id, r.place, r.organization, 'terminal', r.score, a.comment, r.lang, a.state, a.reason,
             r.rated_at, 0, 0, a.answer, a.answer_lang, a.answered_at,
             iif(r.flagged, (SELECT group_concat(rule, ' ') FROM exclusions e
                 WHERE e.terminal = r.terminal AND e.seq = r.seq AND +e.reversed = 0), NULL)
         FROM {first} CROSS JOIN {second} ON r.terminal = a.terminal AND r.event_id = a.rating
         WHERE a.comment IS NOT NULL AND r.withdrawn = 0"
    )
}

/// What there is to read in state `?1` and older than `?2`. What a rule leaves out waits for
/// nobody: it is read once staff let it count again. A comment that was no opinion and was written
/// anew does wait.
pub(in crate::storage) fn to_read(order: &str, limit: usize) -> String {
    let by_phone = format!(
        "{BY_PHONE} WHERE (comment IS NOT NULL OR photos > 0) AND state = ?1 AND id < ?2
             AND (flagged = 0 OR state <> 'new' OR EXISTS (
                 SELECT 1 FROM exclusions WHERE review = reviews.id AND rule = 'opinion' AND +reversed = 0))
         ORDER BY id {order} LIMIT {limit}"
    );
    let by_terminal = format!(
        "{} AND (r.flagged = 0 OR a.state <> 'new') AND a.state = ?1 AND a.id < ?2 ORDER BY a.id {order} LIMIT {limit}",
        by_terminal("answered a", "ratings r")
    );
    in_order(&by_phone, &by_terminal, order, limit)
}

/// What is published of organisation `?1` and older than `?2`.
pub(in crate::storage) fn published(limit: usize) -> String {
    let by_phone = format!(
        "{BY_PHONE} WHERE organization = ?1 AND state = 'published' AND (comment IS NOT NULL OR photos_shown)
             AND flagged = 0 AND id < ?2 ORDER BY id DESC LIMIT {limit}"
    );
    let by_terminal = format!(
        "{} AND r.flagged = 0 AND r.organization = ?1 AND r.answered = 1 AND a.state = 'published' AND a.id < ?2
         ORDER BY a.id DESC LIMIT {limit}",
        by_terminal("ratings r", "answered a")
    );
    in_order(&by_phone, &by_terminal, "DESC", limit)
}

/// Two lists in one order. Each ends by itself, so that neither is read further than that.
fn in_order(by_phone: &str, by_terminal: &str, order: &str, limit: usize) -> String {
    let both = format!("SELECT * FROM ({by_phone}) UNION ALL SELECT * FROM ({by_terminal})");
    format!(
        "{} ORDER BY said.id {order} LIMIT {limit}",
        with_names(&both)
    )
}

fn with_names(said: &str) -> String {
    format!(
        "SELECT said.*, places.name, places.timezone, organizations.names
         FROM ({said}) said JOIN places ON places.code = said.place
                            JOIN organizations ON organizations.code = said.organization"
    )
}

fn select(
    db: &Connection,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Review>, StorageError> {
    let mut statement = db.prepare_cached(sql)?;
    statement.query_and_then(parameters, read_review)?.collect()
}

fn read_review(row: &Row<'_>) -> Result<Review, StorageError> {
    let text = |name: &str| row.get::<_, String>(name);
    let reason: Option<String> = row.get("reason")?;
    Ok(Review {
        id: text("id")?.parse().map_err(StorageError::unreadable)?,
        place: row.get("name")?,
        timezone: row.get("timezone")?,
        organization: row.get("organization")?,
        organization_names: serde_json::from_str(&text("names")?)?,
        channel: ReviewChannel::parse(&text("channel")?)
            .ok_or_else(|| StorageError::unreadable("a review's channel"))?,
        left_out: left_out(row.get("left_out")?)?,
        score: Score::new(row.get("score")?)
            .ok_or_else(|| StorageError::unreadable("a review's score"))?,
        comment: row.get("comment")?,
        lang: row.get("lang")?,
        state: ReviewState::parse(&text("state")?)
            .ok_or_else(|| StorageError::unreadable("a review's state"))?,
        reason: reason.as_deref().and_then(DeclineReason::parse),
        created_at: time(row.get("created_at")?)?,
        photos: row.get("photos")?,
        photos_shown: row.get("photos_shown")?,
        answer: match (
            row.get("answer")?,
            row.get("answer_lang")?,
            row.get("answered_at")?,
        ) {
            (Some(text), Some(lang), Some(at)) => Some(OfficialAnswer {
                text,
                lang,
                at: time(at)?,
            }),
            _ => None,
        },
    })
}

fn left_out(rules: Option<String>) -> Result<Vec<Rule>, StorageError> {
    let rules = rules.unwrap_or_default();
    let rule = |name| {
        Rule::parse(name).ok_or_else(|| StorageError::unreadable(format_args!("rule {name:?}")))
    };
    rules.split_whitespace().map(rule).collect()
}

fn time(unix_ms: i64) -> Result<Time, StorageError> {
    Time::from_unix_ms(unix_ms).map_err(StorageError::unreadable)
}
