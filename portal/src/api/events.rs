//! `POST /api/v1/events`: a terminal hands in its journal.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pikir_contract::{ClockReading, Event, EventsAnswer, EventsRequest, OffsetQuality};
use serde_json::Value;

use super::problem::{ApiProblem, WRONG_TERMINAL};
use super::signed::{FromTerminal, is_json, json_fault, read_json, run_off_thread};
use crate::app::AppState;
use crate::ingest::{MAX_GAP, judge};
use crate::storage::{Delivered, Delivery, KnownBoot, SealState, Storage, TerminalRecord};

/// How often a delivery is judged again because the terminal's state changed meanwhile.
const ATTEMPTS: usize = 4;

/// `POST /api/v1/events`
pub async fn deliver(
    State(state): State<AppState>,
    FromTerminal {
        terminal,
        content,
        received,
    }: FromTerminal<true>,
) -> Result<Json<EventsAnswer>, ApiProblem> {
    let request = Arc::new(run_off_thread(move || read_request(&content)).await??);
    check(&request, &terminal)?;
    let boots = known_boots(&request, received.unix_ms());
    for _ in 0..ATTEMPTS {
        let delivered = try_once(
            &state.storage,
            &terminal,
            &request,
            &boots,
            received.unix_ms(),
        )
        .await?;
        if let Delivered::Kept {
            received_through,
            results,
        } = delivered
        {
            return Ok(Json(EventsAnswer {
                received_through,
                results,
                time: state.clock.now(),
            }));
        }
    }
    Err(ApiProblem::unavailable(
        "this terminal's state changes too fast; try again",
    ))
}

async fn try_once(
    storage: &Storage,
    terminal: &TerminalRecord,
    request: &Arc<EventsRequest>,
    boots: &[KnownBoot],
    received_at: i64,
) -> Result<Delivered, ApiProblem> {
    let SealState {
        seal_key,
        mut ratchet,
        received_through,
    } = storage.seal_state(terminal.key).await?;
    check_gap(&request.events, received_through)?;
    let request = Arc::clone(request);
    let (events, ratchet) =
        run_off_thread(move || (judge(&mut ratchet, &request.events), ratchet)).await?;
    let boots = boots.to_vec();
    Ok(storage
        .deliver(Delivery {
            terminal: terminal.key,
            seal_key,
            ratchet,
            events,
            boots,
            received_at,
        })
        .await?)
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

fn check_gap(events: &[Event], received_through: u64) -> Result<(), ApiProblem> {
    match events
        .iter()
        .find(|event| event.seq > received_through + 1 + MAX_GAP)
    {
        Some(event) => Err(ApiProblem::unprocessable(
            &format!(
                "seq {} lies more than {MAX_GAP} ahead of {received_through}, received so far",
                event.seq
            ),
            Some(event.seq),
        )),
        None => Ok(()),
    }
}

/// What the terminal says about its boots, and what the portal's own clock says about the boot that sends.
fn known_boots(request: &EventsRequest, received_at: i64) -> Vec<KnownBoot> {
    let ClockReading { boot, up_ms, .. } = request.clock;
    let sending = i64::try_from(up_ms).ok().map(|up_ms| KnownBoot {
        boot,
        offset_ms: received_at - up_ms,
        quality: OffsetQuality::Portal,
    });
    let told = request.boots.iter().map(|known| KnownBoot {
        boot: known.boot,
        offset_ms: known.offset_ms,
        quality: known.quality,
    });
    told.chain(sending).collect()
}
