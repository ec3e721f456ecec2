//! The pages for people: visitors with a phone, the public, staff and technicians.
//!
//! Plain HTML with forms; everything works without JavaScript and nothing is loaded from elsewhere. Visitors get no
//! cookie. Texts come from `translations/` ([`i18n`]), the look from `static/` ([`assets`]).

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::app::AppState;
use throttle::Limits;

pub use page::Reader;

mod activate;
pub mod assets;
mod exclusions;
pub mod i18n;
pub mod look;
mod moderation;
mod organization;
mod page;
pub mod password;
mod phone;
mod photos;
pub mod picture;
mod placing;
pub mod po;
pub mod reconciliation;
mod review;
mod rules;
mod session;
mod signin;
mod staff;
pub mod throttle;

/// Bytes a form may send: a comment far beyond its limit still fits, so that it comes back to be shortened.
const MAX_FORM_BYTES: usize = 256 * 1024;

/// Every page for people. The printed codes are upper case (`/Q/CODE`), people type as they like.
pub fn router() -> Router<AppState> {
    let phone = || {
        let limit = DefaultBodyLimit::max(phone::MAX_FORM_BYTES);
        get(phone::show).post(phone::send).layer(limit)
    };
    Router::new()
        .route("/", get(organization::home))
        .route("/o/{code}", get(organization::show))
        .route("/q/{code}", phone())
        .route("/Q/{code}", phone())
        .route("/q/{code}/{token}", phone())
        .route("/Q/{code}/{token}", phone())
        .route("/rules", get(rules::show))
        .route("/r", get(review::find))
        .route("/r/{code}", get(review::show))
        .route("/R/{code}", get(review::show))
        .route("/photo/{review}/{number}", get(photos::show))
        .route("/staff/photo/{review}/{number}", get(photos::show_to_staff))
        .route("/sign-in", get(signin::show).post(signin::sign_in))
        .route("/sign-out", post(signin::sign_out))
        .route("/activate", get(activate::show).post(activate::decide))
        .route("/activate/place", post(activate::create_place))
        .route("/staff", get(staff::overview))
        .route(
            "/staff/reviews",
            get(moderation::list).post(moderation::decide),
        )
        .route(
            "/staff/exclusions",
            get(exclusions::list).post(exclusions::decide),
        )
        .route("/staff/reconciliation", get(reconciliation::show))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(Extension(Arc::new(Limits::default())))
        .layer(map_response(page::headers))
}

/// The page of a request that was cut off.
pub async fn failed(reader: &Reader, status: StatusCode) -> Response {
    page::headers(reader.page(None).failed(status)).await
}

async fn unknown(reader: Reader) -> Response {
    reader.page(None).not_found()
}
