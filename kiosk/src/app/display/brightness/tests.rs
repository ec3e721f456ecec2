use super::*;
use proptest::prelude::*;

const DAY: Surroundings = Surroundings {
    visiting: false,
    night: false,
};
const NIGHT: Surroundings = Surroundings {
    visiting: false,
    night: true,
};

#[test]
fn an_idle_screen_is_dimmed_after_ten_minutes_and_full_again_at_the_first_touch() {
    let mut screen = Brightness::new(None, 5_000);
    assert_eq!(screen.percent(DAY, 5_000), FULL_PERCENT);
    let dims = screen.deadline(DAY, 5_000).unwrap();
    assert_eq!(dims, 5_000 + IDLE_MS);
    assert_eq!(screen.percent(DAY, dims - 1), FULL_PERCENT);
    assert_eq!(screen.percent(DAY, dims), IDLE_PERCENT);
    assert_eq!(screen.deadline(DAY, dims), None, "time does no more");
    screen.touched(dims + 1);
    assert_eq!(screen.percent(DAY, dims + 1), FULL_PERCENT);
}

#[test]
fn at_night_it_is_dimmed_further_and_sooner_but_can_still_be_read() {
    let screen = Brightness::new(None, 0);
    assert_eq!(screen.percent(NIGHT, NIGHT_AWAKE_MS - 1), FULL_PERCENT);
    assert_eq!(screen.percent(NIGHT, NIGHT_AWAKE_MS), NIGHT_PERCENT);
    assert!(!is_dark(NIGHT_PERCENT));
    assert_eq!(
        screen.percent(DAY, NIGHT_AWAKE_MS),
        FULL_PERCENT,
        "morning has come"
    );
}

#[test]
fn with_a_sensor_the_screen_is_dark_until_somebody_comes_by_day_and_by_night() {
    for around in [DAY, NIGHT] {
        let mut screen = Brightness::new(None, 0);
        screen.presence(false, 1_000);
        assert_eq!(screen.percent(around, ABSENCE_MS), FULL_PERCENT);
        assert_eq!(screen.deadline(around, 1_000), Some(1_000 + ABSENCE_MS));
        assert!(is_dark(screen.percent(around, 1_000 + ABSENCE_MS)));
        screen.presence(true, 900_000);
        assert_eq!(screen.percent(around, 900_000), FULL_PERCENT);
        assert_eq!(screen.percent(around, 90_000_000), FULL_PERCENT);
        assert_eq!(screen.deadline(around, 900_000), None);
    }
}

#[test]
fn whoever_touches_is_there_even_if_the_sensor_does_not_see_them() {
    let mut screen = Brightness::new(None, 0);
    screen.presence(false, 0);
    screen.touched(500_000);
    assert_eq!(screen.percent(DAY, 500_000 + ABSENCE_MS - 1), FULL_PERCENT);
    assert_eq!(screen.percent(DAY, 500_000 + ABSENCE_MS), ABSENT_PERCENT);
}

#[test]
fn the_screen_is_never_dimmed_in_the_middle_of_a_visit() {
    let mut screen = Brightness::new(Some(0), 0);
    screen.presence(false, 0);
    for night in [false, true] {
        let around = Surroundings {
            visiting: true,
            night,
        };
        assert_eq!(screen.percent(around, u64::MAX), FULL_PERCENT);
        assert_eq!(screen.deadline(around, 0), None);
    }
}

#[test]
fn the_least_brightness_of_the_settings_holds_for_night_absence_and_day() {
    let mut screen = Brightness::new(Some(60), 0);
    assert_eq!(screen.percent(NIGHT, IDLE_MS), 60);
    assert_eq!(screen.percent(DAY, IDLE_MS), 60, "idle would be darker");
    screen.presence(false, 0);
    assert_eq!(screen.percent(NIGHT, IDLE_MS), 60);
    let dark = Brightness::new(Some(0), 0);
    assert!(is_dark(dark.percent(NIGHT, IDLE_MS)));
}

proptest! {
    /// A screen that is woken is full at once, and whatever time alone does to it is announced.
    #[test]
    fn between_its_deadlines_the_brightness_stands_still(
        least in proptest::option::of(0_u8..=100),
        night: bool,
        steps in proptest::collection::vec((0_u8..3, 0_u64..2_000_000), 1..30),
    ) {
        let around = Surroundings { visiting: false, night };
        let mut screen = Brightness::new(least, 0);
        let mut now_ms = 0;
        for (what, wait_ms) in steps {
            let before = screen.percent(around, now_ms);
            let deadline = screen.deadline(around, now_ms);
            now_ms += wait_ms;
            if deadline.is_none_or(|at_ms| now_ms < at_ms) {
                prop_assert_eq!(screen.percent(around, now_ms), before);
            } else {
                prop_assert!(screen.percent(around, now_ms) < before);
            }
            match what {
                0 => screen.touched(now_ms),
                1 => screen.presence(true, now_ms),
                _ => screen.presence(false, now_ms),
            }
            if what < 2 {
                prop_assert_eq!(screen.percent(around, now_ms), FULL_PERCENT);
            }
            prop_assert!(screen.percent(around, now_ms) >= least.unwrap_or(0));
        }
    }
}
