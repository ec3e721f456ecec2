//! The machines' API and the people's pages behind one guard.

use axum::Router;

use super::middleware;
use crate::app::AppState;
use crate::{api, web};

/// The whole portal: `/api/v1` for machines, everything else for people.
pub fn router(state: AppState) -> Router {
    middleware::guard(
        Router::new().merge(api::router()).merge(web::router()),
        state.is_https(),
    )
    .with_state(state)
}
