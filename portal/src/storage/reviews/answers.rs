//! What visitors add to a score on a terminal, and the figures made of it together with what phones
//! sent.
//!
//! A terminal sends several answers for one rating. By seq the newest one that mentions something
//! wins: criteria one by one, reasons, comment and service as a whole. The order of arrival does
//! not matter.

use std::collections::{BTreeMap, BTreeSet};

use pikir_contract::{Answer, Choice, Content, Reason, Texts};
use rusqlite::{Connection, named_params};

use crate::storage::{Counts, Offer, StorageError};

/// Characters of a service's key that are kept; a longer one is none of ours.
const MAX_SERVICE_CHARS: usize = 64;

/// The least common multiple of 1 to 40: means of questionnaires with up to 40 criteria add up
/// without a rest.
const SHARES: u128 = 5_342_931_457_063_200;

/// What visitors of one organisation added to their scores, units below it not included. Withdrawn
/// ratings and those that a rule left out do not count.
#[derive(Debug)]
pub(in crate::storage) struct AnswerFigures {
    /// Scores by the key of the service.
    services: Vec<(String, Counts)>,
    /// Scores by the key of the criterion.
    criteria: Vec<(String, Counts)>,
    /// How often each reason was given, by its key.
    reasons: Vec<(String, u64)>,
    /// Questionnaires with at least one criterion.
    questionnaires: u64,
    /// The mean of their scores in hundredths, rounded half up; a questionnaire's score is the mean
    /// over its criteria.
    average_hundredths: Option<u64>,
}

/// A reason for this score or more, and for no lower one, is praise.
const PRAISE_FROM: u8 = 4;

/// A figure of something that visitors choose by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T> {
    /// The key that answers carry.
    pub key: String,
    /// What it is called; empty for something that is no longer offered and has no name any more.
    pub name: Texts,
    /// The figure.
    pub figure: T,
}

/// What visitors of one organisation added to their scores, in the order and with the names of what
/// is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedFigures {
    /// The services offered, and those that were chosen once.
    pub services: Vec<Named<Counts>>,
    /// The criteria asked, and those that were answered once.
    pub criteria: Vec<Named<Counts>>,
    /// The reasons offered, and those that were given once.
    pub reasons: Vec<Named<u64>>,
    /// The keys of reasons that are offered with high scores alone: what they say is praise.
    pub praise: Vec<String>,
    /// Questionnaires with at least one criterion.
    pub questionnaires: u64,
    /// The mean of their scores in hundredths.
    pub average_hundredths: Option<u64>,
}

impl AnswerFigures {
    /// These figures with the names of what is offered now.
    pub(in crate::storage) fn named(self, offer: &Offer) -> NamedFigures {
        let Content {
            services,
            questionnaire,
            ..
        } = &offer.content;
        let choice = |choice: &Choice| (choice.key.clone(), choice.name.clone());
        let reason = |reason: &Reason| (reason.key.clone(), reason.name.clone());
        let is_praise = |reason: &&Reason| {
            let mut scores = reason.scores.iter();
            !reason.scores.is_empty() && scores.all(|score| score.get() >= PRAISE_FROM)
        };
        let praise = questionnaire.reasons.iter().filter(is_praise);
        NamedFigures {
            praise: praise.map(|reason| reason.key.clone()).collect(),
            services: name(self.services, services.iter().map(choice)),
            criteria: name(self.criteria, questionnaire.criteria.iter().map(choice)),
            reasons: name(self.reasons, questionnaire.reasons.iter().map(reason)),
            questionnaires: self.questionnaires,
            average_hundredths: self.average_hundredths,
        }
    }
}

/// What is offered in its order, with nothing where nobody chose it; then what is not offered any
/// more.
fn name<T: Default>(
    figures: Vec<(String, T)>,
    offered: impl Iterator<Item = (String, Texts)>,
) -> Vec<Named<T>> {
    let mut figures: BTreeMap<String, T> = figures.into_iter().collect();
    let mut named: Vec<Named<T>> = offered
        .map(|(key, name)| Named {
            figure: figures.remove(&key).unwrap_or_default(),
            key,
            name,
        })
        .collect();
    named.extend(figures.into_iter().map(|(key, figure)| Named {
        key,
        name: Texts::default(),
        figure,
    }));
    named
}

