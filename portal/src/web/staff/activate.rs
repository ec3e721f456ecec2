//! `/activate`: a technician claims a terminal that shows a code, and says where it stands.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use pikir_contract::{PlaceCode, normalize_user_code};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::drafts::{BACK, field};
use super::placing::{self, Choice, Group, SHOWN_ORGANIZATIONS, SHOWN_PLACES};
use super::session::{Staff, StaffFrame};
use crate::app::AppState;
use crate::domain::text;
use crate::storage::{Decided, Enrolment, EnrolmentState, Role, StorageError};
use crate::web::frame::page::{Answer, Page, Reader, Refusal, encode, render, see_other};
use crate::web::frame::throttle::Limits;
use crate::web::public::phone::place_line;

/// Characters of a place's name.
const MAX_NAME_CHARS: usize = 200;

/// What the forms send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    csrf: String,
    user_code: String,
    action: String,
    place: String,
    q: String,
    organization: String,
    name: String,
}

#[derive(Template)]
#[template(path = "activate_code.html")]
struct AskCode {
    page: Page,
    staff: StaffFrame,
    typed: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "activate.html")]
struct Activate {
    page: Page,
    staff: StaffFrame,
    error: Option<String>,
    user_code: String,
    model: String,
    serial: String,
    software: String,
    fingerprint: String,
    stands_at: Option<String>,
    query: String,
    groups: Vec<Group>,
    /// Places shown, where there are more.
    cut: Option<usize>,
    organizations: Vec<Choice>,
    cut_organizations: Option<usize>,
    new_name: String,
    open_new: bool,
}

#[derive(Template)]
#[template(path = "activate_done.html")]
struct Done {
    page: Page,
    staff: StaffFrame,
    title: String,
    text: String,
}

/// Asks for the code, or shows the terminal that waits under it.
pub async fn show(
    State(app): State<AppState>,
    Extension(limits): Extension<Arc<Limits>>,
    staff: Staff,
    reader: Reader,
) -> Answer {
    staff.may(Role::sets_up_terminals)?;
    let typed = reader.get("user_code").to_owned();
    if typed.trim().is_empty() {
        return Ok(ask_code(&staff, StatusCode::OK, typed, None));
    }
    let enrolment = waiting(&app, &limits, &staff, &typed).await?;
    let draft = staff.draft(&app, "/activate").await?;
    let back = draft.is_some().then_some(BACK);
    let draft = draft.unwrap_or_default();
    let wish = Typed {
        q: reader.get("q").to_owned(),
        place: reader.get("place").to_owned(),
        organization: field(&draft, "organization").to_owned(),
        name: field(&draft, "name").to_owned(),
        ..Typed::default()
    };
    choose(&app, &staff, StatusCode::OK, enrolment, wish, back).await
}

/// Approves or refuses the terminal.
pub async fn decide(
    State(app): State<AppState>,
    Extension(limits): Extension<Arc<Limits>>,
    staff: Staff,
    Form(typed): Form<Typed>,
) -> Answer {
    staff.may(Role::sets_up_terminals)?;
    staff.check_form(&typed.csrf)?;
    let enrolment = waiting(&app, &limits, &staff, &typed.user_code).await?;
    let (login, now_ms) = (&staff.session.login, app.clock.unix_ms());
    let broken = |error: StorageError| staff.page.clone().broken(&error);
    if typed.action == "deny" {
        let decided = app
            .storage
            .deny_enrolment(&enrolment.user_code, login, now_ms)
            .await
            .map_err(broken)?;
        let text = "It does not join the portal and says so on its screen.".to_owned();
        return Ok(decided_page(
            &staff,
            decided,
            "The terminal is refused",
            text,
        ));
    }
    let place = match typed.place.parse::<PlaceCode>() {
        Ok(code) => app.storage.place(&code).await.map_err(broken)?,
        Err(_) => None,
    };
    let Some((place, organization)) = place else {
        let text = Some("Choose a place from the list.");
        return choose(
            &app,
            &staff,
            StatusCode::UNPROCESSABLE_ENTITY,
            enrolment,
            typed,
            text,
        )
        .await;
    };
    let id = app.entropy.id(app.clock.now());
    let decided = app
        .storage
        .approve_enrolment(&enrolment.user_code, &place.code, login, id, now_ms)
        .await;
    let l = staff.page.l;
    let at = format!("{}, {}", l.choose(&organization.names), place_line(&place));
    let text = l.with(
        "It takes over its settings for {place} within seconds.",
        "place",
        at,
    );
    Ok(decided_page(
        &staff,
        decided.map_err(broken)?,
        "The terminal is approved",
        text,
    ))
}

