//! The published rules for reviews from phones, applied the moment one comes: to it and to those
//! shortly before it.

use rusqlite::{Connection, params};

use crate::domain::rules::Rule;
use crate::domain::rules::phone::{
    NETWORK_COUNT, NETWORK_DAY_COUNT, NETWORK_DAY_MS, NETWORK_WINDOW_MS, REPLAY_NETWORKS,
    RUSH_COUNT, TOKEN_LIFE_MS,
};
use crate::storage::events::exclusions::{Excluded, exclude};
use crate::storage::{Assurance, NetworkDigest, NewReview, StorageError};

/// Excludes what a review that has just been kept makes doubtful, itself included.
pub(in crate::storage) fn judge(db: &Connection, review: &NewReview) -> Result<(), StorageError> {
    forget_networks(db, review)?;
    let by_network = match review.network {
        Some(network) => by_network(db, review, network)?,
        None => Vec::new(),
    };
    // Whoever floods from one network, or with one token, does not make people a rush.
    let id = review.id.to_string();
    let is_told_apart = by_network.iter().any(|(_, excluded)| *excluded == id);
    exclude_all(db, review, by_network)?;
    if review.assurance != Assurance::OnSite || is_told_apart {
        return Ok(());
    }
    let rush = Row {
        sql: "SELECT id FROM reviews WHERE place = ?1 AND assurance = 'on_site' AND ?2 IS NULL
                  AND created_at BETWEEN ?3 AND ?4 AND id <> ?5 AND (flagged = 0 OR NOT EXISTS (
                      SELECT 1 FROM exclusions e
                      WHERE e.review = reviews.id AND e.rule IN ('network', 'replay') AND +e.reversed = 0))
              ORDER BY created_at DESC, id DESC LIMIT ?6",
        network: None,
        count: RUSH_COUNT,
        window_ms: TOKEN_LIFE_MS,
    };
    let found = rush.read(db, review)?.into_iter();
    exclude_all(db, review, found.map(|id| (Rule::Rush, id)).collect())
}

/// What a review makes doubtful among those from its network, and among those with its token.
fn by_network(
    db: &Connection,
    review: &NewReview,
    network: NetworkDigest,
) -> Result<Vec<(Rule, String)>, StorageError> {
    let mut found = Vec::new();
    for (count, window_ms) in [
        (NETWORK_COUNT, NETWORK_WINDOW_MS),
        (NETWORK_DAY_COUNT, NETWORK_DAY_MS),
    ] {
        let of_network = Row {
            sql: "SELECT id FROM reviews WHERE place = ?1 AND network = ?2 AND created_at BETWEEN ?3 AND ?4 AND id <> ?5
                  ORDER BY created_at DESC, id DESC LIMIT ?6",
            network: Some(network),
            count,
            window_ms,
        };
        let row = of_network.read(db, review)?;
        found.extend(row.into_iter().map(|id| (Rule::Network, id)));
    }
    if let Some(step) = review.step {
        let replayed = replayed(db, review, step, network)?;
        found.extend(replayed.into_iter().map(|id| (Rule::Replay, id)));
    }
    Ok(found)
}

fn exclude_all(
    db: &Connection,
    review: &NewReview,
    found: Vec<(Rule, String)>,
) -> Result<(), StorageError> {
    let now_ms = review.created_at.unix_ms();
    for (rule, id) in found {
        exclude(db, Excluded::Review(&id), rule, "portal", now_ms)?;
    }
    Ok(())
}

/// Reviews that must not follow each other so closely: more than `count` of them within a time.
struct Row {
    sql: &'static str,
    network: Option<NetworkDigest>,
    count: usize,
    window_ms: i64,
}

impl Row {
    /// This review and the ones before it, if they are too many. Looking at the last ones alone
    /// finds every row: each of its reviews was the newest once.
    fn read(&self, db: &Connection, review: &NewReview) -> Result<Vec<String>, StorageError> {
        let (id, now_ms) = (review.id.to_string(), review.created_at.unix_ms());
        let since = now_ms.saturating_sub(self.window_ms) + 1;
        let mut row: Vec<String> = db
            .prepare_cached(self.sql)?
            .query_map(
                params![
                    review.place.as_str(),
                    self.network,
                    since,
                    now_ms,
                    id,
                    self.count
                ],
                |row| row.get(0),
            )?
            .collect::<Result<_, _>>()?;
        if row.len() < self.count {
            return Ok(Vec::new());
        }
        row.push(id);
        Ok(row)
    }
}

/// Every review with this one's token, if this is the network with which they become too many; this
/// one alone if they were before.
fn replayed(
    db: &Connection,
    review: &NewReview,
    step: u64,
    network: NetworkDigest,
) -> Result<Vec<String>, StorageError> {
    let (place, id) = (review.place.as_str(), review.id.to_string());
    let others: Vec<NetworkDigest> = db
        .prepare_cached(
            "SELECT DISTINCT network FROM reviews
             WHERE place = ?1 AND step = ?2 AND network IS NOT NULL AND id <> ?3 LIMIT ?4",
        )?
        .query_map(params![place, step, id, REPLAY_NETWORKS + 1], |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    if others.len() > REPLAY_NETWORKS {
        return Ok(vec![id]);
    }
    if others.len() < REPLAY_NETWORKS || others.contains(&network) {
        return Ok(Vec::new());
    }
    let mut all = db.prepare_cached("SELECT id FROM reviews WHERE place = ?1 AND step = ?2")?;
    Ok(all
        .query_map(params![place, step], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// Erases digests that no rule looks at any more; their key is gone already.
fn forget_networks(db: &Connection, review: &NewReview) -> Result<(), StorageError> {
    db.prepare_cached(
        "UPDATE reviews SET network = NULL WHERE network IS NOT NULL AND created_at <= ?1",
    )?
    .execute([review.created_at.unix_ms().saturating_sub(NETWORK_DAY_MS)])?;
    Ok(())
}
