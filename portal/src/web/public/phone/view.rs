//! The form as it is shown: empty, or with what was typed and what is missing.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use pikir_contract::{Choice, MAX_COMMENT_CHARS, Reason, Score, Texts, question};

use super::form::{CRITERION, Typed};
use super::link::Visit;
use crate::i18n::Locale;
use crate::storage::PlaceRecord;
use crate::web::frame::assets;
use crate::web::frame::page::{Page, render};
use crate::web::public::picture::MAX_PHOTOS;

/// Bytes of one photo in the words of the page, MB.
const MAX_PHOTO_MB: usize = crate::web::public::picture::MAX_PHOTO_BYTES >> 20;

/// What is wrong with a form, for the page to say.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Not a form of this portal's for this place, or given out too long ago, or sent by another
    /// site's page.
    pub unmarked: bool,
    /// Too much comes at once: seconds until it may be sent again.
    pub busy_s: Option<u64>,
    /// No score, or none of the scale.
    pub missing_score: bool,
    /// The comment's length, if it is too long.
    pub too_long: Option<usize>,
    /// What is wrong with the photos: English, a key into the translations.
    pub photos: Option<&'static str>,
}

impl Faults {
    /// True if there is any.
    pub fn any(&self) -> bool {
        self.unmarked
            || self.busy_s.is_some()
            || self.missing_score
            || self.too_long.is_some()
            || self.photos.is_some()
    }

    /// The status of the page that says so.
    pub fn status(&self) -> StatusCode {
        match self.busy_s {
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
            None => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

#[derive(Template)]
#[template(path = "phone.html")]
struct Phone<'a> {
    page: Page,
    organization: &'a str,
    organization_code: &'a str,
    place: String,
    question: String,
    faces: Vec<Face>,
    reasons: Vec<ReasonGroup>,
    services: Vec<Offered>,
    criteria: Vec<Criterion>,
    more_open: bool,
    asks_comment: bool,
    /// A line feed after `<textarea>` is dropped by browsers: this one is, so that the visitor's is
    /// not.
    comment_start: &'static str,
    comment: String,
    mark: String,
    invalid: bool,
    unmarked: bool,
    busy: bool,
    missing_score: bool,
    too_long: Option<usize>,
    max_comment: usize,
    photo_fault: Option<String>,
    photos_hint: String,
    /// Photos were sent and cannot stand in the form again.
    photos_lost: bool,
}

struct Face {
    score: u8,
    word: String,
    svg: &'static str,
    checked: bool,
}

/// Reasons that belong to the same scores.
struct ReasonGroup {
    /// One class for each score: the style sheet shows the group with those.
    classes: String,
    /// Said where the style sheet cannot do that.
    when: String,
    choices: Vec<Offered>,
}

/// Something to choose.
struct Offered {
    key: String,
    name: String,
    chosen: bool,
}

struct Criterion {
    field: String,
    name: String,
    unanswered: bool,
    scores: Vec<CriterionScore>,
}

struct CriterionScore {
    score: u8,
    word: String,
    chosen: bool,
}

/// The page with this form on it.
pub fn form(
    status: StatusCode,
    mut page: Page,
    visit: &Visit,
    typed: Typed,
    faults: &Faults,
) -> Response {
    page.in_form = true;
    let l = page.l;
    let face = |score: Score| Face {
        score: score.get(),
        word: l.word(score).to_owned(),
        svg: assets::face(score),
        checked: typed.score == score.get().to_string(),
    };
    let says = Says {
        l,
        default_language: &visit.place.default_language,
    };
    let question = match says.text(&visit.place.question) {
        "" => question(l.tag()).unwrap_or_default(),
        own => own,
    };
    let content = &visit.offer.content;
    let choice = |choice: &Choice| Offered {
        key: choice.key.clone(),
        name: says.name(&choice.key, &choice.name),
        chosen: typed.service == choice.key,
    };
    let template = Phone {
        organization: says.text(&visit.organization.names),
        organization_code: &visit.organization.code,
        place: place_line(&visit.place),
        question: question.to_owned(),
        faces: Score::ALL.into_iter().map(face).collect(),
        reasons: reason_groups(&says, &content.questionnaire.reasons, &typed),
        services: content.services.iter().map(choice).collect(),
        criteria: content
            .questionnaire
            .criteria
            .iter()
            .map(|criterion| criterion_row(&says, criterion, &typed))
            .collect(),
        more_open: !typed.service.is_empty()
            || typed.criteria.iter().any(|(_, score)| !score.is_empty()),
        asks_comment: visit.offer.asks_comment(),
        comment_start: "\n",
        invalid: faults.any(),
        unmarked: faults.unmarked,
        busy: faults.busy_s.is_some(),
        missing_score: faults.missing_score,
        too_long: faults.too_long,
        max_comment: MAX_COMMENT_CHARS,
        photo_fault: faults
            .photos
            .map(|text| l.with2(text, "max", MAX_PHOTO_MB, "count", MAX_PHOTOS)),
        photos_hint: l.with2(
            "Up to {count} photos, each at most {max} MB. Please show no faces or documents of others. Where and when a photo was taken is removed. A moderator looks at it first.",
            "max",
            MAX_PHOTO_MB,
            "count",
            MAX_PHOTOS,
        ),
        photos_lost: faults.photos.is_none()
            && (!typed.files.is_empty() || typed.file_fault.is_some()),
        comment: typed.comment,
        mark: typed.mark,
        page,
    };
    let mut response = render(status, &template);
    if let Some(seconds) = faults.busy_s {
        let retry_after = HeaderValue::from(seconds);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, retry_after);
    }
    if let Ok(policy) = HeaderValue::from_str(&assets::PHONE_POLICY) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What a place says by language, as its terminals would choose it.
struct Says<'a> {
    l: Locale,
    default_language: &'a str,
}

impl Says<'_> {
    fn text<'texts>(&self, texts: &'texts Texts) -> &'texts str {
        self.l.at_place(texts, self.default_language)
    }

    fn name(&self, key: &str, name: &Texts) -> String {
        match self.text(name) {
            "" => key.to_owned(),
            name => name.to_owned(),
        }
    }
}

