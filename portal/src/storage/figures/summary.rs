//! What visitors said about an organisation, in figures.

use rusqlite::Connection;

use crate::domain::rules::Rule;
use crate::storage::StorageError;

/// Ratings by score: the first figure counts the ratings of 1, the last those of 5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub [u64; 5]);

impl Counts {
    /// How many there are.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The mean score in hundredths, rounded half up; `None` without ratings.
    pub fn average_hundredths(&self) -> Option<u64> {
        let total = self.total();
        let sum: u64 = self
            .0
            .iter()
            .zip(1..)
            .map(|(count, score)| count * score)
            .sum();
        (total > 0).then(|| (sum * 200 + total) / (total * 2))
    }

    /// Counts `count` more ratings of this score, which was read from the database.
    pub(in crate::storage) fn add(&mut self, score: usize, count: u64) -> Result<(), StorageError> {
        let place = score.checked_sub(1).and_then(|index| self.0.get_mut(index));
        *place.ok_or_else(|| StorageError::unreadable(format_args!("score {score}")))? += count;
        Ok(())
    }

    /// These and those together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.0
            .iter_mut()
            .zip(other.0)
            .for_each(|(count, more)| *count += more);
        self
    }
}

/// Ratings by the rule that marked them, in the order of [`Rule::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts([u64; Rule::ALL.len()]);

impl RuleCounts {
    /// Each rule with how many it marked.
    pub fn iter(&self) -> impl Iterator<Item = (Rule, u64)> + '_ {
        Rule::ALL.into_iter().zip(self.0)
    }
}

/// The figures of one organisation, units below it not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Ratings given on a terminal: neither withdrawn nor flagged.
    pub terminal: Counts,
    /// Reviews sent from a phone that scanned a terminal's screen.
    pub phone: Counts,
    /// Reviews sent from a phone that scanned a printed code.
    pub poster: Counts,
    /// Terminal ratings that a rule marked as doubtful: kept, not counted.
    pub flagged: u64,
    /// How many of those each rule marked; one that two rules marked stands under both.
    pub flagged_by_rule: RuleCounts,
    /// Terminal ratings the visitor took back: kept, not counted.
    pub withdrawn: u64,
}

impl Summary {
    /// Every channel together.
    pub fn counts(&self) -> Counts {
        self.terminal.plus(&self.phone).plus(&self.poster)
    }
}

pub(in crate::storage) fn summarize(
    db: &Connection,
    organization: &str,
) -> Result<Summary, StorageError> {
    let mut summary = Summary::default();
    let mut ratings = db.prepare_cached(
        "SELECT withdrawn, flagged, score, count(*) FROM ratings WHERE organization = ?1
         GROUP BY withdrawn, flagged, score",
    )?;
    let mut rows = ratings.query([organization])?;
    while let Some(row) = rows.next()? {
        let count: u64 = row.get(3)?;
        match (row.get(0)?, row.get(1)?) {
            (true, _) => summary.withdrawn += count,
            (false, true) => summary.flagged += count,
            (false, false) => summary.terminal.add(row.get(2)?, count)?,
        }
    }
    let mut rules = db.prepare_cached(
        "SELECT e.rule, count(*) FROM ratings r JOIN exclusions e ON e.terminal = r.terminal AND e.seq = r.seq
         WHERE r.organization = ?1 AND r.withdrawn = 0 AND r.flagged = 1 AND e.reversed = 0 GROUP BY e.rule",
    )?;
    let mut rows = rules.query([organization])?;
    while let Some(row) = rows.next()? {
        let rule: String = row.get(0)?;
        let place = Rule::ALL.iter().position(|known| known.as_str() == rule);
        let place = place.ok_or_else(|| StorageError::unreadable(format_args!("rule {rule:?}")))?;
        summary.flagged_by_rule.0[place] = row.get(1)?;
    }
    let mut reviews = db.prepare_cached(
        "SELECT channel, score, count(*) FROM reviews WHERE organization = ?1 GROUP BY channel, score",
    )?;
    let mut rows = reviews.query([organization])?;
    while let Some(row) = rows.next()? {
        let channel = match row.get_ref(0)?.as_str().map_err(StorageError::failed)? {
            "phone" => &mut summary.phone,
            "poster" => &mut summary.poster,
            other => return Err(StorageError::unreadable(format_args!("channel {other:?}"))),
        };
        channel.add(row.get(1)?, row.get(2)?)?;
    }
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_is_rounded_half_up_to_hundredths() {
        assert_eq!(Counts([0, 0, 0, 0, 0]).average_hundredths(), None);
        assert_eq!(Counts([0, 0, 0, 1, 2]).average_hundredths(), Some(467));
        assert_eq!(Counts([1, 0, 0, 0, 7]).average_hundredths(), Some(450));
        assert_eq!(Counts([0, 0, 0, 199, 1]).average_hundredths(), Some(401));
    }
}
