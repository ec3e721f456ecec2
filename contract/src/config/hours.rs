//! When the office is open, and when the screen rests.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::Malformed;
use crate::reader::Node;

/// The time zone of hours that name none.
const DEFAULT_TIMEZONE: &str = "UTC";

/// Opening hours, all in one time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hours {
    /// The name in the IANA time zone database, such as `Asia/Bishkek`; UTC by default. Whether the zone is known is for the reader's
    /// database to say.
    #[serde(skip_serializing_if = "is_default_timezone")]
    pub timezone: String,
    /// When the office is open; always by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenHours>,
    /// When the screen is dimmed; never by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub night: Option<Night>,
}

fn is_default_timezone(timezone: &String) -> bool {
    timezone == DEFAULT_TIMEZONE
}

impl Hours {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let timezone = node.maybe("timezone", read_timezone)?;
        Ok(Self {
            timezone: timezone.unwrap_or_else(|| DEFAULT_TIMEZONE.to_owned()),
            open: node.or_default("open", |list| list.items(OpenHours::read))?,
            night: node.maybe("night", Night::read)?,
        })
    }
}

fn read_timezone(node: &Node<'_>) -> Result<String, Malformed> {
    let name = node.name()?;
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+');
    if name.bytes().all(is_part) {
        Ok(name)
    } else {
        Err(node.wrong("is not the name of a time zone"))
    }
}

/// Open on these days from one time to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenHours {
    /// The days, at least one.
    pub days: Vec<Weekday>,
    /// Opens at.
    pub from: TimeOfDay,
    /// Closes at; before `from`, it is that time on the following day.
    pub to: TimeOfDay,
}

impl OpenHours {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let list = node.required("days")?;
        let days = list.items(Weekday::read)?;
        if days.is_empty() {
            return Err(list.wrong("names no day"));
        }
        Ok(Self {
            days,
            from: node.required("from")?.parsed()?,
            to: node.required("to")?.parsed()?,
        })
    }
}

/// When the screen is dimmed, every day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Night {
    /// Begins at.
    pub from: TimeOfDay,
    /// Ends at; before `from`, it is that time on the following day.
    pub to: TimeOfDay,
}

impl Night {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            from: node.required("from")?.parsed()?,
            to: node.required("to")?.parsed()?,
        })
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday
    Mon,
    /// Tuesday
    Tue,
    /// Wednesday
    Wed,
    /// Thursday
    Thu,
    /// Friday
    Fri,
    /// Saturday
    Sat,
    /// Sunday
    Sun,
}

impl Weekday {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(match node.text()? {
            "mon" => Self::Mon,
            "tue" => Self::Tue,
            "wed" => Self::Wed,
            "thu" => Self::Thu,
            "fri" => Self::Fri,
            "sat" => Self::Sat,
            "sun" => Self::Sun,
            _ => return Err(node.wrong("is not mon, tue, wed, thu, fri, sat or sun")),
        })
    }
}

/// A time of day to the minute, written `HH:MM`; `24:00` is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u16);

/// A text that is no time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a time of day of the form HH:MM")]
pub struct TimeOfDayError;

impl TimeOfDay {
    /// Minutes since midnight, 0–1440.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl FromStr for TimeOfDay {
    type Err = TimeOfDayError;

    fn from_str(text: &str) -> Result<Self, TimeOfDayError> {
        let &[h1, h2, b':', m1, m2] = text.as_bytes() else {
            return Err(TimeOfDayError);
        };
        let number = |tens: u8, ones: u8| {
            (tens.is_ascii_digit() && ones.is_ascii_digit())
                .then(|| u16::from(tens - b'0') * 10 + u16::from(ones - b'0'))
        };
        match (number(h1, h2), number(m1, m2)) {
            (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => Ok(Self(hours * 60 + minutes)),
            (Some(24), Some(0)) => Ok(Self(24 * 60)),
            _ => Err(TimeOfDayError),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
