//! Where the picture stands, against burn-in: it wanders by a few pixels on a slow path, so that no
//! edge of a letter stays on the same pixels for days. A pure function of the uptime.

/// Time between two steps of one pixel (milliseconds): no eye sees it, and an idle terminal hardly
/// wakes for it.
pub const SHIFT_STEP_MS: u64 = 3 * 60 * 1_000;
/// Furthest from the middle to either side (pixels).
pub const SHIFT_X: i32 = 4;
/// Furthest from the middle up and down (pixels). Different from [`SHIFT_X`], so that the path
/// fills an area and not a line.
pub const SHIFT_Y: i32 = 3;

/// Where the picture stands at uptime `up_ms`: pixels to the right and down. Two neighbouring steps
/// differ by one pixel at most in each direction.
#[must_use]
pub fn shift(up_ms: u64) -> (i32, i32) {
    let step = up_ms / SHIFT_STEP_MS;
    (swing(step, SHIFT_X), swing(step, SHIFT_Y))
}

/// How long until the next step (milliseconds).
#[must_use]
pub fn until_next_step_ms(up_ms: u64) -> u64 {
    SHIFT_STEP_MS - up_ms % SHIFT_STEP_MS
}

/// To and fro between −`reach` and `reach`, one pixel a step, beginning in the middle.
fn swing(step: u64, reach: i32) -> i32 {
    let period = 4 * u64::from(reach.unsigned_abs());
    // Below the period of a few steps, so nothing is lost.
    let phase = (step % period) as i32;
    if phase <= reach {
        phase
    } else if phase <= 3 * reach {
        2 * reach - phase
    } else {
        phase - 4 * reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn day() -> impl Iterator<Item = (i32, i32)> {
        (0..24 * 60).map(|minute| shift(minute * 60_000))
    }

    #[test]
    fn a_step_is_one_pixel_at_most_and_no_more_often_than_once_in_three_minutes() {
        let path: Vec<_> = day().collect();
        for pair in path.windows(2) {
            let ((x, y), (next_x, next_y)) = (pair[0], pair[1]);
            assert!((x - next_x).abs() <= 1 && (y - next_y).abs() <= 1);
        }
        let moves = path.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(moves <= 24 * 20, "{moves} moves in a day");
    }

    #[test]
    fn the_picture_begins_in_the_middle_and_reaches_every_side_but_no_further() {
        assert_eq!(shift(0), (0, 0));
        for (x, y) in day() {
            assert!(x.abs() <= SHIFT_X && y.abs() <= SHIFT_Y, "{x},{y}");
        }
        for side in [SHIFT_X, -SHIFT_X] {
            assert!(day().any(|(x, _)| x == side));
        }
        for side in [SHIFT_Y, -SHIFT_Y] {
            assert!(day().any(|(_, y)| y == side));
        }
    }

    #[test]
    fn in_a_day_the_picture_stands_in_many_places_and_long_in_none() {
        let places: BTreeSet<_> = day().collect();
        assert!(places.len() >= 20, "{}", places.len());
        for place in &places {
            let minutes = day().filter(|at| at == place).count();
            assert!(minutes <= 24 * 60 / 8, "{place:?} for {minutes} minutes");
        }
    }

    #[test]
    fn the_next_step_comes_when_it_is_said_to_and_not_before() {
        for up_ms in [
            0,
            1,
            SHIFT_STEP_MS - 1,
            SHIFT_STEP_MS,
            7 * SHIFT_STEP_MS + 5,
        ] {
            let wait = until_next_step_ms(up_ms);
            assert_eq!(shift(up_ms + wait - 1), shift(up_ms));
            assert_ne!(shift(up_ms + wait), shift(up_ms));
        }
    }

    #[test]
    fn an_uptime_of_centuries_still_has_a_place() {
        let (x, y) = shift(u64::MAX);
        assert!(x.abs() <= SHIFT_X && y.abs() <= SHIFT_Y);
    }
}
