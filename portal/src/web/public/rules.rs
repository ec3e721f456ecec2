//! `/rules`: how ratings are counted, for everybody.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::domain::rules;
use crate::domain::rules::{FoundBy, Rule};
use crate::web::frame::i18n::Locale;
use crate::web::frame::page::{Page, Reader, render, shared};

#[derive(Template)]
#[template(path = "rules.html")]
struct Rules {
    page: Page,
    rules: Vec<Row>,
}

struct Row {
    key: &'static str,
    name: &'static str,
    text: String,
    found_by: &'static str,
}

/// Shows the rules.
pub async fn show(reader: Reader) -> Response {
    let page = reader.page(None);
    let row = |rule: Rule| Row {
        key: rule.as_str(),
        name: name(rule),
        text: text(page.l, rule),
        found_by: found_by(rule),
    };
    let content = Rules {
        rules: Rule::ALL.map(row).into(),
        page,
    };
    shared(render(StatusCode::OK, &content))
}

/// The English name of a rule, a key into the translations.
pub fn name(rule: Rule) -> &'static str {
    match rule {
        Rule::Repeat => "Too soon after another",
        Rule::Burst => "Too many at once",
        Rule::Periodic => "A fixed rhythm",
        Rule::Position => "The very same position",
        Rule::Closed => "Outside opening hours",
        Rule::Other => "Another reason",
    }
}

fn found_by(rule: Rule) -> &'static str {
    match rule.found_by() {
        FoundBy::Terminal => "Found by the terminal.",
        FoundBy::Both => "Found by the terminal and, afterwards, by the portal.",
        FoundBy::Portal => "Found by the portal, also afterwards.",
    }
}

fn text(l: Locale, rule: Rule) -> String {
    match rule {
        Rule::Repeat => l.with(
            "Less than {seconds} seconds after the rating before it on the same terminal.",
            "seconds",
            rules::REPEAT_MS / 1000,
        ),
        Rule::Burst => l.with2(
            "More than {count} ratings within {seconds} seconds: those beyond that number.",
            "count",
            rules::BURST_COUNT,
            "seconds",
            rules::BURST_WINDOW_MS / 1000,
        ),
        Rule::Periodic => l.with2(
            "Touches of one point that come like clockwork: {count} pauses in a row are whole multiples of one period, to {tolerance} thousandths of a second. A faulty screen touches itself like this.",
            "count",
            rules::PERIOD_COUNT,
            "tolerance",
            rules::PERIOD_TOLERANCE_MS,
        ),
        Rule::Position => l.with2(
            "{count} ratings in a row whose touches lie within {spread} thousandths of the screen. No hand is that steady.",
            "count",
            rules::POSITION_COUNT,
            "spread",
            rules::POSITION_SPREAD,
        ),
        Rule::Closed => l.with2(
            "Given more than {before} minutes before opening or more than {after} minutes after closing. Whoever is served just before closing can still rate.",
            "before",
            rules::CLOSED_BEFORE_MS / 60_000,
            "after",
            rules::CLOSED_AFTER_MS / 60_000,
        ),
        Rule::Other => l
            .t("Marked by a newer terminal for a reason this portal does not know yet.")
            .to_owned(),
    }
}
