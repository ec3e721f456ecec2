//! Touches that no finger makes: a faulty panel that touches itself at one point at a fixed period.
//!
//! The arithmetic is the terminal's (`kiosk/src/visit/doubt/phantom.rs`), so that both judge a series alike;
//! `tests/golden/periodic.json` holds series that both are tested with. A touch gives a phantom away when it ends a chain
//! of touches at its point whose last [`PERIOD_COUNT`] gaps are whole multiples of one period, with at most
//! [`PERIOD_STRAYS`] other touches at the point between them. The terminal knows every touch, the portal only ratings.

use super::{
    PERIOD_COUNT, PERIOD_MAX_MS, PERIOD_MIN_MS, PERIOD_MULTIPLE, PERIOD_STRAYS,
    PERIOD_TOLERANCE_MS, POINT_RADIUS, Touch,
};

/// Periods are compared in parts of a millisecond small enough that a gap divides by every multiple.
const PARTS: i64 = 6;

/// A chain that is being followed backwards in time.
#[derive(Clone, Copy)]
struct Chain {
    /// The periods that explain every gap so far, from and to (parts of a millisecond).
    periods: (i64, i64),
    gaps: usize,
    strays: usize,
}

/// The ratings of the chain that the last of these ends; none if it ends none.
pub(super) fn periodic(touches: &[Touch]) -> Vec<u64> {
    let Some((last, earlier)) = touches.split_last() else {
        return Vec::new();
    };
    // Newest first.
    let before: Vec<&Touch> = earlier
        .iter()
        .rev()
        .filter(|touch| touch.boot == last.boot && is_one_point(touch, last))
        .collect();
    let start = Chain {
        periods: (PERIOD_MIN_MS * PARTS, PERIOD_MAX_MS * PARTS),
        gaps: 0,
        strays: 0,
    };
    let mut hits = follow(start, last.up_ms, &before).unwrap_or_default();
    if !hits.is_empty() {
        hits.push(last.seq);
    }
    hits
}

fn is_one_point(one: &Touch, other: &Touch) -> bool {
    one.point.zip(other.point).is_some_and(|(one, other)| {
        (one.0 - other.0).pow(2) + (one.1 - other.1).pow(2) <= POINT_RADIUS.pow(2)
    })
}

/// Goes on from the hit at `up_ms`; answers with the hits before it of a whole chain. The nearest hits and the smallest
/// multiples come first, so that the longest period that fits is found.
fn follow(chain: Chain, up_ms: i64, before: &[&Touch]) -> Option<Vec<u64>> {
    if chain.gaps == PERIOD_COUNT {
        return Some(Vec::new());
    }
    let reach = PERIOD_STRAYS - chain.strays + 1;
    before
        .iter()
        .take(reach)
        .enumerate()
        .find_map(|(strays, earlier)| {
            let gap_ms = up_ms.saturating_sub(earlier.up_ms).max(0);
            (1..=PERIOD_MULTIPLE).find_map(|count| {
                let next = chain.with_gap(gap_ms, count, strays)?;
                let mut hits = follow(next, earlier.up_ms, &before[strays + 1..])?;
                hits.push(earlier.seq);
                Some(hits)
            })
        })
}

impl Chain {
    /// The chain with one gap of `count` periods more, where some period explains them all.
    fn with_gap(self, gap_ms: i64, count: i64, strays: usize) -> Option<Self> {
        let least = (gap_ms - PERIOD_TOLERANCE_MS).max(0) * PARTS / count;
        let most = (gap_ms + PERIOD_TOLERANCE_MS) * PARTS / count;
        let periods = (self.periods.0.max(least), self.periods.1.min(most));
        (periods.0 <= periods.1).then_some(Self {
            periods,
            gaps: self.gaps + 1,
            strays: self.strays + strays,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::{Rule, doubtful};
    use super::*;

    #[derive(Deserialize)]
    struct Table {
        series: Vec<Series>,
    }

    #[derive(Deserialize)]
    struct Series {
        name: String,
        touches: Vec<(i64, i32, i32)>,
        given_away_by: Option<usize>,
        hits: Vec<u64>,
    }

    /// The touches that are part of a chain, among the first of these.
    fn hits(series: &Series, count: usize) -> Vec<u64> {
        let touches: Vec<Touch> = series.touches[..count]
            .iter()
            .zip(0..)
            .map(|(&(up_ms, x, y), seq)| Touch {
                seq,
                boot: "a".to_owned(),
                up_ms,
                point: Some((x, y)),
            })
            .collect();
        let found = doubtful(&touches).into_iter();
        found
            .filter(|(_, rule)| *rule == Rule::Periodic)
            .map(|(seq, _)| seq)
            .collect()
    }

    #[test]
    fn every_series_of_the_shared_table_is_judged_as_on_the_terminal() {
        let table = include_str!("../../../tests/golden/periodic.json");
        let table: Table = serde_json::from_str(table).unwrap();
        assert!(table.series.len() > 10);
        for series in &table.series {
            let count = series.touches.len();
            let first = (0..count).find(|last| !hits(series, last + 1).is_empty());
            assert_eq!(first, series.given_away_by, "{}", series.name);
            assert_eq!(hits(series, count), series.hits, "{}", series.name);
        }
    }
}
