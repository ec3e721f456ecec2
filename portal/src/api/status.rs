//! `POST /api/v1/status`: a terminal says how it is.

use axum::Json;
use axum::extract::State;
use pikir_contract::{StatusAnswer, StatusReport};
use serde_json::Value;

use super::config::document;
use super::problem::ApiProblem;
use super::signed::{FromTerminal, read_json};
use crate::app::AppState;
use crate::storage::{NewStatus, Sending};

/// `POST /api/v1/status`
pub async fn report(
    State(state): State<AppState>,
    FromTerminal {
        terminal,
        content,
        received,
    }: FromTerminal<false>,
) -> Result<Json<StatusAnswer>, ApiProblem> {
    let report: StatusReport = read_json(&content)?;
    // Kept as it came: a newer terminal says more than this portal understands.
    let as_it_came: Value = read_json(&content)?;
    state
        .storage
        .put_status(NewStatus {
            terminal: terminal.key,
            report: as_it_came.to_string(),
            sending: Sending {
                boot: report.clock.boot,
                up_ms: report.clock.up_ms,
                now: true,
            },
            software: report.software,
            received_at: received.unix_ms(),
        })
        .await?;
    let etag = document(&state, &terminal).await?.etag;
    Ok(Json(StatusAnswer {
        time: state.clock.now(),
        config_etag: Some(etag),
    }))
}
