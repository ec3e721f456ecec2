//! The pages for people: visitors with a phone, the public, staff and technicians.
//!
//! Plain HTML with forms; everything works without JavaScript and nothing is loaded from elsewhere.
//! Visitors get no cookie. Texts come from `translations/` ([`crate::i18n`]), the look from
//! `static/` ([`frame::assets`]).

pub mod frame;
pub mod public;
pub mod staff;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};

use self::frame::page;
use self::frame::throttle::Limits;
use crate::app::AppState;

pub use self::frame::page::Reader;

/// Every page for people. [`tidy_address`] has made the printed `/Q/CODE` one of these.
pub fn router(app: &AppState) -> Router<AppState> {
    public::router()
        .merge(staff::router(app))
        .route("/font/{file}", get(frame::fonts::show))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(staff::resume::MAX_FORM_BYTES))
        .layer(Extension(Arc::new(Limits::default())))
        .layer(Extension(Arc::new(self::public::phone::Desk::default())))
        .layer(map_response(page::headers))
}

/// Sets an address right that a scanner or a person wrote somewhat differently.
pub async fn tidy_address(mut request: Request) -> Request {
    if let Some(tidied) = frame::address::tidied(request.uri()) {
        *request.uri_mut() = tidied;
    }
    request
}

/// The page of a request that was refused before a handler had a say, or cut off.
pub async fn refused(reader: &Reader, status: StatusCode, method: &Method) -> Response {
    let page = reader.page(None);
    // Who followed a link can only follow another one; who sent a form may send it again.
    let is_address = status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT;
    let response = match is_address && matches!(*method, Method::GET | Method::HEAD) {
        true => page.mistyped(status),
        false => page.failed(status),
    };
    page::headers(response).await
}

async fn unknown(reader: Reader) -> Response {
    reader.page(None).not_found()
}
