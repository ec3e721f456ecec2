//! True time: what a terminal without a battery-backed clock measured, put on the calendar, and how
//! sure that is.
//!
//! Within a boot the clock of the machine is right to parts in a million, so one number a boot is
//! enough: the offset, with true time = `up_ms` + offset. It is known from NTP during that boot
//! (`synced`) or from the portal's own clock when the boot delivered (`portal`). A boot that never
//! knew the time lies between its neighbours: it began after the last that was heard of the boot
//! before it and ended before the next one began. That window gives an estimate and its
//! uncertainty.
//!
//! Arithmetic only; [`crate::storage`] keeps what is found.

use pikir_contract::OffsetQuality;

/// How far a time from a synchronised clock may be off, in milliseconds.
pub const SYNCED_UNCERTAINTY_MS: i64 = 1_000;
/// How far a time from the portal's clock may be off, in milliseconds: a request takes a while to
/// arrive. The quickest of a boot's requests counts ([`measured_again`]), so one slow one does not
/// make it wrong for long.
pub const PORTAL_UNCERTAINTY_MS: i64 = 5_000;
/// How far ahead of its arrival an event may lie, in milliseconds: clocks differ a little. So far
/// may a synchronised clock be off, too, before the portal believes its own.
pub const TOLERANCE_MS: i64 = 5 * 60 * 1000;
/// By how much a request must have been quicker than all before it, in milliseconds: less is not
/// worth setting every rating of the boot right again.
const QUICKER_BY_MS: i64 = 1_000;

/// How far two bounds may contradict each other, in milliseconds: each is a measured time itself.
const SLACK_MS: i64 = 2 * PORTAL_UNCERTAINTY_MS;

/// A boot as far as it was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first moment heard of, in milliseconds of the boot.
    pub from_up_ms: i64,
    /// The last moment heard of.
    pub to_up_ms: i64,
    /// The offset somebody told: the terminal, or the portal's own clock.
    pub told: Option<(i64, OffsetQuality)>,
}

/// When a boot began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// True time = `up_ms` + this.
    pub offset_ms: i64,
    /// How it is known.
    pub quality: OffsetQuality,
    /// The true time lies at most so far from it, in milliseconds; `None` where nothing bounds it.
    pub uncertainty_ms: Option<i64>,
}

impl Run {
    fn known(&self) -> Option<i64> {
        self.told
            .filter(|(_, quality)| *quality != OffsetQuality::Estimated)
            .map(|(offset_ms, _)| offset_ms)
    }
}

/// Finds when each boot began. `runs` stand in the order in which they happened; all of them began
/// after `earliest_ms` (milliseconds since 1970), if that is known. `None`: nothing bounds this
/// boot on both sides.
pub fn resolve(runs: &[Run], earliest_ms: Option<i64>) -> Vec<Option<Offset>> {
    let mut found = Vec::with_capacity(runs.len());
    while found.len() < runs.len() {
        let rest = &runs[found.len()..];
        match measured(&rest[0]) {
            Some(offset) => found.push(Some(offset)),
            None => {
                let before = found.len().checked_sub(1).map(|last| &runs[last]);
                found.extend(between(before, rest, earliest_ms));
            }
        }
    }
    found
}

/// How far a measured time may be off (milliseconds); `None`: it is not measured.
pub fn measured_uncertainty_ms(quality: OffsetQuality) -> Option<i64> {
    match quality {
        OffsetQuality::Synced => Some(SYNCED_UNCERTAINTY_MS),
        OffsetQuality::Portal => Some(PORTAL_UNCERTAINTY_MS),
        OffsetQuality::Estimated => None,
    }
}

