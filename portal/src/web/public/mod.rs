//! Pages for visitors and the public.

pub(super) mod home;
pub(super) mod organization;
pub(super) mod phone;
pub(super) mod photos;
pub mod picture;
pub(super) mod review;
pub(super) mod rules;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::get;

use crate::app::AppState;
use crate::web::frame::page;

/// The pages of this folder.
pub(super) fn router() -> Router<AppState> {
    let phone = || {
        let limit = DefaultBodyLimit::max(phone::MAX_FORM_BYTES);
        get(phone::show).post(phone::send).layer(limit)
    };
    // Pages without secrets of whoever reads them travel packed.
    Router::new()
        .route("/", get(home::show))
        .route("/o/{code}", get(organization::show))
        .route("/q/{code}", phone())
        .route("/q/{code}/{token}", phone())
        .route("/rules", get(rules::show))
        .route("/r", get(review::find))
        .route("/r/{code}", get(review::show))
        .layer(from_fn(page::pack))
        .route("/photo/{review}/{number}", get(photos::show))
}
