//! Signing in and out.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use super::drafts::{self, Kept};
use super::session::{
    SESSION_S, Staff, form_token, is_own_request, secret_of, set_secret, token_fits,
};
use crate::app::AppState;
use crate::i18n::Lang;
use crate::platform::entropy::secret_hash;
use crate::services::password;
use crate::storage::{Role, User};
use crate::web::frame::page::{Answer, Page, Reader, Refusal, render, see_other};
use crate::web::frame::throttle::{ClientAddress, Limits};

/// Characters of a login that are looked at.
pub const MAX_LOGIN_CHARS: usize = 64;
/// How much longer each wrong attempt with a login makes the next one wait.
const PAUSE_STEP: Duration = Duration::from_millis(500);
/// The longest that an attempt waits.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// When to try again where too many passwords are being checked, in seconds.
const BUSY_S: u64 = 60;

#[derive(Template)]
#[template(path = "signin.html")]
struct SignIn {
    page: Page,
    error: Option<String>,
    login: String,
    next: String,
    /// What comes back after signing in.
    kept: String,
    csrf: String,
}

/// What the sign-in form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    login: String,
    password: String,
    next: String,
    lang: String,
    kept: String,
    csrf: String,
}

/// Shows the form. Its token belongs to a secret that opens nothing; signing in replaces it.
pub async fn show(State(app): State<AppState>, reader: Reader, headers: HeaderMap) -> Answer {
    let page = reader.page(None);
    let typed = Typed {
        next: reader.get("next").to_owned(),
        ..Typed::default()
    };
    if let Some(secret) = secret_of(&app, &headers) {
        let session = app
            .storage
            .session(secret_hash(&secret), app.clock.now())
            .await;
        if let Some(session) = session.map_err(|error| page.clone().broken(&error))? {
            return Ok(see_other(&destination(&typed.next, session.role)));
        }
    }
    Ok(form(
        &app,
        StatusCode::OK,
        page,
        typed,
        None,
        secret_of(&app, &headers),
    ))
}

/// Asks somebody to sign in again whose form came after the session had ended; the form is kept.
pub fn again(app: &AppState, reader: &Reader, headers: &HeaderMap, kept: Kept) -> Response {
    let page = reader.page(None);
    let text = "Your session has ended. Sign in again: what you wrote comes back into its field.";
    let text = page.l.t(text).to_owned();
    let typed = Typed {
        next: kept.next,
        kept: kept.fields,
        ..Typed::default()
    };
    let secret = secret_of(app, headers);
    form(
        app,
        StatusCode::UNAUTHORIZED,
        page,
        typed,
        Some(text),
        secret,
    )
}

/// Checks login and password and starts a session under a new secret.
pub async fn sign_in(
    State(app): State<AppState>,
    Extension(limits): Extension<Arc<Limits>>,
    ClientAddress(address): ClientAddress,
    mut reader: Reader,
    headers: HeaderMap,
    Form(mut typed): Form<Typed>,
) -> Answer {
    reader.chosen = Lang::from_tag(&typed.lang).or(reader.chosen);
    let page = reader.page(None);
    let secret = secret_of(&app, &headers);
    let from_our_form = secret
        .as_deref()
        .is_some_and(|secret| token_fits(secret, &typed.csrf));
    if !from_our_form || !is_own_request(&app, &headers) {
        let text = page
            .l
            .t("Please open the page again and repeat the step.")
            .to_owned();
        return Ok(form(
            &app,
            StatusCode::FORBIDDEN,
            page,
            typed,
            Some(text),
            secret,
        ));
    }
    typed.login = typed
        .login
        .trim()
        .to_lowercase()
        .chars()
        .take(MAX_LOGIN_CHARS)
        .collect();
    let now_ms = app.clock.unix_ms();
    // Counted before the check, so that many attempts at the same moment do not slip through; taken
    // back on success.
    if let Some(seconds) = limits.addresses.attempt(&address, now_ms) {
        return Ok(too_many(&app, page, typed, seconds, secret));
    }
    limits.logins.count(&typed.login, now_ms);
    tokio::time::sleep(pause(limits.logins.excess(&typed.login, now_ms))).await;
    let Some(user) = check(&app, &page, &mut typed).await? else {
        limits.addresses.take_back(&address);
        return Ok(too_many(&app, page, typed, BUSY_S, secret));
    };
    let Some(user) = user else {
        let text = page.l.t("Login or password is wrong.").to_owned();
        return Ok(form(
            &app,
            StatusCode::UNAUTHORIZED,
            page,
            typed,
            Some(text),
            secret,
        ));
    };
    limits.addresses.take_back(&address);
    limits.logins.forget(&typed.login);
    begin(&app, page, &user, typed, secret, reader.chosen).await
}

