//! The published rules: which ratings are kept but not counted, and why.
//!
//! Their numbers and their arithmetic are [`pikir_contract::rules`], which terminals ask too. A
//! terminal judges a rating the moment it is given and says so with a flag. The portal judges the
//! same ratings again, whatever was flagged, and whenever it learns something: what came before or
//! after, when it was, when the office is open. A rule never removes anything: it excludes a rating
//! from the figures, and staff may reverse that.

pub mod phone;

use pikir_contract::rules::{POSITION_COUNT, Point, Touch, is_one_position, series};

/// Ratings before and after a new one in which a pattern is looked for.
pub const LOOKAROUND: usize = 64;

/// Why a rating does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Too soon after the one before.
    Repeat,
    /// One of too many within a minute.
    Burst,
    /// One of a series with a fixed period at one point, as a faulty panel gives.
    Periodic,
    /// Outside the opening hours.
    Closed,
    /// One of many in a row at the very same position.
    Position,
    /// Sent on site by more phones than can pass one screen.
    Rush,
    /// One of many from one network.
    Network,
    /// Sent with one token from many networks.
    Replay,
    /// No opinion, as a moderator has read: advertising, a test, an insult alone.
    Opinion,
    /// Marked by a terminal for a reason this portal does not know.
    Other,
}

impl Rule {
    /// Every rule, in the order in which they are published.
    pub const ALL: [Self; 10] = [
        Self::Repeat,
        Self::Burst,
        Self::Periodic,
        Self::Position,
        Self::Closed,
        Self::Rush,
        Self::Network,
        Self::Replay,
        Self::Opinion,
        Self::Other,
    ];

    /// How it is written on the wire, in the database and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repeat => "repeat",
            Self::Burst => "burst",
            Self::Periodic => "periodic",
            Self::Closed => "closed",
            Self::Position => "position",
            Self::Rush => "rush",
            Self::Network => "network",
            Self::Replay => "replay",
            Self::Opinion => "opinion",
            Self::Other => "other",
        }
    }

    /// The rule of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }

    /// Who applies it.
    pub fn found_by(self) -> FoundBy {
        match self {
            Self::Repeat | Self::Burst | Self::Periodic | Self::Closed => FoundBy::Both,
            Self::Other => FoundBy::Terminal,
            Self::Position | Self::Rush | Self::Network | Self::Replay => FoundBy::Portal,
            Self::Opinion => FoundBy::Moderator,
        }
    }

    /// The rule that a terminal's flag names. What only the portal applies no terminal can name.
    pub fn of_flag(flag: &str) -> Self {
        Self::parse(flag)
            .filter(|rule| matches!(rule.found_by(), FoundBy::Terminal | FoundBy::Both))
            .unwrap_or(Self::Other)
    }
}

/// Who applies a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// The terminal, the moment a rating is given.
    Terminal,
    /// The portal, also afterwards.
    Portal,
    /// The terminal and, afterwards, the portal.
    Both,
    /// A moderator who has read what was written.
    Moderator,
}

/// A rating as the rules of touches look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    /// Its number.
    pub seq: u64,
    /// The boot it was given in.
    pub boot: String,
    /// Milliseconds of that boot.
    pub up_ms: u64,
    /// Where the screen was touched; `None` for a key or a button.
    pub point: Option<Point>,
}

