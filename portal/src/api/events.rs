//! `POST /api/v1/events`: a terminal hands in its journal.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use pikir_contract::{Event, EventsAnswer, EventsRequest};
use serde_json::Value;

use super::packed;
use super::problem::{ApiProblem, WRONG_TERMINAL};
use super::signed::{FromTerminal, is_json, json_fault, read_json, run_off_thread};
use crate::app::AppState;
use crate::ingest::{MAX_GAP, judge};
use crate::storage::{Delivered, Delivery, Sending, Storage, TerminalRecord};

/// How often a delivery is judged again because the terminal's state changed meanwhile.
const ATTEMPTS: usize = 4;

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
    let request = Arc::new(run_off_thread(move || read_request(&content)).await??);
    check(&request, &terminal)?;
    let handed_in = HandedIn {
        terminal: terminal.key,
        sending: Sending {
            boot: request.clock.boot,
            up_ms: request.clock.up_ms,
            now: true,
        },
        received_at: received.unix_ms(),
        request,
    };
    for _ in 0..ATTEMPTS {
        let delivered = try_once(&state.storage, &handed_in).await?;
        if let Delivered::Kept {
            received_through,
            results,
        } = delivered
        {
            let answer = EventsAnswer {
                received_through,
                results,
                time: state.clock.now(),
            };
            return Ok(packed::answer(&headers, &answer));
        }
    }
    Err(ApiProblem::unavailable(
        "this terminal's state changes too fast; try again",
    ))
}

/// A delivery as it was handed in.
struct HandedIn {
    terminal: i64,
    request: Arc<EventsRequest>,
    sending: Sending,
    received_at: i64,
}

/// Judges and keeps a delivery.
async fn try_once(storage: &Storage, handed_in: &HandedIn) -> Result<Delivered, ApiProblem> {
    let request = Arc::clone(&handed_in.request);
    let seq = |event: Option<&Event>| event.map_or(0, |event| event.seq);
    let (first, last) = (seq(request.events.first()), seq(request.events.last()));
    let known = storage.seal_state(handed_in.terminal, first, last).await?;
    check_gap(&request.events, known.held_through)?;
    let mut keys = known.keys.for_request();
    let (events, mut keys) =
        run_off_thread(move || (judge(&mut keys, &request.events), keys)).await?;
    let marks = keys.take_marks();
    let Ok(events) = events else {
        storage
            .keep_marks(handed_in.terminal, known.seal_key, marks)
            .await?;
        let detail = "an event lies far ahead of what is held, and its key is still being worked out; try again";
        return Err(ApiProblem::unavailable(detail));
    };
    let delivery = Delivery {
        terminal: handed_in.terminal,
        seal_key: known.seal_key,
        ratchet: keys.at().clone(),
        marks,
        events,
        boots: handed_in.request.boots.clone(),
        sending: handed_in.sending,
        received_at: handed_in.received_at,
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