/// Keeps an answer and merges it with the others to the same rating.
pub(in crate::storage) fn keep_answer(
    db: &Connection,
    terminal: i64,
    seq: u64,
    answer: &Answer,
    received_at: i64,
) -> Result<(), StorageError> {
    // A list, but each reason counts once.
    let reasons: Option<BTreeSet<&String>> = answer
        .reasons
        .as_ref()
        .map(|reasons| reasons.iter().collect());
    let service = answer.service.as_deref();
    let service = service.filter(|key| key.chars().count() <= MAX_SERVICE_CHARS);
    let rating = answer.rating.to_string();
    db.prepare_cached(
        "INSERT INTO answers (terminal, seq, rating, criteria, reasons, comment, service)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute((
        terminal,
        seq,
        &rating,
        serde_json::to_string(&answer.criteria)?,
        serde_json::to_string(&reasons)?,
        &answer.comment,
        service,
    ))?;
    db.prepare_cached(MERGE)?.execute(named_params! {
        ":terminal": terminal,
        ":rating": rating,
        ":received_at": received_at,
    })?;
    db.prepare_cached(MARK_RATING)?
        .execute(named_params! {":terminal": terminal, ":rating": rating})?;
    Ok(())
}

/// A comment that is not the one a moderator has read waits to be read again.
const MERGE: &str = "INSERT INTO answered
     (terminal, rating, service, criteria, reasons, comment, id, state, created_at)
     VALUES (:terminal, :rating,
         (SELECT service FROM answers WHERE terminal = :terminal AND rating = :rating AND service IS NOT NULL
          ORDER BY seq DESC LIMIT 1),
         (SELECT json_group_object(key, score) FROM (
             SELECT j.key, j.value AS score, max(a.seq) FROM answers a, json_each(a.criteria) j
             WHERE a.terminal = :terminal AND a.rating = :rating GROUP BY j.key)),
         coalesce((SELECT reasons FROM answers WHERE terminal = :terminal AND rating = :rating AND reasons <> 'null'
          ORDER BY seq DESC LIMIT 1), '[]'),
         nullif((SELECT comment FROM answers WHERE terminal = :terminal AND rating = :rating AND comment IS NOT NULL
          ORDER BY seq DESC LIMIT 1), ''),
         printf('%08x-%04x', :received_at >> 16, :received_at & 65535) || substr(:rating, 14), 'new', :received_at)
     ON CONFLICT (terminal, rating) DO UPDATE SET service = excluded.service, criteria = excluded.criteria,
         reasons = excluded.reasons, comment = excluded.comment,
         state = iif(excluded.comment IS comment, state, 'new'), reason = iif(excluded.comment IS comment, reason, NULL),
         answer = iif(excluded.comment IS comment, answer, NULL)";

const MARK_RATING: &str = "UPDATE ratings SET answered = 1,
     service = nullif(coalesce((SELECT service FROM answered WHERE terminal = :terminal AND rating = :rating),
         service, ''), '')
     WHERE terminal = :terminal AND event_id = :rating";

/// Which of the two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) enum Standing {
    /// What was certainly said on site: on terminals, and on phones that proved it.
    OnSite,
    /// What came by a printed code or by a link.
    Unverified,
}

