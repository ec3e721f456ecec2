//! When the office is open.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pikir_contract::config::Hours;
use pikir_contract::rules::{is_served, open_on};

/// The opening hours of the configuration in their time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours {
    zone: TimeZone,
    hours: Hours,
}

impl OpeningHours {
    /// `None` where none are configured: then the office is always open.
    #[must_use]
    pub fn new(zone: TimeZone, hours: &Hours) -> Option<Self> {
        let hours = hours.clone();
        (!hours.open.is_empty() || !hours.exceptions.is_empty()).then_some(Self { zone, hours })
    }

    /// Whether a rating at this true time (Unix milliseconds) is of somebody who was served, by the
    /// clock on the office's wall.
    #[must_use]
    pub fn serves(&self, unix_ms: i64) -> bool {
        let Ok(moment) = Timestamp::from_millisecond(unix_ms) else {
            return true;
        };
        let wall = moment.to_zoned(self.zone.clone()).datetime();
        is_served(wall, |date| open_on(&self.hours, date))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikir_contract::config::{HoursException, OpenHours, OpenSpan, TimeOfDay, Weekday};

    fn at(time: &str) -> TimeOfDay {
        time.parse().unwrap()
    }

    /// Bishkek's offset, all year round.
    fn bishkek() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(6))
    }

    fn hours(open: &[(&[Weekday], &str, &str)]) -> Option<OpeningHours> {
        with_exceptions(open, &[])
    }

    type Spans<'a> = &'a [(&'a str, &'a str)];

    fn with_exceptions(
        open: &[(&[Weekday], &str, &str)],
        exceptions: &[(&str, Spans<'_>)],
    ) -> Option<OpeningHours> {
        let hours = Hours {
            timezone: "Asia/Bishkek".into(),
            open: open
                .iter()
                .map(|(days, from, to)| OpenHours {
                    days: days.to_vec(),
                    from: at(from),
                    to: at(to),
                })
                .collect(),
            night: None,
            exceptions: exceptions
                .iter()
                .map(|(date, spans)| HoursException {
                    date: date.parse().unwrap(),
                    open: spans
                        .iter()
                        .map(|(from, to)| OpenSpan {
                            from: at(from),
                            to: at(to),
                        })
                        .collect(),
                })
                .collect(),
            offsets: Vec::new(),
        };
        OpeningHours::new(bishkek(), &hours)
    }

    fn unix_ms(utc: &str) -> i64 {
        utc.parse::<Timestamp>().unwrap().as_millisecond()
    }

    use Weekday::{Fri, Mon, Sat, Sun, Tue};

    #[test]
    fn an_office_without_opening_hours_has_no_closed_ones() {
        assert_eq!(hours(&[]), None);
    }

    #[test]
    fn hours_are_those_of_the_clock_on_the_wall() {
        // 2027-01-04 is a Monday.
        let hours = hours(&[(&[Mon, Fri], "08:30", "17:30")]).unwrap();
        assert!(!hours.serves(unix_ms("2027-01-04T02:19:59.999Z")));
        assert!(hours.serves(unix_ms("2027-01-04T02:20:00Z")), "08:20");
        assert!(hours.serves(unix_ms("2027-01-04T11:59:59.999Z")));
        assert!(!hours.serves(unix_ms("2027-01-04T12:00:00Z")), "18:00");
        assert!(!hours.serves(unix_ms("2027-01-05T06:00:00Z")), "Tuesday");
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_they_begin_on() {
        let hours = hours(&[(&[Mon], "20:00", "02:00")]).unwrap();
        assert!(hours.serves(unix_ms("2027-01-04T17:59:00Z")), "Mon 23:59");
        assert!(hours.serves(unix_ms("2027-01-04T19:59:00Z")), "Tue 01:59");
        assert!(hours.serves(unix_ms("2027-01-04T20:29:00Z")), "Tue 02:29");
        assert!(!hours.serves(unix_ms("2027-01-04T20:30:00Z")), "Tue 02:30");
        assert!(!hours.serves(unix_ms("2027-01-03T19:00:00Z")), "Mon 01:00");
    }

    #[test]
    fn a_whole_day_may_be_written_either_way() {
        for (from, to) in [("00:00", "24:00"), ("00:00", "00:00")] {
            let hours = hours(&[(&[Sat], from, to)]).unwrap();
            assert!(hours.serves(unix_ms("2027-01-08T18:00:00Z")), "Sat 00:00");
            assert!(hours.serves(unix_ms("2027-01-09T17:59:59Z")), "Sat 23:59");
            assert!(hours.serves(unix_ms("2027-01-09T18:29:59Z")), "Sun 00:29");
            assert!(!hours.serves(unix_ms("2027-01-09T18:30:00Z")), "Sun 00:30");
        }
    }

    #[test]
    fn the_grace_goes_over_the_end_of_the_week_both_ways() {
        let sunday = hours(&[(&[Sun], "20:00", "23:50")]).unwrap();
        let monday = hours(&[(&[Mon], "00:05", "08:00")]).unwrap();
        assert!(sunday.serves(unix_ms("2027-01-03T18:19:00Z")), "Mon 00:19");
        assert!(!sunday.serves(unix_ms("2027-01-03T18:20:00Z")), "Mon 00:20");
        assert!(monday.serves(unix_ms("2027-01-03T17:55:00Z")), "Sun 23:55");
        assert!(!monday.serves(unix_ms("2027-01-03T17:54:00Z")), "Sun 23:54");
    }

    #[test]
    fn several_hours_of_one_day_leave_the_lunch_break_closed() {
        let hours = hours(&[(&[Tue], "08:30", "12:00"), (&[Tue], "13:00", "17:30")]).unwrap();
        assert!(hours.serves(unix_ms("2027-01-05T05:59:00Z")));
        assert!(!hours.serves(unix_ms("2027-01-05T06:30:00Z")), "12:30");
        assert!(!hours.serves(unix_ms("2027-01-05T06:49:00Z")), "12:49");
        assert!(hours.serves(unix_ms("2027-01-05T06:50:00Z")), "12:50");
    }

    #[test]
    fn an_exception_replaces_the_hours_of_its_weekday_and_of_no_other_day() {
        // Saturday 26 December is worked until one; Thursday 31 is free.
        let hours = with_exceptions(
            &[(&[Mon, Tue, Weekday::Thu, Fri], "08:30", "17:30")],
            &[("2026-12-26", &[("09:00", "13:00")]), ("2026-12-31", &[])],
        )
        .unwrap();
        assert!(hours.serves(unix_ms("2026-12-26T07:29:00Z")), "Sat 13:29");
        assert!(!hours.serves(unix_ms("2026-12-26T07:30:00Z")), "Sat 13:30");
        assert!(!hours.serves(unix_ms("2026-12-31T06:00:00Z")), "Thu 12:00");
        assert!(hours.serves(unix_ms("2026-12-24T06:00:00Z")), "a Thursday");
        assert!(!hours.serves(unix_ms("2026-12-19T06:00:00Z")), "a Saturday");
    }

    #[test]
    fn hours_of_the_day_before_go_on_into_a_day_that_is_free() {
        let hours =
            with_exceptions(&[(&[Mon, Tue], "20:00", "02:00")], &[("2027-01-05", &[])]).unwrap();
        assert!(hours.serves(unix_ms("2027-01-04T19:59:00Z")), "Tue 01:59");
        assert!(!hours.serves(unix_ms("2027-01-05T15:00:00Z")), "Tue 21:00");
    }

    #[test]
    fn an_office_that_is_always_open_is_closed_on_its_free_days_alone() {
        let hours = with_exceptions(&[], &[("2027-01-07", &[])]).unwrap();
        assert!(hours.serves(unix_ms("2027-01-06T12:00:00Z")));
        assert!(!hours.serves(unix_ms("2027-01-07T06:00:00Z")), "noon");
        assert!(hours.serves(unix_ms("2027-01-08T06:00:00Z")));
    }
}
