//! `GET /api/v1/organizations/{code}/summary`: the public figures of an organisation.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HeaderName};
use pikir_contract::Texts;
use serde::{Deserialize, Serialize};

use super::problem::ApiProblem;
use crate::app::AppState;
use crate::storage::{Counts, OrganizationRecord, Summary};

/// What else to include.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// `units`: the figures of the units directly below, each on its own.
    include: Option<String>,
}

/// The figures of an organisation as they are published.
#[derive(Debug, Serialize)]
pub struct Figures {
    organization: String,
    name: Texts,
    #[serde(flatten)]
    all: Channel,
    channels: BTreeMap<&'static str, Channel>,
    flagged: u64,
    withdrawn: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<Vec<Figures>>,
}

/// Ratings by score.
#[derive(Debug, Serialize)]
struct Channel {
    counts: BTreeMap<String, u64>,
    total: u64,
    average: Option<String>,
}

/// `GET /api/v1/organizations/{code}/summary`
///
/// The figures are public: any site may show them.
pub async fn read(
    State(state): State<AppState>,
    Path(code): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<([(HeaderName, &'static str); 2], Json<Figures>), ApiProblem> {
    let storage = &state.storage;
    let unknown = || ApiProblem::not_found("there is no organisation with this code");
    let organization = storage.organization(&code).await?.ok_or_else(unknown)?;
    let mut figures = Figures::new(organization, &storage.summary(&code).await?);
    if wanted
        .include
        .is_some_and(|include| include.split(',').any(|part| part == "units"))
    {
        let mut units = Vec::new();
        for unit in storage.units(&code).await? {
            let summary = storage.summary(&unit.code).await?;
            units.push(Figures::new(unit, &summary));
        }
        figures.units = Some(units);
    }
    Ok((
        [
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (CACHE_CONTROL, "no-cache"),
        ],
        Json(figures),
    ))
}

impl Figures {
    fn new(organization: OrganizationRecord, summary: &Summary) -> Self {
        let channels = [
            ("terminal", &summary.terminal),
            ("phone", &summary.phone),
            ("poster", &summary.poster),
        ];
        Self {
            organization: organization.code,
            name: organization.names,
            all: Channel::new(&summary.counts()),
            channels: channels
                .map(|(name, counts)| (name, Channel::new(counts)))
                .into(),
            flagged: summary.flagged,
            withdrawn: summary.withdrawn,
            units: None,
        }
    }
}

impl Channel {
    fn new(counts: &Counts) -> Self {
        Self {
            counts: counts
                .0
                .iter()
                .zip(1..)
                .map(|(count, score): (_, u8)| (score.to_string(), *count))
                .collect(),
            total: counts.total(),
            average: counts
                .average_hundredths()
                .map(|average| format!("{}.{:02}", average / 100, average % 100)),
        }
    }
}
