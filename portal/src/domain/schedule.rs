//! When a place is open: its own hours, those of the organisations above it, and their calendar,
//! put together.
//!
//! For a date the nearest level that names it decides, then the calendar, then the nearest level
//! that has weekly hours. Where none of them has any, it is open all day.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use pikir_contract::Time;
use pikir_contract::config::{HoursException, OpenHours, OpenSpan, TimeOfDay, UtcOffset, Weekday};
use pikir_contract::rules::{Open, is_served, open, weekday};

use crate::domain::hours::OpeningHours;

const MINUTE_MS: i64 = 60 * 1000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// For how long ahead terminals are told exceptions and offsets (days), as the contract asks.
const AHEAD_DAYS: i64 = 400;
/// By how much a short day ends earlier (minutes).
pub const SHORT_BY_MIN: u16 = 60;

/// What a calendar says of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayKind {
    /// Closed.
    Holiday,
    /// A working day whatever its weekday: open as on the last day before it from Monday to Friday.
    Working,
    /// Open as usual, but [`SHORT_BY_MIN`] less.
    Short,
}

impl DayKind {
    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holiday => "holiday",
            Self::Working => "working",
            Self::Short => "short",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Holiday, Self::Working, Self::Short]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// When a place is open.
#[derive(Clone, Debug)]
pub struct Schedule {
    zone: TimeZone,
    /// The place's own hours first, then those of its organisations upwards.
    levels: Vec<OpeningHours>,
    calendar: BTreeMap<Date, DayKind>,
}

impl Schedule {
    /// `None` where no hours are known. A zone that this machine does not know counts in UTC.
    pub fn new(
        timezone: &str,
        levels: Vec<OpeningHours>,
        calendar: BTreeMap<Date, DayKind>,
    ) -> Option<Self> {
        let known = levels.iter().any(|level| !level.is_empty());
        known.then(|| Self {
            zone: zone(timezone),
            levels,
            calendar,
        })
    }

    /// Whether a rating at this moment (milliseconds since 1970) is of somebody who was served.
    pub fn serves(&self, unix_ms: i64) -> bool {
        let Ok(moment) = Timestamp::from_millisecond(unix_ms) else {
            return true;
        };
        let wall = self.zone.to_datetime(moment);
        is_served(wall, |date| self.opens(date))
    }

    /// The weekly hours in force at a moment, and every date from the day before on whose hours are
    /// others, so far ahead as terminals are told.
    pub fn told(&self, now_ms: i64) -> (Vec<OpenHours>, Vec<HoursException>) {
        let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let today = self.zone.to_datetime(now).date();
        let week = self.week_on(today).unwrap_or_default();
        let sorted = |spans: &[OpenSpan]| {
            let mut minutes: Vec<(u16, u16)> =
                spans.iter().map(|span| minutes(open(span))).collect();
            minutes.sort_unstable();
            minutes
        };
        let exception = |date: Date| {
            let spans = self.spans(date);
            let differs = sorted(&spans) != sorted(&usual(week, weekday(date)));
            differs.then_some(HoursException { date, open: spans })
        };
        let days = (-1..=AHEAD_DAYS).filter_map(|days| today.checked_add(days.days()).ok());
        (week.to_vec(), days.filter_map(exception).collect())
    }

    fn week_on(&self, date: Date) -> Option<&[OpenHours]> {
        self.levels.iter().find_map(|level| level.week_on(date))
    }

    fn opens(&self, date: Date) -> Vec<Open> {
        self.spans(date).iter().map(open).collect()
    }

    /// When it is open on a date.
    fn spans(&self, date: Date) -> Vec<OpenSpan> {
        if let Some(spans) = self.levels.iter().find_map(|level| level.on_date(date)) {
            return spans.to_vec();
        }
        let week = self.week_on(date).unwrap_or_default();
        let usual = usual(week, weekday(date));
        // Of an office without weekly hours nobody knows that it keeps holidays.
        match self.calendar.get(&date).filter(|_| !week.is_empty()) {
            None => usual,
            Some(DayKind::Holiday) => Vec::new(),
            Some(DayKind::Working) => working(week, weekday(date)).unwrap_or(usual),
            Some(DayKind::Short) => shortened(usual),
        }
    }
}

