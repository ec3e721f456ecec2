//! The phone page behind the QR code: five faces, a comment, one button.
//!
//! `/Q/CODE` or `/Q/CODE/TOKEN`. The token proves presence; without a valid one the review is taken all the same and
//! is only not marked as written on site. No cookie, no name, no address is kept.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hmac::{Hmac, KeyInit, Mac};
use pikir_contract::{
    DEFAULT_STEP_S, MAX_COMMENT_CHARS, PlaceCode, Score, base64url_decode, base64url_encode,
    check_presence,
};
use serde::Deserialize;
use sha2::Sha256;

use super::i18n::Lang;
use super::page::{Answer, Page, Reader, Refusal, render, see_other};
use super::throttle::{ClientAddress, Limits};
use super::{assets, review};
use crate::app::AppState;
use crate::storage::{NewReview, OrganizationRecord, PlaceRecord, ReviewChannel};

/// How long a page that was opened on site may stay open before it is sent, seconds.
const SEEN_VALID_S: i64 = 2 * 60 * 60;
/// Random bytes of a nonce.
const NONCE_BYTES: usize = 16;

/// What the form sends. Everything may be missing: a person is told what to do, never refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    score: String,
    comment: String,
    nonce: String,
    seen: String,
    lang: String,
}

/// What is wrong with a form, for the page to say.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    missing_score: bool,
    too_long: Option<usize>,
}

/// The place a visitor stands at, and the token of the address if there is one.
struct Visit {
    place: PlaceRecord,
    organization: OrganizationRecord,
    token: Option<String>,
}

/// Shows the form.
pub async fn show(
    State(app): State<AppState>,
    reader: Reader,
    Path(path): Path<HashMap<String, String>>,
) -> Answer {
    let visit = find(&app, &reader, path).await?;
    let page = reader.page(Lang::from_tag(&visit.place.default_language));
    let nonce = base64url_encode(&app.entropy.bytes::<NONCE_BYTES>());
    let seen = if visit.is_present(app.clock.unix_s()) {
        visit.mark_seen(&nonce, app.clock.unix_s())
    } else {
        String::new()
    };
    let typed = Typed {
        nonce,
        seen,
        ..Typed::default()
    };
    Ok(form(StatusCode::OK, page, &visit, typed, Faults::default()))
}

/// Takes the form.
pub async fn send(
    State(app): State<AppState>,
    Extension(limits): Extension<Arc<Limits>>,
    ClientAddress(address): ClientAddress,
    mut reader: Reader,
    Path(path): Path<HashMap<String, String>>,
    typed: Result<Form<Typed>, FormRejection>,
) -> Answer {
    if let Ok(Form(typed)) = &typed {
        reader.chosen = Lang::from_tag(&typed.lang).or(reader.chosen);
    }
    let visit = find(&app, &reader, path).await?;
    let page = reader.page(Lang::from_tag(&visit.place.default_language));
    let now_ms = app.clock.unix_ms();
    if let Some(seconds) = limits.reviews.wait_s(&address, now_ms) {
        let text = "Very many reviews came from this network in a short time. Nothing was lost: go back and send it again in a few minutes.";
        return Ok(page.wait(seconds, "A moment, please", text));
    }
    limits.reviews.count(&address, now_ms);
    let Ok(Form(mut typed)) = typed else {
        let text = "Please go back and shorten the comment.";
        return Ok(page.message(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The text is too long",
            text,
            None,
        ));
    };
    typed.comment = tidy(&typed.comment);
    if !is_nonce(&typed.nonce) {
        typed.nonce = base64url_encode(&app.entropy.bytes::<NONCE_BYTES>());
    }
    let length = typed.comment.chars().count();
    let score = typed.score.parse().ok().and_then(Score::new);
    let faults = Faults {
        missing_score: score.is_none(),
        too_long: (length > MAX_COMMENT_CHARS).then_some(length),
    };
    let (Some(score), None) = (score, faults.too_long) else {
        return Ok(form(
            StatusCode::UNPROCESSABLE_ENTITY,
            page,
            &visit,
            typed,
            faults,
        ));
    };
    keep(&app, page, visit, score, typed).await
}

async fn keep(app: &AppState, page: Page, visit: Visit, score: Score, typed: Typed) -> Answer {
    let now_s = app.clock.unix_s();
    let review = NewReview {
        id: app.entropy.id(app.clock.now()),
        status_code: review::new_status_code(&app.entropy),
        on_site: visit.is_present(now_s) || visit.was_seen(&typed.nonce, &typed.seen, now_s),
        channel: if visit.token.is_some() {
            ReviewChannel::Phone
        } else {
            ReviewChannel::Poster
        },
        nonce: typed.nonce,
        place: visit.place.code,
        score,
        comment: Some(typed.comment).filter(|comment| !comment.is_empty()),
        service: None,
        criteria: std::collections::BTreeMap::new(),
        reasons: Vec::new(),
        lang: page.l.tag().to_owned(),
        created_at: app.clock.now(),
    };
    let lang = page.l.tag();
    let code = app
        .storage
        .add_review(review)
        .await
        .map_err(|error| page.broken(&error))?;
    Ok(see_other(&format!(
        "/r/{}?thanks=1&lang={lang}",
        review::written(&code)
    )))
}