/// When a boot began by the portal's own clock, after one more of its requests: `best_ms` as was
/// found so far, `found_ms` by this request alone (its arrival less the boot's uptime).
///
/// A request can only be late, so the smallest is the best. A larger one says nothing, unless it is
/// larger than any request can be late: then the portal's clock was behind when the best was found,
/// and has been set since. But an old request that is repeated is late without limit, so this holds
/// only where `is_new`: the boot was never heard of at so late a moment. A clock that was ahead
/// needs no such rule: what is found when it is right again is smaller.
pub fn measured_again(best_ms: Option<i64>, found_ms: i64, is_new: bool) -> i64 {
    match best_ms {
        None => found_ms,
        Some(best_ms) => {
            let quicker = best_ms.saturating_sub(found_ms) >= QUICKER_BY_MS;
            let clock_was_set = found_ms.saturating_sub(best_ms) > TOLERANCE_MS && is_new;
            if quicker || clock_was_set {
                found_ms
            } else {
                best_ms
            }
        }
    }
}

fn measured(run: &Run) -> Option<Offset> {
    let (offset_ms, quality) = run.told?;
    Some(Offset {
        offset_ms,
        quality,
        uncertainty_ms: Some(measured_uncertainty_ms(quality)?),
    })
}

/// The boots at the beginning of `rest` that never knew the time, up to the next that did.
fn between(before: Option<&Run>, rest: &[Run], earliest_ms: Option<i64>) -> Vec<Option<Offset>> {
    let count = rest
        .iter()
        .position(|run| run.known().is_some())
        .unwrap_or(rest.len());
    let (group, after) = rest.split_at(count);
    let not_before = match before.and_then(|run| Some((run.known()?, run.to_up_ms))) {
        Some((offset_ms, to_up_ms)) => Some(offset_ms.saturating_add(to_up_ms)),
        // Nothing that was handed in is older than the enrolment.
        None => earliest_ms.map(|earliest| earliest.saturating_sub(group[0].from_up_ms)),
    };
    let not_after = after.first().and_then(Run::known);
    let mut passed = 0_i64;
    let mut to_come = group
        .iter()
        .fold(0_i64, |sum, run| sum.saturating_add(run.to_up_ms));
    let mut found = Vec::with_capacity(count);
    for run in group {
        let window = not_before
            .zip(not_after)
            .map(|(low, high)| (low.saturating_add(passed), high.saturating_sub(to_come)));
        found.push(estimate(
            run,
            window.filter(|(low, high)| low.saturating_sub(*high) <= SLACK_MS),
        ));
        passed = passed.saturating_add(run.to_up_ms);
        to_come = to_come.saturating_sub(run.to_up_ms);
    }
    found
}

