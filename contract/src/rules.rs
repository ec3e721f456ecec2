//! The published rules: which ratings are doubted, in numbers and in arithmetic.
//!
//! The terminal judges a rating the moment it is given, the portal whenever it learns something.
//! Both ask here, so that they cannot disagree. A rule takes nothing away: it says why a rating
//! should not count.
//!
//! | rule | a rating is doubted |
//! | --- | --- |
//! | `repeat` | less than [`REPEAT_MS`] after the one before it that still stands ([`pace`]) |
//! | `burst` | when [`BURST_COUNT`] that still stand came within [`BURST_WINDOW_MS`] before it ([`pace`]) |
//! | `periodic` | where touches of one point come at a fixed period ([`series`]) |
//! | `position` | as one of [`POSITION_COUNT`] in a row at the very same position ([`is_one_position`]) |
//! | `closed` | outside the opening hours and the grace around them ([`is_served`]) |
//!
//! A rating that was taken back in time ([`takes_back`]) does not stand. Times are milliseconds of
//! one boot, but for those of `closed`.

use std::ops::Range;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time};

use crate::config::{Hours, OpenHours, OpenSpan, Weekday};

/// `repeat`: a rating sooner than this after the one before it (milliseconds).
pub const REPEAT_MS: u64 = 2_000;

/// `burst`: ratings within [`BURST_WINDOW_MS`] that are believed; those beyond are doubted (count).
pub const BURST_COUNT: usize = 10;
/// `burst`: the time in which they are counted, back from the newest (milliseconds).
pub const BURST_WINDOW_MS: u64 = 60_000;

/// `periodic`: touches this near to each other are at one point (per mille of the screen).
pub const POINT_RADIUS: u16 = 15;
/// `periodic`: gaps in a row that agree (count); a series is one touch longer.
pub const PERIOD_COUNT: usize = 4;
/// `periodic`: how far a gap may be from a multiple of the period (milliseconds).
pub const PERIOD_TOLERANCE_MS: u64 = 60;
/// `periodic`: the most periods that one gap may hold (count): some touches meet no face.
pub const PERIOD_MULTIPLE: u64 = 3;
/// `periodic`: the shortest period (milliseconds): faster touches are a burst, and people drum.
pub const PERIOD_MIN_MS: u64 = 2_000;
/// `periodic`: the longest period (milliseconds).
pub const PERIOD_MAX_MS: u64 = 600_000;
/// `periodic`: other touches at the point that may lie between those of a series (count).
pub const PERIOD_STRAYS: usize = 3;

/// `position`: ratings in a row at one position (count).
pub const POSITION_COUNT: usize = 10;
/// `position`: how far they lie apart at most (per mille of the screen): no hand is that steady.
pub const POSITION_SPREAD: u16 = 3;

/// `closed`: a rating this soon before opening counts (minutes): the door is open for the queue.
pub const CLOSED_BEFORE_MIN: u16 = 10;
/// `closed`: a rating this soon after closing counts (minutes): whoever came in time is served.
pub const CLOSED_AFTER_MIN: u16 = 30;

/// The longest time to take a rating back that a configuration gives everybody, `undo_s`
/// (seconds): after it the next visitor could.
pub const MAX_UNDO_S: u64 = 60;
/// How much longer than `undo_s` a rating can be taken back (milliseconds, 15 minutes). Whoever
/// hears the screen, has adapted it or uses keys may until they have left: ten minutes without
/// input, the longest `idle_timeout_s`; four that the voice speaks; the question whether they are
/// still there.
pub const WITHDRAWAL_GRACE_MS: u64 = 900_000;

/// A moment as a terminal's journal has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment<B> {
    /// The boot.
    pub boot: B,
    /// Milliseconds of that boot.
    pub up_ms: u64,
}

/// Whether a withdrawal comes in time for its rating: in the same boot, not before it, and within
/// [`MAX_UNDO_S`] and [`WITHDRAWAL_GRACE_MS`]. Any other is kept and shown, and takes nothing back.
#[must_use]
pub fn takes_back<B: PartialEq>(rated: &Moment<B>, withdrawn: &Moment<B>) -> bool {
    let after = withdrawn.up_ms.checked_sub(rated.up_ms);
    rated.boot == withdrawn.boot
        && after.is_some_and(|ms| ms <= MAX_UNDO_S * 1_000 + WITHDRAWAL_GRACE_MS)
}

