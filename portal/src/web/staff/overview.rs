//! `/staff`: every terminal at a glance.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use pikir_contract::{Id, StatusReport};

use super::session::{Staff, StaffFrame};
use crate::app::AppState;
use crate::domain::alphabet;
use crate::i18n::Locale;
use crate::storage::{Breach, Integrity, Role, TerminalState};
use crate::web::frame::page::{Answer, Page, render};

#[derive(Template)]
#[template(path = "staff.html")]
struct Overview {
    page: Page,
    staff: StaffFrame,
    terminals: Vec<Row>,
}

struct Row {
    place: String,
    organization: String,
    hardware: String,
    id: String,
    retired: bool,
    contact: String,
    pending: String,
    broken: Option<String>,
    history: Option<String>,
    reconciliation: String,
    clock: String,
    clock_wrong: bool,
    config_refused: Option<String>,
    problems: Option<String>,
}

/// Shows the overview.
pub async fn overview(State(app): State<AppState>, staff: Staff) -> Answer {
    staff.may(Role::sets_up_terminals)?;
    let broken = |error| staff.page.clone().broken(&error);
    let l = staff.page.l;
    let organizations = app.storage.organizations().await.map_err(broken)?;
    let names: HashMap<_, _> = organizations
        .iter()
        .map(|found| (found.code.as_str(), l.choose(&found.names)))
        .collect();
    let terminals = app.storage.terminals().await.map_err(broken)?;
    let now_ms = app.clock.unix_ms();
    let row = |terminal: TerminalState| {
        let organization = names
            .get(terminal.organization.as_str())
            .copied()
            .unwrap_or_default()
            .to_owned();
        row(l, terminal, organization, now_ms)
    };
    let content = Overview {
        page: staff.page.clone(),
        staff: staff.frame("/staff"),
        terminals: {
            let mut rows: Vec<Row> = terminals.into_iter().map(row).collect();
            rows.sort_by_cached_key(|row| {
                let key = |text| alphabet::sort_key(l.tag(), text);
                (row.retired, key(&row.organization), key(&row.place))
            });
            rows
        },
    };
    Ok(render(StatusCode::OK, &content))
}

fn row(l: Locale, terminal: TerminalState, organization: String, now_ms: i64) -> Row {
    let report = terminal
        .report
        .as_deref()
        .and_then(|report| serde_json::from_str::<StatusReport>(report).ok());
    let clock = match &report {
        Some(report) if report.clock.synced => "synchronised",
        Some(_) => "not synchronised",
        None => "unknown",
    };
    let broken = match terminal.integrity {
        Integrity::Intact => None,
        Integrity::Broken { seq, why } => Some(l.with2(
            "damaged from entry {seq}: {why}",
            "seq",
            seq,
            "why",
            l.t(breach_text(why)),
        )),
    };
    let problems = report.as_ref().and_then(|report| problems(l, report));
    Row {
        problems,
        history: history(l, &terminal),
        reconciliation: format!("/staff/reconciliation?terminal={}", terminal.id),
        id: short(terminal.id),
        place: terminal.place_name,
        organization,
        hardware: format!("{} · {}", terminal.hardware.0, terminal.hardware.1),
        retired: terminal.retired_at.is_some(),
        contact: terminal.seen_at.map_or_else(
            || l.t("never").to_owned(),
            |seen_ms| ago(l, now_ms - seen_ms),
        ),
        pending: report
            .as_ref()
            .map_or_else(|| "–".to_owned(), |report| l.number(&report.pending)),
        broken,
        clock: l.t(clock).to_owned(),
        clock_wrong: report.as_ref().is_some_and(|report| !report.clock.synced),
        config_refused: report
            .and_then(|report| report.config_refused)
            .map(|why| l.with("configuration refused: {why}", "why", why)),
    }
}

/// What the terminal finds wrong with itself; a key of a newer one as it is.
fn problems(l: Locale, report: &StatusReport) -> Option<String> {
    let found = report.problems.as_deref().unwrap_or_default();
    let words: Vec<&str> = found
        .iter()
        .map(|key| problem_text(key).map_or(key.as_str(), |text| l.t(text)))
        .collect();
    (!words.is_empty()).then(|| words.join(" · "))
}

fn problem_text(key: &str) -> Option<&'static str> {
    Some(match key {
        "no-display" => "no display",
        "no-touch-panel" => "no touch panel",
        "no-authorities" => "no certificate authorities",
        "read-only" => "its disk cannot be written",
        "disk-full" => "its disk is full",
        "storage" => "its journal cannot be used",
        "under-voltage" => "its power supply is too weak",
        "clock-unknown" => "it does not know the time",
        "speech" => "it cannot speak",
        "gpio" => "its buttons or lights do not work",
        "configuration" => "its settings are damaged",
        "configuration-refused" => "its configuration cannot be used",
        "control" => "its status cannot be asked for on the spot",
        _ => return None,
    })
}

