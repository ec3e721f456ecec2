//! `/staff/reviews`: moderators read comments and publish or decline them.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::assets;
use super::page::{Answer, Page, Reader, render, see_other};
use super::review::reason_text;
use super::session::{Staff, StaffFrame};
use crate::app::AppState;
use crate::storage::{Decision, DeclineReason, Review, ReviewState, Role};

/// Comments on one page.
const SHOWN: usize = 50;
/// The longest official answer, characters.
const MAX_ANSWER_CHARS: usize = 2000;

#[derive(Template)]
#[template(path = "moderation.html")]
struct Moderation {
    page: Page,
    staff: StaffFrame,
    state: &'static str,
    tabs: Vec<Tab>,
    reviews: Vec<Row>,
    reasons: Vec<ReasonChoice>,
    more: bool,
}

struct Tab {
    href: String,
    text: String,
    current: bool,
}

struct Row {
    id: String,
    score: u8,
    svg: &'static str,
    organization: String,
    place: String,
    date: String,
    date_iso: String,
    on_site: bool,
    lang: String,
    text: String,
    reason: Option<&'static str>,
    photos: Vec<String>,
    photos_shown: bool,
    answer: String,
}

struct ReasonChoice {
    key: &'static str,
    text: &'static str,
}

/// What the forms send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    csrf: String,
    review: String,
    state: String,
    action: String,
    reason: String,
    answer: String,
}

/// Lists the comments in one state, those that wait by default.
pub async fn list(State(app): State<AppState>, staff: Staff, reader: Reader) -> Answer {
    staff.may(Role::moderates)?;
    let state = ReviewState::parse(reader.get("state")).unwrap_or(ReviewState::New);
    let broken = |error| staff.page.clone().broken(&error);
    let mut reviews = app
        .storage
        .reviews_with_comment(state, SHOWN + 1)
        .await
        .map_err(broken)?;
    let more = reviews.len() > SHOWN;
    reviews.truncate(SHOWN);
    let tab = |(of, text): (ReviewState, &str)| Tab {
        href: format!("/staff/reviews?state={}", of.as_str()),
        text: staff.page.l.t(text).to_owned(),
        current: of == state,
    };
    let content = Moderation {
        page: staff.page.clone(),
        staff: staff.frame("/staff/reviews"),
        state: state.as_str(),
        tabs: TABS.map(tab).into(),
        reviews: reviews
            .into_iter()
            .map(|review| row(&staff.page, review))
            .collect(),
        reasons: DeclineReason::ALL
            .map(|of| ReasonChoice {
                key: of.as_str(),
                text: reason_text(of),
            })
            .into(),
        more,
    };
    Ok(render(StatusCode::OK, &content))
}

const TABS: [(ReviewState, &str); 3] = [
    (ReviewState::New, "Waiting to be read"),
    (ReviewState::Published, "Published"),
    (ReviewState::Declined, "Declined"),
];

fn row(page: &Page, review: Review) -> Row {
    Row {
        id: review.id.to_string(),
        score: review.score.get(),
        svg: assets::face(review.score),
        organization: page.l.choose(&review.organization_names).to_owned(),
        place: review.place,
        date: page.l.date(review.created_at),
        date_iso: review.created_at.to_string(),
        on_site: review.on_site,
        lang: review.lang,
        text: review.comment.unwrap_or_default(),
        reason: review.reason.map(reason_text),
        photos: (1..=review.photos)
            .map(|number| format!("/staff/photo/{}/{number}", review.id))
            .collect(),
        photos_shown: review.photos_shown,
        answer: review.answer.map_or_else(String::new, |answer| answer.text),
    }
}

/// Keeps what the organisation answers to a published comment.
async fn answer(app: &AppState, staff: Staff, typed: &Typed) -> Answer {
    let page = staff.page.clone();
    let text = typed.answer.replace("\r\n", "\n");
    let text = text.trim();
    if text.chars().count() > MAX_ANSWER_CHARS {
        let title = page.l.with(
            "An answer has at most {max} characters.",
            "max",
            MAX_ANSWER_CHARS,
        );
        let back = Some(("/staff/reviews?state=published", "Comments"));
        return Ok(page.message(StatusCode::UNPROCESSABLE_ENTITY, &title, "", back));
    }
    let Ok(id) = typed.review.parse() else {
        return Ok(page.not_found());
    };
    let (lang, by) = (page.l.tag(), &staff.session.login);
    let now = app.clock.now();
    let kept = app.storage.answer_review(id, text, lang, by, now).await;
    if !kept.map_err(|error| page.clone().broken(&error))? {
        return Ok(page.not_found());
    }
    Ok(see_other("/staff/reviews?state=published"))
}

/// Publishes or declines one comment, or answers it.
pub async fn decide(State(app): State<AppState>, staff: Staff, Form(typed): Form<Typed>) -> Answer {
    staff.may(Role::moderates)?;
    staff.check_form(&typed.csrf)?;
    if typed.action == "answer" {
        return answer(&app, staff, &typed).await;
    }
    let decision = match (typed.action.as_str(), DeclineReason::parse(&typed.reason)) {
        ("publish", _) => Decision::Publish,
        ("publish-without-photos", _) => Decision::PublishWithoutPhotos,
        ("decline", Some(reason)) => Decision::Decline(reason),
        _ => {
            let back = ReviewState::parse(&typed.state).unwrap_or(ReviewState::New);
            let back = format!("/staff/reviews?state={}", back.as_str());
            let text = "Choose a reason for declining.";
            let page = staff.page.clone();
            return Ok(page.message(
                StatusCode::UNPROCESSABLE_ENTITY,
                text,
                "",
                Some((&back, "Comments")),
            ));
        }
    };
    let Ok(id) = typed.review.parse() else {
        return Ok(staff.page.not_found());
    };
    let by = &staff.session.login;
    let decided = app
        .storage
        .decide_review(id, decision, by, app.clock.now())
        .await;
    if !decided.map_err(|error| staff.page.clone().broken(&error))? {
        return Ok(staff.page.not_found());
    }
    let state = ReviewState::parse(&typed.state).unwrap_or(ReviewState::New);
    Ok(see_other(&format!(
        "/staff/reviews?state={}",
        state.as_str()
    )))
}
