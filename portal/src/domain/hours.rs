//! Opening hours as they are written, and when screens rest. What follows from them is
//! [`crate::domain::schedule`].

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use pikir_contract::config::{Night, OpenHours, OpenSpan, TimeOfDay, Weekday};
use pikir_contract::rules::open;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];
/// Introduces the day from which on other weekly hours hold.
const SINCE: &str = "since";
/// The hours of a date on which nobody comes.
const CLOSED: &str = "closed";

/// The opening hours that a place or an organisation has of its own; empty: none are known.
///
/// Written `mon-fri 08:30-12:00,13:00-17:30; sat 09:00-13:00; 2026-12-31 closed; since 2027-06-01;
/// mon-fri 09:00-18:00`: weekly hours, hours of single dates, which replace those of their weekday,
/// and weekly hours from a day on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpeningHours {
    /// From when, and which; the first from ever, then in ascending order.
    weeks: Vec<(Option<Date>, Vec<OpenHours>)>,
    dates: BTreeMap<Date, Vec<OpenSpan>>,
}

/// A text that is no opening hours: which part of it, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HoursError(String);

impl HoursError {
    fn new(why: impl fmt::Display) -> Self {
        Self(why.to_string())
    }
}

impl OpeningHours {
    /// True where nothing is known.
    pub fn is_empty(&self) -> bool {
        self.dates.is_empty() && !self.has_week()
    }

    /// Whether weekly hours are known for any time.
    pub fn has_week(&self) -> bool {
        self.weeks.iter().any(|(_, week)| !week.is_empty())
    }

    /// The weekly hours in force on a date; `None`: not known.
    pub fn week_on(&self, date: Date) -> Option<&[OpenHours]> {
        let mut weeks = self.weeks.iter().rev();
        let (_, week) = weeks.find(|(since, _)| since.is_none_or(|since| since <= date))?;
        (!week.is_empty()).then_some(week)
    }

    /// The hours of this very date, where it has any of its own; empty: closed.
    pub fn on_date(&self, date: Date) -> Option<&[OpenSpan]> {
        self.dates.get(&date).map(Vec::as_slice)
    }

    fn take_entry(&mut self, entry: &str) -> Result<(), HoursError> {
        let form = || {
            HoursError::new(format_args!(
                "{entry:?} is not of the form mon-fri 08:30-17:30, 2026-12-31 closed or since 2027-06-01"
            ))
        };
        let (what, rest) = entry.split_once(char::is_whitespace).ok_or_else(form)?;
        let rest = rest.trim();
        if what == SINCE {
            return self.begin_week(parse_date(rest)?);
        }
        if what.starts_with(|first: char| first.is_ascii_digit()) {
            return self.take_date(parse_date(what)?, rest);
        }
        if rest == CLOSED {
            return Err(HoursError::new(format_args!(
                "{entry:?}: days that are not named are closed; leave it out"
            )));
        }
        let days: Vec<_> = what
            .split(',')
            .map(parse_days)
            .collect::<Option<_>>()
            .ok_or_else(form)?;
        let days = days.concat();
        let spans = parse_spans(rest)?;
        if self.weeks.is_empty() {
            self.weeks.push((None, Vec::new()));
        }
        // There is one by now.
        if let Some((_, week)) = self.weeks.last_mut() {
            week.extend(spans.iter().map(|span| OpenHours {
                days: days.clone(),
                from: span.from,
                to: span.to,
            }));
        }
        Ok(())
    }

    fn begin_week(&mut self, since: Date) -> Result<(), HoursError> {
        match self.weeks.last() {
            Some((Some(before), _)) if *before >= since => {
                return Err(HoursError::new(format_args!(
                    "since {since} does not follow since {before}"
                )));
            }
            None => self.weeks.push((None, Vec::new())),
            _ => {}
        }
        self.weeks.push((Some(since), Vec::new()));
        Ok(())
    }

    fn take_date(&mut self, date: Date, text: &str) -> Result<(), HoursError> {
        let at = |why: String| HoursError::new(format_args!("{date}: {why}"));
        let spans = match text {
            CLOSED => Vec::new(),
            times => parse_spans(times)?,
        };
        let mut minutes: Vec<_> = spans.iter().map(open).collect();
        minutes.sort_by_key(|open| open.start);
        if minutes.windows(2).any(|two| two[1].start < two[0].end) {
            return Err(at(format!("{text} overlap")));
        }
        if minutes.iter().any(|open| open.start == END_OF_DAY_MIN) {
            return Err(at(
                "24:00 is the end of a day; nothing begins there".to_owned()
            ));
        }
        match self.dates.insert(date, spans) {
            None => Ok(()),
            Some(_) => Err(at(
                "stands there twice; several hours of one day are written 09:00-12:00,13:00-15:00"
                    .to_owned(),
            )),
        }
    }
}

/// 24:00.
const END_OF_DAY_MIN: u16 = 24 * 60;

impl FromStr for OpeningHours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let mut hours = Self::default();
        for entry in text.split(';') {
            hours.take_entry(entry.trim())?;
        }
        if let [.., (Some(since), week)] = hours.weeks.as_slice()
            && week.is_empty()
        {
            return Err(HoursError::new(format_args!(
                "no weekly hours follow since {since}"
            )));
        }
        Ok(hours)
    }
}

