//! What visitors sent from their phones, and what became of it.

use std::collections::BTreeMap;

use pikir_contract::{Id, PlaceCode, Score, Texts, Time};
use rusqlite::{Connection, Row, params};

use super::{OfficialAnswer, Photo, Storage, StorageError, photos};

/// How a visitor came to the phone page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReviewChannel {
    /// With a presence token, scanned from a terminal's screen.
    Phone,
    /// Without one: a printed code, or a terminal that does not know the time.
    Poster,
    /// Not on a phone at all: a comment written on a terminal, which goes with a rating there.
    Terminal,
}

impl ReviewChannel {
    /// The channel's name as it is stored and published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Poster => "poster",
            Self::Terminal => "terminal",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Phone, Self::Poster, Self::Terminal]
            .into_iter()
            .find(|channel| channel.as_str() == text)
    }
}

/// What became of a comment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReviewState {
    /// Nobody has read it yet.
    New,
    /// Everybody can read it.
    Published,
    /// It stays unpublished.
    Declined,
}

impl ReviewState {
    /// The state's name as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Published => "published",
            Self::Declined => "declined",
        }
    }

    /// The state with this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::New, Self::Published, Self::Declined]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// Why a comment was declined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeclineReason {
    /// It tells who somebody is.
    PersonalData,
    /// It insults or threatens.
    Insult,
    /// It advertises.
    Advertising,
    /// It is not about the service.
    OffTopic,
    /// Nobody can tell what it means.
    Unclear,
}

impl DeclineReason {
    /// Every reason, in the order staff see them.
    pub const ALL: [Self; 5] = [
        Self::PersonalData,
        Self::Insult,
        Self::Advertising,
        Self::OffTopic,
        Self::Unclear,
    ];

    /// The reason's name as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PersonalData => "personal-data",
            Self::Insult => "insult",
            Self::Advertising => "advertising",
            Self::OffTopic => "off-topic",
            Self::Unclear => "unclear",
        }
    }

    /// The reason with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A review as it comes in.
#[derive(Clone)]
pub struct NewReview {
    /// Its identifier.
    pub id: Id,
    /// Ten Crockford symbols, upper case.
    pub status_code: String,
    /// The page view it was written on.
    pub nonce: String,
    /// The place it is about.
    pub place: PlaceCode,
    /// How the visitor came.
    pub channel: ReviewChannel,
    /// True if a valid presence token proved that the visitor was there.
    pub on_site: bool,
    /// The score.
    pub score: Score,
    /// What the visitor added, if anything.
    pub comment: Option<String>,
    /// The key of the service it is about.
    pub service: Option<String>,
    /// Scores by the key of the criterion.
    pub criteria: BTreeMap<String, Score>,
    /// The keys of the reasons, each once.
    pub reasons: Vec<String>,
    /// Photos, encoded anew.
    pub photos: Vec<Photo>,
    /// The language of the page.
    pub lang: String,
    /// When it came.
    pub created_at: Time,
}

/// A review as it stands, or a comment from a terminal with its rating.
#[derive(Clone, Debug)]
pub struct Review {
    /// Its identifier.
    pub id: Id,
    /// The place's name.
    pub place: String,
    /// The organisation's code.
    pub organization: String,
    /// The organisation's names.
    pub organization_names: Texts,
    /// How the visitor came.
    pub channel: ReviewChannel,
    /// True if the visitor was proven to be there.
    pub on_site: bool,
    /// The score.
    pub score: Score,
    /// What the visitor added, if anything.
    pub comment: Option<String>,
    /// The language of the page it was written on.
    pub lang: String,
    /// What became of the comment.
    pub state: ReviewState,
    /// Why it was declined, if it was.
    pub reason: Option<DeclineReason>,
    /// When it came.
    pub created_at: Time,
    /// How many photos came with it.
    pub photos: u8,
    /// True if everybody may see them.
    pub photos_shown: bool,
    /// What the organisation answered.
    pub answer: Option<OfficialAnswer>,
}

impl Review {
    /// True if there is something for a moderator to read or to look at.
    pub fn is_moderated(&self) -> bool {
        self.comment.is_some() || self.photos > 0
    }
}

/// A moderator's decision about a comment and its photos.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Everybody may read it and see the photos.
    Publish,
    /// Everybody may read it; the photos stay unpublished.
    PublishWithoutPhotos,
    /// It stays unpublished.
    Decline(DeclineReason),
}

impl Storage {
    /// Keeps a review and gives its status code. A second one with the same nonce changes nothing and gives the status
    /// code of the first.
    pub async fn add_review(&self, review: NewReview) -> Result<String, StorageError> {
        self.sqlite.write(move |db| insert(db, &review)).await
    }

    /// The review with this status code (upper case, without hyphens).
    pub async fn review_by_status_code(
        &self,
        status_code: &str,
    ) -> Result<Option<Review>, StorageError> {
        let status_code = status_code.to_owned();
        self.sqlite
            .read(move |db| Ok(select(db, "status_code = ?1", params![status_code], 1)?.pop()))
            .await
    }

    /// The oldest reviews with a comment in this state, at most `limit`.
    pub async fn reviews_with_comment(
        &self,
        state: ReviewState,
        limit: usize,
    ) -> Result<Vec<Review>, StorageError> {
        self.sqlite
            .read(move |db| {
                let order = if state == ReviewState::New {
                    "ASC"
                } else {
                    "DESC"
                };
                let rule = format!("to_read AND state = ?1 ORDER BY said.id {order}");
                select(db, &rule, params![state.as_str()], limit)
            })
            .await
    }

