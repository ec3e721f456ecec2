//! The published rules: their arithmetic at its limits.

use jiff::civil::Date;
use pikir_contract::rules::{
    BURST_COUNT, BURST_WINDOW_MS, MAX_UNDO_S, Moment, Pace, Point, REPEAT_MS, Touch,
    WITHDRAWAL_GRACE_MS, is_one_position, is_served, open_on, pace, series, takes_back,
};
use pikir_contract::{Hours, TerminalConfig};
use serde_json::json;

use crate::golden::golden;

#[test]
fn a_rating_less_than_two_seconds_after_another_is_a_repetition() {
    assert_eq!(pace([]), Pace::default());
    assert!(pace([REPEAT_MS - 1]).repeat);
    assert_eq!(pace([REPEAT_MS]), Pace::default());
}

#[test]
fn a_burst_begins_with_the_eleventh_of_a_minute() {
    let before = |count: u64, oldest_ms: u64| {
        let newer = (1..count).map(|index| index * REPEAT_MS);
        pace(newer.chain([oldest_ms])).burst
    };
    let count = BURST_COUNT as u64;
    assert!(before(count, BURST_WINDOW_MS - 1));
    assert!(!before(count, BURST_WINDOW_MS));
    assert!(!before(count - 1, BURST_WINDOW_MS - 1));
    assert!(pace(std::iter::repeat_n(100, 500)).burst);
}

#[test]
fn a_withdrawal_takes_back_within_its_time_and_its_boot_alone() {
    let rated = Moment {
        boot: 'a',
        up_ms: 5_000,
    };
    let limit_ms = MAX_UNDO_S * 1_000 + WITHDRAWAL_GRACE_MS;
    let at = |boot, up_ms| takes_back(&rated, &Moment { boot, up_ms });
    assert!(at('a', 5_000) && at('a', 5_000 + limit_ms));
    assert!(!at('a', 5_001 + limit_ms) && !at('a', 4_999) && !at('b', 5_000));
    // As long as the visit itself allows: the longest idle time, a voice that speaks, the question.
    const { assert!(WITHDRAWAL_GRACE_MS >= 600_000 + 240_000 + 20_000) };
}

#[test]
fn a_series_names_its_touches_its_point_and_its_period() {
    let touch = |up_ms, x| Touch {
        point: Point { x, y: 700 },
        up_ms,
    };
    let before = [
        touch(138_592, 304),
        touch(130_000, 800),
        touch(125_728, 300),
        touch(112_864, 300),
        touch(100_000, 300),
    ];
    let found = series(touch(151_456, 301), &before).unwrap();
    assert_eq!((found.period_ms, found.hits), (12_864, [0, 2, 3, 4]));
    assert_eq!(found.point, Point { x: 301, y: 700 });
    assert_eq!(series(touch(151_456, 301), &before[1..]), None);
}

#[test]
fn one_position_is_as_wide_as_no_hand_is_steady() {
    let points = |xs: &[u16]| -> Vec<Point> { xs.iter().map(|&x| Point { x, y: 500 }).collect() };
    assert!(is_one_position(&points(&[500, 503, 501])));
    assert!(!is_one_position(&points(&[500, 504])));
    assert!(!is_one_position(&[
        Point { x: 500, y: 500 },
        Point { x: 500, y: 496 }
    ]));
}

#[test]
fn the_hours_of_a_date_replace_those_of_its_weekday() {
    let hours: Hours = TerminalConfig::from_value(&golden("config-hours"))
        .unwrap()
        .hours
        .unwrap();
    let on = |date: &str| -> Vec<(u16, u16)> {
        let open = open_on(&hours, date.parse::<Date>().unwrap());
        open.iter().map(|open| (open.start, open.end)).collect()
    };
    assert_eq!(on("2026-12-25"), [(540, 1080)]);
    assert_eq!(on("2026-12-26"), [(540, 780), (840, 960)]);
    assert!(on("2026-12-31").is_empty());
    let served = |wall: &str| is_served(wall.parse().unwrap(), |date| open_on(&hours, date));
    assert!(served("2026-12-26T08:50:00") && !served("2026-12-26T08:49:59"));
    assert!(served("2026-12-26T16:29:59") && !served("2026-12-26T16:30:00"));
    assert!(!served("2026-12-31T12:00:00"));
}

#[test]
fn hours_over_midnight_and_their_grace_reach_into_the_days_after() {
    let mut document = golden("config-hours");
    document["hours"] = json!({"open": [{"days": ["mon"], "from": "20:00", "to": "20:00"}]});
    let hours = TerminalConfig::from_value(&document)
        .unwrap()
        .hours
        .unwrap();
    let served = |wall: &str| is_served(wall.parse().unwrap(), |date| open_on(&hours, date));
    // 2027-01-04 is a Monday.
    assert!(served("2027-01-04T19:50:00") && !served("2027-01-04T19:49:00"));
    assert!(served("2027-01-05T20:29:00") && !served("2027-01-05T20:30:00"));
}
