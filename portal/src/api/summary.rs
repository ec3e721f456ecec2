//! `GET /api/v1/organizations/{code}/summary`: the public figures of an organisation.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HeaderName};
use pikir_contract::{Texts, Time};
use serde::{Deserialize, Serialize};

use super::problem::ApiProblem;
use crate::app::AppState;
use crate::storage::{self, Counts, Lane, Named, NamedFigures, RatedInDetail, Uptime, Within};

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
    #[serde(flatten)]
    left_out: LeftOut,
    withdrawn: u64,
    #[serde(flatten)]
    added: Added,
    unverified: Unverified,
    uptime: Running,
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<Vec<Figures>>,
}

/// What came by a printed code or by a link: the same members, never added to those on site.
#[derive(Debug, Serialize)]
struct Unverified {
    #[serde(flatten)]
    all: Channel,
    channels: BTreeMap<&'static str, Channel>,
    #[serde(flatten)]
    left_out: LeftOut,
    #[serde(flatten)]
    added: Added,
}

/// What a rule left out.
#[derive(Debug, Serialize)]
struct LeftOut {
    flagged: u64,
    flagged_by_rule: BTreeMap<&'static str, u64>,
}

/// What stands beside the scores.
#[derive(Debug, Serialize)]
struct Added {
    questionnaire: Answers,
    services: Vec<Rated>,
}

/// What visitors added to their scores.
#[derive(Debug, Serialize)]
struct Answers {
    total: u64,
    average: Option<String>,
    criteria: Vec<Rated>,
    reasons: Vec<Reason>,
}

/// A criterion or a service, and how it was rated.
#[derive(Debug, Serialize)]
struct Rated {
    key: String,
    name: Texts,
    #[serde(flatten)]
    scores: Channel,
}

/// A reason, and how often it was given.
#[derive(Debug, Serialize)]
struct Reason {
    key: String,
    name: Texts,
    count: u64,
}

/// How much of the time the terminals were running.
#[derive(Debug, Serialize)]
struct Running {
    terminals: u64,
    since: Option<Time>,
    within: &'static str,
    percent: Option<String>,
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
    let include = wanted.include.as_deref().unwrap_or_default();
    let with_units = include.split(',').any(|part| part == "units");
    let now_ms = state.clock.unix_ms();
    // Anybody may ask for it: terminals do not wait behind it.
    let storage = state.storage.in_lane(Lane::Pages);
    let found = storage.rated_in_detail(&code, with_units, now_ms);
    let (found, units) = found
        .await?
        .ok_or_else(|| ApiProblem::not_found("there is no organisation with this code"))?;
    let mut figures = Figures::new(found);
    figures.units = with_units.then(|| units.into_iter().map(Figures::new).collect());
    Ok((
        [
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (CACHE_CONTROL, "no-cache"),
        ],
        Json(figures),
    ))
}

impl Running {
    fn new(uptime: &Uptime) -> Self {
        Self {
            terminals: uptime.terminals,
            since: uptime
                .since_ms
                .and_then(|since| Time::from_unix_ms(since).ok()),
            within: match uptime.within() {
                Within::AllHours => "all-hours",
                Within::OpeningHours => "opening-hours",
                Within::Both => "opening-hours-where-known",
            },
            percent: uptime
                .per_mille()
                .map(|share| format!("{}.{}", share / 10, share % 10)),
        }
    }
}

impl Figures {
    fn new(found: RatedInDetail) -> Self {
        let storage::Rated {
            organization,
            summary,
            uptime,
        } = found.rated;
        Self {
            organization: organization.code,
            name: organization.names,
            all: Channel::new(&summary.on_site()),
            channels: channels([("terminal", &summary.terminal), ("phone", &summary.phone)]),
            left_out: LeftOut::new(&summary.left_out),
            withdrawn: summary.withdrawn,
            added: Added::new(found.added),
            unverified: Unverified {
                all: Channel::new(&summary.unverified()),
                channels: channels([("poster", &summary.poster), ("link", &summary.link)]),
                left_out: LeftOut::new(&summary.unverified_left_out),
                added: Added::new(found.unverified_added),
            },
            uptime: Running::new(&uptime),
            units: None,
        }
    }
}

fn channels(counted: [(&'static str, &Counts); 2]) -> BTreeMap<&'static str, Channel> {
    counted
        .map(|(name, counts)| (name, Channel::new(counts)))
        .into()
}

impl LeftOut {
    fn new(left_out: &storage::LeftOut) -> Self {
        let by_rule = left_out.by_rule.iter();
        Self {
            flagged: left_out.total,
            flagged_by_rule: by_rule
                .map(|(rule, count)| (rule.as_str(), count))
                .collect(),
        }
    }
}

impl Added {
    fn new(added: NamedFigures) -> Self {
        let reason = |Named { key, name, figure }| Reason {
            key,
            name,
            count: figure,
        };
        Self {
            questionnaire: Answers {
                total: added.questionnaires,
                average: added.average_hundredths.map(hundredths),
                criteria: added.criteria.into_iter().map(Rated::new).collect(),
                reasons: added.reasons.into_iter().map(reason).collect(),
            },
            services: added.services.into_iter().map(Rated::new).collect(),
        }
    }
}

impl Rated {
    fn new(Named { key, name, figure }: Named<Counts>) -> Self {
        Self {
            key,
            name,
            scores: Channel::new(&figure),
        }
    }
}

/// A mean given in hundredths, as text: there is no floating-point number on the wire.
fn hundredths(mean: u64) -> String {
    format!("{}.{:02}", mean / 100, mean % 100)
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
            average: counts.average_hundredths().map(hundredths),
        }
    }
}