/// Which terminal it follows or is followed by: a chain of seals ends there and a new one begins.
/// And what came too late to take anything back.
fn history(l: Locale, terminal: &TerminalState) -> Option<String> {
    let follows = terminal.follows.map(|id| {
        l.with(
            "re-enrolled: follows {terminal}, the chain of seals begins anew",
            "terminal",
            short(id),
        )
    });
    let followed = terminal
        .followed_by
        .map(|id| l.with("followed by {terminal}", "terminal", short(id)));
    let late = (terminal.late_withdrawals > 0).then(|| {
        l.with(
            "taken back too late, without effect: {count}",
            "count",
            terminal.late_withdrawals,
        )
    });
    let all: Vec<String> = [follows, followed, late].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Enough of an id to tell one terminal from another.
pub fn short(id: Id) -> String {
    const SHOWN: usize = 8;
    let id = id.to_string();
    // A word joiner keeps the dots on the line of the id.
    format!("…\u{2060}{}", &id[id.len() - SHOWN..])
}

fn breach_text(why: Breach) -> &'static str {
    match why {
        Breach::Changed => "a changed entry",
        Breach::Reordered => "an entry out of order",
        Breach::Conflict => "another entry under the same number",
        Breach::Missing => "a missing entry",
    }
}

/// How long ago, in the largest fitting unit.
fn ago(l: Locale, age_ms: i64) -> String {
    const MINUTE: i64 = 60 * 1000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match age_ms {
        ..MINUTE => l.t("just now").to_owned(),
        MINUTE..HOUR => l.with("{count} min ago", "count", age_ms / MINUTE),
        HOUR..DAY => l.with("{count} h ago", "count", age_ms / HOUR),
        _ => l.with("{count} d ago", "count", age_ms / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    fn terminal(integrity: Integrity, report: Option<&str>) -> TerminalState {
        TerminalState {
            id: Id::from_parts(1, [0; 10]),
            place: "A1A2T4".parse().unwrap(),
            place_name: "Hall 2".to_owned(),
            organization: "KG-1".to_owned(),
            hardware: ("Raspberry Pi 4".to_owned(), "100".to_owned()),
            software: "0.1.0".to_owned(),
            enrolled_at: 0,
            retired_at: None,
            seen_at: None,
            received_through: 0,
            accepted: 0,
            rejected: 0,
            late_withdrawals: 0,
            unknown_kinds: 0,
            integrity,
            follows: None,
            followed_by: None,
            report: report.map(str::to_owned),
        }
    }

    #[test]
    fn a_damaged_journal_is_named_with_its_first_entry_and_cause() {
        let broken = Integrity::Broken {
            seq: 1042,
            why: Breach::Changed,
        };
        let shown = row(Locale(Lang::En), terminal(broken, None), String::new(), 0);
        assert_eq!(
            shown.broken.as_deref(),
            Some("damaged from entry 1042: a changed entry")
        );
        assert_eq!(
            (
                shown.contact.as_str(),
                shown.pending.as_str(),
                shown.clock.as_str()
            ),
            ("never", "–", "unknown")
        );
    }

    #[test]
    fn what_waits_and_the_clock_come_from_the_last_report() {
        let report = r#"{"software": "0.1.0", "pending": 1300, "rejected": 0, "disk_free_mb": 9,
            "network": {"up": true}, "config_refused": "hours.timezone: is not the name of a time zone",
            "clock": {"boot": "018f0000-0000-7000-8000-000000000000", "up_ms": 5, "wall": "2026-11-22T00:00:00Z",
                      "synced": true}}"#;
        let shown = row(
            Locale(Lang::En),
            terminal(Integrity::Intact, Some(report)),
            String::new(),
            0,
        );
        assert_eq!(
            (shown.pending.as_str(), shown.clock.as_str()),
            ("1,300", "synchronised")
        );
        assert_eq!(
            shown.config_refused.as_deref(),
            Some("configuration refused: hours.timezone: is not the name of a time zone")
        );
        assert_eq!(shown.broken, None);
    }

    #[test]
    fn what_a_terminal_finds_wrong_with_itself_is_told_in_words_and_a_newer_key_as_it_is() {
        let report = r#"{"software": "0.1.0", "pending": 0, "rejected": 0, "disk_free_mb": 9, "network": "eth0",
            "problems": ["no-display", "of-the-future"],
            "clock": {"boot": "018f0000-0000-7000-8000-000000000000", "up_ms": 5, "wall": "2026-11-22T00:00:00Z",
                      "synced": true}}"#;
        let told = |report: &str, lang| {
            let terminal = terminal(Integrity::Intact, Some(report));
            row(Locale(lang), terminal, String::new(), 0).problems
        };
        assert_eq!(
            told(report, Lang::En).as_deref(),
            Some("no display · of-the-future")
        );
        assert_eq!(
            told(report, Lang::Ru).as_deref(),
            Some("нет экрана · of-the-future")
        );
        let well = report.replace(r#""no-display", "of-the-future""#, "");
        assert_eq!(told(&well, Lang::En), None);
    }

    #[test]
    fn a_terminal_that_was_set_up_anew_names_the_one_it_follows() {
        let mut anew = terminal(Integrity::Intact, None);
        anew.follows = Some(Id::from_parts(1, [0x5a; 10]));
        let shown = row(Locale(Lang::En), anew, String::new(), 0);
        assert_eq!(
            shown.history.as_deref(),
            Some("re-enrolled: follows …\u{2060}5a5a5a5a, the chain of seals begins anew")
        );
    }

    #[test]
    fn ages_are_given_in_the_largest_fitting_unit() {
        let l = Locale(Lang::En);
        assert_eq!(ago(l, -5), "just now");
        assert_eq!(ago(l, 59 * 60 * 1000), "59 min ago");
        assert_eq!(ago(l, 60 * 60 * 1000), "1 h ago");
        assert_eq!(ago(l, 49 * 60 * 60 * 1000), "2 d ago");
    }
}
