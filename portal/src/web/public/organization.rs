//! The public pages: the list of organisations, and the page of each.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use pikir_contract::{Id, Score, Texts};

use super::review::AnswerShown;
use crate::app::AppState;
use crate::storage::{
    Counts, LeftOut, Named, NamedFigures, OrganizationRecord, PublicPage, Rated, RatedInDetail,
    Review, Summary, Uptime, Within,
};
use crate::web::frame::assets;
use crate::web::frame::i18n::Locale;
use crate::web::frame::page::{Answer, Page, Reader, encode, render, shared};

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
    unverified: Option<Unverified>,
    children: Vec<Entry>,
    added: Added,
    comments: Vec<Comment>,
    older: Option<String>,
}

/// The figure that stands beside the first one: what came by a printed code or by a link.
struct Unverified {
    total: u64,
    average: String,
    small_sample: bool,
    scores: Vec<ScoreRow>,
    /// Channels, criteria, services.
    rows: Vec<FigureRow>,
    reasons: Vec<(String, u64)>,
    flagged: u64,
    rules: Vec<(&'static str, u64)>,
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
    let found = app.storage.top_organizations(app.clock.unix_ms()).await;
    let found = found.map_err(|error| page.clone().broken(&error))?;
    Ok(shared(render(
        StatusCode::OK,
        &Home {
            organizations: entries(page.l, found),
            page,
        },
    )))
}

/// One organisation: its figures, its units, what visitors wrote. `?before=` pages through the comments.
pub async fn show(State(app): State<AppState>, reader: Reader, Path(code): Path<String>) -> Answer {
    let page = reader.page(None);
    let before = reader.get("before").parse::<Id>().ok();
    let (limit, now_ms) = (SHOWN_COMMENTS + 1, app.clock.unix_ms());
    let found = app.storage.public_page(&code, before, limit, now_ms).await;
    let Some(mut found) = found.map_err(|error| page.clone().broken(&error))? else {
        return Ok(page.not_found());
    };
    let more = found.comments.len() > SHOWN_COMMENTS;
    found.comments.truncate(SHOWN_COMMENTS);
    let last = found.comments.last().filter(|_| more);
    let older = last.map(|last| {
        let code = encode(&code);
        format!("/o/{code}?before={}&{}", last.id, page.keep)
    });
    let content = OrganizationPage::new(page, found, older);
    Ok(shared(render(StatusCode::OK, &content)))
}

impl OrganizationPage {
    fn new(page: Page, found: PublicPage, older: Option<String>) -> Self {
        let l = page.l;
        let RatedInDetail {
            rated,
            added,
            unverified_added,
        } = found.shown;
        let Rated {
            organization,
            summary,
            uptime,
        } = rated;
        let counts = summary.on_site();
        Self {
            name: l.choose(&organization.names).to_owned(),
            parent: found.parent.map(|parent| entry(l, parent, String::new())),
            total: counts.total(),
            average: l.average(counts.average_hundredths()),
            small_sample: counts.total() < SMALL_SAMPLE,
            scores: score_rows(l, &counts),
            channels: channel_rows(
                l,
                [
                    ("Terminal", &summary.terminal),
                    ("Phone, code on the terminal's screen", &summary.phone),
                ],
            ),
            running: running(l, &uptime),
            flagged: summary.left_out.total,
            withdrawn: summary.withdrawn,
            rules: rules(&summary.left_out),
            unverified: Unverified::new(l, &summary, unverified_added),
            children: entries(l, found.units),
            added: self::added(l, added),
            comments: found
                .comments
                .into_iter()
                .map(|review| comment(l, review))
                .collect(),
            older,
            page,
        }
    }
}

impl Unverified {
    /// `None` where nothing came that way.
    fn new(l: Locale, summary: &Summary, added: NamedFigures) -> Option<Self> {
        let counts = summary.unverified();
        let left_out = &summary.unverified_left_out;
        let channels = [
            ("Phone, printed or old code", &summary.poster),
            ("Phone, link", &summary.link),
        ];
        if counts.total() + left_out.total == 0 {
            return None;
        }
        let added = self::added(l, added);
        let mut rows = channel_rows(l, channels);
        rows.extend(added.criteria);
        rows.extend(added.services);
        Some(Self {
            total: counts.total(),
            average: l.average(counts.average_hundredths()),
            small_sample: counts.total() < SMALL_SAMPLE,
            scores: score_rows(l, &counts),
            rows,
            reasons: added.reasons,
            flagged: left_out.total,
            rules: rules(left_out),
        })
    }
}

/// How many each rule left out.
fn rules(left_out: &LeftOut) -> Vec<(&'static str, u64)> {
    let rules = left_out.by_rule.iter().filter(|(_, count)| *count > 0);
    rules
        .map(|(rule, count)| (super::rules::name(rule), count))
        .collect()
}

fn running(l: Locale, uptime: &Uptime) -> Option<(String, &'static str)> {
    let of = match uptime.within() {
        Within::AllHours => "of the time its terminals ran",
        Within::OpeningHours => "of the opening hours its terminals ran",
        Within::Both => "of the opening hours, where they are known, its terminals ran",
    };
    let share = uptime.per_mille()?;
    Some((l.percent(Some(share)), of))
}

fn entries(l: Locale, found: Vec<Rated>) -> Vec<Entry> {
    let entry = |rated: Rated| {
        let figure = figure(l, &rated);
        entry(l, rated.organization, figure)
    };
    found.into_iter().map(entry).collect()
}

/// An organisation's figures in one line: what was said on site, and labelled beside it what came by code or link.
fn figure(l: Locale, rated: &Rated) -> String {
    let of = |counts: Counts| {
        (counts.total() > 0).then(|| {
            l.with2(
                "{average} out of 5 · ratings: {count}",
                "average",
                l.average(counts.average_hundredths()),
                "count",
                l.number(&counts.total()),
            )
        })
    };
    let unverified = of(rated.summary.unverified())
        .map(|figure| l.with("by code or link: {figure}", "figure", figure));
    let figures = [of(rated.summary.on_site()), unverified];
    let figure = figures
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ");
    if figure.is_empty() {
        return l.t("no ratings yet").to_owned();
    }
    match rated.uptime.per_mille() {
        None => figure,
        share => {
            let text = match rated.uptime.within() {
                Within::AllHours => "terminals running: {percent} of the time",
                _ => "terminals running: {percent} of the opening hours",
            };
            let running = l.with(text, "percent", l.percent(share));
            format!("{figure} · {running}")
        }
    }
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

fn channel_rows(l: Locale, channels: [(&str, &Counts); 2]) -> Vec<FigureRow> {
    let row = |(name, counts): (&str, &Counts)| FigureRow {
        name: l.t(name).to_owned(),
        count: counts.total(),
        average: l.average(counts.average_hundredths()),
    };
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
        on_site: review.channel.is_on_site(),
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
