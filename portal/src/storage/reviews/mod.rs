//! What visitors sent from their phones, and what became of it.

pub(super) mod answers;
mod judgement;
pub(super) mod moderation;
pub(super) mod official_answers;
pub(super) mod photos;
pub(super) mod review_lists;

use std::collections::BTreeMap;

use pikir_contract::{Id, PlaceCode, Score, Texts, Time};
use rusqlite::{Connection, OptionalExtension, named_params, params};

use self::judgement::judge;
use self::moderation::comment_digest;
use super::{OfficialAnswer, Photo, Storage, StorageError};
use crate::domain::rules::Rule;

/// How sure it is that a review from a phone was written on site.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Assurance {
    /// Its form was fetched with a valid presence token, which only the screen shows, and sent
    /// while that could still be valid.
    OnSite,
    /// A printed code, or an old or wrong token.
    Code,
    /// A link on a page or in a message.
    Link,
}

impl Assurance {
    /// The assurance's name as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnSite => "on_site",
            Self::Code => "code",
            Self::Link => "link",
        }
    }

    pub(in crate::storage) fn parse(text: &str) -> Option<Self> {
        [Self::OnSite, Self::Code, Self::Link]
            .into_iter()
            .find(|assurance| assurance.as_str() == text)
    }
}

/// The way a comment came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReviewChannel {
    /// Written on a terminal; it goes with a rating there.
    Terminal,
    /// From a phone in the way this says.
    Phone(Assurance),
}

impl ReviewChannel {
    /// True if it was certainly said on site.
    pub fn is_on_site(self) -> bool {
        matches!(self, Self::Terminal | Self::Phone(Assurance::OnSite))
    }

    pub(in crate::storage) fn parse(text: &str) -> Option<Self> {
        match text {
            "terminal" => Some(Self::Terminal),
            text => Assurance::parse(text).map(Self::Phone),
        }
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
    /// Somebody tried whether it works.
    Test,
}

impl DeclineReason {
    /// Every reason, in the order staff see them.
    pub const ALL: [Self; 6] = [
        Self::PersonalData,
        Self::Insult,
        Self::Advertising,
        Self::OffTopic,
        Self::Unclear,
        Self::Test,
    ];

    /// The reason's name as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PersonalData => "personal-data",
            Self::Insult => "insult",
            Self::Advertising => "advertising",
            Self::OffTopic => "off-topic",
            Self::Unclear => "unclear",
            Self::Test => "test",
        }
    }

    /// True if what was written may be no opinion at all, so that the rating may go with it.
    pub fn may_take_rating(self) -> bool {
        matches!(self, Self::Insult | Self::Advertising | Self::Test)
    }

    /// The reason with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Tells networks of one day and one place apart, and nothing else.
pub type NetworkDigest = [u8; 8];

/// What became of a form that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The review's status code.
    pub status_code: String,
    /// True if the form was sent before with another content, which this one takes the place of.
    pub changed: bool,
}

/// A review as it comes in.
#[derive(Clone)]
pub struct NewReview {
    /// Its identifier.
    pub id: Id,
    /// Ten Crockford symbols, upper case.
    pub status_code: String,
    /// The random part of its form's mark.
    pub nonce: String,
    /// The place it is about.
    pub place: PlaceCode,
    /// How sure it is that the visitor was there.
    pub assurance: Assurance,
    /// The step of the presence token, of a review on site.
    pub step: Option<u64>,
    /// A keyed digest of the network it came from, if that is known.
    pub network: Option<NetworkDigest>,
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
    /// How it came.
    pub channel: ReviewChannel,
    /// The rules that leave its score out of the figures.
    pub left_out: Vec<Rule>,
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
    /// Tells this comment from another one that takes its place: whoever decides says which one it
    /// is about.
    pub fn digest(&self) -> String {
        comment_digest(self.comment.as_deref())
    }
}

