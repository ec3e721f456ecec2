//! Times on the wire: RFC 3339 in UTC with `Z`, to the millisecond.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time that has no form on the wire, or a text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not `YYYY-MM-DDThh:mm:ss[.fraction]Z`, or no such day or hour.
    #[error("is not an RFC 3339 time in UTC with Z")]
    Form,
    /// Outside the years 0000 to 9999, which RFC 3339 can write.
    #[error("lies outside the years that RFC 3339 can write")]
    Range,
}

/// A moment in UTC, to the millisecond. Written `2026-01-31T08:30:00.000Z`.
///
/// Finer fractions are cut off when read, so a value equals what it is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Timestamp);

/// 0000-01-01T00:00:00Z in milliseconds since 1970, the first moment RFC 3339 can write.
const FIRST_MS: i64 = -62_167_219_200_000;

impl Time {
    /// The moment so many milliseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`TimeError::Range`] outside the years 0000 to 9999.
    pub fn from_unix_ms(unix_ms: i64) -> Result<Self, TimeError> {
        if unix_ms < FIRST_MS {
            return Err(TimeError::Range);
        }
        Timestamp::from_millisecond(unix_ms)
            .map(Self)
            .map_err(|_| TimeError::Range)
    }

    /// The moment of a [`Timestamp`], cut to the millisecond.
    ///
    /// # Errors
    /// [`TimeError::Range`] outside the years 0000 to 9999.
    pub fn from_timestamp(timestamp: Timestamp) -> Result<Self, TimeError> {
        let unix_ms = timestamp.as_nanosecond().div_euclid(1_000_000);
        i64::try_from(unix_ms)
            .map_err(|_| TimeError::Range)
            .and_then(Self::from_unix_ms)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_ms(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The moment as jiff's type.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

/// Whether the text has the shape `YYYY-MM-DDThh:mm:ss[.fraction]Z`; jiff alone would also take
/// offsets, spaces and zone names.
fn has_wire_form(text: &str) -> bool {
    const SHAPE: &[u8; 19] = b"dddd-dd-ddTdd:dd:dd";
    let Some((start, rest)) = text.as_bytes().split_at_checked(SHAPE.len()) else {
        return false;
    };
    let shaped = start.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        _ => byte == shape,
    });
    let ended = match rest {
        b"Z" => true,
        [b'.', digits @ .., b'Z'] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    shaped && ended
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        if !has_wire_form(text) {
            return Err(TimeError::Form);
        }
        let timestamp: Timestamp = text.parse().map_err(|_| TimeError::Form)?;
        Self::from_timestamp(timestamp)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
