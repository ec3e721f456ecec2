//! Signed requests: who sends this, and did exactly this arrive?
//!
//! Checked in this order: a signature of the head by a known key (401), not retired (403), within
//! the size limits (413), the body that was signed (401), a known encoding (415). What the body
//! says comes after that. Nothing of a body is read before its head is known to be a terminal's
//! own: a stranger who sends slowly holds up nobody.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use pikir_contract::{
    Bytes, RequestSignature, SignatureHeaders, Time, VerifyingKey, encode_public_key, verifying_key,
};
use serde::de::DeserializeOwned;

use super::body::{MAX_MESSAGE_BYTES, SizeLimits, drain, read_sent, unpack};
use super::problem::ApiProblem;
use crate::app::AppState;
use crate::storage::TerminalRecord;

/// A request signed by a terminal that is in service. `DELIVERY` chooses the size limits.
#[derive(Debug)]
pub struct FromTerminal<const DELIVERY: bool> {
    /// Who signed it.
    pub terminal: TerminalRecord,
    /// Its body, unpacked.
    pub content: Vec<u8>,
    /// When it began to arrive.
    pub received: Time,
}

/// A request signed by a machine that is not a terminal yet, with the key it names.
#[derive(Debug)]
pub struct FromMachine {
    /// The Ed25519 key that signed it.
    pub public_key: VerifyingKey,
    /// Its body, unpacked.
    pub content: Vec<u8>,
}

impl<const DELIVERY: bool> FromRequest<AppState> for FromTerminal<DELIVERY> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiProblem> {
        let received = state.clock.now();
        let limits = if DELIVERY {
            super::body::DELIVERY
        } else {
            super::body::MESSAGE
        };
        let (parts, body) = request.into_parts();
        let signature = parse_signature(&parts.headers)?;
        let terminal = find_signer(&signature, state).await?;
        let key = verifying_key(&Bytes(terminal.public_key.clone()))
            .map_err(|_| ApiProblem::unauthorized("this terminal's key cannot be used"))?;
        verify_head(&signature, &key, &parts)?;
        if terminal.retired {
            // It is to see why, and not a broken connection.
            drain(body, limits.sent).await;
            return Err(ApiProblem::retired());
        }
        let content = read_content(&signature, parts.headers, body, limits).await?;
        Ok(Self {
            terminal,
            content,
            received,
        })
    }
}

impl FromRequest<AppState> for FromMachine {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiProblem> {
        let limits = super::body::MESSAGE;
        let (parts, body) = request.into_parts();
        let signature = parse_signature(&parts.headers)?;
        let unusable = "keyid is not a base64url Ed25519 public key, which signs an enrolment";
        let key_bytes: Bytes = signature
            .keyid()
            .parse()
            .map_err(|_| ApiProblem::unauthorized(unusable))?;
        let public_key =
            verifying_key(&key_bytes).map_err(|_| ApiProblem::unauthorized(unusable))?;
        verify_head(&signature, &public_key, &parts)?;
        let content = read_content(&signature, parts.headers, body, limits).await?;
        Ok(Self {
            public_key,
            content,
        })
    }
}

impl FromMachine {
    /// Refuses a body that names another key than the one that signed it.
    pub fn require_key(&self, named: &VerifyingKey) -> Result<(), ApiProblem> {
        if *named == self.public_key {
            return Ok(());
        }
        let key = encode_public_key(&self.public_key);
        Err(ApiProblem::unauthorized(&format!(
            "the request is signed by {key}, but its body names another public_key"
        )))
    }
}

/// A signed request without a body, by a terminal that is in service.
#[derive(Debug)]
pub struct Asking {
    /// Who signed it.
    pub terminal: TerminalRecord,
}

