//! What became of a review: the page after sending, and the same page later.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::rules;
use crate::app::AppState;
use crate::i18n::Locale;
use crate::platform::entropy::Entropy;
use crate::storage::{DeclineReason, OfficialAnswer, ReviewState};
use crate::web::frame::page::{Answer, Page, Reader, encode, render, see_other};
use crate::web::frame::throttle::{ClientAddress, Limits};

/// Symbols of a status code: 50 bits, beyond guessing over the network.
const STATUS_CODE_SYMBOLS: usize = 10;

/// What `thanks=` says after a form that was sent before has changed the review.
pub const CHANGED: &str = "changed";

/// A new status code, as it is stored.
pub fn new_status_code(entropy: &Entropy) -> String {
    entropy.crockford(STATUS_CODE_SYMBOLS)
}

/// A status code as people see it: `XXXXX-XXXXX`.
pub fn written(code: &str) -> String {
    let (front, back) = code
        .split_at_checked(STATUS_CODE_SYMBOLS / 2)
        .unwrap_or((code, ""));
    format!("{front}-{back}")
}

/// A typed status code as it is stored: any case, with or without hyphens and spaces, O for 0, I
/// and L for 1.
fn normalize(typed: &str) -> String {
    let symbol = |c: char| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(symbol)
        .collect()
}

/// The English words for a reason, a key into the translations.
pub fn reason_text(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::PersonalData => "personal data",
        DeclineReason::Insult => "insults or threats",
        DeclineReason::Advertising => "advertising",
        DeclineReason::OffTopic => "not about the service",
        DeclineReason::Unclear => "cannot be understood",
        DeclineReason::Test => "only a test",
    }
}

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    page: Page,
    thanks: bool,
    changed: bool,
    on_site: bool,
    /// The rules that leave the score out.
    left_out: Vec<&'static str>,
    organization: String,
    organization_code: String,
    place: String,
    received: String,
    has_comment: bool,
    has_photos: bool,
    photos_published: bool,
    answer: Option<AnswerShown>,
    state: &'static str,
    reason: &'static str,
    code: String,
    link: String,
}

/// What the organisation answered, for a page.
pub struct AnswerShown {
    /// Its text.
    pub text: String,
    /// Its language.
    pub lang: String,
    /// When, for people and for machines.
    pub date: (String, String),
}

impl AnswerShown {
    /// The answer for a reader of this language, with its day in the time zone of the place.
    pub fn new(l: Locale, answer: OfficialAnswer, timezone: &str) -> Self {
        Self {
            text: answer.text,
            lang: answer.lang,
            date: (l.date(answer.at, timezone), answer.at.to_string()),
        }
    }
}

#[derive(Template)]
#[template(path = "no_review.html")]
struct NoReview {
    page: Page,
}

/// Leads from a typed status code, `/r?code=`, to where the review stands.
pub async fn find(reader: Reader) -> Response {
    let page = reader.page(None);
    match normalize(reader.get("code")).as_str() {
        "" => render(StatusCode::NOT_FOUND, &NoReview { page }),
        code => see_other(&format!("/r/{}?{}", encode(&written(code)), page.keep)),
    }
}

/// Shows where a review stands; with `?thanks=` it is the page right after sending.
pub async fn show(
    State(app): State<AppState>,
    Extension(limits): Extension<Arc<Limits>>,
    ClientAddress(address): ClientAddress,
    reader: Reader,
    Path(typed): Path<String>,
) -> Answer {
    let page = reader.page(None);
    let code = normalize(&typed);
    let now_ms = app.clock.unix_ms();
    let found = app.storage.review_by_status_code(&code).await;
    // A code that leads somewhere is always served: others behind the same address may guess.
    let Some(review) = found.map_err(|error| page.clone().broken(&error))? else {
        return Ok(match limits.status_codes.slow(&address, now_ms).await {
            Ok(()) => render(StatusCode::NOT_FOUND, &NoReview { page }),
            Err(seconds) => {
                let text = "Too many unknown codes came from this network. Please try again in a few minutes.";
                page.wait(seconds, "A moment, please", text)
            }
        });
    };
    let written = written(&code);
    let host = app
        .public_url
        .split_once("://")
        .map_or(&*app.public_url, |(_, host)| host);
    let content = ReviewPage {
        thanks: !reader.get("thanks").is_empty() && review.state == ReviewState::New,
        changed: reader.get("thanks") == CHANGED,
        on_site: review.channel.is_on_site(),
        left_out: review.left_out.into_iter().map(rules::name).collect(),
        organization: page.l.choose(&review.organization_names).to_owned(),
        organization_code: review.organization,
        place: review.place,
        received: page.l.date(review.created_at, &review.timezone),
        has_comment: review.comment.is_some(),
        has_photos: review.photos > 0,
        photos_published: review.photos_shown,
        answer: review
            .answer
            .filter(|_| review.state == ReviewState::Published)
            .map(|answer| AnswerShown::new(page.l, answer, &review.timezone)),
        state: review.state.as_str(),
        reason: review.reason.map_or("", reason_text),
        link: format!("{host}/r/{written}"),
        code: written,
        page,
    };
    Ok(render(StatusCode::OK, &content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_code_is_found_however_it_is_typed() {
        let code = new_status_code(&Entropy::seeded(1));
        assert_eq!(code.len(), STATUS_CODE_SYMBOLS);
        assert_eq!(normalize(&written(&code).to_lowercase()), code);
        assert_eq!(normalize("oil 23-abcde"), "01123ABCDE");
    }
}
