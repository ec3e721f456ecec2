//! The public pages: the list of organisations, and the page of each.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use pikir_contract::{Id, Score};

use super::assets;
use super::i18n::Locale;
use super::page::{Answer, Page, Reader, Refusal, encode, render, shared};
use crate::app::AppState;
use crate::storage::{Counts, OrganizationRecord, Review, StorageError, Summary, Within};

/// Comments on one page.
const SHOWN_COMMENTS: usize = 20;
/// Below this many ratings the page says that the average says little.
const SMALL_SAMPLE: u64 = 30;
/// The width of a full bar, in the units of its drawing.
const BAR_WIDTH: u64 = 100;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    organizations: Vec<Entry>,
}

/// An organisation in a list: its name, and its average with the sample size beside it.
struct Entry {
    code: String,
    name: String,
    figure: String,
}

#[derive(Template)]
#[template(path = "organization.html")]
struct OrganizationPage {
    page: Page,
    name: String,
    parent: Option<Entry>,
    total: u64,
    average: String,
    small_sample: bool,
    scores: Vec<ScoreRow>,
    channels: Vec<ChannelRow>,
    running: Option<(String, &'static str)>,
    flagged: u64,
    withdrawn: u64,
    rules: Vec<(&'static str, u64)>,
    children: Vec<Entry>,
    comments: Vec<Comment>,
    older: Option<String>,
}

struct ScoreRow {
    score: u8,
    word: String,
    svg: &'static str,
    count: u64,
    width: u64,
    percent: u64,
}

struct ChannelRow {
    name: String,
    count: u64,
    average: String,
}

struct Comment {
    score: u8,
    svg: &'static str,
    place: String,
    date: String,
    date_iso: String,
    on_site: bool,
    lang: String,
    text: String,
}

/// The organisations that stand at the top.
pub async fn home(State(app): State<AppState>, reader: Reader) -> Answer {
    let page = reader.page(None);
    let broken = |error| page.clone().broken(&error);
    let mut organizations = app.storage.organizations().await.map_err(broken)?;
    organizations.retain(|found| found.parent.is_none());
    let organizations = entries(&app, page.l, organizations).await.map_err(broken)?;
    Ok(shared(render(
        StatusCode::OK,
        &Home {
            page,
            organizations,
        },
    )))
}

/// One organisation: its figures, its units, what visitors wrote. `?before=` pages through the comments.
pub async fn show(State(app): State<AppState>, reader: Reader, Path(code): Path<String>) -> Answer {
    let page = reader.page(None);
    let broken = |error: StorageError| -> Refusal { page.clone().broken(&error) };
    let Some(organization) = app.storage.organization(&code).await.map_err(broken)? else {
        return Ok(page.not_found());
    };
    let summary = app.storage.summary(&code).await.map_err(broken)?;
    let uptime = app.storage.uptime(&code, app.clock.unix_ms());
    let uptime = uptime.await.map_err(broken)?;
    let before = reader.get("before").parse::<Id>().ok();
    let mut comments = app
        .storage
        .published_comments(&code, before, SHOWN_COMMENTS + 1)
        .await
        .map_err(broken)?;
    let more = comments.len() > SHOWN_COMMENTS;
    comments.truncate(SHOWN_COMMENTS);
    let older = comments.last().filter(|_| more).map(|last| {
        format!(
            "/o/{}?before={}&lang={}",
            encode(&code),
            last.id,
            page.l.tag()
        )
    });
    let parent = match &organization.parent {
        Some(parent) => app.storage.organization(parent).await.map_err(broken)?,
        None => None,
    };
    let units = app.storage.units(&code).await.map_err(broken)?;
    let children = entries(&app, page.l, units).await.map_err(broken)?;
    let counts = summary.counts();
    let content = OrganizationPage {
        name: page.l.choose(&organization.names).to_owned(),
        parent: parent.map(|parent| entry(page.l, parent, String::new())),
        total: counts.total(),
        average: page.l.average(counts.average_hundredths()),
        small_sample: counts.total() < SMALL_SAMPLE,
        scores: score_rows(page.l, &counts),
        channels: channel_rows(page.l, &summary),
        running: uptime.per_mille().map(|share| {
            (
                page.l.percent(Some(share)),
                match uptime.within() {
                    Within::AllHours => "of the time its terminals ran",
                    Within::OpeningHours => "of the opening hours its terminals ran",
                    Within::Both => "of the opening hours, where they are known, its terminals ran",
                },
            )
        }),
        flagged: summary.flagged,
        withdrawn: summary.withdrawn,
        rules: summary
            .flagged_by_rule
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(rule, count)| (super::rules::name(rule), count))
            .collect(),
        children,
        comments: comments
            .into_iter()
            .map(|review| comment(page.l, review))
            .collect(),
        older,
        page,
    };
    Ok(shared(render(StatusCode::OK, &content)))
}

async fn entries(
    app: &AppState,
    l: Locale,
    found: Vec<OrganizationRecord>,
) -> Result<Vec<Entry>, StorageError> {
    let mut entries = Vec::with_capacity(found.len());
    for organization in found {
        let counts = app.storage.summary(&organization.code).await?.counts();
        let figure = if counts.total() == 0 {
            l.t("no ratings yet").to_owned()
        } else {
            let average = l.average(counts.average_hundredths());
            let count = l.number(&counts.total());
            let figure = l.with2(
                "{average} out of 5 · ratings: {count}",
                "average",
                average,
                "count",
                count,
            );
            let uptime = app.storage.uptime(&organization.code, app.clock.unix_ms());
            let uptime = uptime.await?;
            match uptime.per_mille() {
                None => figure,
                share => {
                    let text = match uptime.within() {
                        Within::AllHours => "terminals running: {percent} of the time",
                        _ => "terminals running: {percent} of the opening hours",
                    };
                    let running = l.with(text, "percent", l.percent(share));
                    format!("{figure} · {running}")
                }
            }
        };
        entries.push(entry(l, organization, figure));
    }
    Ok(entries)
}

fn entry(l: Locale, organization: OrganizationRecord, figure: String) -> Entry {
    Entry {
        name: l.choose(&organization.names).to_owned(),
        code: encode(&organization.code),
        figure,
    }
}

/// The scores from best to worst; bars are drawn relative to the most frequent one.
fn score_rows(l: Locale, counts: &Counts) -> Vec<ScoreRow> {
    let total = counts.total().max(1);
    let most = counts.0.into_iter().max().unwrap_or(0).max(1);
    let row = |(score, count): (Score, u64)| ScoreRow {
        score: score.get(),
        word: l.t(assets::word(score)).to_owned(),
        svg: assets::face(score),
        count,
        width: count * BAR_WIDTH / most,
        percent: (count * 200 + total) / (total * 2),
    };
    Score::ALL
        .into_iter()
        .zip(counts.0)
        .rev()
        .map(row)
        .collect()
}

fn channel_rows(l: Locale, summary: &Summary) -> Vec<ChannelRow> {
    let row = |(name, counts): (&str, &Counts)| ChannelRow {
        name: l.t(name).to_owned(),
        count: counts.total(),
        average: l.average(counts.average_hundredths()),
    };
    let channels = [
        ("Terminal", &summary.terminal),
        ("Phone, code on the terminal's screen", &summary.phone),
        ("Phone, printed code or link", &summary.poster),
    ];
    channels.map(row).into()
}

fn comment(l: Locale, review: Review) -> Comment {
    Comment {
        score: review.score.get(),
        svg: assets::face(review.score),
        place: review.place,
        date: l.date(review.created_at),
        date_iso: review.created_at.to_string(),
        on_site: review.on_site,
        lang: review.lang,
        text: review.comment.unwrap_or_default(),
    }
}
