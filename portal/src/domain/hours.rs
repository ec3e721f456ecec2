//! Opening hours: on which days an office is open from when to when, by the clock on its wall; and when its screens rest.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pikir_contract::config::{Night, OpenHours, TimeOfDay, Weekday};

const MINUTE_MS: i64 = 60 * 1000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const WEEK_MS: i64 = 7 * DAY_MS;
/// 1970-01-05 was a Monday.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// The opening hours of a place; none: they are not known. Written `mon-fri 08:30-17:30; sat 09:00-13:00`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpeningHours(pub Vec<OpenHours>);

/// A text that is no opening hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not of the form mon-fri 08:30-17:30 (days: mon,tue,… or mon-fri)")]
pub struct HoursError;

impl FromStr for OpeningHours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        text.split(';')
            .map(parse_span)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn parse_span(text: &str) -> Result<OpenHours, HoursError> {
    let (days, times) = text.trim().split_once(' ').ok_or(HoursError)?;
    let (from, to) = times.trim().split_once('-').ok_or(HoursError)?;
    let time = |text: &str| text.parse::<TimeOfDay>().map_err(|_| HoursError);
    let days: Vec<_> = days.split(',').map(parse_days).collect::<Result<_, _>>()?;
    Ok(OpenHours {
        days: days.concat(),
        from: time(from)?,
        to: time(to)?,
    })
}

/// One day, or all from one to another.
fn parse_days(text: &str) -> Result<Vec<Weekday>, HoursError> {
    let number = |name: &str| {
        let found = DAYS.iter().position(|(known, _)| *known == name);
        found.ok_or(HoursError)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    let length = (last + DAYS.len() - first) % DAYS.len() + 1;
    let week = DAYS.iter().cycle().skip(first).take(length);
    Ok(week.map(|(_, day)| *day).collect())
}

impl fmt::Display for OpeningHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, hours) in self.0.iter().enumerate() {
            let days: Vec<&str> = DAYS
                .iter()
                .filter(|(_, day)| hours.days.contains(day))
                .map(|(name, _)| *name)
                .collect();
            let gap = if index > 0 { "; " } else { "" };
            write!(f, "{gap}{} {}-{}", days.join(","), hours.from, hours.to)?;
        }
        Ok(())
    }
}

/// When the screens of a place are dimmed, every day; `None`: never. Written `20:00-07:00`, or `never`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NightHours(pub Option<Night>);

/// A text that is no night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not of the form 20:00-07:00 (or never)")]
pub struct NightError;

const NEVER: &str = "never";

impl FromStr for NightHours {
    type Err = NightError;

    fn from_str(text: &str) -> Result<Self, NightError> {
        if text.trim() == NEVER {
            return Ok(Self(None));
        }
        let (from, to) = text.trim().split_once('-').ok_or(NightError)?;
        let time = |text: &str| text.parse::<TimeOfDay>().map_err(|_| NightError);
        let (from, to) = (time(from)?, time(to)?);
        if from == to {
            return Err(NightError);
        }
        Ok(Self(Some(Night { from, to })))
    }
}

impl fmt::Display for NightHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Night { from, to }) => write!(f, "{from}-{to}"),
            None => f.write_str(NEVER),
        }
    }
}

/// Opening hours that repeat every week, in a time zone.
pub struct Week {
    zone: TimeZone,
    /// From and to, in milliseconds since Monday began; in order, none touching another.
    open: Vec<(i64, i64)>,
}

impl Week {
    /// `None` where no hours are known.
    pub fn new(hours: &OpeningHours, timezone: &str) -> Option<Self> {
        let mut all: Vec<(i64, i64)> = hours.0.iter().flat_map(spans).collect();
        all.sort_unstable();
        let mut open: Vec<(i64, i64)> = Vec::new();
        for (from, to) in all {
            match open.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => open.push((from, to)),
            }
        }
        (!open.is_empty()).then_some(Self {
            zone: TimeZone::get(timezone).unwrap_or(TimeZone::UTC),
            open,
        })
    }

    /// How long the office was open from one moment to another (milliseconds since 1970), in milliseconds. An hour that a
    /// clock is set by counts for the hours it falls into.
    pub fn open_ms(&self, from_ms: i64, to_ms: i64) -> i64 {
        (self.since_ever(to_ms) - self.since_ever(from_ms)).max(0)
    }

    /// How long it was open since the first Monday.
    fn since_ever(&self, unix_ms: i64) -> i64 {
        let offset_ms = Timestamp::from_millisecond(unix_ms).map_or(0, |moment| {
            i64::from(self.zone.to_offset(moment).seconds()) * 1000
        });
        let wall_ms = unix_ms.saturating_add(offset_ms) - FIRST_MONDAY_MS;
        let within = |end: i64| -> i64 {
            let spans = self.open.iter();
            spans.map(|(from, to)| (end.min(*to) - from).max(0)).sum()
        };
        wall_ms.div_euclid(WEEK_MS) * within(WEEK_MS) + within(wall_ms.rem_euclid(WEEK_MS))
    }
}