    /// The latest published comments on an organisation that are older than `before`, at most `limit`.
    pub async fn published_comments(
        &self,
        organization: &str,
        before: Option<Id>,
        limit: usize,
    ) -> Result<Vec<Review>, StorageError> {
        let organization = organization.to_owned();
        self.sqlite
            .read(move |db| {
                // Identifiers are lower-case hexadecimal: every one sorts before "~".
                let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
                let rule = "said.organization = ?1 AND state = 'published' AND (comment IS NOT NULL OR photos_shown)
                            AND said.id < ?2 ORDER BY said.id DESC";
                select(db, rule, params![organization, before], limit)
            })
            .await
    }

    /// Publishes or declines a comment; a later decision replaces an earlier one. False if there is no such comment.
    pub async fn decide_review(
        &self,
        id: Id,
        decision: Decision,
        by: &str,
        now: Time,
    ) -> Result<bool, StorageError> {
        let by = by.to_owned();
        self.sqlite
            .write(move |db| {
                let (state, reason) = match decision {
                    Decision::Publish | Decision::PublishWithoutPhotos => {
                        (ReviewState::Published, None)
                    }
                    Decision::Decline(reason) => (ReviewState::Declined, Some(reason.as_str())),
                };
                let shown = decision == Decision::Publish;
                let decided = params![
                    id.to_string(),
                    state.as_str(),
                    reason,
                    by,
                    now.unix_ms(),
                    shown
                ];
                let mut changed = db.execute(
                    "UPDATE reviews SET state = ?2, reason = ?3, decided_by = ?4, decided_at = ?5,
                         photos_shown = ?6 AND photos > 0
                     WHERE id = ?1 AND (comment IS NOT NULL OR photos > 0)",
                    decided,
                )?;
                changed += db.execute(
                    "UPDATE answered SET state = ?2, reason = ?3, decided_by = ?4, decided_at = ?5
                     WHERE id = ?1 AND comment IS NOT NULL AND ?6 IS NOT NULL",
                    decided,
                )?;
                Ok(changed > 0)
            })
            .await
    }
}

fn insert(db: &Connection, review: &NewReview) -> Result<String, StorageError> {
    let inserted = db.execute(
        "INSERT INTO reviews (id, status_code, nonce, place, organization, channel, on_site, score, comment, lang,
                              state, created_at, service, criteria, reasons, photos)
         SELECT ?1, ?2, ?3, code, organization, ?5, ?6, ?7, ?8, ?9, 'new', ?10, ?11, ?12, ?13, ?14 FROM places WHERE code = ?4
         ON CONFLICT (nonce) DO NOTHING",
        params![
            review.id.to_string(),
            review.status_code,
            review.nonce,
            review.place.as_str(),
            review.channel.as_str(),
            review.on_site,
            review.score.get(),
            review.comment,
            review.lang,
            review.created_at.unix_ms(),
            review.service,
            serde_json::to_string(&review.criteria)?,
            serde_json::to_string(&review.reasons)?,
            review.photos.len(),
        ],
    )?;
    if inserted == 1 {
        photos::insert(db, review)?;
    }
    Ok(db.query_row(
        "SELECT status_code FROM reviews WHERE nonce = ?1",
        [&review.nonce],
        |row| row.get(0),
    )?)
}

/// Reviews by a rule (a constant of this module, with `?1` … for what comes from outside).
fn select(
    db: &Connection,
    rule: &str,
    parameters: &[&dyn rusqlite::ToSql],
    limit: usize,
) -> Result<Vec<Review>, StorageError> {
    let sql = format!(
        "SELECT said.id, places.name, said.organization, organizations.names, channel, on_site, score, comment,
                said.lang, state, reason, said.created_at, photos, photos_shown, answer, answer_lang, answered_at
         FROM said JOIN places ON places.code = said.place
                   JOIN organizations ON organizations.code = said.organization
         WHERE {rule} LIMIT {limit}"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read_review(row)?);
    }
    Ok(found)
}

fn read_review(row: &Row<'_>) -> Result<Review, StorageError> {
    let channel: String = row.get(4)?;
    let state: String = row.get(9)?;
    let reason: Option<String> = row.get(10)?;
    Ok(Review {
        id: row
            .get::<_, String>(0)?
            .parse()
            .map_err(StorageError::unreadable)?,
        place: row.get(1)?,
        organization: row.get(2)?,
        organization_names: serde_json::from_str(&row.get::<_, String>(3)?)?,
        channel: ReviewChannel::parse(&channel)
            .ok_or_else(|| StorageError::unreadable("a review's channel"))?,
        on_site: row.get(5)?,
        score: Score::new(row.get(6)?)
            .ok_or_else(|| StorageError::unreadable("a review's score"))?,
        comment: row.get(7)?,
        lang: row.get(8)?,
        state: ReviewState::parse(&state)
            .ok_or_else(|| StorageError::unreadable("a review's state"))?,
        reason: reason.as_deref().and_then(DeclineReason::parse),
        created_at: Time::from_unix_ms(row.get(11)?).map_err(StorageError::unreadable)?,
        photos: row.get(12)?,
        photos_shown: row.get(13)?,
        answer: match (row.get(14)?, row.get(15)?, row.get(16)?) {
            (Some(text), Some(lang), Some(at)) => Some(OfficialAnswer {
                text,
                lang,
                at: Time::from_unix_ms(at).map_err(StorageError::unreadable)?,
            }),
            _ => None,
        },
    })
}
