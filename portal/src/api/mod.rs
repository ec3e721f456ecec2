//! `/api/v1`: what machines say to the portal.

pub mod body;
pub mod config;
pub mod enrolments;
pub mod events;
pub mod gate;
pub mod openapi;
pub mod packed;
pub mod problem;
pub mod rules;
pub mod signed;
pub mod status;
pub mod summary;

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, get, post};

use crate::app::AppState;
use gate::Gate;
use problem::ApiProblem;

/// A route of the API: method, path, handler.
type Route = (&'static str, &'static str, MethodRouter<AppState>);

/// Every route of the API. The OpenAPI document describes exactly these.
fn routes() -> Vec<Route> {
    let gate = from_fn_with_state(Arc::new(Gate::default()), gate::pass);
    vec![
        ("post", "/api/v1/enrolments", post(enrolments::begin)),
        ("post", "/api/v1/enrolments/poll", post(enrolments::poll)),
        ("post", "/api/v1/events", post(events::deliver).layer(gate)),
        ("get", "/api/v1/terminal/config", get(config::read)),
        ("post", "/api/v1/status", post(status::report)),
        (
            "get",
            "/api/v1/organizations/{code}/summary",
            get(summary::read),
        ),
        ("get", "/api/v1/rules", get(rules::read)),
        ("get", "/api/v1/openapi.json", get(openapi::read)),
    ]
}

/// The API's router.
pub fn router() -> Router<AppState> {
    let not_found = |uri: Uri| async move {
        ApiProblem::not_found(&format!("there is no {} in this API", uri.path()))
    };
    let mut router = Router::new()
        .route("/api", any(not_found))
        .route("/api/", any(not_found))
        .route("/api/{*rest}", any(not_found));
    for (_, path, handler) in routes() {
        router = router.route(path, handler);
    }
    router
}
