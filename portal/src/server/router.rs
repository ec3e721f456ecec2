//! The machines' API and the people's pages behind one guard.

use axum::Router;
use axum::middleware::map_request;

use super::middleware;
use crate::app::AppState;
use crate::storage::Lane;
use crate::{api, web};

/// The whole portal: `/api/v1` for machines, everything else for people.
pub fn router(state: AppState) -> Router {
    let is_https = state.is_https();
    let for_terminals = AppState {
        storage: state.storage.in_lane(Lane::Terminals),
        ..state.clone()
    };
    let pages = web::router(&state).with_state(state);
    let router = Router::new()
        .merge(api::router().with_state(for_terminals))
        .merge(pages);
    // An address is set right before a route is looked for.
    Router::new()
        .fallback_service(middleware::guard(router, is_https))
        .layer(map_request(web::tidy_address))
}
