//! The public page of an organisation.

use std::cmp::Reverse;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use pikir_contract::{Id, Score};

use super::review::AnswerShown;
use crate::app::AppState;
use crate::i18n::Locale;
use crate::storage::{
    Counts, LeftOut, Named, NamedFigures, PageAsked, PublicPage, Rated, RatedInDetail, Review,
    Summary, Uptime, Within,
};
use crate::web::frame::assets;
use crate::web::frame::page::{Answer, Page, Reader, encode, render, shared};
use crate::web::public::home::{Entry, Pager, PagerLinks};

/// Comments on one page.
const SHOWN_COMMENTS: usize = 20;
/// Below this many ratings the page says that the average says little.
const SMALL_SAMPLE: u64 = 30;
/// The width of a full bar, in the units of its drawing.
const BAR_WIDTH: u64 = 1000;

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
    pager: PagerLinks,
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
    criteria: Figures,
    questionnaires: FigureRow,
    /// Praise and complaints apart, each with what it is called.
    reasons: Vec<(&'static str, Vec<(String, u64)>)>,
    /// Reasons that nobody gave.
    reasons_not_given: String,
    services: Figures,
}

/// Rows with figures, and in one line the names of those that have none.
#[derive(Default)]
struct Figures {
    rows: Vec<FigureRow>,
    without: String,
}

struct ScoreRow {
    score: u8,
    word: String,
    svg: &'static str,
    count: u64,
    width: u64,
    percent: String,
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

/// One organisation: its figures, its units, what visitors wrote. `?before=` pages through the
/// comments, `?units=` through the units.
pub async fn show(State(app): State<AppState>, reader: Reader, Path(code): Path<String>) -> Answer {
    let page = reader.page(None);
    let before = reader.get("before").parse::<Id>().ok();
    let now_ms = app.clock.unix_ms();
    let units = Pager::read(&reader, "units");
    let asked = PageAsked {
        language: page.l.tag(),
        units: units.part(),
        before,
        limit: SHOWN_COMMENTS + 1,
    };
    let found = app.storage.public_page(&code, asked, now_ms).await;
    let Some(mut found) = found.map_err(|error| page.clone().broken(&error))? else {
        return Ok(page.not_found());
    };
    let more = found.comments.len() > SHOWN_COMMENTS;
    found.comments.truncate(SHOWN_COMMENTS);
    let last = found.comments.last().filter(|_| more);
    let older = last.map(|last| {
        let code = encode(&found.shown.rated.organization.code);
        format!("/o/{code}?before={}&{}", last.id, page.keep)
    });
    let content = OrganizationPage::new(page, found, older, units);
    Ok(shared(render(StatusCode::OK, &content)))
}

impl OrganizationPage {
    fn new(page: Page, found: PublicPage, older: Option<String>, units: Pager) -> Self {
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
            parent: found.parent.map(|parent| Entry::new(l, parent)),
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
            pager: units.links(&page, found.units.total),
            children: found
                .units
                .entries
                .into_iter()
                .map(|unit| Entry::rated(l, unit))
                .collect(),
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
        rows.extend(added.criteria.rows);
        rows.extend(added.services.rows);
        Some(Self {
            total: counts.total(),
            average: l.average(counts.average_hundredths()),
            small_sample: counts.total() < SMALL_SAMPLE,
            scores: score_rows(l, &counts),
            rows,
            reasons: added
                .reasons
                .into_iter()
                .flat_map(|(_, rows)| rows)
                .collect(),
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

/// The scores from best to worst. A bar is as long as its share of all ratings.
fn score_rows(l: Locale, counts: &Counts) -> Vec<ScoreRow> {
    let total = counts.total().max(1);
    let row = |(score, count): (Score, u64)| ScoreRow {
        score: score.get(),
        word: l.word(score).to_owned(),
        svg: assets::face(score),
        count,
        // What is there is seen, however small its share.
        width: (count * BAR_WIDTH).div_ceil(total),
        percent: match (count * 200 + total) / (total * 2) {
            0 if count > 0 => "<\u{a0}1\u{a0}%".to_owned(),
            percent => format!("{percent}\u{a0}%"),
        },
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
    let questionnaires = FigureRow {
        name: l.t("Whole questionnaires").to_owned(),
        count: figures.questionnaires,
        average: l.average(figures.average_hundredths),
    };
    let mut services = named_rows(l, figures.services);
    services.rows.sort_by_key(|row| Reverse(row.count));
    let (given, not_given): (Vec<_>, Vec<_>) = figures
        .reasons
        .into_iter()
        .partition(|reason| reason.figure > 0);
    let (praise, complaints): (Vec<_>, Vec<_>) = given
        .into_iter()
        .partition(|reason| figures.praise.contains(&reason.key));
    let rows = |reasons: Vec<Named<u64>>| {
        let mut rows: Vec<(String, u64)> = reasons
            .into_iter()
            .map(|reason| (name_of(l, &reason), reason.figure))
            .collect();
        rows.sort_by_key(|(_, count)| Reverse(*count));
        rows
    };
    let mut reasons = vec![("Praise", rows(praise)), ("Complaints", rows(complaints))];
    reasons.retain(|(_, rows)| !rows.is_empty());
    Added {
        criteria: named_rows(l, figures.criteria),
        questionnaires,
        reasons,
        reasons_not_given: listed(not_given.iter().map(|reason| name_of(l, reason))),
        services,
    }
}

fn named_rows(l: Locale, figures: Vec<Named<Counts>>) -> Figures {
    let (with, without): (Vec<_>, Vec<_>) = figures
        .into_iter()
        .partition(|named| named.figure.total() > 0);
    let row = |named: Named<Counts>| FigureRow {
        name: name_of(l, &named),
        count: named.figure.total(),
        average: l.average(named.figure.average_hundredths()),
    };
    Figures {
        without: listed(without.iter().map(|named| name_of(l, named))),
        rows: with.into_iter().map(row).collect(),
    }
}

fn name_of<T>(l: Locale, named: &Named<T>) -> String {
    match l.choose(&named.name) {
        "" => named.key.clone(),
        name => name.to_owned(),
    }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(" · ")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn bars_are_as_long_as_their_share_and_a_small_share_is_not_nothing() {
        let rows = score_rows(Locale(Lang::En), &Counts([1, 0, 0, 74, 126]));
        let shown: Vec<(u64, &str)> = rows
            .iter()
            .map(|row| (row.width, row.percent.as_str()))
            .collect();
        let expected = [
            (627, "63\u{a0}%"),
            (369, "37\u{a0}%"),
            (0, "0\u{a0}%"),
            (0, "0\u{a0}%"),
            (5, "<\u{a0}1\u{a0}%"),
        ];
        assert_eq!(shown, expected);
    }
}