/// The parts of a week in which these hours are open; over the end of it they go on at its beginning.
fn spans(hours: &OpenHours) -> Vec<(i64, i64)> {
    let (from, to) = (hours.from.minutes(), hours.to.minutes());
    // Over midnight; the same time twice is a whole day.
    let length = i64::from(if from < to {
        to - from
    } else {
        24 * 60 - from + to
    }) * MINUTE_MS;
    let mut spans = Vec::new();
    for day in &hours.days {
        let begin = *day as i64 * DAY_MS + i64::from(from) * MINUTE_MS;
        let end = begin + length;
        spans.push((begin.min(WEEK_MS), end.min(WEEK_MS)));
        if end > WEEK_MS {
            spans.push(((begin - WEEK_MS).max(0), end - WEEK_MS));
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * MINUTE_MS;

    fn hours(text: &str) -> OpeningHours {
        text.parse().unwrap()
    }

    fn week(text: &str) -> Week {
        Week::new(&hours(text), "Asia/Bishkek").unwrap()
    }

    fn ms(utc: &str) -> i64 {
        utc.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn hours_are_written_as_they_are_read() {
        for (text, written) in [
            ("mon-fri 08:30-17:30", "mon,tue,wed,thu,fri 08:30-17:30"),
            ("sat-mon 00:00-24:00", "mon,sat,sun 00:00-24:00"),
            (
                "tue,thu 09:00-13:00; sat 10:00-12:00",
                "tue,thu 09:00-13:00; sat 10:00-12:00",
            ),
        ] {
            assert_eq!(hours(text).to_string(), written);
            assert_eq!(hours(written).to_string(), written);
        }
        for wrong in [
            "",
            "mon",
            "mon 8-17",
            "day 08:00-17:00",
            "mon- 08:00-17:00",
            "mon 08:00-17:00;",
        ] {
            assert_eq!(wrong.parse::<OpeningHours>(), Err(HoursError), "{wrong}");
        }
    }

    #[test]
    fn a_night_is_written_as_it_is_read_and_has_a_length() {
        for text in ["20:00-07:00", "00:30-05:15", "never"] {
            assert_eq!(text.parse::<NightHours>().unwrap().to_string(), text);
        }
        for wrong in ["", "20-7", "20:00", "25:00-07:00", "07:00-07:00"] {
            assert_eq!(wrong.parse::<NightHours>(), Err(NightError), "{wrong}");
        }
    }

    #[test]
    fn a_week_adds_up_wherever_it_begins() {
        for (text, open_h) in [
            ("mon-fri 08:30-12:00; mon-fri 13:00-17:30", 40),
            ("mon-sun 00:00-24:00", 168),
            ("mon 20:00-02:00", 6),
            ("sun 20:00-20:00", 24),
            ("tue 08:00-12:00; tue 11:00-13:00; tue 12:00-13:00", 5),
        ] {
            let week = week(text);
            for start in [0, ms("2027-01-06T05:17:00Z"), ms("2027-01-10T23:59:59Z")] {
                assert_eq!(
                    week.open_ms(start, start + WEEK_MS),
                    open_h * HOUR_MS,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn hours_are_those_of_the_clock_on_the_wall() {
        let week = week("mon 08:30-17:30");
        // 2027-01-04 is a Monday; Bishkek is six hours ahead.
        let open = |from, to| week.open_ms(ms(from), ms(to)) / MINUTE_MS;
        assert_eq!(open("2027-01-04T00:00:00Z", "2027-01-04T02:31:00Z"), 1);
        assert_eq!(open("2027-01-04T11:00:00Z", "2027-01-05T00:00:00Z"), 30);
        assert_eq!(open("2027-01-05T00:00:00Z", "2027-01-06T00:00:00Z"), 0);
        assert_eq!(open("2027-01-04T11:00:00Z", "2027-01-04T10:00:00Z"), 0);
    }

    #[test]
    fn where_no_hours_are_known_there_is_no_week() {
        assert!(Week::new(&OpeningHours::default(), "UTC").is_none());
    }
}