impl Storage {
    /// Keeps a review. The form of one that is kept already changes it if it says something else:
    /// it stays one review.
    pub async fn add_review(&self, review: NewReview) -> Result<Kept, StorageError> {
        self.sqlite.write(move |db| keep(db, &review)).await
    }
}

fn keep(db: &Connection, review: &NewReview) -> Result<Kept, StorageError> {
    let former = db
        .prepare_cached("SELECT id, status_code, version FROM reviews WHERE nonce = ?1")?
        .query_row([&review.nonce], |row| {
            Ok(Former {
                id: row.get(0)?,
                status_code: row.get(1)?,
                version: row.get(2)?,
            })
        })
        .optional()?;
    let Some(former) = former else {
        insert(db, review)?;
        judge(db, review)?;
        return Ok(Kept {
            status_code: review.status_code.clone(),
            changed: false,
        });
    };
    Ok(Kept {
        changed: change(db, &former, review)?,
        status_code: former.status_code,
    })
}

/// What a form has sent before.
struct Former {
    id: String,
    status_code: String,
    version: u32,
}

fn insert(db: &Connection, review: &NewReview) -> Result<(), StorageError> {
    db.execute(
        "INSERT INTO reviews (id, status_code, nonce, place, organization, assurance, step, network, score, comment, lang,
                              state, created_at, service, criteria, reasons, photos)
         SELECT ?1, ?2, ?3, code, organization, ?5, ?6, ?7, ?8, ?9, ?10, 'new', ?11, ?12, ?13, ?14, ?15
         FROM places WHERE code = ?4",
        params![
            review.id.to_string(),
            review.status_code,
            review.nonce,
            review.place.as_str(),
            review.assurance.as_str(),
            review.step,
            review.network,
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
    photos::insert(db, &review.id.to_string(), &review.photos)
}

/// Puts what a form says now in the place of what it said before; false if that is the same. How
/// sure it is that the visitor was there stays as it was proven first. Photos that were sent stay
/// until others come: going back, most browsers do not keep the choice of files.
fn change(db: &Connection, former: &Former, review: &NewReview) -> Result<bool, StorageError> {
    let new_photos = !review.photos.is_empty() && photos::of(db, &former.id)? != review.photos;
    let said = named_params! {
        ":id": former.id,
        ":score": review.score.get(),
        ":comment": review.comment,
        ":service": review.service,
        ":criteria": serde_json::to_string(&review.criteria)?,
        ":reasons": serde_json::to_string(&review.reasons)?,
    };
    let is_same: bool = db
        .prepare_cached(
            "SELECT score = :score AND comment IS :comment AND service IS :service AND criteria = :criteria
                 AND reasons = :reasons
             FROM reviews WHERE id = :id",
        )?
        .query_row(said, |row| row.get(0))?;
    if is_same && !new_photos {
        return Ok(false);
    }
    db.prepare_cached(
        "INSERT INTO review_versions (review, version, score, service, criteria, reasons, replaced_at)
         SELECT id, version, score, service, criteria, reasons, ?2 FROM reviews WHERE id = ?1",
    )?
    .execute((&former.id, review.created_at.unix_ms()))?;
    if new_photos {
        photos::replace(db, &former.id, &review.photos)?;
    }
    // What a moderator has read is another comment now, and waits to be read again.
    db.prepare_cached(
        "UPDATE reviews SET
             state = iif(:new_photos OR comment IS NOT :comment, 'new', state),
             reason = iif(:new_photos OR comment IS NOT :comment, NULL, reason),
             answer = iif(comment IS NOT :comment, NULL, answer),
             score = :score, comment = :comment, service = :service, criteria = :criteria, reasons = :reasons,
             lang = :lang, version = :version
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": former.id,
        ":new_photos": new_photos,
        ":score": review.score.get(),
        ":comment": review.comment,
        ":service": review.service,
        ":criteria": serde_json::to_string(&review.criteria)?,
        ":reasons": serde_json::to_string(&review.reasons)?,
        ":lang": review.lang,
        ":version": former.version + 1,
    })?;
    Ok(true)
}