fn zone(timezone: &str) -> TimeZone {
    TimeZone::get(timezone).unwrap_or(TimeZone::UTC)
}

fn minutes(open: Open) -> (u16, u16) {
    (open.start, open.end)
}

/// The hours of a day of the week; without weekly hours the whole day.
fn usual(week: &[OpenHours], day: Weekday) -> Vec<OpenSpan> {
    match week {
        [] => time_of_day(0)
            .map(|midnight| OpenSpan {
                from: midnight,
                to: midnight,
            })
            .into_iter()
            .collect(),
        week => weekly(week, day),
    }
}

/// So many minutes after midnight, as far as a clock has it.
fn time_of_day(minute: u16) -> Option<TimeOfDay> {
    format!("{:02}:{:02}", minute / 60, minute % 60)
        .parse()
        .ok()
}

fn weekly(week: &[OpenHours], day: Weekday) -> Vec<OpenSpan> {
    let of_day = week.iter().filter(|hours| hours.days.contains(&day));
    of_day
        .map(|&OpenHours { from, to, .. }| OpenSpan { from, to })
        .collect()
}

/// The hours of the last day from Monday to Friday, this one included, that has any.
fn working(week: &[OpenHours], day: Weekday) -> Option<Vec<OpenSpan>> {
    const WORKING: [Weekday; 5] = [
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
    ];
    let before = WORKING.iter().rev().filter(|it| **it <= day);
    let after = WORKING.iter().rev().filter(|it| **it > day);
    let mut days = before.chain(after).map(|day| weekly(week, *day));
    days.find(|spans| !spans.is_empty())
}

/// The same hours, but for the last [`SHORT_BY_MIN`].
fn shortened(mut spans: Vec<OpenSpan>) -> Vec<OpenSpan> {
    let Some(last) = (0..spans.len()).max_by_key(|at| open(&spans[*at]).end) else {
        return spans;
    };
    let Range { start, end } = open(&spans[last]);
    match end.saturating_sub(SHORT_BY_MIN) {
        to if to <= start => {
            spans.remove(last);
        }
        to => spans[last].to = time_of_day(to % (24 * 60)).unwrap_or(spans[last].to),
    }
    spans
}

/// What the offset of a time zone is at a moment (milliseconds since 1970) and will be, as far
/// ahead as terminals are told.
pub fn offsets(timezone: &str, now_ms: i64) -> Vec<UtcOffset> {
    let zone = zone(timezone);
    let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let until = now
        .checked_add(SignedDuration::from_hours(24 * AHEAD_DAYS))
        .unwrap_or(Timestamp::MAX);
    let offset = |from: Timestamp, offset: jiff::tz::Offset| {
        Some(UtcOffset {
            from: Time::from_timestamp(from).ok()?,
            minutes: i16::try_from(offset.seconds() / 60).ok()?,
        })
    };
    // The last change before stays the beginning until the next: the document changes with the zone
    // alone.
    let since = zone.preceding(now).next();
    let since = since.map_or(Timestamp::UNIX_EPOCH.min(now), |change| change.timestamp());
    let present = offset(since, zone.to_offset(now));
    let changes = zone
        .following(now)
        .take_while(|change| change.timestamp() <= until);
    let changes = changes.filter_map(|change| offset(change.timestamp(), change.offset()));
    present.into_iter().chain(changes).collect()
}

/// How long a place was open, between any two moments of a time that is given once.
pub struct OpenTime {
    zone: TimeZone,
    /// From and to by the clock on the wall, and how long it was open before, in milliseconds; in
    /// order, none touching another.
    spans: Vec<(i64, i64, i64)>,
}

