//! The rules, by example and against random lobbies.

use pikir_contract::rules::{PERIOD_COUNT, PERIOD_MULTIPLE, POINT_RADIUS, REPEAT_MS};
use proptest::prelude::*;

use super::phantom::PHANTOM_RELEASE_MS;
use super::*;
use crate::platform::clock::{Clock, TestClock};
use crate::platform::entropy::{Entropy, TestEntropy};

const FACE: Point = Point { x: 612, y: 540 };
/// The period of the panel that is known to touch itself (milliseconds).
const KNOWN_PERIOD_MS: u64 = 12_864;

/// Ratings with their clock and ids.
struct Counter {
    doubt: Doubt,
    clock: std::sync::Arc<TestClock>,
    entropy: std::sync::Arc<TestEntropy>,
}

impl Counter {
    fn new() -> Self {
        let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
        Self {
            doubt: Doubt::new(None),
            clock: TestClock::new(boot, 1_800_000_000_000),
            entropy: TestEntropy::new(7),
        }
    }

    fn rate(&mut self) -> (Id, Verdict) {
        let id = self.entropy.id(self.clock.wall_ms());
        let at = self.clock.reading();
        (id, self.doubt.rate(id, &at, None, false))
    }

    fn rate_after(&mut self, ms: u64) -> (Id, Verdict) {
        self.clock.advance_ms(ms);
        self.rate()
    }
}

#[test]
fn a_rating_within_two_seconds_of_the_last_is_a_repetition() {
    let mut counter = Counter::new();
    assert_eq!(counter.rate().1.flags, [""; 0]);
    let (_, soon) = counter.rate_after(REPEAT_MS - 1);
    assert_eq!((soon.gap_ms, soon.flags), (1_999, vec!["repeat"]));
    let (_, later) = counter.rate_after(REPEAT_MS);
    assert_eq!((later.gap_ms, later.flags), (2_000, vec![]));
}

#[test]
fn the_eleventh_rating_in_a_minute_and_those_after_it_are_a_burst() {
    let mut counter = Counter::new();
    let flags: Vec<bool> = (0..13)
        .map(|_| counter.rate_after(4_000).1.flags.contains(&"burst"))
        .collect();
    assert_eq!(flags, [[false; 10].as_slice(), &[true; 3]].concat());
    let (_, quiet) = counter.rate_after(BURST_WINDOW_MS);
    assert_eq!(quiet.flags, [""; 0]);
}

#[test]
fn ten_ratings_a_minute_for_hours_are_no_burst() {
    let mut counter = Counter::new();
    for _ in 0..1_000 {
        assert_eq!(counter.rate_after(6_000).1.flags, [""; 0]);
    }
}

#[test]
fn a_child_that_drums_on_the_keys_is_flagged_and_no_more_is_remembered_than_needed() {
    let mut counter = Counter::new();
    counter.rate();
    for _ in 0..2_000 {
        let (_, verdict) = counter.rate_after(10);
        assert!(verdict.flags.contains(&"repeat"));
    }
    assert_eq!(counter.rate().1.flags, ["repeat", "burst"]);
    assert_eq!(counter.doubt.ratings.len(), RATINGS_REMEMBERED);
}

#[test]
fn who_takes_a_slip_back_and_rates_anew_is_not_doubted() {
    let mut counter = Counter::new();
    let (slip, _) = counter.rate();
    counter.clock.advance_ms(1_000);
    counter.doubt.withdrawn(slip, counter.entropy.id(0));
    let (_, meant) = counter.rate_after(1_000);
    assert_eq!((meant.gap_ms, meant.flags), (2_000, vec![]));
}

#[test]
fn who_rates_again_because_the_first_was_not_saved_is_not_doubted() {
    let mut counter = Counter::new();
    counter.rate();
    let (lost, _) = counter.rate_after(60_000);
    counter.doubt.not_saved(lost);
    let (_, again) = counter.rate_after(1_000);
    assert_eq!((again.gap_ms, again.flags), (61_000, vec![]));
}

#[test]
fn a_rating_from_before_the_program_started_counts_in_the_same_boot_alone() {
    let mut counter = Counter::new();
    let boot = counter.clock.boot();
    let soon = counter.clock.up_ms() - 500;
    counter.doubt = Doubt::new(Some((boot, soon)));
    assert_eq!(counter.rate().1.flags, ["repeat"]);
    let other = "7c1d6f0e-1111-4222-8333-444455557777".parse().unwrap();
    counter.doubt = Doubt::new(Some((other, soon)));
    let (_, verdict) = counter.rate();
    let since_boot = counter.clock.up_ms();
    assert_eq!((verdict.gap_ms, verdict.flags), (since_boot, vec![]));
}

#[test]
fn a_rating_while_the_office_is_closed_says_so() {
    let mut counter = Counter::new();
    let id = counter.entropy.id(0);
    let at = counter.clock.reading();
    assert_eq!(counter.doubt.rate(id, &at, None, true).flags, ["closed"]);
}

