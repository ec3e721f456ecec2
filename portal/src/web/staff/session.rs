//! Who is signed in: the cookie, the form tokens, and what each role may open.
//!
//! The cookie holds a random secret; the database holds its SHA-256. Every form of a signed-in
//! person carries a token derived from the secret, so another site can neither read nor guess it.
//! Browsers also say where a form comes from: a form from elsewhere is refused even with a token.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use hmac::{Hmac, KeyInit, Mac};
use pikir_contract::{base64url_decode, base64url_encode};
use sha2::Sha256;

use super::drafts::{self, Fields};
use crate::app::AppState;
use crate::i18n::Lang;
use crate::platform::entropy::secret_hash;
use crate::storage::{Role, Session};
use crate::web::frame::page::{Page, Reader, Refusal, encode, see_other};

/// How long a session lasts, seconds (12 hours: a working day).
pub const SESSION_S: i64 = 12 * 60 * 60;

/// The cookie's name. Over https the prefix makes browsers refuse one that another host of the
/// domain tries to set.
fn cookie_name(app: &AppState) -> &'static str {
    if app.is_https() {
        "__Host-pikir"
    } else {
        "pikir"
    }
}

/// The cookie's secret, if the browser sent one.
pub fn secret_of(app: &AppState, headers: &HeaderMap) -> Option<String> {
    let pairs = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = pairs
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, value)| *name == cookie_name(app) && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}

/// Gives the browser a secret, or with an empty one takes it away.
pub fn set_secret(app: &AppState, response: &mut Response, secret: &str) {
    let age = if secret.is_empty() { 0 } else { SESSION_S };
    let secure = if app.is_https() { "; Secure" } else { "" };
    let cookie = format!(
        "{}={secret}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}",
        cookie_name(app)
    );
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn form_mac(secret: &str) -> Hmac<Sha256> {
    // HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key length");
    mac.update(b"pikir-form-v1");
    mac
}

/// The token that forms carry for the holder of `secret`.
pub fn form_token(secret: &str) -> String {
    base64url_encode(&form_mac(secret).finalize().into_bytes())
}

/// True if a form's token belongs to `secret` (compared in constant time).
pub fn token_fits(secret: &str, token: &str) -> bool {
    base64url_decode(token).is_ok_and(|token| form_mac(secret).verify_slice(&token).is_ok())
}

/// True unless the browser says that a request comes from another site. `Sec-Fetch-Site` decides
/// where there is one. An `Origin` of `null` says nothing: browsers send it for our own forms,
/// because our pages forbid referrers.
pub fn is_own_request(app: &AppState, headers: &HeaderMap) -> bool {
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text("origin") {
        None | Some("null") => true,
        Some(origin) => {
            let host = origin.split_once("://").map_or(origin, |(_, host)| host);
            origin == &*app.public_url
                || text("host").is_some_and(|own| own.eq_ignore_ascii_case(host))
        }
    }
}

/// Somebody who is signed in and the page they look at. As an extractor it sends everybody else to
/// the sign-in page.
#[derive(Clone, Debug)]
pub struct Staff {
    /// Who it is.
    pub session: Session,
    /// The frame of the page.
    pub page: Page,
    secret: String,
    own_request: bool,
}

impl FromRequestParts<AppState> for Staff {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refusal> {
        let Ok(reader) = Reader::from_request_parts(parts, app).await;
        let broken = |error| reader.page(None).broken(&error);
        let Some(secret) = secret_of(app, &parts.headers) else {
            return Err(to_sign_in(parts));
        };
        let hash = secret_hash(&secret);
        let session = app
            .storage
            .session(hash, app.clock.now())
            .await
            .map_err(broken)?;
        let Some(session) = session else {
            return Err(to_sign_in(parts));
        };
        let remembered = session.lang.as_deref().and_then(Lang::from_tag);
        if let Some(chosen) = reader.chosen.filter(|chosen| remembered != Some(*chosen)) {
            app.storage
                .set_session_language(hash, chosen.tag())
                .await
                .map_err(broken)?;
        }
        let lang = reader
            .chosen
            .or(remembered)
            .or(reader.accepted)
            .unwrap_or(Lang::FALLBACK);
        let page = Page::new(lang, &reader.query);
        Ok(Self {
            session,
            page,
            secret,
            own_request: is_own_request(app, &parts.headers),
        })
    }
}

fn to_sign_in(parts: &Parts) -> Refusal {
    let wanted = parts
        .uri
        .path_and_query()
        .map_or("/staff", |wanted| wanted.as_str());
    // A form cannot be repeated after signing in, its page can.
    let wanted = if parts.method == Method::GET {
        wanted
    } else {
        parts.uri.path()
    };
    see_other(&format!("/sign-in?next={}", encode(wanted))).into()
}

impl Staff {
    /// Refuses people without the right `allowed` asks for.
    pub fn may(&self, allowed: fn(Role) -> bool) -> Result<(), Refusal> {
        if allowed(self.session.role) {
            return Ok(());
        }
        let text = "Your login does not have the right to open this page. Ask the administrator of the portal.";
        Err(self
            .page
            .clone()
            .message(StatusCode::FORBIDDEN, "Not allowed", text, None)
            .into())
    }

    /// Refuses a form that this person's browser did not get from this portal.
    pub fn check_form(&self, token: &str) -> Result<(), Refusal> {
        if self.own_request && token_fits(&self.secret, token) {
            return Ok(());
        }
        let text = "Please open the page again and repeat the step.";
        Err(self
            .page
            .clone()
            .message(StatusCode::FORBIDDEN, "The form has expired", text, None)
            .into())
    }

    /// What this person was sending to the page at `path` when the session had ended, once.
    pub async fn draft(&self, app: &AppState, path: &str) -> Result<Option<Fields>, Refusal> {
        drafts::draft(app, self.hash(), path, &self.page).await
    }

    /// The stored hash of this session.
    pub fn hash(&self) -> [u8; 32] {
        secret_hash(&self.secret)
    }

    /// What the pages for staff show around their content; `here` is the address of the current
    /// one.
    pub fn frame(&self, here: &str) -> StaffFrame {
        let role = self.session.role;
        let mut links = Vec::new();
        let mut add = |href: &'static str, text: &str| {
            links.push(StaffLink {
                href,
                text: self.page.l.t(text).to_owned(),
                current: href == here,
            });
        };
        if role.sets_up_terminals() {
            add("/staff", "Terminals");
            add("/activate", "Set up a terminal");
            add("/staff/reconciliation", "Reconciliation");
        }
        if role.moderates() {
            add("/staff/reviews", "Comments");
            add("/staff/exclusions", "Ratings left out");
        }
        let role = match role {
            Role::Technician => "Technician",
            Role::Moderator => "Moderator",
            Role::Admin => "Administrator",
        };
        StaffFrame {
            links,
            name: self.session.name.clone(),
            role,
            csrf: form_token(&self.secret),
        }
    }
}

/// What the pages for staff show around their content.
#[derive(Clone, Debug)]
pub struct StaffFrame {
    /// The pages this person may open.
    pub links: Vec<StaffLink>,
    /// The person's name.
    pub name: String,
    /// The English word for the role, a key into the translations.
    pub role: &'static str,
    /// The token of every form.
    pub csrf: String,
}

/// A link to a page for staff.
#[derive(Clone, Debug)]
pub struct StaffLink {
    /// The address.
    pub href: &'static str,
    /// The text.
    pub text: String,
    /// True for the page that is open.
    pub current: bool,
}
