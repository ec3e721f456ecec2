//! `GET /api/v1/terminal/config`: what a terminal shows.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::problem::ApiProblem;
use super::signed::Asking;
use crate::app::AppState;
use crate::services::terminal_config;
use crate::services::terminal_config::Document;
use crate::storage::{PRESENCE_KEY_AGE_MS, TerminalRecord};

/// `GET /api/v1/terminal/config`
pub async fn read(
    State(state): State<AppState>,
    headers: HeaderMap,
    Asking { terminal }: Asking,
) -> Result<Response, ApiProblem> {
    let Document {
        value,
        etag,
        presence_since,
    } = document(&state, &terminal).await?;
    let storage = &state.storage;
    storage
        .presence_key_fetched(terminal.key, presence_since)
        .await?;
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|tags| tags.to_str().ok())
        .any(|tags| matches(tags, &etag));
    let fields = [
        (ETAG, etag),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    Ok(if known {
        (StatusCode::NOT_MODIFIED, fields).into_response()
    } else {
        (fields, Json(value)).into_response()
    })
}

/// The configuration a terminal gets at present.
pub async fn document(state: &AppState, terminal: &TerminalRecord) -> Result<Document, ApiProblem> {
    let now_ms = state.clock.unix_ms();
    let mut basis = state.storage.basis(&terminal.place).await?;
    if basis.presence_since + PRESENCE_KEY_AGE_MS <= now_ms {
        let place = &terminal.place;
        state.storage.renew_presence_key(place, now_ms).await?;
        basis = state.storage.basis(place).await?;
    }
    Ok(terminal_config::document(&basis, &state.public_url, now_ms))
}

/// Whether an `If-None-Match` names this ETag (RFC 9110 §13.1.2: weak comparison).
fn matches(tags: &str, etag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn an_etag_is_found_in_a_list_weak_or_strong() {
        assert!(matches("\"a\"", "\"a\""));
        assert!(matches("\"b\", W/\"a\"", "\"a\""));
        assert!(matches("*", "\"a\""));
        assert!(!matches("\"b\", a", "\"a\""));
    }
}