/// The terminal may know more than the window says, but nothing that contradicts it.
fn estimate(run: &Run, window: Option<(i64, i64)>) -> Option<Offset> {
    let told = run.told.map(|(offset_ms, _)| offset_ms);
    let (offset_ms, uncertainty_ms) = match (window, told) {
        (Some((low, high)), Some(told)) if (low..=high).contains(&told) => {
            (told, Some((told - low).max(high - told)))
        }
        (Some((low, high)), _) => (low + (high - low) / 2, Some((high - low) / 2)),
        (None, told) => (told?, None),
    };
    Some(Offset {
        offset_ms,
        quality: OffsetQuality::Estimated,
        uncertainty_ms: uncertainty_ms.map(|of| of.max(PORTAL_UNCERTAINTY_MS)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn unknown(to_up_ms: i64) -> Run {
        Run {
            from_up_ms: 0,
            to_up_ms,
            told: None,
        }
    }

    fn known(offset_ms: i64, to_up_ms: i64) -> Run {
        Run {
            told: Some((offset_ms, OffsetQuality::Portal)),
            ..unknown(to_up_ms)
        }
    }

    fn estimates(runs: &[Run], earliest_ms: Option<i64>) -> Vec<Option<(i64, Option<i64>)>> {
        let found = resolve(runs, earliest_ms).into_iter();
        found
            .map(|found| found.map(|offset| (offset.offset_ms, offset.uncertainty_ms)))
            .collect()
    }

    #[test]
    fn the_quickest_request_counts_and_an_old_one_repeated_does_not() {
        assert_eq!(measured_again(None, DAY, true), DAY);
        let again = |found_ms, is_new| measured_again(Some(DAY), found_ms, is_new);
        assert_eq!(again(DAY - 9_000, true), DAY - 9_000);
        assert_eq!(again(DAY - 9_000, false), DAY - 9_000);
        assert_eq!(again(DAY - QUICKER_BY_MS + 1, true), DAY);
        assert_eq!(again(DAY + TOLERANCE_MS, true), DAY, "a slow request");
        assert_eq!(again(2 * DAY, false), DAY, "a request repeated");
        assert_eq!(again(2 * DAY, true), 2 * DAY, "the clock was set");
    }

    #[test]
    fn a_boot_between_two_known_ones_lies_in_the_middle_of_what_is_left() {
        let runs = [known(0, DAY), unknown(2 * DAY), known(10 * DAY, 500)];
        let found = resolve(&runs, None);
        // It began after one day and, having run for two, before the eighth was over.
        let expected = Offset {
            offset_ms: 9 * DAY / 2,
            quality: OffsetQuality::Estimated,
            uncertainty_ms: Some(7 * DAY / 2),
        };
        assert_eq!(found[1], Some(expected));
        assert_eq!(
            found[0].map(|offset| offset.quality),
            Some(OffsetQuality::Portal)
        );
    }

    #[test]
    fn boots_without_a_known_one_between_them_are_stacked() {
        let runs = [
            known(0, DAY),
            unknown(2 * DAY),
            unknown(3 * DAY),
            known(10 * DAY, 1),
        ];
        let expected = [
            Some((3 * DAY, Some(2 * DAY))),
            Some((5 * DAY, Some(2 * DAY))),
        ];
        assert_eq!(estimates(&runs, None)[1..3], expected);
    }

    #[test]
    fn before_the_first_known_boot_the_enrolment_bounds() {
        let first = Run {
            from_up_ms: 500,
            ..unknown(DAY)
        };
        let runs = [first, known(3 * DAY, 1)];
        let expected = Some((DAY - 500 + (DAY + 500) / 2, Some((DAY + 500) / 2)));
        assert_eq!(estimates(&runs, Some(DAY))[0], expected);
        assert_eq!(estimates(&runs, None)[0], None);
    }

    #[test]
    fn what_the_terminal_estimates_is_taken_within_the_window_only() {
        let told = |offset_ms| Run {
            told: Some((offset_ms, OffsetQuality::Estimated)),
            ..unknown(2 * DAY)
        };
        let within = [known(0, DAY), told(7 * DAY), known(10 * DAY, 500)];
        assert_eq!(estimates(&within, None)[1], Some((7 * DAY, Some(6 * DAY))));
        let outside = [known(0, DAY), told(9 * DAY), known(10 * DAY, 500)];
        assert_eq!(
            estimates(&outside, None)[1],
            Some((9 * DAY / 2, Some(7 * DAY / 2)))
        );
        assert_eq!(estimates(&[told(9 * DAY)], None), [Some((9 * DAY, None))]);
    }

    #[test]
    fn bounds_that_contradict_each_other_bound_nothing() {
        let runs = [known(0, 9 * DAY), unknown(2 * DAY), known(10 * DAY, 500)];
        assert_eq!(estimates(&runs, None)[1], None);
        let absurd = [
            known(0, 1),
            unknown(i64::MAX),
            unknown(i64::MAX),
            known(5, 1),
        ];
        assert_eq!(estimates(&absurd, None)[1..3], [None, None]);
    }

    #[test]
    fn bounds_that_miss_each_other_by_seconds_are_measured_times_and_hold() {
        let runs = [known(0, DAY), unknown(DAY), known(2 * DAY - 4_000, 500)];
        assert_eq!(
            estimates(&runs, None)[1],
            Some((DAY - 2_000, Some(PORTAL_UNCERTAINTY_MS)))
        );
    }

    #[test]
    fn without_a_known_boot_after_it_a_boot_stays_unknown() {
        assert_eq!(estimates(&[known(0, 1), unknown(5)], None)[1], None);
        assert_eq!(resolve(&[], None), []);
    }
}