impl OpenTime {
    /// Of a place with this schedule, from one moment to another (milliseconds since 1970).
    pub fn new(schedule: &Schedule, from_ms: i64, to_ms: i64) -> Self {
        // Hours over midnight reach into the second day after theirs; the clock on the wall is less
        // than a day off.
        let days = from_ms.div_euclid(DAY_MS) - 3..=to_ms.div_euclid(DAY_MS) + 1;
        let mut all: Vec<(i64, i64)> = Vec::new();
        for day in days {
            let Ok(date) = date(1970, 1, 1).checked_add(day.days()) else {
                continue;
            };
            let at = |minute: u16| day * DAY_MS + i64::from(minute) * MINUTE_MS;
            all.extend(
                schedule
                    .opens(date)
                    .iter()
                    .map(|open| (at(open.start), at(open.end))),
            );
        }
        all.sort_unstable();
        let mut spans: Vec<(i64, i64, i64)> = Vec::new();
        for (from, to) in all {
            match spans.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                last => {
                    let before = last.map_or(0, |(from, to, before)| *before + *to - *from);
                    spans.push((from, to, before));
                }
            }
        }
        Self {
            zone: schedule.zone.clone(),
            spans,
        }
    }

    /// How long it was open from one moment to another (milliseconds since 1970), in milliseconds.
    /// An hour that a clock is set by counts for the hours it falls into.
    pub fn open_ms(&self, from_ms: i64, to_ms: i64) -> i64 {
        (self.until(to_ms) - self.until(from_ms)).max(0)
    }

    fn until(&self, unix_ms: i64) -> i64 {
        let offset_ms = Timestamp::from_millisecond(unix_ms).map_or(0, |moment| {
            i64::from(self.zone.to_offset(moment).seconds()) * 1000
        });
        let wall_ms = unix_ms.saturating_add(offset_ms);
        let begun = self.spans.partition_point(|(from, ..)| *from <= wall_ms);
        let last = begun.checked_sub(1).map(|last| self.spans[last]);
        last.map_or(0, |(from, to, before)| before + wall_ms.min(to) - from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * MINUTE_MS;
    const WEEK_MS: i64 = 7 * DAY_MS;

    fn schedule(levels: &[&str], days: &[(&str, DayKind)]) -> Schedule {
        schedule_in("Asia/Bishkek", levels, days)
    }

    fn schedule_in(zone: &str, levels: &[&str], days: &[(&str, DayKind)]) -> Schedule {
        let levels = levels.iter().map(|text| text.parse().unwrap()).collect();
        let days = days
            .iter()
            .map(|(date, kind)| (date.parse().unwrap(), *kind));
        Schedule::new(zone, levels, days.collect()).unwrap()
    }

    fn ms(utc: &str) -> i64 {
        utc.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn spans(schedule: &Schedule, date: &str) -> String {
        let spans = schedule.spans(date.parse().unwrap());
        let text = |span: &OpenSpan| format!("{}-{}", span.from, span.to);
        spans.iter().map(text).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn the_nearest_level_that_names_a_date_decides_then_the_calendar_then_the_nearest_week() {
        let levels = [
            "2027-01-07 10:00-12:00",
            "sat 09:00-13:00; mon-fri 09:00-18:00; 2027-01-08 closed",
            "mon-fri 08:00-17:00; 2027-01-07 closed; 2027-01-09 closed",
        ];
        let days = [
            ("2027-01-07", DayKind::Holiday),
            ("2027-01-11", DayKind::Holiday),
            ("2027-01-16", DayKind::Working),
            ("2027-01-15", DayKind::Short),
        ];
        let schedule = schedule(&levels, &days);
        for (date, open) in [
            ("2027-01-06", "09:00-18:00"),
            ("2027-01-07", "10:00-12:00"),
            ("2027-01-08", ""),
            ("2027-01-09", ""),
            ("2027-01-10", ""),
            ("2027-01-11", ""),
            ("2027-01-15", "09:00-17:00"),
            ("2027-01-16", "09:00-18:00"),
            ("2027-01-23", "09:00-13:00"),
        ] {
            assert_eq!(spans(&schedule, date), open, "{date}");
        }
    }

    #[test]
    fn a_short_day_ends_an_hour_earlier_and_a_working_one_is_like_the_last_before_it() {
        // 2027-01-14 is a Thursday.
        let days = [
            ("2027-01-14", DayKind::Short),
            ("2027-01-13", DayKind::Short),
            ("2027-01-17", DayKind::Working),
            ("2027-01-12", DayKind::Working),
        ];
        let schedule = schedule(&["thu 08:00-12:00,13:00-13:30; wed 22:00-00:30"], &days);
        assert_eq!(spans(&schedule, "2027-01-14"), "08:00-12:00");
        assert_eq!(spans(&schedule, "2027-01-13"), "22:00-23:30");
        assert_eq!(spans(&schedule, "2027-01-17"), "08:00-12:00,13:00-13:30");
        assert_eq!(spans(&schedule, "2027-01-12"), "08:00-12:00,13:00-13:30");
    }

    #[test]
    fn whoever_rates_on_a_working_saturday_is_served_and_on_new_years_eve_is_not() {
        let text = "mon-fri 08:30-17:30; 2026-12-26 09:00-13:00; 2026-12-31 closed";
        let schedule = schedule(&[text], &[]);
        for (utc, served) in [
            ("2026-12-26T02:49:59Z", false),
            ("2026-12-26T02:50:00Z", true),
            ("2026-12-26T07:29:59Z", true),
            ("2026-12-26T07:30:00Z", false),
            ("2026-12-31T05:00:00Z", false),
            ("2026-12-30T05:00:00Z", true),
            ("2026-12-27T05:00:00Z", false),
        ] {
            assert_eq!(schedule.serves(ms(utc)), served, "{utc}");
        }
    }

    #[test]
    fn an_office_without_weekly_hours_is_closed_on_the_dates_it_names_and_keeps_no_holidays() {
        let schedule = schedule(&["2027-01-06 closed"], &[("2027-01-07", DayKind::Holiday)]);
        assert!(!schedule.serves(ms("2027-01-06T06:00:00Z")));
        assert!(schedule.serves(ms("2027-01-07T06:00:00Z")));
        let (week, exceptions) = schedule.told(ms("2027-01-01T00:00:00Z"));
        assert_eq!((week.len(), exceptions.len()), (0, 1));
        assert!(Schedule::new("UTC", vec![OpeningHours::default()], BTreeMap::new()).is_none());
    }

    #[test]
    fn hours_over_midnight_go_on_into_a_day_that_is_closed() {
        let schedule = schedule(&["thu 20:00-02:00; 2027-01-15 closed"], &[]);
        assert!(schedule.serves(ms("2027-01-14T19:59:00Z")), "Fri 01:59");
        assert!(!schedule.serves(ms("2027-01-14T20:30:00Z")), "Fri 02:30");
    }

    #[test]
    fn hours_are_those_of_the_clock_on_the_wall_also_where_it_is_set() {
        // Berlin goes from two to one hours ahead on 2027-10-31.
        let schedule = schedule_in("Europe/Berlin", &["mon-sun 08:00-16:00"], &[]);
        assert!(schedule.serves(ms("2027-10-30T05:50:00Z")));
        assert!(!schedule.serves(ms("2027-10-31T06:49:59Z")));
        assert!(schedule.serves(ms("2027-10-31T06:50:00Z")));
        let (from, to) = (ms("2027-10-29T22:00:00Z"), ms("2027-10-31T23:00:00Z"));
        let time = OpenTime::new(&schedule, from, to);
        assert_eq!(time.open_ms(from, to), 16 * HOUR_MS);
    }

    #[test]
    fn open_time_adds_up_wherever_it_begins() {
        for (text, open_h) in [
            ("mon-fri 08:30-12:00; mon-fri 13:00-17:30", 40),
            ("mon-sun 00:00-24:00", 168),
            ("mon 20:00-02:00", 6),
            ("sun 20:00-20:00", 24),
            ("tue 08:00-12:00; tue 11:00-13:00; tue 12:00-13:00", 5),
        ] {
            let schedule = schedule(&[text], &[]);
            for start in [ms("2027-01-06T05:17:00Z"), ms("2027-01-10T23:59:59Z")] {
                let time = OpenTime::new(&schedule, start, start + WEEK_MS);
                let open_ms = time.open_ms(start, start + WEEK_MS);
                assert_eq!(open_ms, open_h * HOUR_MS, "{text}");
                assert_eq!(time.open_ms(start + WEEK_MS, start), 0);
            }
        }
        let schedule = schedule(
            &["mon 08:30-17:30; 2027-01-11 closed; 2027-01-18 08:30-10:30"],
            &[],
        );
        let (from, to) = (ms("2027-01-04T00:00:00Z"), ms("2027-01-19T00:00:00Z"));
        let time = OpenTime::new(&schedule, from, to);
        assert_eq!(time.open_ms(from, to), 11 * HOUR_MS);
        assert_eq!(time.open_ms(from, ms("2027-01-04T02:31:00Z")), MINUTE_MS);
    }

    #[test]
    fn terminals_are_told_the_week_of_today_and_every_date_that_differs_for_four_hundred_days() {
        let text =
            "mon-fri 08:30-17:30; 2026-12-26 09:00-13:00; 2026-12-31 closed; 2020-01-01 closed;
            2026-12-24 08:30-17:30; since 2027-12-30; mon-fri 09:00-18:00";
        let schedule = schedule(&[text], &[("2027-01-07", DayKind::Holiday)]);
        let (week, exceptions) = schedule.told(ms("2026-12-01T00:00:00Z"));
        assert_eq!(week[0].from.to_string(), "08:30");
        let told: Vec<String> = exceptions
            .iter()
            .map(|it| format!("{} {}", it.date, it.open.len()))
            .collect();
        assert_eq!(told[..3], ["2026-12-26 1", "2026-12-31 0", "2027-01-07 0"]);
        assert_eq!(
            told[3..],
            [
                "2027-12-30 1",
                "2027-12-31 1",
                "2028-01-03 1",
                "2028-01-04 1",
                "2028-01-05 1"
            ]
        );
        let (week, exceptions) = schedule.told(ms("2027-12-30T00:00:00Z"));
        assert_eq!(week[0].from.to_string(), "09:00");
        let told: Vec<String> = exceptions.iter().map(|it| it.date.to_string()).collect();
        assert_eq!(told, ["2027-12-29"]);
    }

    #[test]
    fn offsets_are_those_of_four_hundred_days_in_their_order() {
        let told = |zone: &str, now: &str| -> Vec<(String, i16)> {
            let offsets = offsets(zone, ms(now)).into_iter();
            offsets
                .map(|it| (it.from.to_string(), it.minutes))
                .collect()
        };
        let almaty = told("Asia/Almaty", "2026-12-01T00:00:00Z");
        assert_eq!(almaty, [("2024-02-29T18:00:00.000Z".to_owned(), 300)]);
        assert_eq!(
            almaty,
            told("Asia/Almaty", "2027-12-01T00:00:00Z"),
            "it stays as it is"
        );
        let berlin = told("Europe/Berlin", "2026-12-01T00:00:00Z");
        let expected = [
            ("2026-10-25T01:00:00.000Z", 60),
            ("2027-03-28T01:00:00.000Z", 120),
            ("2027-10-31T01:00:00.000Z", 60),
        ];
        assert_eq!(
            berlin,
            expected.map(|(from, minutes)| (from.to_owned(), minutes))
        );
        assert_eq!(
            told("UTC", "2026-12-01T00:00:00Z"),
            [("1970-01-01T00:00:00.000Z".to_owned(), 0)]
        );
        assert_eq!(told("Asia/Kathmandu", "2026-12-01T00:00:00Z")[0].1, 345);
    }
}
