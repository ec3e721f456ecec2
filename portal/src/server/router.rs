//! The machines' API and the people's pages behind one guard.

use axum::Router;
use axum::middleware::map_request;

use super::middleware;
use crate::app::AppState;
use crate::{api, web};

/// The whole portal: `/api/v1` for machines, everything else for people.
pub fn router(state: AppState) -> Router {
    let routes = middleware::guard(
        Router::new()
            .merge(api::router())
            .merge(web::router(&state)),
        state.is_https(),
    )
    .with_state(state);
    // An address is set right before a route is looked for.
    Router::new()
        .fallback_service(routes)
        .layer(map_request(web::tidy_address))
}
