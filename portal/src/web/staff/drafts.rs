//! A form as it was sent, kept until its sender has signed in again.

use axum::body::{Body, Bytes};
use axum::extract::{Form, FromRequest, Request};
use axum::http::{Method, header};

use crate::app::AppState;
use crate::web::frame::page::{Page, Refusal, encode};

/// Said when a form comes back after signing in.
pub const BACK: &str =
    "What you wrote is back. Nothing was saved yet: look at it and send it again.";
/// Members of forms that say which page a form stood on.
const VIEW: [&str; 8] = [
    "user_code",
    "q",
    "place",
    "state",
    "before",
    "rule",
    "terminal",
    "skip",
];

/// The fields of a form, in their order.
pub type Fields = Vec<(String, String)>;

/// Where somebody goes on, and what comes back there.
pub struct Kept {
    /// The page the form stood on.
    pub next: String,
    /// The form as it was sent.
    pub fields: String,
}

/// The address of the page on which a form stood.
pub fn page_of(path: &str, fields: &Fields) -> String {
    // A new place is created on the page of the terminal that waits for it.
    let path = path.strip_suffix("/place").unwrap_or(path);
    let members: Vec<String> = fields
        .iter()
        .filter(|(name, value)| VIEW.contains(&name.as_str()) && !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    match members.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", members.join("&")),
    }
}

/// An address without its query.
pub fn path_of(address: &str) -> &str {
    address.split('?').next().unwrap_or(address)
}

/// The fields of a form's body.
pub async fn parse(body: &Bytes) -> Option<Fields> {
    let request = Request::builder()
        .method(Method::POST)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.clone()))
        .ok()?;
    let Form(fields) = Form::<Fields>::from_request(request, &()).await.ok()?;
    Some(fields)
}

/// What came back for the page at `path`, once.
pub async fn draft(
    app: &AppState,
    session: [u8; 32],
    path: &str,
    page: &Page,
) -> Result<Option<Fields>, Refusal> {
    let found = app.storage.take_draft(session, path).await;
    match found.map_err(|error| page.clone().broken(&error))? {
        Some(fields) => Ok(parse(&Bytes::from(fields)).await),
        None => Ok(None),
    }
}

/// A field's value, empty if it is missing.
pub fn field<'fields>(fields: &'fields Fields, name: &str) -> &'fields str {
    let found = fields.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}
