//! Problem answers (RFC 9457): what a technician may read. What went wrong inside goes to the log
//! only.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use pikir_contract::{PROBLEM_CONTENT_TYPE, Problem};

use crate::platform::entropy::Entropy;
use crate::storage::StorageError;

/// The type of a 403: the enrolment token is unknown, expired, or was spent by another machine.
pub const TOKEN_REFUSED: &str = "enrolment-token-refused";
/// The type of a 403: events of one terminal signed by another.
pub const WRONG_TERMINAL: &str = "wrong-terminal";

/// Seconds after which a terminal may try again when the portal cannot take anything in, at least.
const RETRY_AFTER_S: u64 = 20;
/// Seconds over which those who are told so are spread: they must not all return at once.
const RETRY_SPREAD_S: u64 = 40;

/// A refusal, ready to be answered.
#[derive(Clone, Debug)]
pub struct ApiProblem(Box<Problem>);

impl ApiProblem {
    /// A problem that its status names.
    pub fn new(status: StatusCode, detail: &str) -> Self {
        let title = status.canonical_reason().unwrap_or("Refused");
        Self(Box::new(
            Problem::new(Problem::ABOUT_BLANK, status.as_u16(), title).with_detail(detail),
        ))
    }

    /// A 403 of a type that a terminal tells apart.
    pub fn forbidden(kind: &str, title: &str, detail: &str) -> Self {
        Self(Box::new(
            Problem::new(kind, StatusCode::FORBIDDEN.as_u16(), title).with_detail(detail),
        ))
    }

    /// 400: what was sent cannot be read.
    pub fn bad_request(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401: not signed as it must be.
    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 403: this terminal was taken out of service.
    pub fn retired() -> Self {
        let detail = "this terminal was taken out of service in the portal; enrol it anew with a new key to use it again";
        Self::forbidden(Problem::TERMINAL_RETIRED, "Terminal retired", detail)
    }

    /// 404: there is nothing here.
    pub fn not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 422: readable, but not what the contract says.
    pub fn unprocessable(detail: &str, seq: Option<u64>) -> Self {
        let Self(problem) = Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        Self(Box::new(match seq {
            Some(seq) => problem.with_seq(seq),
            None => *problem,
        }))
    }

    /// 503: try again later.
    pub fn unavailable(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl From<StorageError> for ApiProblem {
    /// A disk that is full or busy may be better later; the terminal keeps its events meanwhile.
    fn from(error: StorageError) -> Self {
        tracing::error!(%error, "a request failed because of the database");
        match error {
            StorageError::Unreadable(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the portal could not do this; its log says why",
            ),
            _ => Self::unavailable(
                "the portal cannot reach its database at the moment; try again later",
            ),
        }
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let [random] = Entropy::system().bytes();
            let wait_s = RETRY_AFTER_S + u64::from(random) % RETRY_SPREAD_S;
            headers.insert(RETRY_AFTER, HeaderValue::from(wait_s));
        }
        response
    }
}
