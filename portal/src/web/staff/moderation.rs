//! `/staff/reviews`: moderators read comments and publish or decline them.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use pikir_contract::Id;
use serde::Deserialize;

use super::drafts::{BACK, Fields, field};
use super::session::{Staff, StaffFrame};
use crate::app::AppState;
use crate::domain::text;
use crate::storage::{Decision, DeclineReason, Moderated, Review, ReviewState, Role};
use crate::web::frame::assets;
use crate::web::frame::page::{Answer, Page, Reader, render, see_other};
use crate::web::public::review::reason_text;
use crate::web::public::rules;

/// The address of the list.
const PATH: &str = "/staff/reviews";
const CHANGED: &str =
    "The visitor has changed this comment meanwhile. Nothing was saved: please read it again.";
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
    /// What keeps the form from being taken, or what is to be known of it.
    problem: Option<String>,
    /// What was typed, where its field is not on this page.
    kept: Option<String>,
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

/// Lists the comments in one state, those that wait by default. `?before=` pages through those that
/// are decided.
pub async fn list(State(app): State<AppState>, staff: Staff, reader: Reader) -> Answer {
    staff.may(Role::moderates)?;
    let view = View::new(reader.get("state"), reader.get("before"));
    let draft = staff.draft(&app, PATH).await?;
    let back = draft.map(|fields| Back {
        problem: BACK,
        typed: Typed::read(&fields),
        status: StatusCode::OK,
    });
    show(&app, &staff, view, back).await
}

/// A form that was not taken, as it comes back.
struct Back {
    /// English, a key into the translations.
    problem: &'static str,
    typed: Typed,
    status: StatusCode,
}

async fn show(app: &AppState, staff: &Staff, view: View, back: Option<Back>) -> Answer {
    let View { state, before } = view;
    let l = staff.page.l;
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
    let mut rows: Vec<Row> = reviews
        .into_iter()
        .map(|review| row(&staff.page, review))
        .collect();
    let typed = back.as_ref().map(|back| &back.typed);
    let its_row = typed.and_then(|typed| rows.iter_mut().find(|row| row.id == typed.review));
    let mut kept = None;
    if let Some(typed) = typed.filter(|typed| !typed.answer.is_empty()) {
        match its_row {
            Some(row) if state == ReviewState::Published => row.answer.clone_from(&typed.answer),
            _ => kept = Some(typed.answer.clone()),
        }
    }
    let problem = back
        .as_ref()
        .map(|back| l.with(back.problem, "max", MAX_ANSWER_CHARS));
    let status = back.as_ref().map_or(StatusCode::OK, |back| back.status);
    let content = Moderation {
        page: staff.page.clone(),
        staff: staff.frame("/staff/reviews"),
        state: state.as_str(),
        before: before.map_or_else(String::new, |id| id.to_string()),
        problem,
        kept,
        tabs: TABS.map(tab).into(),
        reviews: rows,
        reasons: DeclineReason::ALL
            .map(|of| ReasonChoice {
                key: of.as_str(),
                text: reason_text(of),
            })
            .into(),
        more,
        older: (more && state != ReviewState::New).then(|| older.href()),
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
            let problem = "A rating can be left out only where there is no opinion: advertising, a test, an insult alone.";
            return refused(&app, &staff, view, typed, problem).await;
        }
        _ => return refused(&app, &staff, view, typed, "Choose a reason for declining.").await,
    };
    let Ok(id) = typed.review.parse() else {
        return Ok(staff.page.not_found());
    };
    let (storage, digest) = (&app.storage, typed.digest.as_str());
    let (by, now) = (&staff.session.login, app.clock.now());
    let done = match decision {
        Some(decision) => storage.decide_review(id, digest, decision, by, now).await,
        None => {
            let l = staff.page.l;
            let text = text::lines(&typed.answer);
            if text.chars().count() > MAX_ANSWER_CHARS {
                let problem = "An answer has at most {max} characters.";
                return refused(&app, &staff, view, typed, problem).await;
            }
            storage
                .answer_review(id, digest, &text, l.tag(), by, now)
                .await
        }
    };
    match done.map_err(|error| staff.page.clone().broken(&error))? {
        Moderated::Done => Ok(see_other(&view.href())),
        // It waits to be read once more.
        Moderated::Changed => {
            let back = Back {
                problem: CHANGED,
                typed,
                status: StatusCode::CONFLICT,
            };
            show(&app, &staff, View::new("", ""), Some(back)).await
        }
        Moderated::Unknown => Ok(staff.page.not_found()),
    }
}

/// The list with what was typed in its field, and what is wrong with it.
async fn refused(
    app: &AppState,
    staff: &Staff,
    view: View,
    typed: Typed,
    problem: &'static str,
) -> Answer {
    let back = Back {
        problem,
        typed,
        status: StatusCode::UNPROCESSABLE_ENTITY,
    };
    show(app, staff, view, Some(back)).await
}

impl Typed {
    fn read(fields: &Fields) -> Self {
        let get = |name| field(fields, name).to_owned();
        Self {
            review: get("review"),
            answer: get("answer"),
            ..Self::default()
        }
    }
}
