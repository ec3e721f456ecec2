//! `/staff/reconciliation`: what terminals took against what is here, by terminal and, for one of
//! them, by day.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::overview::short;
use super::session::{Staff, StaffFrame};
use crate::app::AppState;
use crate::domain::alphabet;
use crate::domain::reconciliation::{Figures, Reconciliation, ranges};
use crate::i18n::Locale;
use crate::i18n::reconciliation::{differences, times};
use crate::storage::{Days, Role};
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
