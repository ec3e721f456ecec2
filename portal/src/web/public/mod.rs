//! Pages for visitors and the public.

pub(super) mod organization;
pub(super) mod phone;
pub(super) mod photos;
pub mod picture;
pub(super) mod review;
pub(super) mod rules;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use crate::app::AppState;

/// The pages of this folder. Printed codes are upper case (`/Q/CODE`), people type as they like.
pub(super) fn router() -> Router<AppState> {
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
}
