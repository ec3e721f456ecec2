//! The day at the office, and when its number of ratings is told: pure functions.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::journal::Today;
use crate::limits::MIN_TOLD_RATINGS;

/// When the local day of this moment began (both Unix milliseconds).
#[must_use]
pub fn began_ms(zone: &TimeZone, unix_ms: i64) -> Option<i64> {
    let moment = Timestamp::from_millisecond(unix_ms).ok()?;
    let began = moment.to_zoned(zone.clone()).start_of_day().ok()?;
    Some(began.timestamp().as_millisecond())
}

/// The number of ratings to be told on the day that began at `began_ms`; `None`: nothing is told,
/// because the count is of another day, or because there are so few that somebody might know who
/// gave them.
#[must_use]
pub fn told(counted: Option<Today>, began_ms: Option<i64>) -> Option<u32> {
    let counted = counted.filter(|counted| Some(counted.since_ms) == began_ms)?;
    let ratings = counted.ratings.filter(|count| *count >= MIN_TOLD_RATINGS)?;
    u32::try_from(ratings).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix_ms(utc: &str) -> i64 {
        utc.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn the_day_begins_at_midnight_on_the_offices_wall() {
        let bishkek = TimeZone::fixed(jiff::tz::offset(6));
        let began = Some(unix_ms("2027-01-04T18:00:00Z"));
        assert_eq!(began_ms(&bishkek, unix_ms("2027-01-04T18:00:00Z")), began);
        assert_eq!(
            began_ms(&bishkek, unix_ms("2027-01-05T17:59:59.999Z")),
            began
        );
        assert_eq!(
            began_ms(&bishkek, unix_ms("2027-01-04T17:59:59.999Z")),
            Some(unix_ms("2027-01-03T18:00:00Z"))
        );
    }

    #[test]
    fn a_day_on_which_the_clocks_change_begins_at_its_own_midnight() {
        // Summer time begins at 02:00 on 28 March 2027, so noon is eleven hours after midnight.
        let minsk_of_old = TimeZone::posix("EET-2EEST,M3.5.0,M10.5.0").unwrap();
        assert_eq!(
            began_ms(&minsk_of_old, unix_ms("2027-03-28T09:00:00Z")),
            Some(unix_ms("2027-03-27T22:00:00Z"))
        );
    }

    #[test]
    fn a_count_of_another_day_or_of_a_few_is_not_told() {
        let counted = |ratings| {
            Some(Today {
                since_ms: 86_400_000,
                ratings,
            })
        };
        let today = Some(86_400_000);
        assert_eq!(told(counted(Some(MIN_TOLD_RATINGS)), today), Some(5));
        assert_eq!(told(counted(Some(MIN_TOLD_RATINGS - 1)), today), None);
        assert_eq!(told(counted(Some(12)), Some(0)), None, "yesterday's");
        assert_eq!(told(counted(Some(12)), None), None, "the date is not known");
        assert_eq!(told(counted(None), today), None, "nobody could count them");
        assert_eq!(told(None, today), None);
        assert_eq!(told(counted(Some(u64::MAX)), today), None);
    }
}
