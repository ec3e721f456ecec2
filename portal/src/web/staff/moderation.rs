//! `/staff/reviews`: moderators read comments and publish or decline them.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use pikir_contract::Id;
use serde::Deserialize;

use super::session::{Staff, StaffFrame};
use crate::app::AppState;
use crate::storage::{Decision, DeclineReason, Moderated, Review, ReviewState, Role};
use crate::web::frame::assets;
use crate::web::frame::page::{Answer, Page, Reader, render, see_other};
use crate::web::public::review::reason_text;
use crate::web::public::rules;

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
    /// Where this page of the list begins, as the address says it.
    before: String,
    /// What was decided is not kept: the comment is another one now.
    changed: bool,
    tabs: Vec<Tab>,
    reviews: Vec<Row>,
    reasons: Vec<ReasonChoice>,
    /// There are more than are shown.
    more: bool,
    /// Where those are.
    older: Option<String>,
}

struct Tab {
    href: String,
    text: String,
    current: bool,
}

struct Row {
    id: String,
    digest: String,
    score: u8,
    svg: &'static str,
    organization: String,
    place: String,
    date: String,
    date_iso: String,
    on_site: bool,
    left_out: Vec<&'static str>,
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
    digest: String,
    state: String,
    before: String,
    action: String,
    reason: String,
    answer: String,
}

/// Which part of the comments is looked at.
#[derive(Clone, Copy)]
struct View {
    state: ReviewState,
    /// Only those that are older.
    before: Option<Id>,
}

impl View {
    fn new(state: &str, before: &str) -> Self {
        let state = ReviewState::parse(state).unwrap_or(ReviewState::New);
        let before = before.parse().ok();
        Self {
            state,
            // What waits is dealt with from its beginning.
            before: before.filter(|_| state != ReviewState::New),
        }
    }

    fn href(self) -> String {
        let before = self.before.map(|id| format!("&before={id}"));
        let state = self.state.as_str();
        format!("/staff/reviews?state={state}{}", before.unwrap_or_default())
    }
}

/// Lists the comments in one state, those that wait by default. `?before=` pages through those that are decided.
pub async fn list(State(app): State<AppState>, staff: Staff, reader: Reader) -> Answer {
    staff.may(Role::moderates)?;
    let view = View::new(reader.get("state"), reader.get("before"));
    show(&app, &staff, view, false).await
}

async fn show(app: &AppState, staff: &Staff, view: View, changed: bool) -> Answer {
    let View { state, before } = view;
    let broken = |error| staff.page.clone().broken(&error);
    let mut reviews = app
        .storage
        .reviews_to_read(state, before, SHOWN + 1)
        .await
        .map_err(broken)?;
    let more = reviews.len() > SHOWN;
    reviews.truncate(SHOWN);
    let last = reviews.last().map(|review| review.id);
    let older = View {
        before: last,
        ..view
    };
    let tab = |(of, text): (ReviewState, &str)| Tab {
        href: View {
            state: of,
            before: None,
        }
        .href(),
        text: staff.page.l.t(text).to_owned(),
        current: of == state,
    };
    let content = Moderation {
        page: staff.page.clone(),
        staff: staff.frame("/staff/reviews"),
        state: state.as_str(),
        before: before.map_or_else(String::new, |id| id.to_string()),
        changed,
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
        older: (more && state != ReviewState::New).then(|| older.href()),
    };
    let status = if changed {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    Ok(render(status, &content))
}

const TABS: [(ReviewState, &str); 3] = [
    (ReviewState::New, "Waiting to be read"),
    (ReviewState::Published, "Published"),
    (ReviewState::Declined, "Declined"),
];

fn row(page: &Page, review: Review) -> Row {
    Row {
        id: review.id.to_string(),
        digest: review.digest(),
        score: review.score.get(),
        svg: assets::face(review.score),
        organization: page.l.choose(&review.organization_names).to_owned(),
        place: review.place,
        date: page.l.date(review.created_at, &review.timezone),
        date_iso: review.created_at.to_string(),
        on_site: review.channel.is_on_site(),
        left_out: review.left_out.into_iter().map(rules::name).collect(),
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

/// Publishes or declines one comment, or answers it.
pub async fn decide(State(app): State<AppState>, staff: Staff, Form(typed): Form<Typed>) -> Answer {
    staff.may(Role::moderates)?;
    staff.check_form(&typed.csrf)?;
    let view = View::new(&typed.state, &typed.before);
    let decision = match (typed.action.as_str(), DeclineReason::parse(&typed.reason)) {
        ("answer", _) => None,
        ("publish", _) => Some(Decision::Publish),
        ("publish-without-photos", _) => Some(Decision::PublishWithoutPhotos),
        ("decline", Some(reason)) => Some(Decision::Decline(reason)),
        ("decline-with-rating", Some(reason)) if reason.may_take_rating() => {
            Some(Decision::DeclineWithRating(reason))
        }
        ("decline-with-rating", Some(_)) => {
            let title = "A rating can be left out only where there is no opinion: advertising, a test, an insult alone.";
            return Ok(refused(&staff, view, title));
        }
        _ => return Ok(refused(&staff, view, "Choose a reason for declining.")),
    };
    let Ok(id) = typed.review.parse() else {
        return Ok(staff.page.not_found());
    };
    let (storage, digest) = (&app.storage, &typed.digest);
    let (by, now) = (&staff.session.login, app.clock.now());
    let done = match decision {
        Some(decision) => storage.decide_review(id, digest, decision, by, now).await,
        None => {
            let l = staff.page.l;
            let text = typed.answer.replace("\r\n", "\n");
            let text = text.trim();
            if text.chars().count() > MAX_ANSWER_CHARS {
                let max = "An answer has at most {max} characters.";
                let title = l.with(max, "max", MAX_ANSWER_CHARS);
                return Ok(refused(&staff, view, &title));
            }
            storage
                .answer_review(id, digest, text, l.tag(), by, now)
                .await
        }
    };
    match done.map_err(|error| staff.page.clone().broken(&error))? {
        Moderated::Done => Ok(see_other(&view.href())),
        // It waits to be read once more.
        Moderated::Changed => show(&app, &staff, View::new("", ""), true).await,
        Moderated::Unknown => Ok(staff.page.not_found()),
    }
}

/// Says what is missing, with the way back.
fn refused(staff: &Staff, view: View, title: &str) -> Response {
    let href = view.href();
    let back = Some((&*href, "Comments"));
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    staff.page.clone().message(status, title, "", back)
}