/// What is asked for [`AnswerFigures`] of organisation `?1`: services, criteria, reasons,
/// questionnaires.
pub(in crate::storage) fn queries(standing: Standing) -> [String; 4] {
    // Everything that was answered and counts, as `criteria` and `reasons`; and every service with
    // its score.
    let (given_on_terminals, services_on_terminals, of_phones) = match standing {
        Standing::OnSite => (
            "SELECT a.criteria, a.reasons FROM ratings r
                 JOIN answered a ON a.terminal = r.terminal AND a.rating = r.event_id
             WHERE r.organization = ?1 AND r.answered = 1 AND r.withdrawn = 0 AND r.flagged = 0
             UNION ALL",
            "SELECT service, score FROM ratings
             WHERE organization = ?1 AND service IS NOT NULL AND withdrawn = 0 AND flagged = 0
             UNION ALL",
            "organization = ?1 AND flagged = 0 AND assurance = 'on_site'",
        ),
        Standing::Unverified => (
            "",
            "",
            "organization = ?1 AND flagged = 0 AND assurance IN ('code', 'link')",
        ),
    };
    let given = format!(
        "WITH given AS ({given_on_terminals} SELECT criteria, reasons FROM reviews WHERE {of_phones})"
    );
    [
        format!(
            "SELECT service, score, count(*) FROM ({services_on_terminals}
                 SELECT service, score FROM reviews WHERE {of_phones} AND service IS NOT NULL)
             GROUP BY service, score ORDER BY service"
        ),
        format!(
            "{given} SELECT j.key, j.value, count(*) FROM given, json_each(given.criteria) j
             GROUP BY j.key, j.value ORDER BY j.key"
        ),
        format!(
            "{given} SELECT j.value, count(*) FROM given, json_each(given.reasons) j GROUP BY j.value ORDER BY j.value"
        ),
        format!(
            "{given}, scored AS (
                 SELECT (SELECT count(*) FROM json_each(given.criteria)) AS asked,
                     (SELECT sum(value) FROM json_each(given.criteria)) AS score FROM given)
             SELECT asked, sum(score), count(*) FROM scored WHERE asked > 0 GROUP BY asked"
        ),
    ]
}

pub(in crate::storage) fn figures(
    db: &Connection,
    organization: &str,
    standing: Standing,
) -> Result<AnswerFigures, StorageError> {
    let [services, criteria, reasons, questionnaires] = queries(standing);
    let services = scores_by_key(db, &services, organization)?;
    let criteria = scores_by_key(db, &criteria, organization)?;
    let reasons = db
        .prepare_cached(&reasons)?
        .query_map([organization], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let by_size: Vec<(u64, u64, u64)> = db
        .prepare_cached(&questionnaires)?
        .query_map([organization], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    let (questionnaires, average_hundredths) = mean_of_means(&by_size);
    Ok(AnswerFigures {
        services,
        criteria,
        reasons,
        questionnaires,
        average_hundredths,
    })
}

fn scores_by_key(
    db: &Connection,
    sql: &str,
    organization: &str,
) -> Result<Vec<(String, Counts)>, StorageError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([organization])?;
    let mut found: Vec<(String, Counts)> = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        if found.last().is_none_or(|(last, _)| *last != key) {
            found.push((key, Counts::default()));
        }
        if let Some((_, counts)) = found.last_mut() {
            counts.add(row.get(1)?, row.get(2)?)?;
        }
    }
    Ok(found)
}

/// Of questionnaires by size (criteria asked, sum of their scores, number of questionnaires): how
/// many, and the mean of their means in hundredths, rounded half up.
fn mean_of_means(by_size: &[(u64, u64, u64)]) -> (u64, Option<u64>) {
    let total: u64 = by_size.iter().map(|(_, _, count)| count).sum();
    let share = |(asked, sum, _): &(u64, u64, u64)| u128::from(*sum) * SHARES / u128::from(*asked);
    let shares: u128 = by_size.iter().map(share).sum();
    let whole = u128::from(total) * SHARES;
    let mean = (total > 0).then(|| (shares * 200 + whole) / (whole * 2));
    (total, mean.and_then(|mean| u64::try_from(mean).ok()))
}

#[cfg(test)]
mod tests {
    use super::mean_of_means;

    #[test]
    fn each_questionnaire_weighs_the_same_however_many_criteria_it_has() {
        assert_eq!(mean_of_means(&[]), (0, None));
        // One with a single 5, one with 1, 1, 2: (5 + 4/3) / 2 = 3.1666…
        assert_eq!(mean_of_means(&[(1, 5, 1), (3, 4, 1)]), (2, Some(317)));
        // 799 / 200 = 3.995: half a hundredth is rounded up.
        assert_eq!(mean_of_means(&[(1, 799, 200)]), (200, Some(400)));
        assert_eq!(
            mean_of_means(&[(7, 7 * 1_000_000_000, 1_000_000_000)]),
            (1_000_000_000, Some(100))
        );
    }
}
