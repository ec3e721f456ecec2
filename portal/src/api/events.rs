//! `POST /api/v1/events`: a terminal hands in its journal.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use pikir_contract::{Event, EventsAnswer, EventsRequest};
use serde_json::Value;

use super::packed;
use super::problem::{ApiProblem, WRONG_TERMINAL};
use super::signed::{FromTerminal, is_json, json_fault, read_json, run_off_thread};
use crate::app::AppState;
use crate::domain::ingest::{MAX_GAP, judge};
use crate::storage::{Delivered, Delivery, Sending, Storage, TerminalRecord};

/// `POST /api/v1/events`
pub async fn deliver(
    State(state): State<AppState>,
    headers: HeaderMap,
    FromTerminal {
        terminal,
        content,
        received,
    }: FromTerminal<true>,
) -> Result<Response, ApiProblem> {
    let request = run_off_thread(move || read_request(&content)).await??;
    check(&request, &terminal)?;
    let received_at = received.unix_ms();
    match keep(&state.storage, terminal.key, request, received_at).await? {
        Delivered::Kept {
            received_through,
            results,
        } => {
            let answer = EventsAnswer {
                received_through,
                results,
                time: state.clock.now(),
            };
            Ok(packed::answer(&headers, &answer))
        }
        Delivered::Stale => Err(ApiProblem::unavailable(
            "this terminal enrolled anew meanwhile; try again",
        )),
    }
}

/// Judges and keeps a delivery.
async fn keep(
    storage: &Storage,
    terminal: i64,
    request: EventsRequest,
    received_at: i64,
) -> Result<Delivered, ApiProblem> {
    let EventsRequest {
        clock,
        boots,
        events,
        ..
    } = request;
    let seq = |event: Option<&Event>| event.map_or(0, |event| event.seq);
    let (first, last) = (seq(events.first()), seq(events.last()));
    let known = storage.seal_state(terminal, first, last).await?;
    check_gap(&events, known.held_through)?;
    let mut keys = known.keys.for_request();
    let (events, mut keys) = run_off_thread(move || (judge(&mut keys, &events), keys)).await?;
    let marks = keys.take_marks();
    let Ok(events) = events else {
        storage.keep_marks(terminal, known.seal_key, marks).await?;
        let detail = "an event lies far ahead of what is held, and its key is still being worked out; try again";
        return Err(ApiProblem::unavailable(detail));
    };
    let delivery = Delivery {
        terminal,
        seal_key: known.seal_key,
        ratchet: keys.at().clone(),
        marks,
        events,
        boots,
        sending: Sending {
            boot: clock.boot,
            up_ms: clock.up_ms,
            now: true,
        },
        received_at,
    };
    Ok(storage.deliver(delivery).await?)
}

fn read_request(content: &[u8]) -> Result<EventsRequest, ApiProblem> {
    serde_json::from_slice(content).map_err(|error| {
        if !is_json(content) {
            return ApiProblem::bad_request("the body is not JSON");
        }
        find_fault(content).unwrap_or_else(|| ApiProblem::unprocessable(&json_fault(&error), None))
    })
}

/// Looks for the one event at fault, so that the terminal knows its seq.
fn find_fault(content: &[u8]) -> Option<ApiProblem> {
    let request: Value = read_json(content).ok()?;
    let events = request.get("events")?.as_array()?;
    let (event, error) = events.iter().find_map(|event| {
        let error = serde_json::from_value::<Event>(event.clone()).err()?;
        Some((event, error))
    })?;
    Some(ApiProblem::unprocessable(
        &format!("an event: {}", json_fault(&error)),
        event.get("seq").and_then(Value::as_u64),
    ))
}

fn check(request: &EventsRequest, terminal: &TerminalRecord) -> Result<(), ApiProblem> {
    if request.terminal != terminal.id {
        return Err(ApiProblem::forbidden(
            WRONG_TERMINAL,
            "Events of another terminal",
            "the request is signed by one terminal and carries the events of another",
        ));
    }
    request
        .check()
        .map_err(|error| ApiProblem::unprocessable(&error.to_string(), error.seq()))
}

fn check_gap(events: &[Event], held_through: u64) -> Result<(), ApiProblem> {
    match events
        .iter()
        .find(|event| event.seq > held_through + 1 + MAX_GAP)
    {
        Some(event) => Err(ApiProblem::unprocessable(
            &format!(
                "seq {} lies more than {MAX_GAP} ahead of {held_through}, the highest received so far",
                event.seq
            ),
            Some(event.seq),
        )),
        None => Ok(()),
    }
}