async fn find(
    app: &AppState,
    reader: &Reader,
    mut path: HashMap<String, String>,
) -> Result<Visit, Refusal> {
    let page = || reader.page(None);
    let code = path
        .remove("code")
        .and_then(|code| code.trim().parse::<PlaceCode>().ok());
    let found = match code {
        Some(code) => app
            .storage
            .place(&code)
            .await
            .map_err(|error| page().broken(&error))?,
        None => None,
    };
    let Some((place, organization)) = found else {
        let text = "Perhaps it was mistyped, or the place has closed. Please scan the code on the screen once more.";
        let action = Some(("/", "All organisations"));
        return Err(page()
            .message(
                StatusCode::NOT_FOUND,
                "This code is not known",
                text,
                action,
            )
            .into());
    };
    Ok(Visit {
        place,
        organization,
        token: path.remove("token"),
    })
}

impl Visit {
    /// True if the address holds a token that proves presence now.
    fn is_present(&self, now_s: i64) -> bool {
        let key = &self.place.presence_key;
        let valid =
            |token: &String| check_presence(key, &self.place.code, token, now_s, DEFAULT_STEP_S);
        self.token.as_ref().is_some_and(valid)
    }

    /// Marks a page view as made on site: who writes for a quarter of an hour has still been there, although the token
    /// is old by then.
    fn mark_seen(&self, nonce: &str, now_s: i64) -> String {
        format!(
            "{now_s}.{}",
            base64url_encode(&self.seen_mac(nonce, now_s).finalize().into_bytes())
        )
    }

    fn was_seen(&self, nonce: &str, seen: &str, now_s: i64) -> bool {
        let parts = seen
            .split_once('.')
            .and_then(|(at, mac)| Some((at.parse().ok()?, base64url_decode(mac).ok()?)));
        parts.is_some_and(|(at, mac): (i64, Vec<u8>)| {
            (at..=at.saturating_add(SEEN_VALID_S)).contains(&now_s)
                && self.seen_mac(nonce, at).verify_slice(&mac).is_ok()
        })
    }

    fn seen_mac(&self, nonce: &str, at: i64) -> Hmac<Sha256> {
        // HMAC takes a key of any length.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.place.presence_key).expect("any key length");
        mac.update(format!("pikir-seen-v1|{}|{nonce}|{at}", self.place.code).as_bytes());
        mac
    }
}

fn is_nonce(text: &str) -> bool {
    base64url_decode(text).is_ok_and(|bytes| bytes.len() == NONCE_BYTES)
}

/// A comment as it is counted and kept: one kind of line end, no control characters, nothing around it.
fn tidy(comment: &str) -> String {
    let lines = comment.replace("\r\n", "\n").replace('\r', "\n");
    lines
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect::<String>()
        .trim()
        .to_owned()
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
    /// A line feed after `<textarea>` is dropped by browsers: this one is, so that the visitor's is not.
    comment_start: &'static str,
    comment: String,
    nonce: String,
    seen: String,
    invalid: bool,
    missing_score: bool,
    too_long: Option<usize>,
    max_comment: usize,
}

struct Face {
    score: u8,
    word: String,
    svg: &'static str,
    checked: bool,
}

fn form(status: StatusCode, page: Page, visit: &Visit, typed: Typed, faults: Faults) -> Response {
    let l = page.l;
    let face = |score: Score| Face {
        score: score.get(),
        word: l.t(assets::word(score)).to_owned(),
        svg: assets::face(score),
        checked: typed.score == score.get().to_string(),
    };
    let faces = Score::ALL.into_iter().map(face).collect();
    let question = visit
        .place
        .question
        .exact(l.tag())
        .unwrap_or_else(|| l.t("How was the service?"));
    let template = Phone {
        page,
        organization: l.choose(&visit.organization.names),
        organization_code: &visit.organization.code,
        place: place_line(&visit.place),
        question: question.to_owned(),
        faces,
        comment_start: "\n",
        comment: typed.comment,
        nonce: typed.nonce,
        seen: typed.seen,
        invalid: faults.missing_score || faults.too_long.is_some(),
        missing_score: faults.missing_score,
        too_long: faults.too_long,
        max_comment: MAX_COMMENT_CHARS,
    };
    let mut response = render(status, &template);
    if let Ok(policy) = HeaderValue::from_str(&assets::PHONE_POLICY) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The unit and the place in one line.
pub fn place_line(place: &PlaceRecord) -> String {
    match &place.unit {
        Some(unit) if !unit.is_empty() && *unit != place.name => format!("{unit}, {}", place.name),
        _ => place.name.clone(),
    }
}
