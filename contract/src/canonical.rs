//! Canonical JSON (RFC 8785) and the contract's rule for numbers.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Number, Value};

use crate::MAX_SAFE_INTEGER;

/// A value that cannot be written canonically or that breaks the rule for numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// A number with a fraction or an exponent.
    #[error("{path}: is not an integer")]
    NotAnInteger {
        /// Where it stands, such as `criteria.speed` or `items[2]`.
        path: String,
    },
    /// An integer outside ±(2^53 − 1).
    #[error("{path}: lies outside ±(2^53 − 1)")]
    OutOfRange {
        /// Where it stands, such as `criteria.speed` or `items[2]`.
        path: String,
    },
    /// A value that JSON cannot hold, such as a map whose keys are not text.
    #[error("cannot be written as JSON: {0}")]
    Json(String),
}

impl CanonicalError {
    /// The same error seen from one level further out.
    fn within(self, outer: &str) -> Self {
        let join = |path: String| match path.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        match self {
            Self::NotAnInteger { path } => Self::NotAnInteger { path: join(path) },
            Self::OutOfRange { path } => Self::OutOfRange { path: join(path) },
            Self::Json(problem) => Self::Json(problem),
        }
    }
}

/// Writes a value as canonical JSON: members sorted by UTF-16, no white space, numbers as
/// ECMAScript writes them (RFC 8785).
///
/// Whoever signs or seals the result also asks [`require_integers`], because RFC 8785 rounds what a
/// double cannot hold.
///
/// # Errors
/// [`CanonicalError::Json`] for a value that JSON cannot hold.
pub fn canonical_json<T: Serialize + ?Sized>(value: &T) -> Result<String, CanonicalError> {
    serde_json_canonicalizer::to_string(&value)
        .map_err(|error| CanonicalError::Json(error.to_string()))
}

/// [`canonical_json`] of a parsed value that may be sealed or signed, which is one that
/// [`require_integers`] takes: ten times as fast for what occurs on the wire.
///
/// A value whose numbers are integers of the contract and whose members' names are ASCII, in
/// ascending order, is written canonically by any writer without white space. Whatever else there
/// may be takes the long way.
///
/// # Errors
/// As [`require_integers`] and [`canonical_json`].
pub fn canonical_value(value: &Value) -> Result<String, CanonicalError> {
    if is_plain(value) {
        return serde_json::to_string(value)
            .map_err(|error| CanonicalError::Json(error.to_string()));
    }
    require_integers(value)?;
    canonical_json(value)
}

/// Whether all numbers are integers of the contract, and RFC 8785 asks nothing that `serde_json`
/// does not do anyway.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Number(number) => require_integer(number).is_ok(),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(members) => {
            members.keys().all(|name| name.is_ascii())
                && members.keys().is_sorted()
                && members.values().all(is_plain)
        }
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Refuses a value that holds, at any depth, a number that is not an integer within ±(2^53 − 1).
///
/// # Errors
/// [`CanonicalError::NotAnInteger`] or [`CanonicalError::OutOfRange`], each with the place of the
/// first such number.
pub fn require_integers(value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => require_integer(number),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            require_integers(item).map_err(|error| error.within(&format!("[{index}]")))
        }),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            require_integers(member).map_err(|error| error.within(name))
        }),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

fn require_integer(number: &Number) -> Result<(), CanonicalError> {
    let path = String::new();
    if number.is_f64() {
        return Err(CanonicalError::NotAnInteger { path });
    }
    match number.as_i64() {
        Some(integer) if integer.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs() => Ok(()),
        _ => Err(CanonicalError::OutOfRange { path }),
    }
}

/// Integer types of the messages, checked against ±(2^53 − 1) when they are read.
pub(crate) trait WireInteger: Sized {
    fn is_safe(&self) -> bool;
}

impl WireInteger for u64 {
    fn is_safe(&self) -> bool {
        *self <= MAX_SAFE_INTEGER.unsigned_abs()
    }
}

impl WireInteger for i64 {
    fn is_safe(&self) -> bool {
        self.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs()
    }
}

impl<T: WireInteger> WireInteger for Option<T> {
    fn is_safe(&self) -> bool {
        self.as_ref().is_none_or(T::is_safe)
    }
}

/// Reads an integer (or an optional one) that must lie within ±(2^53 − 1); for
/// `#[serde(deserialize_with = …)]`.
pub(crate) fn safe_integer<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + WireInteger,
{
    let integer = T::deserialize(deserializer)?;
    if integer.is_safe() {
        Ok(integer)
    } else {
        Err(de::Error::custom("integer lies outside ±(2^53 − 1)"))
    }
}