/// What `repeat` and `burst` say of a rating.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// It came too soon after another.
    pub repeat: bool,
    /// It is one of too many at once.
    pub burst: bool,
}

/// Judges the pace of a rating. `before_ms`: how long before it those of this boot were given that
/// stand at that moment, the newest first; none beyond [`BURST_WINDOW_MS`] is looked at.
#[must_use]
pub fn pace(before_ms: impl IntoIterator<Item = u64>) -> Pace {
    let mut before_ms = before_ms.into_iter().take(BURST_COUNT).enumerate();
    let repeat = before_ms.next().is_some_and(|(_, ms)| ms < REPEAT_MS);
    // The oldest of those that would be believed beside this one.
    let burst = before_ms
        .last()
        .is_some_and(|(index, ms)| index + 1 == BURST_COUNT && ms < BURST_WINDOW_MS);
    Pace { repeat, burst }
}

/// A place on the screen, per mille of its width from the left and of its height from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// From the left, 0–1000.
    pub x: u16,
    /// From the top, 0–1000.
    pub y: u16,
}

impl From<(u16, u16)> for Point {
    fn from((x, y): (u16, u16)) -> Self {
        Self { x, y }
    }
}

impl Point {
    /// Whether both are one point, as far as a panel can tell.
    #[must_use]
    pub fn is_at(self, other: Point) -> bool {
        let (dx, dy) = (self.x.abs_diff(other.x), self.y.abs_diff(other.y));
        u32::from(dx).pow(2) + u32::from(dy).pow(2) <= u32::from(POINT_RADIUS).pow(2)
    }
}

/// Whether these are one position: no two lie further than [`POSITION_SPREAD`] apart, either way.
#[must_use]
pub fn is_one_position(points: &[Point]) -> bool {
    let spread = |of: fn(&Point) -> u16| {
        let (low, high) = (points.iter().map(of).min(), points.iter().map(of).max());
        high.zip(low).map_or(0, |(high, low)| high - low)
    };
    spread(|point| point.x) <= POSITION_SPREAD && spread(|point| point.y) <= POSITION_SPREAD
}

/// A touch of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// Where.
    pub point: Point,
    /// When (milliseconds of the boot).
    pub up_ms: u64,
}

/// Touches of one point at a fixed period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// Where, in the mean.
    pub point: Point,
    /// How often (milliseconds).
    pub period_ms: u64,
    /// Which of the touches before the last belong to it, the newest first.
    pub hits: [usize; PERIOD_COUNT],
}

/// The series that `touch` ends, if it ends one. `before`: earlier touches of the boot, the newest
/// first; those of other points are passed over.
#[must_use]
pub fn series(touch: Touch, before: &[Touch]) -> Option<Series> {
    let there: Vec<(usize, Touch)> = before
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, earlier)| earlier.point.is_at(touch.point))
        .collect();
    let start = Chain {
        periods: (PERIOD_MIN_MS * PARTS, PERIOD_MAX_MS * PARTS),
        hits: [0; PERIOD_COUNT],
        gaps: 0,
        strays: 0,
        count: 0,
        sum: (u32::from(touch.point.x), u32::from(touch.point.y)),
    };
    let (chain, oldest_ms) = start.follow(touch.up_ms, &there)?;
    let touches = PERIOD_COUNT as u32 + 1;
    // The mean of numbers is no larger than the largest of them.
    let mean = |sum: u32| ((sum + touches / 2) / touches) as u16;
    Some(Series {
        point: Point {
            x: mean(chain.sum.0),
            y: mean(chain.sum.1),
        },
        period_ms: (touch.up_ms - oldest_ms + chain.count / 2) / chain.count,
        hits: chain.hits,
    })
}

/// Periods are compared in parts of a millisecond small enough that a gap divides by any multiple.
const PARTS: u64 = 6;

/// A chain of touches that is being followed backwards in time.
#[derive(Clone, Copy)]
struct Chain {
    /// The periods that explain every gap so far, from and to (parts of a millisecond).
    periods: (u64, u64),
    hits: [usize; PERIOD_COUNT],
    gaps: usize,
    strays: usize,
    /// How many periods the gaps hold together.
    count: u64,
    /// Where its hits were, added up.
    sum: (u32, u32),
}

