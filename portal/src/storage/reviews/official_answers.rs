//! What organisations answer to published reviews.

use pikir_contract::{Id, Time};
use rusqlite::{Connection, params};

use super::moderation::moderate;
use crate::storage::{Moderated, Storage, StorageError};

/// What the organisation answered to a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficialAnswer {
    /// Its text.
    pub text: String,
    /// The language it is written in.
    pub lang: String,
    /// When it was given.
    pub at: Time,
}

impl Storage {
    /// Keeps what the organisation answers to the published review with this digest
    /// ([`crate::storage::Review::digest`]); an empty text takes the answer back.
    pub async fn answer_review(
        &self,
        id: Id,
        digest: &str,
        text: &str,
        lang: &str,
        by: &str,
        now: Time,
    ) -> Result<Moderated, StorageError> {
        let (digest, text) = (digest.to_owned(), text.to_owned());
        let (lang, by) = (lang.to_owned(), by.to_owned());
        let answer = move |db: &Connection| {
            let mut changed = 0;
            for table in ["reviews", "answered"] {
                changed += db.execute(
                    &format!(
                        "UPDATE {table} SET answer = nullif(?2, ''), answer_lang = ?3, answered_by = ?4, answered_at = ?5
                         WHERE id = ?1 AND state = 'published'"
                    ),
                    params![id.to_string(), text, lang, by, now.unix_ms()],
                )?;
            }
            Ok(changed)
        };
        self.sqlite
            .write(move |db| moderate(db, id, &digest, answer))
            .await
    }
}