/// How long an attempt waits when so many with this login were wrong beyond those that are free.
/// Whoever knows the password gets in all the same: a lock would be for everybody who knows the
/// login.
fn pause(wrong: u32) -> Duration {
    (PAUSE_STEP * wrong).min(MAX_PAUSE)
}

/// Who it is, if login and password fit. `None`: too many wait to be checked.
async fn check(
    app: &AppState,
    page: &Page,
    typed: &mut Typed,
) -> Result<Option<Option<User>>, Refusal> {
    let user = app
        .storage
        .user(&typed.login)
        .await
        .map_err(|error| page.clone().broken(&error))?;
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    let right = password::matches(std::mem::take(&mut typed.password), stored).await;
    Ok(right.map(|right| user.filter(|_| right)))
}

async fn begin(
    app: &AppState,
    page: Page,
    user: &User,
    typed: Typed,
    former: Option<String>,
    chosen: Option<Lang>,
) -> Answer {
    let secret = app.entropy.token();
    let (hash, now) = (secret_hash(&secret), app.clock.now());
    let broken = |error| page.clone().broken(&error);
    let expires =
        pikir_contract::Time::from_unix_ms(now.unix_ms().saturating_add(SESSION_S * 1000))
            .unwrap_or(now);
    let former = former.map(|former| secret_hash(&former));
    app.storage
        .start_session(hash, &user.login, former, now, expires)
        .await
        .map_err(broken)?;
    if let Some(chosen) = chosen {
        app.storage
            .set_session_language(hash, chosen.tag())
            .await
            .map_err(broken)?;
    }
    let next = destination(&typed.next, user.role);
    if !typed.kept.is_empty() {
        app.storage
            .keep_draft(hash, drafts::path_of(&next), typed.kept)
            .await
            .map_err(broken)?;
    }
    let mut response = see_other(&next);
    set_secret(app, &mut response, &secret);
    Ok(response)
}

/// Ends the session.
pub async fn sign_out(
    State(app): State<AppState>,
    staff: Staff,
    Form(typed): Form<Typed>,
) -> Answer {
    staff.check_form(&typed.csrf)?;
    app.storage
        .end_session(staff.hash())
        .await
        .map_err(|error| staff.page.clone().broken(&error))?;
    let mut response = see_other("/sign-in");
    set_secret(&app, &mut response, "");
    Ok(response)
}

fn form(
    app: &AppState,
    status: StatusCode,
    page: Page,
    typed: Typed,
    error: Option<String>,
    known: Option<String>,
) -> Response {
    let secret = known.clone().unwrap_or_else(|| app.entropy.token());
    let csrf = form_token(&secret);
    let mut response = render(
        status,
        &SignIn {
            page,
            error,
            login: typed.login,
            next: typed.next,
            kept: typed.kept,
            csrf,
        },
    );
    if known.is_none() {
        set_secret(app, &mut response, &secret);
    }
    response
}

fn too_many(
    app: &AppState,
    page: Page,
    typed: Typed,
    seconds: u64,
    known: Option<String>,
) -> Response {
    let text = "Too many attempts. Please wait {minutes} minutes and try again.";
    let text = page.l.with(text, "minutes", seconds.div_ceil(60));
    let mut response = form(
        app,
        StatusCode::TOO_MANY_REQUESTS,
        page,
        typed,
        Some(text),
        known,
    );
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Where to go after signing in: what was asked for if it is a page of this portal, else the first
/// page of the role.
fn destination(next: &str, role: Role) -> String {
    let local = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    match role {
        _ if local && !next.contains('\\') && next != "/staff" => next.to_owned(),
        Role::Moderator => "/staff/reviews".to_owned(),
        Role::Technician | Role::Admin => "/staff".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_only_to_pages_of_this_portal() {
        for elsewhere in [
            "https://x.example/",
            "//x.example",
            "/\\x.example",
            "/a\nb",
            "",
            "staff",
        ] {
            assert_eq!(
                destination(elsewhere, Role::Technician),
                "/staff",
                "{elsewhere}"
            );
        }
        assert_eq!(
            destination("/activate?user_code=AB", Role::Technician),
            "/activate?user_code=AB"
        );
        assert_eq!(destination("/staff", Role::Moderator), "/staff/reviews");
    }
}