impl FromRequestParts<AppState> for Asking {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiProblem> {
        let signature = parse_signature(&parts.headers)?;
        let terminal = find_signer(&signature, state).await?;
        let key = verifying_key(&Bytes(terminal.public_key.clone()))
            .map_err(|_| ApiProblem::unauthorized("this terminal's key cannot be used"))?;
        verify_head(&signature, &key, parts)?;
        check_content(&signature, &[])?;
        if terminal.retired {
            Err(ApiProblem::retired())
        } else {
            Ok(Self { terminal })
        }
    }
}

fn parse_signature(headers: &HeaderMap) -> Result<RequestSignature, ApiProblem> {
    let field = |name: &'static str| {
        let lines = headers.get_all(HeaderName::from_static(name)).iter();
        let lines: Option<Vec<&str>> = lines.map(|line| line.to_str().ok()).collect();
        lines
            .filter(|lines| !lines.is_empty())
            .map(|lines| lines.join(", "))
    };
    let (Some(signature_input), Some(signature)) = (field("signature-input"), field("signature"))
    else {
        return Err(ApiProblem::unauthorized(
            "the request is not signed (Signature-Input and Signature, RFC 9421)",
        ));
    };
    let fields = SignatureHeaders {
        content_digest: field("content-digest"),
        signature_input,
        signature,
    };
    RequestSignature::parse(&fields).map_err(|error| ApiProblem::unauthorized(&error.to_string()))
}

async fn find_signer(
    signature: &RequestSignature,
    state: &AppState,
) -> Result<TerminalRecord, ApiProblem> {
    let unknown = "keyid names no terminal that this portal knows; enrol the terminal";
    let id = signature
        .keyid()
        .parse()
        .map_err(|_| ApiProblem::unauthorized(unknown))?;
    state
        .storage
        .terminal(id)
        .await?
        .ok_or_else(|| ApiProblem::unauthorized(unknown))
}

fn verify_head(
    signature: &RequestSignature,
    key: &VerifyingKey,
    parts: &Parts,
) -> Result<(), ApiProblem> {
    signature
        .verify_head(key, parts.method.as_str(), parts.uri.path())
        .map_err(|error| ApiProblem::unauthorized(&error.to_string()))
}

fn check_content(signature: &RequestSignature, sent: &[u8]) -> Result<(), ApiProblem> {
    signature
        .check_content(Some(sent))
        .map_err(|error| ApiProblem::unauthorized(&error.to_string()))
}

/// Reads the body that was signed, and unpacks it: megabytes would hold up everyone else on an
/// async thread.
async fn read_content(
    signature: &RequestSignature,
    headers: HeaderMap,
    body: Body,
    limits: SizeLimits,
) -> Result<Vec<u8>, ApiProblem> {
    let sent = read_sent(&headers, body, limits.sent).await?;
    check_content(signature, &sent)?;
    if limits.unpacked <= MAX_MESSAGE_BYTES {
        return unpack(&headers, sent, limits.unpacked);
    }
    run_off_thread(move || unpack(&headers, sent, limits.unpacked)).await?
}

/// Runs work that takes longer than a moment on a thread of its own.
pub async fn run_off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiProblem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a defect in the portal");
        ApiProblem::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            "a defect in the portal; its log says more",
        )
    })
}

/// Reads a message: 400 if it is not JSON, 422 if it is not what the contract says.
pub fn read_json<T: DeserializeOwned>(content: &[u8]) -> Result<T, ApiProblem> {
    serde_json::from_slice(content).map_err(|error| {
        if is_json(content) {
            ApiProblem::unprocessable(&json_fault(&error), None)
        } else {
            ApiProblem::bad_request("the body is not JSON")
        }
    })
}

/// Whether the content is JSON from beginning to end, whatever it says.
pub fn is_json(content: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(content).is_ok()
}

/// Where the fault lies; the values themselves are not repeated (a comment is personal data).
pub fn json_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let safe = ["missing field", "duplicate field", "unknown variant"]
        .iter()
        .any(|known| text.starts_with(known));
    if safe {
        text
    } else {
        format!(
            "a member breaks the contract at line {} column {}",
            error.line(),
            error.column()
        )
    }
}