/// The reasons by the scores they belong to, in the order in which those are first met.
fn reason_groups(says: &Says<'_>, reasons: &[Reason], typed: &Typed) -> Vec<ReasonGroup> {
    let mut scores: Vec<&[Score]> = Vec::new();
    for reason in reasons {
        if !scores.contains(&reason.scores.as_slice()) {
            scores.push(&reason.scores);
        }
    }
    let group = |scores: &[Score]| {
        let join = |separator: &str, before: &str| {
            let each = scores
                .iter()
                .map(|score| format!("{before}{}", score.get()));
            each.collect::<Vec<_>>().join(separator)
        };
        let of_group = reasons.iter().filter(|reason| reason.scores == *scores);
        ReasonGroup {
            classes: join(" ", "r"),
            when: says
                .l
                .with("If the score is {scores}", "scores", join(", ", "")),
            choices: of_group
                .map(|reason| Offered {
                    key: reason.key.clone(),
                    name: says.name(&reason.key, &reason.name),
                    chosen: typed.reasons.contains(&reason.key),
                })
                .collect(),
        }
    };
    scores.into_iter().map(group).collect()
}

fn criterion_row(says: &Says<'_>, criterion: &Choice, typed: &Typed) -> Criterion {
    let answered = typed
        .criteria
        .iter()
        .find(|(key, _)| *key == criterion.key)
        .map_or("", |(_, score)| score);
    let score = |score: Score| CriterionScore {
        score: score.get(),
        word: says.l.word(score).to_owned(),
        chosen: answered == score.get().to_string(),
    };
    let scores: Vec<CriterionScore> = Score::ALL.into_iter().map(score).collect();
    Criterion {
        field: format!("{CRITERION}{}", criterion.key),
        name: says.name(&criterion.key, &criterion.name),
        unanswered: scores.iter().all(|score| !score.chosen),
        scores,
    }
}

/// The unit and the place in one line.
pub fn place_line(place: &PlaceRecord) -> String {
    match &place.unit {
        Some(unit) if !unit.is_empty() && *unit != place.name => format!("{unit}, {}", place.name),
        _ => place.name.clone(),
    }
}
