//! The typefaces of the pages, which this portal serves itself.

use axum::http::Uri;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::assets;
use super::page::Reader;

/// A typeface. Its address changes with its content, so it is kept for ever.
pub async fn show(uri: Uri, reader: Reader) -> Response {
    let Some(bytes) = assets::font(uri.path()) else {
        return reader.page(None).not_found();
    };
    let headers = [
        (CONTENT_TYPE, "font/woff2"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, bytes).into_response()
}
