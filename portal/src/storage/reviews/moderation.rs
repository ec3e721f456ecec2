//! What moderators decide about comments and photos.
//!
//! A terminal's comment can be replaced by a newer answer at any time. A decision therefore names
//! the comment it is about, and one about a comment that is no longer there changes nothing.

use pikir_contract::{Id, Time, base64url_encode};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::domain::rules::Rule;
use crate::storage::events::exclusions::{Excluded, exclude_by_hand, reverse};
use crate::storage::{DeclineReason, ExclusionDecision, ReviewState, Storage, StorageError};

/// A moderator's decision about a comment and its photos.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Everybody may read it and see the photos.
    Publish,
    /// Everybody may read it; the photos stay unpublished.
    PublishWithoutPhotos,
    /// It stays unpublished.
    Decline(DeclineReason),
    /// The same, and the rating does not count: what was written is no opinion.
    DeclineWithRating(DeclineReason),
}

/// What became of a decision or an official answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moderated {
    /// It is kept.
    Done,
    /// Nothing is: the comment is another one now.
    Changed,
    /// There is no such comment, or none in that state.
    Unknown,
}

impl Storage {
    /// Publishes or declines the comment with this digest ([`crate::storage::Review::digest`]); a
    /// later decision replaces an earlier one.
    pub async fn decide_review(
        &self,
        id: Id,
        digest: &str,
        decision: Decision,
        by: &str,
        now: Time,
    ) -> Result<Moderated, StorageError> {
        let (digest, by) = (digest.to_owned(), by.to_owned());
        self.sqlite
            .write(move |db| moderate(db, id, &digest, |db| decide(db, id, decision, &by, now)))
            .await
    }
}

/// Does what changes so many rows if the comment is still the one with this digest.
pub(in crate::storage) fn moderate(
    db: &Connection,
    id: Id,
    digest: &str,
    change: impl FnOnce(&Connection) -> Result<usize, StorageError>,
) -> Result<Moderated, StorageError> {
    let comment: Option<Option<String>> = db
        .prepare_cached(
            "SELECT comment FROM reviews WHERE id = ?1 UNION ALL SELECT comment FROM answered WHERE id = ?1",
        )?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    Ok(match comment {
        None => Moderated::Unknown,
        Some(comment) if comment_digest(comment.as_deref()) != digest => Moderated::Changed,
        Some(_) if change(db)? == 0 => Moderated::Unknown,
        Some(_) => Moderated::Done,
    })
}

/// The SHA-256 of a comment, written as base64url.
pub(in crate::storage) fn comment_digest(comment: Option<&str>) -> String {
    base64url_encode(&Sha256::digest(comment.unwrap_or_default()))
}

fn decide(
    db: &Connection,
    id: Id,
    decision: Decision,
    by: &str,
    now: Time,
) -> Result<usize, StorageError> {
    let (id, now) = (id.to_string(), now.unix_ms());
    let (state, reason) = match decision {
        Decision::Publish | Decision::PublishWithoutPhotos => (ReviewState::Published, None),
        Decision::Decline(reason) | Decision::DeclineWithRating(reason) => {
            (ReviewState::Declined, Some(reason.as_str()))
        }
    };
    let state = state.as_str();
    let of_phones = db.execute(
        "UPDATE reviews SET state = ?2, reason = ?3, decided_by = ?4, decided_at = ?5, photos_shown = ?6 AND photos > 0
         WHERE id = ?1 AND (comment IS NOT NULL OR photos > 0)",
        params![id, state, reason, by, now, decision == Decision::Publish],
    )?;
    let of_terminals = db.execute(
        "UPDATE answered SET state = ?2, reason = ?3, decided_by = ?4, decided_at = ?5
         WHERE id = ?1 AND comment IS NOT NULL",
        params![id, state, reason, by, now],
    )?;
    let decided = of_phones + of_terminals;
    if decided > 0 {
        take_or_give_back_rating(db, &id, decision, by, now)?;
    }
    Ok(decided)
}

/// The reason that is kept where a moderator publishes what took its rating out before.
const PUBLISHED: &str = "published";

/// Leaves the rating out together with a comment that is no opinion; with one that is published
/// after all it counts again.
fn take_or_give_back_rating(
    db: &Connection,
    id: &str,
    decision: Decision,
    by: &str,
    now_ms: i64,
) -> Result<(), StorageError> {
    let decided = |reversed: bool, reason: &str| ExclusionDecision {
        reversed,
        reason: reason.to_owned(),
        decided_by: by.to_owned(),
        decided_at: now_ms,
    };
    let rating: Option<(i64, u64)> = db
        .prepare_cached(
            "SELECT r.terminal, r.seq FROM answered a JOIN ratings r ON r.terminal = a.terminal AND r.event_id = a.rating
             WHERE a.id = ?1",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let of = match rating {
        Some((terminal, seq)) => Excluded::Rating(terminal, seq),
        None => Excluded::Review(id),
    };
    match decision {
        Decision::DeclineWithRating(reason) => {
            exclude_by_hand(db, of, Rule::Opinion, &decided(false, reason.as_str()))
        }
        Decision::Publish | Decision::PublishWithoutPhotos => {
            reverse(db, of, Rule::Opinion, &decided(true, PUBLISHED)).map(|_| ())
        }
        Decision::Decline(_) => Ok(()),
    }
}