/// Touches the face at these times and returns after which one (from 1) the phantom was found.
fn found_after(watch: &mut PhantomWatch, times: &[u64]) -> Option<usize> {
    let mut touches = times.iter().map(|time| watch.touch(FACE, *time));
    touches.position(|found| found.is_some()).map(|at| at + 1)
}

#[test]
fn the_known_panel_is_found_with_its_fifth_touch_and_its_place_and_period_are_told() {
    let mut watch = PhantomWatch::default();
    let times: Vec<u64> = (0..5).map(|hit| 7_000 + hit * KNOWN_PERIOD_MS).collect();
    assert_eq!(found_after(&mut watch, &times), Some(5));
    let phantom = watch.known()[0];
    assert_eq!(phantom.to_string(), "612,540 (per mille) every 12.864 s");
    assert!(watch.suspects(Point { x: 620, y: 550 }));
    assert!(!watch.suspects(Point { x: 630, y: 540 }));
}

#[test]
fn periods_of_drumming_fingers_and_of_hours_do_not_count() {
    for (period_ms, counts) in [
        (600, false),
        (2_000, true),
        (600_000, true),
        // Every third hit of a longest period.
        (PERIOD_MULTIPLE * 600_000, true),
        (PERIOD_MULTIPLE * 600_000 + 1_000, false),
    ] {
        let times: Vec<u64> = (0..9).map(|hit| hit * period_ms).collect();
        let found = found_after(&mut PhantomWatch::default(), &times);
        assert_eq!(found.is_some(), counts, "{period_ms} ms");
    }
}

#[test]
fn a_point_that_has_been_quiet_for_an_hour_is_trusted_again() {
    let mut watch = PhantomWatch::default();
    let times: Vec<u64> = (0..5).map(|hit| hit * KNOWN_PERIOD_MS).collect();
    found_after(&mut watch, &times);
    let end = 4 * KNOWN_PERIOD_MS;
    // A finger does not keep the suspicion alive, a hit at the period does.
    watch.touch(FACE, end + 5_000);
    assert_eq!(watch.deadline(), Some(end + PHANTOM_RELEASE_MS));
    let last = end + 2 * KNOWN_PERIOD_MS;
    assert_eq!(watch.touch(FACE, last), None, "known already");
    assert_eq!(watch.deadline(), Some(last + PHANTOM_RELEASE_MS));
    assert_eq!(watch.let_time_pass(last + PHANTOM_RELEASE_MS - 1), []);
    assert_eq!(watch.let_time_pass(last + PHANTOM_RELEASE_MS).len(), 1);
    assert!(!watch.suspects(FACE));
    assert_eq!(watch.deadline(), None);
}

#[test]
fn a_panel_whose_period_drifts_with_its_temperature_stays_one_phantom() {
    let mut watch = PhantomWatch::default();
    let (mut now, mut found) = (0, 0);
    for hit in 0..600 {
        // Half a per cent in two hours.
        now += KNOWN_PERIOD_MS + hit / 10;
        found += usize::from(watch.touch(FACE, now).is_some());
    }
    assert_eq!((found, watch.known().len()), (1, 1));
    assert_eq!(watch.known()[0].last_hit_ms, now);
}

/// Somebody at the screen: what passed since the one before (ms), and where it was touched.
#[derive(Debug, Clone)]
struct Visitor {
    after_ms: u64,
    point: Point,
}

/// A finger meets a face within a centimetre or so of its middle; most visitors choose the same
/// face.
fn visitor() -> impl Strategy<Value = Visitor> {
    let face = prop_oneof![3 => Just(4_u16), 1 => 0_u16..5];
    let scatter = || prop::collection::vec(-30_i32..30, 3).prop_map(|off| off.iter().sum::<i32>());
    (4_000_u64..60_000, face, scatter(), scatter()).prop_map(|(after_ms, face, dx, dy)| {
        let near = |middle: u16, off: i32| middle.saturating_add_signed(off as i16).min(1_000);
        Visitor {
            after_ms,
            point: Point {
                x: near(80 + 125 * face, dx),
                y: near(600, dy),
            },
        }
    })
}

