//! `/staff/reconciliation`: what terminals took against what is here, by terminal and, for one of them, by day.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::overview::short;
use super::session::{Staff, StaffFrame};
use crate::app::AppState;
use crate::domain::alphabet;
use crate::domain::reconciliation::{Figures, Reconciliation, Times, ranges};
use crate::storage::{Days, Role};
use crate::web::frame::i18n::Locale;
use crate::web::frame::page::{Answer, Page, Reader, encode, render};

/// Days shown when none are asked for, today included.
const USUAL_DAYS: i64 = 7;
/// Parts of the missing numbers that are written out.
const SHOWN_RANGES: usize = 6;

#[derive(Template)]
#[template(path = "reconciliation.html")]
struct ReconciliationPage {
    page: Page,
    staff: StaffFrame,
    from: String,
    to: String,
    terminal: String,
    all: String,
    rows: Vec<Row>,
    total: Option<Row>,
    differences: Vec<String>,
    complete: bool,
}

/// One line of the table: a terminal, or a day of one.
struct Row {
    name: String,
    detail: String,
    times: Option<String>,
    href: Option<String>,
    figures: Figures,
    missing_count: u64,
    missing: String,
    waiting: u64,
}

/// Shows the figures of `?from=` to `?to=`, of all terminals or of `?terminal=`.
pub async fn show(State(app): State<AppState>, staff: Staff, reader: Reader) -> Answer {
    staff.may(Role::sets_up_terminals)?;
    let today = Timestamp::from_millisecond(app.clock.unix_ms())
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let days = asked(&reader, today);
    let terminal = reader.get("terminal").parse().ok();
    let found = app.storage.reconcile(terminal, days).await;
    let found = found.map_err(|error| staff.page.clone().broken(&error))?;
    if terminal.is_some() && found.is_empty() {
        return Ok(staff.page.not_found());
    }
    let l = staff.page.l;
    let text = |day: Option<Date>| day.map_or_else(String::new, |day| day.to_string());
    let (from, to) = (text(days.from), text(days.to));
    let period = format!("from={}&to={}", encode(&from), encode(&to));
    let single = terminal.is_some();
    let content = ReconciliationPage {
        page: staff.page.clone(),
        staff: staff.frame("/staff/reconciliation"),
        terminal: terminal.map_or_else(String::new, |id: pikir_contract::Id| id.to_string()),
        all: format!("/staff/reconciliation?{period}"),
        from,
        to,
        rows: match found.first().filter(|_| single) {
            Some(one) => one.days.iter().map(|day| day_row(l, day)).collect(),
            None => {
                let rows = found.iter().map(|one| terminal_row(l, one, &period));
                let mut rows: Vec<Row> = rows.collect();
                rows.sort_by_cached_key(|row| alphabet::sort_key(l.tag(), &row.name));
                rows
            }
        },
        total: found
            .first()
            .filter(|_| single)
            .map(|one| total_row(l, one)),
        differences: found
            .iter()
            .filter(|_| single)
            .flat_map(|one| differences(l, one))
            .collect(),
        complete: found.iter().all(Reconciliation::is_complete),
    };
    Ok(render(StatusCode::OK, &content))
}

/// The days asked for; the last week where they are not given or make no sense.
fn asked(reader: &Reader, today: Date) -> Days {
    let day = |name: &str| reader.get(name).parse::<Date>().ok();
    match (day("from"), day("to")) {
        (Some(from), Some(to)) if from <= to => Days {
            from: Some(from),
            to: Some(to),
        },
        _ => Days {
            from: today.checked_sub((USUAL_DAYS - 1).days()).ok(),
            // Where the day has begun already, east of here.
            to: today.checked_add(1.day()).ok(),
        },
    }
}

fn row(l: Locale, name: String, detail: String, figures: Figures) -> Row {
    Row {
        name,
        detail,
        times: times(l, figures.times),
        href: None,
        missing_count: figures.missing_count(),
        missing: ranges(&figures.missing, SHOWN_RANGES),
        figures,
        waiting: 0,
    }
}

fn terminal_row(l: Locale, found: &Reconciliation, period: &str) -> Row {
    let id = short(found.terminal);
    let detail = format!("{} · {} · {id}", found.organization, found.place);
    Row {
        href: Some(format!(
            "/staff/reconciliation?terminal={}&{period}",
            found.terminal
        )),
        waiting: found.waiting.map_or(0, |waiting| waiting.outstanding()),
        ..row(l, found.place_name.clone(), detail, found.total())
    }
}

fn day_row(l: Locale, (day, figures): &(Date, Figures)) -> Row {
    row(l, l.day(*day), String::new(), figures.clone())
}

