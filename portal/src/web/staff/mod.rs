//! Pages for officials, moderators and technicians.

pub(super) mod activate;
pub(super) mod drafts;
pub(super) mod exclusions;
pub(super) mod moderation;
pub(super) mod overview;
pub(super) mod placing;
pub mod reconciliation;
pub(super) mod resume;
pub(super) mod session;
pub(super) mod signin;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::app::AppState;
use crate::web::public::photos;

/// The pages of this folder.
pub(super) fn router(app: &AppState) -> Router<AppState> {
    let forms = Router::new()
        .route("/activate", get(activate::show).post(activate::decide))
        .route("/activate/place", post(activate::create_place))
        .route(
            "/staff/reviews",
            get(moderation::list).post(moderation::decide),
        )
        .route(
            "/staff/exclusions",
            get(exclusions::list).post(exclusions::decide),
        )
        .layer(from_fn_with_state(app.clone(), resume::keep_typed));
    Router::new()
        .merge(forms)
        .route("/sign-in", get(signin::show).post(signin::sign_in))
        .route("/sign-out", post(signin::sign_out))
        .route("/staff", get(overview::overview))
        .route("/staff/photo/{review}/{number}", get(photos::show_to_staff))
        .route("/staff/reconciliation", get(reconciliation::show))
}