/// A phantom: for each period, how late its touch is (ms), where it is beside its point, and
/// whether it comes.
fn hits() -> impl Strategy<Value = Vec<(i64, (i16, i16), bool)>> {
    let near = -3_i16..=3;
    let hit = (
        -20_i64..=20,
        (near.clone(), near),
        prop::bool::weighted(0.7),
    );
    prop::collection::vec(hit, 6 * PERIOD_MULTIPLE as usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// An honest queue: nobody is flagged as a phantom, and as a repetition or burst only by the
    /// published figures.
    #[test]
    fn an_honest_queue_is_never_periodic(visitors in prop::collection::vec(visitor(), 300)) {
        let mut counter = Counter::new();
        for visitor in visitors {
            counter.clock.advance_ms(visitor.after_ms);
            prop_assert_eq!(counter.doubt.touch(visitor.point, counter.clock.up_ms()), None);
            let (id, at) = (counter.entropy.id(counter.clock.wall_ms()), counter.clock.reading());
            let verdict = counter.doubt.rate(id, &at, Some(visitor.point), false);
            prop_assert!(!verdict.flags.contains(&Rating::PERIODIC));
            prop_assert!(!verdict.flags.contains(&Rating::REPEAT));
        }
    }

    /// The known panel is found with its fifth or sixth touch, though up to two in a row are
    /// missing and real visitors come in between; from then on its ratings are flagged and those of
    /// other points are not.
    #[test]
    fn the_known_panel_is_found_after_at_most_six_hits(
        hits in hits(),
        visitors in prop::collection::vec(visitor(), 60),
        start_ms in 1_000_u64..20_000,
    ) {
        let mut touches: Vec<(u64, Point, bool)> = Vec::new();
        let mut missing = 0;
        for (number, (late_ms, (dx, dy), comes)) in hits.into_iter().enumerate() {
            // Three in a row are missing in no case: then a chain begins anew, as the rule says.
            missing = if comes || missing + 1 == PERIOD_MULTIPLE { 0 } else { missing + 1 };
            if missing == 0 {
                let at_ms = (start_ms + number as u64 * KNOWN_PERIOD_MS).saturating_add_signed(late_ms);
                let point = Point { x: FACE.x.saturating_add_signed(dx), y: FACE.y.saturating_add_signed(dy) };
                touches.push((at_ms, point, true));
            }
        }
        let mut now_ms = 0;
        for visitor in visitors {
            now_ms += visitor.after_ms;
            touches.push((now_ms, visitor.point, false));
        }
        touches.sort_by_key(|(at_ms, ..)| *at_ms);
        let mut watch = PhantomWatch::default();
        let (mut count, mut fingers) = (0, 0);
        for (at_ms, point, phantom) in touches {
            let found = watch.touch(point, at_ms);
            count += usize::from(phantom);
            let near = point.x.abs_diff(FACE.x).max(point.y.abs_diff(FACE.y)) <= 2 * POINT_RADIUS;
            fingers += usize::from(!phantom && near);
            if let Some(found) = found {
                prop_assert!(count + fingers > PERIOD_COUNT, "{} after {} hits", found, count);
                prop_assert!(found.point.is_at(FACE));
                // A finger may come in time with the panel, and missing hits at a fixed rate make
                // the period look longer.
                let is_known = |count| found.period_ms.abs_diff(count * KNOWN_PERIOD_MS) <= 10;
                prop_assert!(fingers > 0 || (1..=PERIOD_MULTIPLE).any(is_known), "{}", found);
            }
            prop_assert!(!phantom || count < PERIOD_COUNT + 2 || watch.suspects(point), "{} hits", count);
            let far = Point { x: FACE.x + 2 * POINT_RADIUS + 3, ..FACE };
            prop_assert!(!watch.suspects(far));
        }
    }

    /// No history of touches makes the search slow or panic: every touch at one point, at any
    /// times.
    #[test]
    fn any_history_of_touches_is_survived(gaps in prop::collection::vec(0_u64..2_000_000, 1..400)) {
        let mut watch = PhantomWatch::default();
        let mut now_ms = 0;
        for gap in gaps {
            now_ms += gap;
            let _ = watch.let_time_pass(now_ms);
            watch.touch(FACE, now_ms);
            prop_assert!(watch.deadline().is_none_or(|deadline| deadline > now_ms));
        }
    }
}

#[test]
fn the_terminal_and_the_portal_judge_series_of_touches_alike() {
    let golden = include_str!("../../../../portal/tests/golden/periodic.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    let series = golden["series"].as_array().unwrap();
    assert!(!series.is_empty());
    for series in series {
        let mut watch = PhantomWatch::default();
        let touches = series["touches"].as_array().unwrap();
        let given_away_by = touches.iter().position(|touch| {
            let [up_ms, x, y] = [0, 1, 2].map(|at| touch[at].as_u64().unwrap());
            watch
                .touch(Point::from((x as u16, y as u16)), up_ms)
                .is_some()
        });
        let expected = series["given_away_by"].as_u64().map(|index| index as usize);
        assert_eq!(given_away_by, expected, "{}", series["name"]);
    }
}

#[test]
fn what_the_last_run_found_is_suspected_at_once_and_trusted_again_once_it_is_quiet() {
    let found = Phantom {
        point: FACE,
        period_ms: 12_864,
        last_hit_ms: 1_000,
    };
    let mut watch = PhantomWatch::default();
    watch.recall(&[found]);
    assert!(watch.suspects(FACE));
    // Two hits at its period: it goes on.
    assert_eq!(watch.touch(FACE, 20_000), None);
    assert_eq!(watch.touch(FACE, 32_864), None);
    assert_eq!(watch.let_time_pass(1_000 + PHANTOM_RELEASE_MS), []);
    assert_eq!(watch.let_time_pass(32_864 + PHANTOM_RELEASE_MS).len(), 1);
    assert!(!watch.suspects(FACE));
}
