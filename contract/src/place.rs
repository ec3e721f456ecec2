//! Place codes, presence tokens and the address in the QR code.
//!
//! `HTTPS://HOST/Q/CODE/TOKEN`, all upper case, so that it fits the alphanumeric mode of a QR code.
//! The token shows that whoever opens the address stood in front of the terminal a few minutes ago.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::mac::hmac_sha256;
use crate::{
    MAX_PLACE_CODE_SYMBOLS, MIN_PLACE_CODE_SYMBOLS, PRESENCE_TOKEN_BYTES, PRESENCE_TOKEN_SYMBOLS,
    PRESENCE_WINDOW_STEPS,
};

/// Crockford's base32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// One typed symbol in its written form: upper case, O read as 0, I and L as 1. `None` for what is
/// no symbol.
fn normalize(symbol: char) -> Option<char> {
    match symbol.to_ascii_uppercase() {
        'O' => Some('0'),
        'I' | 'L' => Some('1'),
        upper => u8::try_from(upper)
            .is_ok_and(|byte| ALPHABET.contains(&byte))
            .then_some(upper),
    }
}

/// The short code of a place: 1–32 symbols of Crockford's base32, upper case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceCode(String);

/// A text that is no place code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceCodeError {
    /// Too short or too long.
    #[error("is not {MIN_PLACE_CODE_SYMBOLS} to {MAX_PLACE_CODE_SYMBOLS} symbols long")]
    Length,
    /// A symbol that is not in Crockford's base32.
    #[error("holds a symbol other than the digits and letters of Crockford's base32 (no U)")]
    Symbol,
}

impl PlaceCode {
    /// The code as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlaceCode {
    type Err = PlaceCodeError;

    /// Reads a code in any case; O counts as 0, I and L as 1.
    fn from_str(text: &str) -> Result<Self, PlaceCodeError> {
        if !(MIN_PLACE_CODE_SYMBOLS..=MAX_PLACE_CODE_SYMBOLS).contains(&text.chars().count()) {
            return Err(PlaceCodeError::Length);
        }
        text.chars()
            .map(normalize)
            .collect::<Option<String>>()
            .map(Self)
            .ok_or(PlaceCodeError::Symbol)
    }
}

impl fmt::Display for PlaceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for PlaceCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PlaceCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The number of the step at a time: unix time / step length, rounded down. Before 1970 it is 0; a
/// step of 0 s counts as 1 s.
#[must_use]
pub fn presence_step(unix_s: i64, step_s: u64) -> u64 {
    u64::try_from(unix_s).unwrap_or(0) / step_s.max(1)
}

/// The presence token of a place in a step: 16 symbols, the first 10 bytes of
/// `HMAC-SHA256(presence_key, CODE || step as 8 bytes big-endian)`.
#[must_use]
pub fn presence_token(key: &[u8], code: &PlaceCode, step: u64) -> String {
    let mac = hmac_sha256(key, &[code.0.as_bytes(), &step.to_be_bytes()]);
    base32(&mac[..PRESENCE_TOKEN_BYTES])
}

/// Crockford's base32 of bytes whose number of bits is a multiple of five.
fn base32(bytes: &[u8]) -> String {
    let symbols = bytes.chunks(5).flat_map(|chunk| {
        let bits = chunk
            .iter()
            .fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
        (0..8)
            .rev()
            .map(move |position| char::from(ALPHABET[(bits >> (5 * position)) as usize & 31]))
    });
    symbols.collect()
}

/// Whether the token is that of the current step or of one of the two steps on either side. Any
/// case; constant time.
#[must_use]
pub fn check_presence(key: &[u8], code: &PlaceCode, token: &str, unix_s: i64, step_s: u64) -> bool {
    step_of_presence(key, code, token, unix_s, step_s).is_some()
}

/// The step whose token this is, if it is that of the current step or of one of the two steps on
/// either side. Any case; constant time.
#[must_use]
pub fn step_of_presence(
    key: &[u8],
    code: &PlaceCode,
    token: &str,
    unix_s: i64,
    step_s: u64,
) -> Option<u64> {
    let token = token.chars().map(normalize).collect::<Option<String>>()?;
    if token.len() != PRESENCE_TOKEN_SYMBOLS {
        return None;
    }
    let now = presence_step(unix_s, step_s);
    let steps =
        now.saturating_sub(PRESENCE_WINDOW_STEPS)..=now.saturating_add(PRESENCE_WINDOW_STEPS);
    let nowhere = (Choice::from(0), 0);
    let (found, step) = steps.fold(nowhere, |(found, at), step| {
        let made = presence_token(key, code, step);
        let is_it = made.as_bytes().ct_eq(token.as_bytes());
        (found | is_it, u64::conditional_select(&at, &step, is_it))
    });
    bool::from(found).then_some(step)
}

/// Whether a step's token is still accepted: the step is the current one or one of the two steps on
/// either side.
#[must_use]
pub fn is_presence_step(step: u64, unix_s: i64, step_s: u64) -> bool {
    presence_step(unix_s, step_s).abs_diff(step) <= PRESENCE_WINDOW_STEPS
}

/// The address in the QR code, all upper case: `HTTPS://HOST/Q/CODE/TOKEN`, or
/// `HTTPS://HOST/Q/CODE` for a printed poster and for a terminal that does not know the time.
#[must_use]
pub fn qr_address(base_url: &str, code: &PlaceCode, token: Option<&str>) -> String {
    let base = base_url.trim_end_matches('/');
    let mut address = format!("{base}/Q/{code}");
    if let Some(token) = token {
        address.extend(["/", token]);
    }
    address.make_ascii_uppercase();
    address
}
