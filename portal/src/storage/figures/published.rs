//! What is published of organisations. Everything on one page, or in one answer, is as it stood at one moment.

use pikir_contract::Id;
use rusqlite::Connection;

use super::summary::summarize;
use super::uptime::uptime;
use crate::storage::organizations::content::find_offer;
use crate::storage::organizations::{find_organization, tops, units};
use crate::storage::reviews::answers::{Standing, figures};
use crate::storage::reviews::review_lists::published_comments;
use crate::storage::{
    NamedFigures, OrganizationRecord, Review, Storage, StorageError, Summary, Uptime,
};

/// An organisation with its figures, units below it not included.
#[derive(Clone, Debug)]
pub struct Rated {
    /// The organisation.
    pub organization: OrganizationRecord,
    /// Its scores.
    pub summary: Summary,
    /// How long its terminals ran.
    pub uptime: Uptime,
}

/// The same, and what visitors added to their scores.
#[derive(Clone, Debug)]
pub struct RatedInDetail {
    /// The organisation and its figures.
    pub rated: Rated,
    /// What visitors added on site.
    pub added: NamedFigures,
    /// What was added by those who came by a printed code or by a link.
    pub unverified_added: NamedFigures,
}

/// Everything on the page of an organisation.
#[derive(Clone, Debug)]
pub struct PublicPage {
    /// The organisation and its figures.
    pub shown: RatedInDetail,
    /// The organisation above it.
    pub parent: Option<OrganizationRecord>,
    /// The units directly below it, by code.
    pub units: Vec<Rated>,
    /// The latest comments that are published.
    pub comments: Vec<Review>,
}

impl Storage {
    /// The organisations that stand below no other, by code, with their figures until `now_ms` (milliseconds since 1970).
    pub async fn top_organizations(&self, now_ms: i64) -> Result<Vec<Rated>, StorageError> {
        self.sqlite
            .read(move |db| rate_all(db, tops(db)?, now_ms))
            .await
    }

    /// The page of the organisation with this code, with at most `limit` comments that are older than `before`.
    pub async fn public_page(
        &self,
        code: &str,
        before: Option<Id>,
        limit: usize,
        now_ms: i64,
    ) -> Result<Option<PublicPage>, StorageError> {
        let code = code.to_owned();
        let read = move |db: &Connection| {
            let Some(organization) = find_organization(db, &code)? else {
                return Ok(None);
            };
            let parent = match &organization.parent {
                Some(parent) => find_organization(db, parent)?,
                None => None,
            };
            Ok(Some(PublicPage {
                shown: rate_in_detail(db, organization, now_ms)?,
                parent,
                units: rate_all(db, units(db, &code)?, now_ms)?,
                comments: published_comments(db, &code, before, limit)?,
            }))
        };
        self.sqlite.read(read).await
    }

    /// The organisation with this code and, if asked for, the units directly below it, all with their figures.
    pub async fn rated_in_detail(
        &self,
        code: &str,
        with_units: bool,
        now_ms: i64,
    ) -> Result<Option<(RatedInDetail, Vec<RatedInDetail>)>, StorageError> {
        let code = code.to_owned();
        let read = move |db: &Connection| {
            let Some(organization) = find_organization(db, &code)? else {
                return Ok(None);
            };
            let below = if with_units {
                units(db, &code)?
            } else {
                Vec::new()
            };
            let below = below
                .into_iter()
                .map(|unit| rate_in_detail(db, unit, now_ms))
                .collect::<Result<_, _>>()?;
            Ok(Some((rate_in_detail(db, organization, now_ms)?, below)))
        };
        self.sqlite.read(read).await
    }
}

fn rate(
    db: &Connection,
    organization: OrganizationRecord,
    now_ms: i64,
) -> Result<Rated, StorageError> {
    Ok(Rated {
        summary: summarize(db, &organization.code)?,
        uptime: uptime(db, &organization.code, now_ms)?,
        organization,
    })
}

fn rate_all(
    db: &Connection,
    organizations: Vec<OrganizationRecord>,
    now_ms: i64,
) -> Result<Vec<Rated>, StorageError> {
    organizations
        .into_iter()
        .map(|organization| rate(db, organization, now_ms))
        .collect()
}

fn rate_in_detail(
    db: &Connection,
    organization: OrganizationRecord,
    now_ms: i64,
) -> Result<RatedInDetail, StorageError> {
    let offer = find_offer(db, &organization.code)?;
    Ok(RatedInDetail {
        added: figures(db, &organization.code, Standing::OnSite)?.named(&offer),
        unverified_added: figures(db, &organization.code, Standing::Unverified)?.named(&offer),
        rated: rate(db, organization, now_ms)?,
    })
}
