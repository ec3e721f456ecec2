//! Enrolment: how a terminal becomes known to the portal (the shape of RFC 8628).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::safe_integer;
use crate::{Bytes, Id, SealKey, SignatureError, USER_CODE_SYMBOLS, VerifyingKey, verifying_key};

/// `POST /api/v1/enrolments`: a terminal asks to be taken in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentRequest {
    /// The terminal's Ed25519 public key, 32 bytes.
    pub public_key: Bytes,
    /// The first key of the seal ratchet, K1, 32 random bytes.
    pub seal_key: Bytes,
    /// What machine it is.
    pub hardware: Hardware,
    /// Name and version of the terminal's software.
    pub software: String,
    /// A one-time token of a bulk set-up; with it no person has to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Why an enrolment request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// The public key is not a usable Ed25519 key.
    #[error("public_key: {0}")]
    PublicKey(SignatureError),
    /// The seal key has not 32 bytes.
    #[error("seal_key: is not 32 bytes")]
    SealKey,
}

impl EnrolmentRequest {
    /// The two keys in their own types.
    ///
    /// # Errors
    /// When one of them is not a usable key of 32 bytes.
    pub fn keys(&self) -> Result<(VerifyingKey, SealKey), EnrolmentError> {
        let public = verifying_key(&self.public_key).map_err(EnrolmentError::PublicKey)?;
        let seal = SealKey::from_slice(&self.seal_key.0).ok_or(EnrolmentError::SealKey)?;
        Ok((public, seal))
    }
}

impl fmt::Debug for EnrolmentRequest {
    /// Leaves the token out: it opens an enrolment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolmentRequest")
            .field("public_key", &self.public_key)
            .field("hardware", &self.hardware)
            .field("software", &self.software)
            .finish_non_exhaustive()
    }
}

/// The machine a terminal runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// Maker and model, as the firmware names them.
    pub model: String,
    /// Serial number.
    pub serial: String,
}

/// `201`: the terminal shows the code and polls until a technician has approved (RFC 8628 §3.2).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentPending {
    /// What the terminal polls with; secret.
    pub device_code: String,
    /// What the technician types, `XXXX-XXXX`.
    pub user_code: String,
    /// Where the technician types it.
    pub verification_uri: String,
    /// The same address with the code in it, for the QR code.
    pub verification_uri_complete: String,
    /// Seconds until both codes lapse.
    #[serde(deserialize_with = "safe_integer")]
    pub expires_in: u64,
    /// Seconds between two polls, at least.
    #[serde(deserialize_with = "safe_integer")]
    pub interval: u64,
}

impl fmt::Debug for EnrolmentPending {
    /// Leaves the device code out: who has it can take the enrolment's result.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolmentPending")
            .field("user_code", &self.user_code)
            .field("verification_uri", &self.verification_uri)
            .field("expires_in", &self.expires_in)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

/// `POST /api/v1/enrolments/poll`: has somebody approved?
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollRequest {
    /// The device code of the pending enrolment; secret.
    pub device_code: String,
}

impl fmt::Debug for PollRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollRequest").finish_non_exhaustive()
    }
}

/// `200` to an enrolment with a token or to a poll: the terminal is taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentResult {
    /// The terminal's identifier from now on.
    pub terminal: Id,
    /// Its configuration as sent, unknown members included; read with
    /// [`crate::TerminalConfig::from_value`].
    pub config: Value,
}

/// `400` to a poll: not approved yet, or never (RFC 8628 §3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollError {
    /// Which of the four.
    pub error: PollErrorCode,
}

/// Why a poll brings no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PollErrorCode {
    /// Nobody has decided yet: poll again after the interval.
    AuthorizationPending,
    /// Polled too fast: make the interval five seconds longer.
    SlowDown,
    /// A technician refused.
    AccessDenied,
    /// The codes have lapsed: enrol again.
    ExpiredToken,
}

/// The symbols of a user code: digits and capitals of which no two are mistaken for each other
/// (neither 0 nor O, neither 1 nor I nor L, neither 2 nor Z, neither 5 nor S, neither 8 nor B, no 6
/// beside G, no U beside V), and no vowels, so that no words arise.
pub const USER_CODE_ALPHABET: &[u8; 21] = b"3479CDFGHJKMNPQRTVWXY";

/// Makes a user code, `XXXX-XXXX`, of 8 random bytes: 21^8 codes, about 35 bits.
#[must_use]
pub fn format_user_code(random: &[u8; 8]) -> String {
    // One division of a 64-bit number after the other: what remains of a bias is below 2^-28.
    let base = USER_CODE_ALPHABET.len() as u64;
    let mut number = u64::from_be_bytes(*random);
    let mut code = String::with_capacity(USER_CODE_SYMBOLS + 1);
    for position in 0..USER_CODE_SYMBOLS {
        if position == USER_CODE_SYMBOLS / 2 {
            code.push('-');
        }
        code.push(char::from(USER_CODE_ALPHABET[(number % base) as usize]));
        number /= base;
    }
    code
}

/// Brings a typed user code into its written form; lower case, spaces and missing or other hyphens
/// are forgiven. `None` for what cannot be a code.
#[must_use]
pub fn normalize_user_code(typed: &str) -> Option<String> {
    let mut code = String::with_capacity(USER_CODE_SYMBOLS + 1);
    let symbols = typed
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '‐' | '‑' | '–' | '—'));
    for (position, symbol) in symbols.enumerate() {
        let symbol = u8::try_from(symbol.to_ascii_uppercase())
            .ok()
            .filter(|s| USER_CODE_ALPHABET.contains(s))?;
        if position == USER_CODE_SYMBOLS / 2 {
            code.push('-');
        }
        code.push(char::from(symbol));
        if position >= USER_CODE_SYMBOLS {
            return None;
        }
    }
    (code.len() == USER_CODE_SYMBOLS + 1).then_some(code)
}