/// The ratings that `position` and `periodic` exclude, among `ratings` in ascending order of seq.
pub fn doubtful(ratings: &[Rated]) -> Vec<(u64, Rule)> {
    let mut found = Vec::new();
    for end in 0..ratings.len() {
        if let Some(row) = same_position(&ratings[..=end]) {
            found.extend(row.iter().map(|rated| (rated.seq, Rule::Position)));
        }
        let hits = periodic(&ratings[end.saturating_sub(LOOKAROUND)..=end]);
        found.extend(hits.into_iter().map(|seq| (seq, Rule::Periodic)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The last ratings, if so many in a row touched one position.
fn same_position(ratings: &[Rated]) -> Option<&[Rated]> {
    let row = &ratings[ratings.len().checked_sub(POSITION_COUNT)?..];
    let points: Option<Vec<Point>> = row.iter().map(|rated| rated.point).collect();
    is_one_position(&points?).then_some(row)
}

/// The ratings of the series that the last of these ends; none if it ends none.
fn periodic(ratings: &[Rated]) -> Vec<u64> {
    let touch = |rated: &Rated| {
        let (point, up_ms) = (rated.point?, rated.up_ms);
        Some(Touch { point, up_ms })
    };
    let Some((last, earlier)) = ratings.split_last() else {
        return Vec::new();
    };
    let earlier = earlier.iter().rev().filter(|rated| rated.boot == last.boot);
    // Newest first.
    let (seqs, before): (Vec<u64>, Vec<Touch>) = earlier
        .filter_map(|rated| Some((rated.seq, touch(rated)?)))
        .unzip();
    let Some(found) = touch(last).and_then(|last| series(last, &before)) else {
        return Vec::new();
    };
    let hits = found.hits.iter().map(|index| seqs[*index]);
    hits.chain([last.seq]).collect()
}

#[cfg(test)]
mod tests {
    use pikir_contract::rules::{
        PERIOD_MAX_MS, PERIOD_MIN_MS, PERIOD_MULTIPLE, PERIOD_TOLERANCE_MS,
    };
    use serde::Deserialize;

    use super::*;

    fn touch(seq: u64, up_ms: u64, x: u16, y: u16) -> Rated {
        Rated {
            seq,
            boot: "a".to_owned(),
            up_ms,
            point: Some(Point { x, y }),
        }
    }

    fn seqs(touches: &[Rated], rule: Rule) -> Vec<u64> {
        let found = doubtful(touches).into_iter();
        found
            .filter(|(_, of)| *of == rule)
            .map(|(seq, _)| seq)
            .collect()
    }

    #[test]
    fn ten_in_a_row_at_one_position_are_all_excluded_and_nine_are_not() {
        let row = |count: u64| -> Vec<Rated> {
            (1..=count)
                .map(|seq| touch(seq, seq * seq * 7_001, 500 + (seq % 4) as u16, 500))
                .collect()
        };
        assert_eq!(seqs(&row(9), Rule::Position), [] as [u64; 0]);
        assert_eq!(
            seqs(&row(12), Rule::Position),
            (1..=12).collect::<Vec<u64>>()
        );
        let mut interrupted = row(12);
        interrupted[6].point = None;
        assert_eq!(seqs(&interrupted, Rule::Position), [] as [u64; 0]);
        let mut moved = row(12);
        moved[6].point = Some(Point { x: 504, y: 500 });
        assert_eq!(seqs(&moved, Rule::Position), [] as [u64; 0]);
    }

    #[test]
    fn the_known_phantom_touch_is_found_from_its_first_rating() {
        // Every 12.864 s; two met no face; between them visitors rate elsewhere.
        let mut touches = Vec::new();
        for (index, times) in [0, 1, 2, 4, 5, 7, 8].into_iter().enumerate() {
            let seq = 2 * index as u64 + 1;
            let up_ms = 100_000 + times * 12_864 + (times % 3) * 20;
            touches.push(touch(seq, up_ms, 300 + (index % 2) as u16 * 9, 700));
            touches.push(touch(
                seq + 1,
                up_ms + 1_000 + (index * index * 137) as u64,
                800,
                640,
            ));
        }
        assert_eq!(seqs(&touches, Rule::Periodic), [1, 3, 5, 7, 9, 11, 13]);
    }

    #[test]
    fn people_are_not_periodic() {
        let gaps = [31_000, 9_400, 74_100, 22_750, 48_020, 12_000, 95_500];
        let mut up_ms = 0;
        let touches: Vec<Rated> = gaps
            .iter()
            .zip(1..)
            .map(|(gap, seq)| {
                up_ms += gap;
                touch(seq, up_ms, 300 + (seq * 5 % 13) as u16, 700)
            })
            .collect();
        assert_eq!(doubtful(&touches), []);
    }

    #[test]
    fn a_period_needs_one_boot_and_one_point() {
        let series = |count: u64| -> Vec<Rated> {
            (1..=count)
                .map(|seq| touch(seq, seq * 12_864, 300, 700))
                .collect()
        };
        assert_eq!(seqs(&series(4), Rule::Periodic), [] as [u64; 0]);
        assert_eq!(seqs(&series(5), Rule::Periodic), [1, 2, 3, 4, 5]);
        let mut rebooted = series(5);
        rebooted[2].boot = "b".to_owned();
        assert_eq!(doubtful(&rebooted), []);
        let mut moved = series(5);
        moved[2].point = Some(Point { x: 316, y: 700 });
        assert_eq!(doubtful(&moved), []);
    }

    #[test]
    fn periods_outside_the_limits_do_not_count() {
        let shorter = PERIOD_MIN_MS - PERIOD_TOLERANCE_MS - 1;
        let longer = PERIOD_MULTIPLE * PERIOD_MAX_MS + PERIOD_TOLERANCE_MS + 1;
        for period in [shorter, longer] {
            let series: Vec<Rated> = (1..=6)
                .map(|seq| touch(seq, seq * period, 300, 700))
                .collect();
            assert_eq!(doubtful(&series), [], "{period}");
        }
    }

    #[test]
    fn a_flag_of_a_newer_terminal_is_a_rule_too() {
        assert_eq!(Rule::of_flag("burst"), Rule::Burst);
        assert_eq!(Rule::of_flag("mood"), Rule::Other);
        for of_the_portal in ["position", "rush", "network", "replay", "opinion"] {
            assert_eq!(Rule::of_flag(of_the_portal), Rule::Other);
        }
    }

    #[derive(Deserialize)]
    struct Table {
        series: Vec<Series>,
    }

    #[derive(Deserialize)]
    struct Series {
        name: String,
        touches: Vec<(u64, u16, u16)>,
        given_away_by: Option<usize>,
        hits: Vec<u64>,
    }

    /// The touches that are part of a series, among the first of these.
    fn hits(series: &Series, count: usize) -> Vec<u64> {
        let touches = series.touches[..count].iter().zip(0..);
        let touches: Vec<Rated> = touches
            .map(|(&(up_ms, x, y), seq)| touch(seq, up_ms, x, y))
            .collect();
        seqs(&touches, Rule::Periodic)
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
