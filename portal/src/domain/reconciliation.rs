//! Reconciliation: what a terminal took, day by day, against what the portal holds and counts.
//!
//! Numbers have no gaps on the terminal, so what was taken follows from them alone: every number up
//! to the highest that was received. A day's figures add up by themselves (taken = received +
//! missing; received = counted + doubtful + taken back + other entries + rejected); what they do
//! not explain is named. Where a terminal whose journal was damaged states that its numbers go on
//! further ahead, those in between were never given or lost with the journal: they are no part of
//! the sum and named apart.

use jiff::civil::Date;
use pikir_contract::{Id, PlaceCode};

/// The entries of one day, or of all days together.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Figures {
    /// Numbers that the terminal gave out.
    pub taken: u64,
    /// Entries that are here.
    pub received: u64,
    /// Ratings that count.
    pub counted: u64,
    /// Ratings that a rule excludes.
    pub flagged: u64,
    /// Ratings that visitors took back.
    pub withdrawn: u64,
    /// Answers, withdrawals and notices, and kinds not known here.
    pub other: u64,
    /// Entries that were rejected: kept, never counted.
    pub rejected: u64,
    /// Numbers that are not here although later ones are: from, to.
    pub missing: Vec<(u64, u64)>,
    /// Numbers that the terminal left out when it recovered a damaged journal: from, to.
    pub skipped: Vec<(u64, u64)>,
    /// How well the times of the ratings are known.
    pub times: Times,
}

/// How well the times of ratings are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Times {
    /// Ratings of a boot during which nobody knew the time: theirs is an estimate.
    pub estimated: u64,
    /// Those of them of which no bounds are known.
    pub unbounded: u64,
    /// All others are right to so much, in milliseconds. Null: there are none.
    pub right_to_ms: Option<i64>,
}

impl Times {
    /// Counts the time of a rating: whether somebody measured it, and how far it is off at most, if
    /// that is known.
    pub fn add(&mut self, measured: bool, uncertainty_ms: Option<i64>) {
        self.estimated += u64::from(!measured);
        self.unbounded += u64::from(uncertainty_ms.is_none());
        self.right_to_ms = self.right_to_ms.max(uncertainty_ms);
    }
}

/// What an entry is in these figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A rating that counts.
    Counted,
    /// A rating that a rule excludes.
    Flagged,
    /// A rating the visitor took back.
    Withdrawn,
    /// Anything else.
    Other,
    /// A rejected entry.
    Rejected,
}

impl Figures {
    /// Counts an entry, and the numbers that are missing right before it.
    pub fn add(&mut self, entry: Entry, missing: Option<(u64, u64)>) {
        if let Some((first, last)) = missing {
            self.taken += last - first + 1;
            self.missing.push((first, last));
        }
        self.taken += 1;
        self.received += 1;
        *match entry {
            Entry::Counted => &mut self.counted,
            Entry::Flagged => &mut self.flagged,
            Entry::Withdrawn => &mut self.withdrawn,
            Entry::Other => &mut self.other,
            Entry::Rejected => &mut self.rejected,
        } += 1;
    }

    /// Notes the numbers that the terminal states to have left out.
    pub fn skip(&mut self, numbers: (u64, u64)) {
        self.skipped.push(numbers);
    }

    /// These and those together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.taken += other.taken;
        self.received += other.received;
        self.counted += other.counted;
        self.flagged += other.flagged;
        self.withdrawn += other.withdrawn;
        self.other += other.other;
        self.rejected += other.rejected;
        self.missing.extend(&other.missing);
        self.skipped.extend(&other.skipped);
        self.times.estimated += other.times.estimated;
        self.times.unbounded += other.times.unbounded;
        self.times.right_to_ms = self.times.right_to_ms.max(other.times.right_to_ms);
        self
    }

    /// How many numbers are missing.
    pub fn missing_count(&self) -> u64 {
        count(&self.missing)
    }

    /// How many numbers the terminal states to have left out.
    pub fn skipped_count(&self) -> u64 {
        count(&self.skipped)
    }
}

fn count(numbers: &[(u64, u64)]) -> u64 {
    numbers.iter().map(|(first, last)| last - first + 1).sum()
}

/// The number at which a recovered journal goes on, if the detail of its notice states a leap
/// (`kiosk/src/journal/recovery/losses.rs`: "…; numbering goes on at 1001; …"). The notice has that
/// number itself.
pub fn goes_on_at(detail: &str) -> Option<u64> {
    let mut parts = detail.split("; ");
    parts.find_map(|part| part.strip_prefix("numbering goes on at ")?.parse().ok())
}