fn total_row(l: Locale, found: &Reconciliation) -> Row {
    Row {
        waiting: found.waiting.map_or(0, |waiting| waiting.outstanding()),
        ..row(
            l,
            found.place_name.clone(),
            format!("{} · {}", found.organization, found.timezone),
            found.total(),
        )
    }
}

/// How well the times of these ratings are known; `None` without ratings.
pub fn times(l: Locale, times: Times) -> Option<String> {
    let right_to = times.right_to_ms.map(|ms| written_span(l, ms));
    Some(match (times.estimated, times.unbounded, right_to) {
        (0, 0, None) => return None,
        (0, 0, Some(span)) => l.with("times accurate to {span}", "span", span),
        (estimated, 0, Some(span)) => l.with2(
            "estimated times: {count}, all accurate to {span}",
            "count",
            l.number(&estimated),
            "span",
            span,
        ),
        (estimated, ..) => l.with(
            "estimated times: {count}, the error of some is not known",
            "count",
            l.number(&estimated),
        ),
    })
}

/// How well the time of one rating is known.
pub fn time(l: Locale, measured: bool, uncertainty_ms: Option<i64>) -> String {
    match (measured, uncertainty_ms.map(|ms| written_span(l, ms))) {
        (true, Some(span)) => l.with("accurate to {span}", "span", span),
        (false, Some(span)) => l.with("estimated, accurate to {span}", "span", span),
        (_, None) => l.t("estimated").to_owned(),
    }
}

/// A span in its largest unit of which there are two or more, rounded up.
fn written_span(l: Locale, ms: i64) -> String {
    const UNITS: [(i64, &str); 4] = [
        (24 * 60 * 60 * 1000, "{count} d"),
        (60 * 60 * 1000, "{count} h"),
        (60 * 1000, "{count} min"),
        (1000, "{count} s"),
    ];
    let (unit, text) = UNITS
        .into_iter()
        .find(|(unit, _)| ms >= 2 * unit)
        .unwrap_or(UNITS[UNITS.len() - 1]);
    l.with(text, "count", ms.saturating_add(unit - 1) / unit)
        .replace(' ', "\u{a0}")
}

/// What the figures do not explain by themselves, in words.
pub fn differences(l: Locale, found: &Reconciliation) -> Vec<String> {
    let mut words = Vec::new();
    let total = found.total();
    if !total.missing.is_empty() {
        words.push(l.with2(
            "{count} entries are missing ({ranges}): later ones are here, so they are still on the terminal or were lost there.",
            "count",
            l.number(&total.missing_count()),
            "ranges",
            ranges(&total.missing, SHOWN_RANGES),
        ));
    }
    if !total.skipped.is_empty() {
        words.push(l.with2(
            "{count} numbers ({ranges}) were never given or were lost when the terminal recovered its journal, as it states itself. They are not counted as taken.",
            "count",
            l.number(&total.skipped_count()),
            "ranges",
            ranges(&total.skipped, SHOWN_RANGES),
        ));
    }
    for recovery in &found.recoveries {
        words.push(l.with2(
            "Entry {seq}: the terminal reported a damaged journal: {detail}",
            "seq",
            recovery.seq,
            "detail",
            &recovery.detail,
        ));
    }
    if let Some(waiting) = found.waiting.filter(|waiting| waiting.outstanding() > 0) {
        words.push(l.with2(
            "{count} entries were still waiting on the terminal when it last reported ({when}).",
            "count",
            l.number(&waiting.outstanding()),
            "when",
            l.minute(waiting.reported_at, &found.timezone),
        ));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::frame::i18n::Lang;

    #[test]
    fn a_span_is_rounded_up_and_never_said_in_ones() {
        for (ms, expected) in [
            (1, "1\u{a0}s"),
            (5_000, "5\u{a0}s"),
            (90_000, "90\u{a0}s"),
            (120_001, "3\u{a0}min"),
            (5_400_000, "90\u{a0}min"),
            (172_800_000, "2\u{a0}d"),
        ] {
            assert_eq!(written_span(Locale(Lang::En), ms), expected);
        }
    }

    #[test]
    fn what_is_not_known_of_times_is_said() {
        let words = |estimated, unbounded, right_to_ms| {
            times(
                Locale(Lang::En),
                Times {
                    estimated,
                    unbounded,
                    right_to_ms,
                },
            )
        };
        assert_eq!(words(0, 0, None), None);
        for (found, expected) in [
            (words(0, 0, Some(1_000)), "times right to 1\u{a0}s"),
            (
                words(2, 0, Some(7_200_000)),
                "estimated times: 2, all right to 2\u{a0}h",
            ),
            (
                words(2, 1, Some(1_000)),
                "estimated times: 2, the error of some is not known",
            ),
        ] {
            assert_eq!(found.as_deref(), Some(expected));
        }
    }
}