impl Chain {
    /// Goes on from the hit at `up_ms`; answers with a whole chain and when it began. The nearest
    /// hits and the smallest multiples come first, so that the longest period that fits is found.
    fn follow(self, up_ms: u64, before: &[(usize, Touch)]) -> Option<(Chain, u64)> {
        if self.gaps == PERIOD_COUNT {
            return Some((self, up_ms));
        }
        let reach = PERIOD_STRAYS - self.strays + 1;
        let mut near = before.iter().take(reach).enumerate();
        near.find_map(|(strays, (index, earlier))| {
            let gap_ms = up_ms.saturating_sub(earlier.up_ms);
            (1..=PERIOD_MULTIPLE).find_map(|count| {
                self.with_gap(gap_ms, count)?
                    .with_hit(*index, earlier.point, strays)
                    .follow(earlier.up_ms, &before[strays + 1..])
            })
        })
    }

    /// The chain with one gap of `count` periods more, where some period explains them all.
    fn with_gap(self, gap_ms: u64, count: u64) -> Option<Chain> {
        let least = gap_ms.saturating_sub(PERIOD_TOLERANCE_MS) * PARTS / count;
        let most = (gap_ms + PERIOD_TOLERANCE_MS) * PARTS / count;
        let periods = (self.periods.0.max(least), self.periods.1.min(most));
        (periods.0 <= periods.1).then_some(Chain {
            periods,
            count: self.count + count,
            ..self
        })
    }

    /// The chain with one hit more, and the touches that were skipped before it.
    fn with_hit(mut self, index: usize, point: Point, strays: usize) -> Chain {
        self.hits[self.gaps] = index;
        self.gaps += 1;
        self.strays += strays;
        self.sum = (
            self.sum.0 + u32::from(point.x),
            self.sum.1 + u32::from(point.y),
        );
        self
    }
}

/// Minutes of a day.
const DAY_MIN: u16 = 24 * 60;

/// When an office is open on one day, in minutes since that day began; beyond `DAY_MIN` where it
/// goes on over midnight.
pub type Open = Range<u16>;

/// From one time to another as minutes of the day it begins on. To an earlier time is over
/// midnight; the same time twice is a whole day.
#[must_use]
pub fn open(span: &OpenSpan) -> Open {
    let (from, to) = (span.from.minutes(), span.to.minutes());
    from..if from < to { to } else { to + DAY_MIN }
}

/// When an office is open on a date, as its configuration says: the hours of the date itself where
/// it has any, otherwise those of its weekday, and without any of these the whole day.
#[must_use]
pub fn open_on(hours: &Hours, date: Date) -> Vec<Open> {
    match hours.exceptions.iter().find(|it| it.date == date) {
        Some(exception) => exception.open.iter().map(open).collect(),
        None if hours.open.is_empty() => std::iter::once(0..DAY_MIN).collect(),
        None => open_weekly(&hours.open, weekday(date)).collect(),
    }
}

/// When an office with these weekly hours is open on a day of the week.
pub fn open_weekly(week: &[OpenHours], day: Weekday) -> impl Iterator<Item = Open> {
    let of_day = week.iter().filter(move |hours| hours.days.contains(&day));
    of_day.map(|hours| {
        open(&OpenSpan {
            from: hours.from,
            to: hours.to,
        })
    })
}

/// The weekday of a date.
#[must_use]
pub fn weekday(date: Date) -> Weekday {
    const DAYS: [Weekday; 7] = [
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
        Weekday::Sat,
        Weekday::Sun,
    ];
    DAYS[date.weekday().to_monday_zero_offset() as usize]
}

/// Whether a rating at this moment of the clock on the office's wall is of somebody who was served:
/// from [`CLOSED_BEFORE_MIN`] before opening to [`CLOSED_AFTER_MIN`] after closing. `open_on` says
/// when the office is open on a date; hours over midnight belong to the day they begin on.
#[must_use]
pub fn is_served<I>(wall: DateTime, mut open_on: impl FnMut(Date) -> I) -> bool
where
    I: IntoIterator<Item = Open>,
{
    // A day's hours and their grace reach into the second day after it at most, and back into the
    // day before it.
    let mut near = (-2..=1).filter_map(|days| wall.date().checked_add(days.days()).ok());
    near.any(|date| {
        let since = wall.duration_since(date.to_datetime(Time::midnight()));
        let minute = since.as_secs().div_euclid(60);
        open_on(date).into_iter().any(|open| {
            let from = i64::from(open.start) - i64::from(CLOSED_BEFORE_MIN);
            let to = i64::from(open.end) + i64::from(CLOSED_AFTER_MIN);
            (from..to).contains(&minute)
        })
    })
}