/// Numbers as people write them, `131–142, 150`; at most `shown` parts.
pub fn ranges(missing: &[(u64, u64)], shown: usize) -> String {
    let part = |&(first, last): &(u64, u64)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}–{last}")
        }
    };
    let mut text: Vec<String> = missing.iter().take(shown).map(part).collect();
    if missing.len() > shown {
        text.push("…".to_owned());
    }
    text.join(", ")
}

/// What the terminal said was still waiting on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Entries the portal had not acknowledged.
    pub pending: u64,
    /// When it said so (milliseconds since 1970).
    pub reported_at: i64,
    /// Entries that have come since.
    pub come_since: u64,
}

impl Waiting {
    /// How many of them have not come yet, as far as is known here.
    pub fn outstanding(&self) -> u64 {
        self.pending.saturating_sub(self.come_since)
    }
}

/// The terminal said that its journal was damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The number of the notice.
    pub seq: u64,
    /// What it said.
    pub detail: String,
}

/// One terminal's reconciliation.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// The terminal.
    pub terminal: Id,
    /// Where it stands.
    pub place: PlaceCode,
    /// What that place is called.
    pub place_name: String,
    /// The code of the place's organisation.
    pub organization: String,
    /// The place's time zone (IANA), in which days are counted.
    pub timezone: String,
    /// The days on which anything was taken, the first one first.
    pub days: Vec<(Date, Figures)>,
    /// What the last status report says.
    pub waiting: Option<Waiting>,
    /// What the terminal said about a damaged journal, within these days.
    pub recoveries: Vec<Recovery>,
}

impl Reconciliation {
    /// All days together.
    pub fn total(&self) -> Figures {
        self.days
            .iter()
            .fold(Figures::default(), |sum, (_, day)| sum.plus(day))
    }

    /// Whether the figures agree and no terminal states a loss beside them.
    pub fn is_complete(&self) -> bool {
        self.agrees() && self.total().skipped.is_empty()
    }

    /// Whether everything that is known to have been taken is here.
    pub fn agrees(&self) -> bool {
        self.total().missing.is_empty()
            && self
                .waiting
                .is_none_or(|waiting| waiting.outstanding() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_s_figures_add_up() {
        let mut day = Figures::default();
        day.add(Entry::Counted, None);
        day.add(Entry::Flagged, Some((2, 4)));
        day.add(Entry::Withdrawn, None);
        day.add(Entry::Other, Some((7, 7)));
        day.add(Entry::Rejected, None);
        assert_eq!((day.taken, day.received, day.missing_count()), (9, 5, 4));
        let Figures {
            counted,
            flagged,
            withdrawn,
            other,
            rejected,
            ..
        } = day;
        assert_eq!(
            counted + flagged + withdrawn + other + rejected,
            day.received
        );
        assert_eq!(day.clone().plus(&day).taken, 18);
    }

    #[test]
    fn a_leap_is_read_from_the_notice_and_nothing_else() {
        for (detail, expected) in [
            (
                "no event could be read; numbering goes on at 1001; journal.db was missing",
                Some(1001),
            ),
            (
                "every event up to 8 could be read; numbering goes on at 1001",
                Some(1001),
            ),
            ("every event up to 8 could be read", None),
            ("numbering goes on at last", None),
        ] {
            assert_eq!(goes_on_at(detail), expected, "{detail}");
        }
    }

    #[test]
    fn times_are_as_good_as_the_worst_of_them() {
        let mut times = Times::default();
        times.add(true, Some(1_000));
        times.add(false, Some(90_000));
        times.add(false, None);
        let expected = Times {
            estimated: 2,
            unbounded: 1,
            right_to_ms: Some(90_000),
        };
        assert_eq!(times, expected);
    }

    #[test]
    fn missing_numbers_are_written_as_ranges() {
        assert_eq!(ranges(&[(131, 142), (150, 150)], 5), "131–142, 150");
        assert_eq!(ranges(&[(1, 2), (4, 4), (6, 7)], 2), "1–2, 4, …");
        assert_eq!(ranges(&[], 2), "");
    }

    #[test]
    fn what_has_come_since_the_report_is_no_longer_outstanding() {
        let waiting = |come_since| Waiting {
            pending: 5,
            reported_at: 0,
            come_since,
        };
        assert_eq!(waiting(2).outstanding(), 3);
        assert_eq!(waiting(9).outstanding(), 0);
    }
}
