//! What visitors said about an organisation, in figures.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::domain::rules::Rule;
use crate::storage::{Assurance, StorageError};

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

    fn add(&mut self, rule: ValueRef<'_>, count: u64) -> Result<(), StorageError> {
        let rule = rule.as_str().map_err(StorageError::failed)?;
        let place = Rule::ALL.iter().position(|known| known.as_str() == rule);
        let place = place.ok_or_else(|| StorageError::unreadable(format_args!("rule {rule:?}")))?;
        self.0[place] += count;
        Ok(())
    }
}

/// What is kept and not counted because a rule marked it as doubtful.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How much there is.
    pub total: u64,
    /// How much each rule marked; what two rules marked stands under both.
    pub by_rule: RuleCounts,
}

/// The figures of one organisation, units below it not included. Two that are never mixed: what was
/// certainly said on site, and what came by a printed code or by a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Ratings given on a terminal: neither withdrawn nor flagged.
    pub terminal: Counts,
    /// Reviews from phones that scanned a terminal's screen and proved it.
    pub phone: Counts,
    /// Reviews from phones that came by a printed code, or with an old or wrong token.
    pub poster: Counts,
    /// Reviews from phones that followed a link.
    pub link: Counts,
    /// What a rule left out of the first figure.
    pub left_out: LeftOut,
    /// What a rule left out of the second.
    pub unverified_left_out: LeftOut,
    /// Terminal ratings the visitor took back: kept, not counted.
    pub withdrawn: u64,
}

impl Summary {
    /// What was certainly said on site.
    pub fn on_site(&self) -> Counts {
        self.terminal.plus(&self.phone)
    }

    /// What came by a printed code or by a link.
    pub fn unverified(&self) -> Counts {
        self.poster.plus(&self.link)
    }

    fn left_out_of(&mut self, assurance: Assurance) -> &mut LeftOut {
        match assurance {
            Assurance::OnSite => &mut self.left_out,
            Assurance::Code | Assurance::Link => &mut self.unverified_left_out,
        }
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
            (false, true) => summary.left_out.total += count,
            (false, false) => summary.terminal.add(row.get(2)?, count)?,
        }
    }
    let mut rules = db.prepare_cached(
        "SELECT e.rule, count(*) FROM ratings r JOIN exclusions e ON e.terminal = r.terminal AND e.seq = r.seq
         WHERE r.organization = ?1 AND r.withdrawn = 0 AND r.flagged = 1 AND +e.reversed = 0 GROUP BY e.rule",
    )?;
    let mut rows = rules.query([organization])?;
    while let Some(row) = rows.next()? {
        summary.left_out.by_rule.add(row.get_ref(0)?, row.get(1)?)?;
    }
    add_reviews(db, organization, &mut summary)?;
    Ok(summary)
}

/// What came from phones.
fn add_reviews(
    db: &Connection,
    organization: &str,
    summary: &mut Summary,
) -> Result<(), StorageError> {
    let mut reviews = db.prepare_cached(
        "SELECT flagged, assurance, score, count(*) FROM reviews WHERE organization = ?1
         GROUP BY flagged, assurance, score",
    )?;
    let mut rows = reviews.query([organization])?;
    while let Some(row) = rows.next()? {
        let (assurance, count) = (assurance(row.get_ref(1)?)?, row.get(3)?);
        let channel = match (row.get(0)?, assurance) {
            (true, _) => {
                summary.left_out_of(assurance).total += count;
                continue;
            }
            (false, Assurance::OnSite) => &mut summary.phone,
            (false, Assurance::Code) => &mut summary.poster,
            (false, Assurance::Link) => &mut summary.link,
        };
        channel.add(row.get(2)?, count)?;
    }
    let mut rules = db.prepare_cached(
        "SELECT v.assurance, e.rule, count(*) FROM reviews v JOIN exclusions e ON e.review = v.id
         WHERE v.organization = ?1 AND v.flagged = 1 AND +e.reversed = 0 GROUP BY v.assurance, e.rule",
    )?;
    let mut rows = rules.query([organization])?;
    while let Some(row) = rows.next()? {
        let left_out = summary.left_out_of(assurance(row.get_ref(0)?)?);
        left_out.by_rule.add(row.get_ref(1)?, row.get(2)?)?;
    }
    Ok(())
}

fn assurance(value: ValueRef<'_>) -> Result<Assurance, StorageError> {
    let name = value.as_str().map_err(StorageError::failed)?;
    Assurance::parse(name)
        .ok_or_else(|| StorageError::unreadable(format_args!("assurance {name:?}")))
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