/// Creates a place and selects it; approving stays a step of its own.
pub async fn create_place(
    State(app): State<AppState>,
    Extension(limits): Extension<Arc<Limits>>,
    staff: Staff,
    Form(mut typed): Form<Typed>,
) -> Answer {
    staff.may(Role::sets_up_terminals)?;
    staff.check_form(&typed.csrf)?;
    let enrolment = waiting(&app, &limits, &staff, &typed.user_code).await?;
    typed.name = text::line(&typed.name);
    let fault = StatusCode::UNPROCESSABLE_ENTITY;
    if typed.name.is_empty() || typed.name.chars().count() > MAX_NAME_CHARS {
        let text = Some("Give the place a name of at most {max} characters.");
        return choose(&app, &staff, fault, enrolment, typed, text).await;
    }
    let added = placing::add_place(&app, &typed.organization, &typed.name)
        .await
        .map_err(|error| staff.page.clone().broken(&error))?;
    let Some(code) = added else {
        return choose(
            &app,
            &staff,
            fault,
            enrolment,
            typed,
            Some("Choose an organisation from the list."),
        )
        .await;
    };
    Ok(see_other(&format!(
        "/activate?user_code={}&place={}",
        enrolment.user_code,
        encode(code.as_str())
    )))
}

/// The enrolment that waits under a typed code; anything else asks for the code again. Wrong codes
/// are counted.
async fn waiting(
    app: &AppState,
    limits: &Limits,
    staff: &Staff,
    typed: &str,
) -> Result<Enrolment, Refusal> {
    let (login, now_ms) = (&staff.session.login, app.clock.unix_ms());
    // Counted before the look-up, taken back where the code was right.
    if let Some(seconds) = limits.codes.attempt(login, now_ms) {
        let text = "Too many wrong codes. Please wait {minutes} minutes and try again.";
        let text = staff.page.l.with(text, "minutes", seconds.div_ceil(60));
        let mut response = ask_code(
            staff,
            StatusCode::TOO_MANY_REQUESTS,
            typed.to_owned(),
            Some(text),
        );
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Err(response.into());
    }
    let found = match normalize_user_code(typed) {
        Some(code) => app
            .storage
            .enrolment(&code, now_ms)
            .await
            .map_err(|error| staff.page.clone().broken(&error))?,
        None => None,
    };
    if let Some(enrolment) = found.filter(|enrolment| enrolment.state == EnrolmentState::Pending) {
        limits.codes.take_back(login);
        return Ok(enrolment);
    }
    let text = staff.page.l.t(NOT_WAITING).to_owned();
    Err(ask_code(staff, StatusCode::NOT_FOUND, typed.to_owned(), Some(text)).into())
}

const NOT_WAITING: &str = "No terminal is waiting under this code. Codes expire: compare it with the one on the screen now.";

fn ask_code(staff: &Staff, status: StatusCode, typed: String, error: Option<String>) -> Response {
    render(
        status,
        &AskCode {
            page: staff.page.clone(),
            staff: staff.frame("/activate"),
            typed,
            error,
        },
    )
}

fn decided_page(staff: &Staff, decided: Decided, title: &str, text: String) -> Response {
    let l = staff.page.l;
    let problem = match decided {
        Decided::Done => {
            let (title, text) = (l.t(title).to_owned(), l.t(&text).to_owned());
            let done = Done {
                page: staff.page.clone(),
                staff: staff.frame("/activate"),
                title,
                text,
            };
            return render(StatusCode::OK, &done);
        }
        Decided::NotWaiting => NOT_WAITING,
        Decided::UnknownPlace => "Choose a place from the list.",
        Decided::Retired => "This machine was taken out of service. Set it up anew with a new key.",
    };
    ask_code(
        staff,
        StatusCode::CONFLICT,
        String::new(),
        Some(l.t(problem).to_owned()),
    )
}

async fn choose(
    app: &AppState,
    staff: &Staff,
    status: StatusCode,
    enrolment: Enrolment,
    wish: Typed,
    error: Option<&str>,
) -> Answer {
    let broken = |error: StorageError| staff.page.clone().broken(&error);
    let l = staff.page.l;
    let chosen = placing::Chosen {
        place: &wish.place,
        organization: &wish.organization,
        stands_at: enrolment.stands_at.as_deref(),
    };
    let found = placing::find(app, l, &wish.q, chosen)
        .await
        .map_err(broken)?;
    let content = Activate {
        page: Page::new(
            l.0,
            &[
                ("user_code".to_owned(), enrolment.user_code.clone()),
                ("q".to_owned(), wish.q.clone()),
            ],
        ),
        staff: staff.frame("/activate"),
        error: error.map(|text| l.with(text, "max", MAX_NAME_CHARS)),
        fingerprint: fingerprint(&enrolment.public_key),
        user_code: enrolment.user_code,
        model: enrolment.model,
        serial: enrolment.serial,
        software: enrolment.software,
        stands_at: found.stands_at,
        query: wish.q,
        groups: found.groups,
        cut: found.more_places.then_some(SHOWN_PLACES),
        organizations: found.organizations,
        cut_organizations: found.more_organizations.then_some(SHOWN_ORGANIZATIONS),
        open_new: !wish.name.is_empty() || !wish.organization.is_empty(),
        new_name: wish.name,
    };
    Ok(render(status, &content))
}

/// The first 8 bytes of a key's SHA-256 in groups a person can compare: `a1b2 c3d4 e5f6 0718`.
fn fingerprint(public_key: &[u8]) -> String {
    let digest = Sha256::digest(public_key);
    let groups = digest[..8]
        .chunks(2)
        .map(|pair| format!("{:02x}{:02x}", pair[0], pair[1]));
    groups.collect::<Vec<_>>().join(" ")
}
