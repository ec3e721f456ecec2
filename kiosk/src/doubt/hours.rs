//! When the office is open.

use jiff::Timestamp;
use jiff::civil::Weekday as Day;
use jiff::tz::TimeZone;
use pikir_contract::config::{OpenHours, Weekday};

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// The opening hours of the configuration in their time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours {
    zone: TimeZone,
    open: Vec<OpenHours>,
}

impl OpeningHours {
    /// `None` where none are configured: then the office is always open.
    #[must_use]
    pub fn new(zone: TimeZone, open: &[OpenHours]) -> Option<Self> {
        let open = open.to_vec();
        (!open.is_empty()).then_some(Self { zone, open })
    }

    /// Whether the office is open at this true time (Unix milliseconds), by the clock on its wall.
    #[must_use]
    pub fn is_open(&self, unix_ms: i64) -> bool {
        let Ok(moment) = Timestamp::from_millisecond(unix_ms) else {
            return true;
        };
        let local = moment.to_zoned(self.zone.clone());
        // Within 0..24 and 0..60.
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let (today, yesterday) = (local.weekday(), local.weekday().previous());
        self.open.iter().any(|hours| {
            let on = |day: Day| hours.days.iter().any(|named| weekday(*named) == day);
            let (from, to) = (hours.from.minutes(), hours.to.minutes());
            if from < to {
                on(today) && (from..to).contains(&minute)
            } else {
                // Over midnight; the same time twice is a whole day.
                on(today) && (from..DAY_MINUTES).contains(&minute) || on(yesterday) && minute < to
            }
        })
    }
}

fn weekday(day: Weekday) -> Day {
    match day {
        Weekday::Mon => Day::Monday,
        Weekday::Tue => Day::Tuesday,
        Weekday::Wed => Day::Wednesday,
        Weekday::Thu => Day::Thursday,
        Weekday::Fri => Day::Friday,
        Weekday::Sat => Day::Saturday,
        Weekday::Sun => Day::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikir_contract::config::TimeOfDay;

    fn at(time: &str) -> TimeOfDay {
        time.parse().unwrap()
    }

    /// Bishkek's offset, all year round.
    fn bishkek() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(6))
    }

    fn hours(open: &[(&[Weekday], &str, &str)]) -> Option<OpeningHours> {
        let open: Vec<OpenHours> = open
            .iter()
            .map(|(days, from, to)| OpenHours {
                days: days.to_vec(),
                from: at(from),
                to: at(to),
            })
            .collect();
        OpeningHours::new(bishkek(), &open)
    }

    fn unix_ms(utc: &str) -> i64 {
        utc.parse::<Timestamp>().unwrap().as_millisecond()
    }

    use Weekday::{Fri, Mon, Sat, Tue};

    #[test]
    fn an_office_without_opening_hours_has_no_closed_ones() {
        assert_eq!(hours(&[]), None);
    }

    #[test]
    fn hours_are_those_of_the_clock_on_the_wall() {
        // 2027-01-04 is a Monday.
        let hours = hours(&[(&[Mon, Fri], "08:30", "17:30")]).unwrap();
        assert!(!hours.is_open(unix_ms("2027-01-04T02:29:59.999Z")));
        assert!(hours.is_open(unix_ms("2027-01-04T02:30:00Z")));
        assert!(hours.is_open(unix_ms("2027-01-04T11:29:59.999Z")));
        assert!(!hours.is_open(unix_ms("2027-01-04T11:30:00Z")));
        assert!(!hours.is_open(unix_ms("2027-01-05T06:00:00Z")), "Tuesday");
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_they_begin_on() {
        let hours = hours(&[(&[Mon], "20:00", "02:00")]).unwrap();
        assert!(hours.is_open(unix_ms("2027-01-04T17:59:00Z")), "Mon 23:59");
        assert!(hours.is_open(unix_ms("2027-01-04T19:59:00Z")), "Tue 01:59");
        assert!(!hours.is_open(unix_ms("2027-01-04T20:00:00Z")), "Tue 02:00");
        assert!(!hours.is_open(unix_ms("2027-01-03T19:00:00Z")), "Mon 01:00");
    }

    #[test]
    fn a_whole_day_may_be_written_either_way() {
        for (from, to) in [("00:00", "24:00"), ("00:00", "00:00")] {
            let hours = hours(&[(&[Sat], from, to)]).unwrap();
            assert!(hours.is_open(unix_ms("2027-01-08T18:00:00Z")), "Sat 00:00");
            assert!(hours.is_open(unix_ms("2027-01-09T17:59:59Z")), "Sat 23:59");
            assert!(!hours.is_open(unix_ms("2027-01-09T18:00:00Z")), "Sun 00:00");
        }
    }

    #[test]
    fn several_hours_of_one_day_leave_the_lunch_break_closed() {
        let hours = hours(&[(&[Tue], "08:30", "12:00"), (&[Tue], "13:00", "17:30")]).unwrap();
        assert!(hours.is_open(unix_ms("2027-01-05T05:59:00Z")));
        assert!(!hours.is_open(unix_ms("2027-01-05T06:30:00Z")));
        assert!(hours.is_open(unix_ms("2027-01-05T07:00:00Z")));
    }
}
