//! The published rules: which ratings are kept but not counted, and why.
//!
//! Some rules the terminal applies itself, the moment a rating is given; their limits stand here because they are
//! published here. Others only show in what came before and after, so the portal applies them, also backwards. A rule
//! never removes anything: it excludes a rating from the figures, and staff may reverse that.

mod periodic;
pub mod phone;

use periodic::periodic;

/// `repeat`: a rating less than this after the one before it, in milliseconds.
pub const REPEAT_MS: i64 = 2_000;
/// `burst`: ratings that one may give within [`BURST_WINDOW_MS`]; those beyond it do not count.
pub const BURST_COUNT: u32 = 10;
/// `burst`: the window, in milliseconds.
pub const BURST_WINDOW_MS: i64 = 60_000;
/// `periodic`: how far touches of one point lie from the last of them at most, per mille of the screen.
pub const POINT_RADIUS: i32 = 15;
/// `periodic`: gaps in a row that must be whole multiples of one period.
pub const PERIOD_COUNT: usize = 4;
/// `periodic`: how far a gap may be off, in milliseconds.
pub const PERIOD_TOLERANCE_MS: i64 = 60;
/// `periodic`: the largest multiple of the period that a gap may be: a touch in between may have met no face.
pub const PERIOD_MULTIPLE: i64 = 3;
/// `periodic`: the shortest period looked for, in milliseconds.
pub const PERIOD_MIN_MS: i64 = 2_000;
/// `periodic`: the longest period looked for, in milliseconds (10 minutes).
pub const PERIOD_MAX_MS: i64 = 600_000;
/// `periodic`: other touches at the point that may lie between those of the series.
pub const PERIOD_STRAYS: usize = 3;
/// `closed`: how long before opening a rating counts already, in milliseconds (10 minutes): doors and clocks differ.
pub const CLOSED_BEFORE_MS: i64 = 600_000;
/// `closed`: how long after closing a rating still counts, in milliseconds (30 minutes): whoever was let in is served.
pub const CLOSED_AFTER_MS: i64 = 1_800_000;
/// `position`: ratings in a row that touch the same position.
pub const POSITION_COUNT: usize = 10;
/// `position`: how far they lie apart at most, per mille of the screen. No hand is that steady.
pub const POSITION_SPREAD: i32 = 3;

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
            Self::Repeat | Self::Burst | Self::Closed | Self::Other => FoundBy::Terminal,
            Self::Periodic => FoundBy::Both,
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

/// A rating as the portal's own rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Its number.
    pub seq: u64,
    /// The boot it was given in.
    pub boot: String,
    /// Milliseconds of that boot.
    pub up_ms: i64,
    /// Where the screen was touched, per mille; `None` for a key or a button.
    pub point: Option<(i32, i32)>,
}

/// The ratings that the portal's own rules exclude, among `touches` in ascending order of seq.
pub fn doubtful(touches: &[Touch]) -> Vec<(u64, Rule)> {
    let mut found = Vec::new();
    for end in 0..touches.len() {
        if let Some(row) = same_position(&touches[..=end]) {
            found.extend(row.iter().map(|touch| (touch.seq, Rule::Position)));
        }
        found.extend(
            periodic(&touches[end.saturating_sub(LOOKAROUND)..=end])
                .into_iter()
                .map(|seq| (seq, Rule::Periodic)),
        );
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The last ratings, if so many in a row touched one position.
fn same_position(touches: &[Touch]) -> Option<&[Touch]> {
    let row = &touches[touches.len().checked_sub(POSITION_COUNT)?..];
    let (mut low, mut high) = (row[0].point?, row[0].point?);
    for touch in row {
        let (x, y) = touch.point?;
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    (high.0 - low.0 <= POSITION_SPREAD && high.1 - low.1 <= POSITION_SPREAD).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(seq: u64, up_ms: i64, x: i32, y: i32) -> Touch {
        Touch {
            seq,
            boot: "a".to_owned(),
            up_ms,
            point: Some((x, y)),
        }
    }

    fn seqs(touches: &[Touch], rule: Rule) -> Vec<u64> {
        let found = doubtful(touches).into_iter();
        found
            .filter(|(_, of)| *of == rule)
            .map(|(seq, _)| seq)
            .collect()
    }

    #[test]
    fn ten_in_a_row_at_one_position_are_all_excluded_and_nine_are_not() {
        let row = |count: u64| -> Vec<Touch> {
            (1..=count)
                .map(|seq| touch(seq, (seq * seq * 7_001) as i64, 500 + (seq % 4) as i32, 500))
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
        moved[6].point = Some((504, 500));
        assert_eq!(seqs(&moved, Rule::Position), [] as [u64; 0]);
    }

    #[test]
    fn the_known_phantom_touch_is_found_from_its_first_rating() {
        // Every 12.864 s; two met no face; between them visitors rate elsewhere.
        let mut touches = Vec::new();
        for (index, times) in [0, 1, 2, 4, 5, 7, 8].into_iter().enumerate() {
            let seq = 2 * index as u64 + 1;
            let up_ms = 100_000 + times * 12_864 + (times % 3) * 20;
            touches.push(touch(seq, up_ms, 300 + (index % 2) as i32 * 9, 700));
            touches.push(touch(
                seq + 1,
                up_ms + 1_000 + (index * index * 137) as i64,
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
        let touches: Vec<Touch> = gaps
            .iter()
            .zip(1..)
            .map(|(gap, seq)| {
                up_ms += gap;
                touch(seq, up_ms, 300 + (seq * 5 % 13) as i32, 700)
            })
            .collect();
        assert_eq!(doubtful(&touches), []);
    }

    #[test]
    fn a_period_needs_one_boot_and_one_point() {
        let series = |count: u64| -> Vec<Touch> {
            (1..=count)
                .map(|seq| touch(seq, seq as i64 * 12_864, 300, 700))
                .collect()
        };
        assert_eq!(seqs(&series(4), Rule::Periodic), [] as [u64; 0]);
        assert_eq!(seqs(&series(5), Rule::Periodic), [1, 2, 3, 4, 5]);
        let mut rebooted = series(5);
        rebooted[2].boot = "b".to_owned();
        assert_eq!(doubtful(&rebooted), []);
        let mut moved = series(5);
        moved[2].point = Some((316, 700));
        assert_eq!(doubtful(&moved), []);
    }

    #[test]
    fn periods_outside_the_limits_do_not_count() {
        let shorter = PERIOD_MIN_MS - PERIOD_TOLERANCE_MS - 1;
        let longer = PERIOD_MULTIPLE * PERIOD_MAX_MS + PERIOD_TOLERANCE_MS + 1;
        for period in [shorter, longer] {
            let series: Vec<Touch> = (1..=6)
                .map(|seq| touch(seq, seq as i64 * period, 300, 700))
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
}
