//! What holds for every request: a time limit, headers that keep browsers careful, no crash, one line in the log. Who is cut
//! off by these gets an answer in the form that everything there has: a problem under `/api/`, a page elsewhere.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use pikir_contract::PROBLEM_CONTENT_TYPE;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::api::problem::ApiProblem;
use crate::web;

/// How long a request may take, its body included. A terminal's batch takes seconds on a slow line.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Pages are self-contained; a page that needs more sets its own policy.
const CONTENT_POLICY: &str = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Headers of every answer that does not set them itself.
const HEADERS: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // A page's address can hold a presence token: it is for this portal only.
    (REFERRER_POLICY, "same-origin"),
    (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
];

/// Puts the whole router under these rules.
pub fn guard<S: Clone + Send + Sync + 'static>(router: Router<S>, is_https: bool) -> Router<S> {
    let mut router = router
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            REQUEST_TIMEOUT,
        ))
        .layer(CatchPanicLayer::new())
        .layer(from_fn(explain));
    for (name, value) in HEADERS {
        router = router.layer(SetResponseHeaderLayer::if_not_present(
            name,
            HeaderValue::from_static(value),
        ));
    }
    if is_https {
        let value = HeaderValue::from_static("max-age=31536000");
        router = router.layer(SetResponseHeaderLayer::if_not_present(
            STRICT_TRANSPORT_SECURITY,
            value,
        ));
    }
    router.layer(from_fn(log))
}

/// Says in the reader's form that a request took too long or met a defect.
async fn explain(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let (mut parts, body) = request.into_parts();
    // A machine reads no language, and no delivery waits for one.
    let reader = match is_api {
        true => None,
        false => {
            let Ok(reader) = web::Reader::from_request_parts(&mut parts, &()).await;
            Some(reader)
        }
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    let detail = match response.status() {
        StatusCode::REQUEST_TIMEOUT => "the request took too long; send it again, or less at once",
        StatusCode::INTERNAL_SERVER_ERROR => "the portal could not do this; its log says why",
        _ => return response,
    };
    let kind = response.headers().get(CONTENT_TYPE);
    let is_explained = kind
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind == PROBLEM_CONTENT_TYPE || kind.starts_with("text/html"));
    match (response.status(), reader) {
        _ if is_explained => response,
        (status, None) => ApiProblem::new(status, detail).into_response(),
        (status, Some(reader)) => web::failed(&reader, status).await,
    }
}

/// Logs the route, never the address: that can hold a presence token.
async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("-", MatchedPath::as_str)
        .to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(%method, route, status = response.status().as_u16(), elapsed_ms, "request");
    response
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn answer(path: &str) -> (StatusCode, String, String) {
        let stuck = || get(std::future::pending::<StatusCode>);
        let broken = || {
            get(async || -> StatusCode {
                panic!("on purpose");
            })
        };
        let router: Router = Router::new()
            .route("/api/stuck", stuck())
            .route("/stuck", stuck())
            .route("/api/broken", broken())
            .route("/broken", broken());
        let request = Request::get(path)
            .header("accept-language", "ru")
            .body(Body::empty())
            .unwrap();
        let response = guard(router, true).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let kind = parts.headers[CONTENT_TYPE].to_str().unwrap().to_owned();
        (
            parts.status,
            kind,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_cut_off_under_api_is_a_problem() {
        for (path, status) in [("/api/stuck", 408), ("/api/broken", 500)] {
            let (found, kind, body) = answer(path).await;
            assert_eq!((found.as_u16(), &*kind), (status, PROBLEM_CONTENT_TYPE));
            let problem: pikir_contract::Problem = serde_json::from_str(&body).unwrap();
            assert_eq!(problem.status, status);
            assert!(problem.detail.is_some() && !body.contains("purpose"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_cut_off_elsewhere_is_a_page_in_the_reader_s_language() {
        for (path, status) in [("/stuck", 408), ("/broken", 500)] {
            let (found, kind, body) = answer(path).await;
            assert_eq!(found.as_u16(), status);
            assert!(kind.starts_with("text/html"), "{kind}");
            assert!(body.contains("<h1>Произошла ошибка</h1>"), "{body}");
            assert!(!body.contains("purpose"));
        }
    }
}
