//! What visitors sent from their phones, and what became of it.

pub(super) mod answers;
pub(super) mod moderation;
pub(super) mod official_answers;
pub(super) mod photos;
pub(super) mod review_lists;

use std::collections::BTreeMap;

use pikir_contract::{Id, PlaceCode, Score, Texts, Time};
use rusqlite::{Connection, params};

use self::moderation::comment_digest;
use super::{OfficialAnswer, Photo, Storage, StorageError};

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

    pub(in crate::storage) fn parse(text: &str) -> Option<Self> {
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
    /// The place's time zone (IANA).
    pub timezone: String,
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
    /// When it came; of a comment from a terminal, when its rating was given, as far as is known.
    pub created_at: Time,
    /// How many photos came with it.
    pub photos: u8,
    /// True if everybody may see them.
    pub photos_shown: bool,
    /// What the organisation answered.
    pub answer: Option<OfficialAnswer>,
}

impl Review {
    /// Tells this comment from another one that takes its place: whoever decides says which one it is about.
    pub fn digest(&self) -> String {
        comment_digest(self.comment.as_deref())
    }
}

impl Storage {
    /// Keeps a review and gives its status code. A second one with the same nonce changes nothing and gives the status
    /// code of the first.
    pub async fn add_review(&self, review: NewReview) -> Result<String, StorageError> {
        self.sqlite.write(move |db| insert(db, &review)).await
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
