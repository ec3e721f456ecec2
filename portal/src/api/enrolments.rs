//! Enrolment: `POST /api/v1/enrolments` and `POST /api/v1/enrolments/poll`.

use std::sync::LazyLock;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pikir_contract::{
    EnrolmentPending, EnrolmentRequest, EnrolmentResult, PollError, PollErrorCode, PollRequest,
    format_user_code,
};
use sha2::{Digest, Sha256};

use super::config::document;
use super::problem::{ApiProblem, TOKEN_REFUSED};
use super::signed::{FromMachine, read_json};
use crate::app::AppState;
use crate::domain::text;
use crate::platform::entropy::{Entropy, secret_hash};
use crate::storage::{Asked, Begun, ENROLMENT_MS, Enrolled, NewEnrolment, Polled, Redeemed};
use crate::web::frame::throttle::ClientAddress;

/// Random user codes tried before giving up: that all of them are in use does not happen by chance.
const CODE_ATTEMPTS: usize = 8;
/// Characters of the texts a machine says about itself, at most.
const MAX_TEXT_CHARS: usize = 200;

/// `POST /api/v1/enrolments`
pub async fn begin(
    State(state): State<AppState>,
    ClientAddress(client): ClientAddress,
    machine: FromMachine,
) -> Result<Response, ApiProblem> {
    let request: EnrolmentRequest = read_json(&machine.content)?;
    let (public_key, seal_key) = request
        .keys()
        .map_err(|error| ApiProblem::unprocessable(&error.to_string(), None))?;
    machine.require_key(&public_key)?;
    let new = NewEnrolment {
        public_key: public_key.to_bytes().to_vec(),
        seal_key: seal_key.as_bytes().to_vec(),
        model: shortened(&request.hardware.model),
        serial: shortened(&request.hardware.serial),
        software: shortened(&request.software),
    };
    match request.token {
        Some(token) => redeem(&state, &token, new).await,
        None => wait_for_technician(&state, new, digest(&client)).await,
    }
}

fn shortened(given: &str) -> String {
    text::line(given).chars().take(MAX_TEXT_CHARS).collect()
}

async fn redeem(state: &AppState, token: &str, new: NewEnrolment) -> Result<Response, ApiProblem> {
    let refused = |detail| {
        Err(ApiProblem::forbidden(
            TOKEN_REFUSED,
            "Enrolment token refused",
            detail,
        ))
    };
    let (now, hash) = (state.clock.now(), secret_hash(token.trim()));
    match state
        .storage
        .redeem_token(hash, new, state.entropy.id(now), now.unix_ms())
        .await?
    {
        Redeemed::Enrolled(enrolled) => {
            Ok((StatusCode::OK, Json(result(state, &enrolled).await?)).into_response())
        }
        Redeemed::UnknownToken => {
            refused("this portal never made this token; check that it was copied in full")
        }
        Redeemed::ExpiredToken => {
            refused("the token has expired; make a new one with `pikir-portal token create`")
        }
        Redeemed::SpentToken => {
            refused("another terminal has used this token already; every terminal needs its own")
        }
        Redeemed::Retired => Err(ApiProblem::retired()),
    }
}

/// Who asks, for telling clients apart and for nothing else.
fn digest(client: &str) -> [u8; 16] {
    static KEY: LazyLock<[u8; 32]> = LazyLock::new(|| Entropy::system().bytes());
    let whole = Sha256::new()
        .chain_update(*KEY)
        .chain_update(client)
        .finalize();
    std::array::from_fn(|index| whole[index])
}

async fn wait_for_technician(
    state: &AppState,
    new: NewEnrolment,
    client: [u8; 16],
) -> Result<Response, ApiProblem> {
    let device_code = state.entropy.token();
    for _ in 0..CODE_ATTEMPTS {
        let user_code = format_user_code(&state.entropy.bytes());
        let asked = Asked {
            device_hash: secret_hash(&device_code),
            user_code: &user_code,
            client,
            now_ms: state.clock.unix_ms(),
        };
        match state.storage.begin_enrolment(asked, new.clone()).await? {
            Begun::Waiting => {
                return Ok((
                    StatusCode::CREATED,
                    Json(pending(state, device_code, user_code)),
                )
                    .into_response());
            }
            Begun::CodeTaken => {}
            Begun::Retired => return Err(ApiProblem::retired()),
        }
    }
    Err(ApiProblem::unavailable(
        "no free user code was found; try again",
    ))
}

fn pending(state: &AppState, device_code: String, user_code: String) -> EnrolmentPending {
    let verification_uri = format!("{}/activate", state.public_url);
    EnrolmentPending {
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        device_code,
        user_code,
        verification_uri,
        expires_in: ENROLMENT_MS.unsigned_abs() / 1000,
        interval: state.poll_interval_s(),
    }
}

/// `POST /api/v1/enrolments/poll`
pub async fn poll(
    State(state): State<AppState>,
    machine: FromMachine,
) -> Result<Response, ApiProblem> {
    let request: PollRequest = read_json(&machine.content)?;
    let (hash, public_key) = (
        secret_hash(&request.device_code),
        machine.public_key.to_bytes().to_vec(),
    );
    let interval_ms = i64::try_from(state.poll_interval_s() * 1000).unwrap_or(i64::MAX);
    let not_yet = |error| Ok((StatusCode::BAD_REQUEST, Json(PollError { error })).into_response());
    match state
        .storage
        .poll_enrolment(hash, public_key, state.clock.unix_ms(), interval_ms)
        .await?
    {
        Polled::Enrolled(enrolled) => Ok(Json(result(&state, &enrolled).await?).into_response()),
        Polled::Pending => not_yet(PollErrorCode::AuthorizationPending),
        Polled::TooFast => not_yet(PollErrorCode::SlowDown),
        Polled::Denied => not_yet(PollErrorCode::AccessDenied),
        Polled::Expired => not_yet(PollErrorCode::ExpiredToken),
        Polled::WrongKey => Err(ApiProblem::unauthorized(
            "this device_code was given to another key than the one that signed the poll",
        )),
        Polled::Retired => Err(ApiProblem::retired()),
    }
}

async fn result(state: &AppState, enrolled: &Enrolled) -> Result<EnrolmentResult, ApiProblem> {
    let terminal = &enrolled.terminal;
    let document = document(state, terminal).await?;
    let fetched = document.presence_since;
    let storage = &state.storage;
    storage.presence_key_fetched(terminal.key, fetched).await?;
    Ok(EnrolmentResult {
        terminal: terminal.id,
        config: document.value,
    })
}
