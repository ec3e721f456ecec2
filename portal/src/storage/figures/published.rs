//! What is published of organisations. Everything on one page, or in one answer, is as it stood at
//! one moment.

use pikir_contract::{Id, Texts};
use rusqlite::Connection;

use super::summary::summarize;
use super::uptime::uptime;
use crate::storage::organizations::content::find_offer;
use crate::storage::organizations::listing::list;
use crate::storage::organizations::{find_in_any_case, find_organization, units};
use crate::storage::reviews::answers::{Standing, figures};
use crate::storage::reviews::review_lists::published_comments;
use crate::storage::{
    Listed, Listing, NamedFigures, OrganizationRecord, Part, Review, Storage, StorageError,
    Summary, Uptime,
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
    /// A part of the units directly below it.
    pub units: Listed<Rated>,
    /// The latest comments that are published.
    pub comments: Vec<Review>,
}

/// Which parts of an organisation's page are wanted.
#[derive(Clone, Copy, Debug)]
pub struct PageAsked {
    /// The language in whose alphabet units are ordered.
    pub language: &'static str,
    /// Which of the units.
    pub units: Part,
    /// Only comments older than this.
    pub before: Option<Id>,
    /// Comments, at most.
    pub limit: usize,
}

impl Storage {
    /// A part of a list of organisations with their figures until `now_ms` (milliseconds since
    /// 1970), in the order of the language's alphabet; and of those that stand below another, its
    /// name.
    pub async fn published_list(
        &self,
        language: &'static str,
        listing: Listing,
        part: Part,
        now_ms: i64,
    ) -> Result<Listed<(Rated, Option<Texts>)>, StorageError> {
        let read = move |db: &Connection| {
            let Listed { entries, total } = rated_list(db, language, &listing, part, now_ms)?;
            let above = |rated: Rated| {
                let parent = match &rated.organization.parent {
                    Some(parent) => find_organization(db, parent)?,
                    None => None,
                };
                Ok((rated, parent.map(|parent| parent.names)))
            };
            let entries = entries.into_iter().map(above);
            Ok(Listed {
                entries: entries.collect::<Result<_, StorageError>>()?,
                total,
            })
        };
        self.sqlite.read(read).await
    }

    /// The page of the organisation with this code, in any case where that leaves no doubt.
    pub async fn public_page(
        &self,
        code: &str,
        asked: PageAsked,
        now_ms: i64,
    ) -> Result<Option<PublicPage>, StorageError> {
        let PageAsked {
            language,
            units,
            before,
            limit,
        } = asked;
        let code = code.to_owned();
        let read = move |db: &Connection| {
            let Some(organization) = find_in_any_case(db, &code)? else {
                return Ok(None);
            };
            let code = organization.code.clone();
            let parent = match &organization.parent {
                Some(parent) => find_organization(db, parent)?,
                None => None,
            };
            Ok(Some(PublicPage {
                shown: rate_in_detail(db, organization, now_ms)?,
                parent,
                units: rated_list(db, language, &Listing::Below(code.clone()), units, now_ms)?,
                comments: published_comments(db, &code, before, limit)?,
            }))
        };
        self.sqlite.read(read).await
    }

    /// The organisation with this code and, if asked for, the units directly below it, all with
    /// their figures.
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

fn rated_list(
    db: &Connection,
    language: &str,
    listing: &Listing,
    part: Part,
    now_ms: i64,
) -> Result<Listed<Rated>, StorageError> {
    let Listed { entries, total } = list(db, language, listing, part)?;
    let entries = entries.into_iter();
    Ok(Listed {
        entries: entries
            .map(|organization| rate(db, organization, now_ms))
            .collect::<Result<_, _>>()?,
        total,
    })
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
