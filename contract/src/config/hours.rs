//! When the office is open, and when the screen rests.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::reader::Node;
use crate::{MAX_HOURS_EXCEPTIONS, MAX_UTC_OFFSET_MINUTES, MAX_UTC_OFFSETS, Malformed, Time};

/// The time zone of hours that name none.
const DEFAULT_TIMEZONE: &str = "UTC";

/// Opening hours, all in one time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hours {
    /// The name in the IANA time zone database, such as `Asia/Bishkek`; UTC by default. Whether the
    /// zone is known is for the reader's database to say.
    #[serde(skip_serializing_if = "is_default_timezone")]
    pub timezone: String,
    /// When the office is open; always by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenHours>,
    /// When the screen is dimmed; never by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub night: Option<Night>,
    /// Days with hours of their own, each at most once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<HoursException>,
    /// What the zone's offset is and will be, in ascending order; empty where the portal does not
    /// say. It spares the reader a zone database, which may be older than the law.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offsets: Vec<UtcOffset>,
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
            exceptions: node.or_default("exceptions", read_exceptions)?,
            offsets: node.or_default("offsets", read_offsets)?,
        })
    }
}

fn read_exceptions(list: &Node<'_>) -> Result<Vec<HoursException>, Malformed> {
    let exceptions = list.items(HoursException::read)?;
    if exceptions.len() > MAX_HOURS_EXCEPTIONS {
        return Err(list.wrong(format_args!("holds more than {MAX_HOURS_EXCEPTIONS} days")));
    }
    let days: BTreeSet<Date> = exceptions.iter().map(|it| it.date).collect();
    if days.len() < exceptions.len() {
        return Err(list.wrong("names a day twice"));
    }
    Ok(exceptions)
}

fn read_offsets(list: &Node<'_>) -> Result<Vec<UtcOffset>, Malformed> {
    let offsets = list.items(UtcOffset::read)?;
    if offsets.len() > MAX_UTC_OFFSETS {
        return Err(list.wrong(format_args!("holds more than {MAX_UTC_OFFSETS} offsets")));
    }
    if !offsets.is_sorted_by(|earlier, later| earlier.from < later.from) {
        return Err(list.wrong("is not in ascending order"));
    }
    Ok(offsets)
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

/// A day whose hours replace those of its weekday.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoursException {
    /// The day, as the clock on the wall counts it.
    #[serde(serialize_with = "as_text")]
    pub date: Date,
    /// When the office is open that day; empty: not at all.
    pub open: Vec<OpenSpan>,
}

impl HoursException {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            date: read_date(&node.required("date")?)?,
            open: node.required("open")?.items(OpenSpan::read)?,
        })
    }
}

fn read_date(node: &Node<'_>) -> Result<Date, Malformed> {
    let text = node.text()?;
    // jiff alone would also take `20261231`, a time of day, or a year of six digits.
    let date: Option<Date> = text.parse().ok();
    date.filter(|date| date.to_string() == text)
        .ok_or_else(|| node.wrong("is not a date of the form YYYY-MM-DD"))
}

fn as_text<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

/// Open from one time to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OpenSpan {
    /// Opens at.
    pub from: TimeOfDay,
    /// Closes at; before `from`, it is that time on the following day.
    pub to: TimeOfDay,
}

impl OpenSpan {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            from: node.required("from")?.parsed()?,
            to: node.required("to")?.parsed()?,
        })
    }
}

/// How far the office's clock is ahead of UTC from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UtcOffset {
    /// The moment.
    pub from: Time,
    /// Minutes ahead of UTC; behind it where negative.
    pub minutes: i16,
}

impl UtcOffset {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            from: node.required("from")?.parsed()?,
            minutes: node
                .required("minutes")?
                .small(-MAX_UTC_OFFSET_MINUTES..=MAX_UTC_OFFSET_MINUTES)?,
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