/// A date, written 2026-12-31.
pub fn parse_date(text: &str) -> Result<Date, HoursError> {
    // jiff alone would also take other forms.
    let date = text.parse::<Date>().ok();
    date.filter(|date| date.to_string() == text)
        .ok_or_else(|| HoursError::new(format_args!("{text:?} is no date such as 2026-12-31")))
}

/// One span of a day or several: `08:30-12:00,13:00-17:30`.
fn parse_spans(text: &str) -> Result<Vec<OpenSpan>, HoursError> {
    let span = |text: &str| {
        let (from, to) = text.trim().split_once('-')?;
        let time = |text: &str| text.trim().parse::<TimeOfDay>().ok();
        Some(OpenSpan {
            from: time(from)?,
            to: time(to)?,
        })
    };
    text.split(',')
        .map(|part| {
            span(part).ok_or_else(|| {
                HoursError::new(format_args!("{part:?} is not of the form 08:30-17:30"))
            })
        })
        .collect()
}

/// One day, or all from one to another.
fn parse_days(text: &str) -> Option<Vec<Weekday>> {
    let number = |name: &str| DAYS.iter().position(|(known, _)| *known == name);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    let length = (last + DAYS.len() - first) % DAYS.len() + 1;
    let week = DAYS.iter().cycle().skip(first).take(length);
    Some(week.map(|(_, day)| *day).collect())
}

impl fmt::Display for OpeningHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries: Vec<String> = Vec::new();
        for (since, week) in &self.weeks {
            entries.extend(since.map(|since| format!("{SINCE} {since}")));
            for hours in week {
                let days: Vec<&str> = DAYS
                    .iter()
                    .filter(|(_, day)| hours.days.contains(day))
                    .map(|(name, _)| *name)
                    .collect();
                entries.push(format!("{} {}-{}", days.join(","), hours.from, hours.to));
            }
        }
        for (date, spans) in &self.dates {
            let spans: Vec<String> = spans
                .iter()
                .map(|span| format!("{}-{}", span.from, span.to))
                .collect();
            let closed = spans.is_empty().then(|| CLOSED.to_owned());
            entries.push(format!("{date} {}", closed.unwrap_or(spans.join(","))));
        }
        f.write_str(&entries.join("; "))
    }
}

/// When the screens of a place are dimmed, every day; `None`: never. Written `20:00-07:00`, or
/// `never`.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> OpeningHours {
        text.parse().unwrap()
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
            (
                "mon 08:30-12:00,13:00-17:30",
                "mon 08:30-12:00; mon 13:00-17:30",
            ),
            (
                "2026-12-31 closed; mon-fri 08:30-17:30; 2026-12-26 09:00-12:00,13:00-15:00",
                "mon,tue,wed,thu,fri 08:30-17:30; 2026-12-26 09:00-12:00,13:00-15:00; 2026-12-31 closed",
            ),
            (
                "mon 09:00-18:00; since 2027-06-01; mon 08:00-17:00; 2027-01-07 closed",
                "mon 09:00-18:00; since 2027-06-01; mon 08:00-17:00; 2027-01-07 closed",
            ),
        ] {
            assert_eq!(hours(text).to_string(), written);
            assert_eq!(hours(written).to_string(), written);
        }
    }

    #[test]
    fn what_is_no_opening_hours_is_named() {
        for (wrong, why) in [
            ("", "\"\""),
            ("mon", "\"mon\""),
            ("mon 8-17", "\"8-17\""),
            ("day 08:00-17:00", "\"day 08:00-17:00\""),
            ("mon- 08:00-17:00", "mon-"),
            ("mon 08:00-17:00;", "\"\""),
            ("sun closed", "leave it out"),
            ("2027-02-29 closed", "\"2027-02-29\" is no date"),
            ("20270228 closed", "is no date"),
            (
                "2026-12-31 closed; 2026-12-31 09:00-13:00",
                "2026-12-31: stands there twice",
            ),
            ("2026-12-26 09:00-13:00,12:00-15:00", "overlap"),
            ("2026-12-26 20:00-04:00,22:00-23:00", "overlap"),
            ("2026-12-26 24:00-08:00", "24:00"),
            ("since 2027-06-01", "no weekly hours follow"),
            (
                "mon 08:00-17:00; since 2027-06-01; mon 09:00-18:00; since 2027-06-01; mon 07:00-08:00",
                "does not follow",
            ),
        ] {
            let error = wrong.parse::<OpeningHours>().unwrap_err().to_string();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }

    #[test]
    fn weekly_hours_hold_from_their_day_on() {
        let hours = hours("mon 09:00-18:00; since 2027-06-01; mon 08:00-17:00");
        let from = |date: &str| {
            hours.week_on(date.parse().unwrap()).unwrap()[0]
                .from
                .to_string()
        };
        assert_eq!(
            (from("2020-01-01"), from("2027-05-31")),
            ("09:00".to_owned(), "09:00".to_owned())
        );
        assert_eq!(from("2027-06-01"), "08:00");
        let later: OpeningHours = "since 2027-06-01; mon 08:00-17:00".parse().unwrap();
        assert_eq!(later.week_on("2027-05-31".parse().unwrap()), None);
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
}
