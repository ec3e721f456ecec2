//! What holds for every request: limits of time and length, headers that keep browsers careful, no
//! crash, one line in the log. Whoever is refused before a handler of ours had a say gets an answer
//! in the form that everything there has: a problem under `/api/`, a page elsewhere.

use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::header::{
    ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use pikir_contract::PROBLEM_CONTENT_TYPE;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::api::problem::ApiProblem;
use crate::server::arrival::Arrival;
use crate::web;

/// Bytes of an address, its query included (8 KiB): far more than any of ours has.
const MAX_ADDRESS_BYTES: usize = 8 * 1024;
/// Bytes of a refusal in plain words that are passed on.
const MAX_REASON_BYTES: usize = 1024;

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
    let mut router = router.layer(CatchPanicLayer::new()).layer(from_fn(attend));
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

/// Answers within the limits, and in the reader's form whatever happens.
async fn attend(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api = path == "/api" || path.starts_with("/api/");
    let is_too_long = request
        .uri()
        .path_and_query()
        .is_some_and(|address| address.as_str().len() > MAX_ADDRESS_BYTES);
    let method = request.method().clone();
    let (mut parts, body) = request.into_parts();
    // A machine reads no language, and no delivery waits for one.
    let reader = match is_api {
        true => None,
        false => {
            let Ok(reader) = web::Reader::from_request_parts(&mut parts, &()).await;
            Some(reader)
        }
    };
    let (arrival, body) = Arrival::of(body);
    let response = match is_too_long {
        true => StatusCode::URI_TOO_LONG.into_response(),
        false => {
            let answer = next.run(Request::from_parts(parts, body));
            let late = || StatusCode::REQUEST_TIMEOUT.into_response();
            arrival.wait_for(answer).await.unwrap_or_else(late)
        }
    };
    let is_broken_off = matches!(
        response.status(),
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE
    );
    if arrival.is_cut_off() && is_broken_off {
        return explain(StatusCode::REQUEST_TIMEOUT.into_response(), reader, &method).await;
    }
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    if !is_refused || is_explained(&response, is_api) {
        return response;
    }
    explain(response, reader, &method).await
}

fn is_explained(response: &Response, is_api: bool) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match is_api {
        true => kind == PROBLEM_CONTENT_TYPE || kind == "application/json",
        false => kind.starts_with("text/html"),
    }
}

/// A refusal in the reader's form: `None` is a machine.
async fn explain(response: Response, reader: Option<web::Reader>, method: &Method) -> Response {
    let (refused, body) = response.into_parts();
    let status = refused.status;
    let mut explained = match reader {
        Some(reader) => web::refused(&reader, status, method).await,
        None => ApiProblem::new(status, &reason(status, body).await).into_response(),
    };
    for name in [ALLOW, RETRY_AFTER] {
        if let Some(value) = refused.headers.get(&name) {
            explained.headers_mut().insert(name, value.clone());
        }
    }
    explained
}

async fn reason(status: StatusCode, body: Body) -> String {
    let known = match status {
        StatusCode::REQUEST_TIMEOUT => {
            "the request stopped coming or took too long; send it again, or less at once"
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            "this address does not take this method; see /api/v1/openapi.json"
        }
        StatusCode::URI_TOO_LONG => "the address is longer than any of this API",
        status if status.is_server_error() => "the portal could not do this; its log says why",
        _ => {
            let said = to_bytes(body, MAX_REASON_BYTES).await.unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            return match said.trim() {
                "" => "the request cannot be read; see /api/v1/openapi.json".to_owned(),
                said => said.to_owned(),
            };
        }
    };
    known.to_owned()
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
    use std::time::Duration;

    use axum::body::Bytes;
    use axum::routing::{get, post};
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
            .route("/broken", broken())
            .route("/api/body", post(async || "taken"))
            .route("/body", post(async || "taken"));
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

    /// A body that comes in pieces, each so long after the one before.
    fn pieces(count: usize, bytes: usize, every: Duration) -> Body {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
        tokio::spawn(async move {
            for _ in 0..count {
                tokio::time::sleep(every).await;
                if sender.send(Bytes::from(vec![b'x'; bytes])).await.is_err() {
                    return;
                }
            }
        });
        Body::new(Pieces(receiver))
    }

    struct Pieces(tokio::sync::mpsc::Receiver<Bytes>);

    impl axum::body::HttpBody for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            self.0
                .poll_recv(context)
                .map(|piece| Some(Ok(hyper::body::Frame::data(piece?))))
        }
    }

    async fn post_pieces(path: &str, body: Body) -> Response {
        let router: Router = Router::new()
            .route("/api/body", post(async |body: Bytes| body))
            .route("/body", post(async |body: Bytes| body))
            .layer(axum::extract::DefaultBodyLimit::disable());
        let request = Request::post(path).body(body).unwrap();
        guard(router, true).oneshot(request).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_take_as_long_as_it_keeps_coming() {
        // Five megabytes at sixty kilobytes a second.
        let body = pieces(83, 60_000, Duration::from_secs(1));
        let response = post_pieces("/api/body", body).await;
        assert_eq!(response.status(), StatusCode::OK);
        let whole = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(whole.len(), 83 * 60_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_falls_silent_or_trickles_is_given_up() {
        for body in [
            pieces(2, 60_000, Duration::from_secs(40)),
            pieces(1_000, 1, Duration::from_secs(5)),
        ] {
            let response = post_pieces("/api/body", body).await;
            assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
            assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_CONTENT_TYPE);
        }
        let body = pieces(2, 60_000, Duration::from_secs(40));
        let response = post_pieces("/body", body).await;
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        assert!(is_explained(&response, false));
    }

    #[tokio::test]
    async fn what_a_handler_never_saw_is_refused_in_the_form_of_the_place() {
        let long = "x".repeat(MAX_ADDRESS_BYTES);
        for (path, status) in [("/body".to_owned(), 405), (format!("/{long}"), 414)] {
            let (found, kind, body) = answer(&path).await;
            assert_eq!(found.as_u16(), status);
            assert!(kind.starts_with("text/html"), "{kind}");
            assert!(body.contains("<h1>"), "{body}");
            let (found, kind, body) = answer(&format!("/api{path}")).await;
            assert_eq!((found.as_u16(), &*kind), (status, PROBLEM_CONTENT_TYPE));
            let problem: pikir_contract::Problem = serde_json::from_str(&body).unwrap();
            assert_eq!(problem.status, status);
        }
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
