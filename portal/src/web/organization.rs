//! The public pages: the list of organisations, and the page of each.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use pikir_contract::{Id, Score, Texts};

use super::assets;
use super::i18n::Locale;
use super::page::{Answer, Page, Reader, Refusal, encode, render, shared};
use super::review::AnswerShown;
use crate::app::AppState;
use crate::storage::{
    Counts, Named, NamedFigures, OrganizationRecord, Review, StorageError, Summary, Within,
};

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
    channels: Vec<FigureRow>,
    running: Option<(String, &'static str)>,
    flagged: u64,
    withdrawn: u64,
    rules: Vec<(&'static str, u64)>,
    children: Vec<Entry>,
    added: Added,
    comments: Vec<Comment>,
    older: Option<String>,
}

/// What visitors added to their scores.
struct Added {
    /// Each criterion, and the questionnaires as a whole.
    criteria: Vec<FigureRow>,
    questionnaires: FigureRow,
    reasons: Vec<(String, u64)>,
    services: Vec<FigureRow>,
}

struct ScoreRow {
    score: u8,
    word: String,
    svg: &'static str,
    count: u64,
    width: u64,
    percent: u64,
}

struct FigureRow {
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
    /// Addresses of photos; with pictures off they are only linked.
    photos: Vec<String>,
    answer: Option<AnswerShown>,
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
    let answers = app.storage.answer_figures(&code).await.map_err(broken)?;
    let offer = app.storage.offer(&code).await.map_err(broken)?;
    let before = reader.get("before").parse::<Id>().ok();
    let mut comments = app
        .storage
        .published_comments(&code, before, SHOWN_COMMENTS + 1)
        .await
        .map_err(broken)?;
    let more = comments.len() > SHOWN_COMMENTS;
    comments.truncate(SHOWN_COMMENTS);
    let older = comments
        .last()
        .filter(|_| more)
        .map(|last| format!("/o/{}?before={}&{}", encode(&code), last.id, page.keep));
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
        added: added(page.l, answers.named(&offer)),
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

fn channel_rows(l: Locale, summary: &Summary) -> Vec<FigureRow> {
    let row = |(name, counts): (&str, &Counts)| FigureRow {
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

fn added(l: Locale, figures: NamedFigures) -> Added {
    let name = |key: String, name: &Texts| match l.choose(name) {
        "" => key,
        name => name.to_owned(),
    };
    let row = |named: Named<Counts>| FigureRow {
        name: name(named.key, &named.name),
        count: named.figure.total(),
        average: l.average(named.figure.average_hundredths()),
    };
    let reasons = figures.reasons.into_iter();
    Added {
        criteria: figures.criteria.into_iter().map(row).collect(),
        questionnaires: FigureRow {
            name: l.t("Whole questionnaires").to_owned(),
            count: figures.questionnaires,
            average: l.average(figures.average_hundredths),
        },
        reasons: reasons
            .map(|named| (name(named.key, &named.name), named.figure))
            .collect(),
        services: figures.services.into_iter().map(row).collect(),
    }
}

fn comment(l: Locale, review: Review) -> Comment {
    Comment {
        score: review.score.get(),
        svg: assets::face(review.score),
        place: review.place,
        date: l.date(review.created_at, &review.timezone),
        date_iso: review.created_at.to_string(),
        on_site: review.on_site,
        lang: review.lang,
        text: review.comment.unwrap_or_default(),
        photos: (1..=review.photos)
            .filter(|_| review.photos_shown)
            .map(|number| format!("/photo/{}/{number}", review.id))
            .collect(),
        answer: review
            .answer
            .map(|answer| AnswerShown::new(l, answer, &review.timezone)),
    }
}
