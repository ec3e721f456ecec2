//! Status reports: `POST /api/v1/status`.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::canonical::safe_integer;
use crate::{ClockReading, MAX_PROBLEM_CHARS, MAX_PROBLEMS, Time};

/// How a terminal is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Name and version of the terminal's software.
    pub software: String,
    /// The moment of sending.
    pub clock: ClockReading,
    /// Events that the portal has not acknowledged.
    #[serde(deserialize_with = "safe_integer")]
    pub pending: u64,
    /// Events that the portal has rejected and the terminal has set aside.
    #[serde(deserialize_with = "safe_integer")]
    pub rejected: u64,
    /// Age of the oldest pending event in seconds; `null` when none is pending.
    #[serde(default, deserialize_with = "safe_integer")]
    pub oldest_pending_s: Option<u64>,
    /// Free space for the journal, in MB (10^6 bytes).
    #[serde(deserialize_with = "safe_integer")]
    pub disk_free_mb: u64,
    /// Temperature of the processor in whole °C.
    #[serde(
        default,
        deserialize_with = "safe_integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub temperature_c: Option<i64>,
    /// What the firmware says of throttling and undervoltage, as it says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<Value>,
    /// How the terminal is connected, in words for a technician. The contract leaves its form open:
    /// what is no text is read as its JSON text.
    #[serde(deserialize_with = "text_or_json")]
    pub network: String,
    /// Version of the configuration in use; `null` where there is none.
    #[serde(default, deserialize_with = "safe_integer")]
    pub config_version: Option<i64>,
    /// Why the terminal refused the configuration that it was given last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_refused: Option<String>,
    /// Seconds since the last rating.
    #[serde(
        default,
        deserialize_with = "safe_integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_rating_s: Option<u64>,
    /// Keys of what is wrong with the terminal, such as `no-touch-panel`; a reader shows those it
    /// does not know as they are. Absent where the terminal does not say.
    #[serde(
        default,
        deserialize_with = "keys",
        skip_serializing_if = "Option::is_none"
    )]
    pub problems: Option<Vec<String>>,
    /// Touch panels that are there; absent where the terminal does not know.
    #[serde(
        default,
        deserialize_with = "safe_integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub touch_panels: Option<u64>,
    /// Displays that are drawn to.
    #[serde(
        default,
        deserialize_with = "safe_integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub displays: Option<u64>,
    /// Seconds since the terminal's machine started.
    #[serde(
        default,
        deserialize_with = "safe_integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub uptime_s: Option<u64>,
}

/// Short keys, not too many of them: lower-case letters, digits and `-`.
fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let keys = Option::<Vec<String>>::deserialize(deserializer)?;
    let is_key = |key: &String| {
        (1..=MAX_PROBLEM_CHARS).contains(&key.len())
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    match &keys {
        Some(list) if list.len() > MAX_PROBLEMS => Err(de::Error::custom(format_args!(
            "problems: are more than {MAX_PROBLEMS}"
        ))),
        Some(list) if !list.iter().all(is_key) => Err(de::Error::custom(
            "problems: holds something that is no key",
        )),
        _ => Ok(keys),
    }
}

fn text_or_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// `200`: the portal's clock, and which configuration is current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// The portal's clock.
    pub time: Time,
    /// The `ETag` of the terminal's current configuration; `null` where there is none.
    #[serde(default)]
    pub config_etag: Option<String>,
}
