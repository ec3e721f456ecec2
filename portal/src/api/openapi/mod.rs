//! `GET /api/v1/openapi.json`: this API, described for machines.

use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderName};

/// The OpenAPI 3.1 document.
pub const DOCUMENT: &str = include_str!("../../../openapi.json");

/// `GET /api/v1/openapi.json`
pub async fn read() -> ([(HeaderName, &'static str); 2], &'static str) {
    (
        [
            (CONTENT_TYPE, "application/json"),
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        ],
        DOCUMENT,
    )
}

#[cfg(test)]
mod tests;
