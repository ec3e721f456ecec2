//! When it is night at the office.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pikir_contract::config::Night;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60 * 1_000;

/// The night hours of the configuration in their time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NightHours {
    zone: TimeZone,
    /// Since midnight on the office's wall (milliseconds).
    from_ms: i64,
    to_ms: i64,
}

impl NightHours {
    /// The hours from one time of the day to another; over midnight where the second comes before
    /// the first.
    #[must_use]
    pub fn new(zone: TimeZone, night: &Night) -> Self {
        let ms = |minutes: u16| i64::from(minutes) * MINUTE_MS;
        Self {
            zone,
            from_ms: ms(night.from.minutes()),
            to_ms: ms(night.to.minutes()),
        }
    }

    /// Whether it is night at this true time (Unix milliseconds), by the clock on the wall.
    #[must_use]
    pub fn is_night(&self, unix_ms: i64) -> bool {
        let Some(now_ms) = self.since_midnight_ms(unix_ms) else {
            return false;
        };
        if self.from_ms <= self.to_ms {
            (self.from_ms..self.to_ms).contains(&now_ms)
        } else {
            now_ms >= self.from_ms || now_ms < self.to_ms
        }
    }

    /// How long until night begins or ends (milliseconds), at least 1. On the day a zone changes
    /// its clocks it may be an hour off; whoever asks again then hears the rest.
    #[must_use]
    pub fn until_change_ms(&self, unix_ms: i64) -> u64 {
        let now_ms = self.since_midnight_ms(unix_ms).unwrap_or(0);
        let until = |at_ms: i64| (at_ms - now_ms - 1).rem_euclid(DAY_MS) + 1;
        until(self.from_ms).min(until(self.to_ms)).unsigned_abs()
    }

    fn since_midnight_ms(&self, unix_ms: i64) -> Option<i64> {
        let moment = Timestamp::from_millisecond(unix_ms).ok()?;
        let local = moment.to_zoned(self.zone.clone());
        let seconds = i64::from(local.hour()) * 3_600
            + i64::from(local.minute()) * 60
            + i64::from(local.second());
        Some(seconds * 1_000 + i64::from(local.millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Night in Bishkek, six hours before UTC all year round.
    fn night(from: &str, to: &str) -> NightHours {
        let night = Night {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        };
        NightHours::new(TimeZone::fixed(jiff::tz::offset(6)), &night)
    }

    fn unix_ms(utc: &str) -> i64 {
        utc.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_night_over_midnight_is_one_night_on_the_offices_clock() {
        let night = night("20:00", "07:30");
        assert!(!night.is_night(unix_ms("2027-01-04T13:59:59.999Z")));
        assert!(night.is_night(unix_ms("2027-01-04T14:00:00Z")), "20:00");
        assert!(night.is_night(unix_ms("2027-01-04T20:00:00Z")), "02:00");
        assert!(night.is_night(unix_ms("2027-01-05T01:29:59.999Z")));
        assert!(!night.is_night(unix_ms("2027-01-05T01:30:00Z")), "07:30");
    }

    #[test]
    fn a_night_within_one_day_and_one_of_no_length_are_what_they_say() {
        let siesta = night("13:00", "14:00");
        assert!(siesta.is_night(unix_ms("2027-01-04T07:30:00Z")));
        assert!(!siesta.is_night(unix_ms("2027-01-04T08:00:00Z")));
        let none = night("20:00", "20:00");
        assert!((0..24).all(|hour| !none.is_night(hour * 3_600_000)));
    }

    #[test]
    fn the_next_change_is_where_it_is_said_to_be() {
        let night = night("20:00", "07:30");
        let mut now_ms = unix_ms("2027-01-04T00:00:00Z");
        for _ in 0..6 {
            let wait = i64::try_from(night.until_change_ms(now_ms)).unwrap();
            assert!((1..=DAY_MS).contains(&wait));
            assert_eq!(night.is_night(now_ms + wait - 1), night.is_night(now_ms));
            assert_ne!(night.is_night(now_ms + wait), night.is_night(now_ms));
            now_ms += wait;
        }
    }
}
