//! `/rules`: how ratings are counted, for everybody.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use pikir_contract::{DEFAULT_STEP_S, rules};

use crate::domain::rules::{FoundBy, Rule, phone};
use crate::i18n::Locale;
use crate::web::frame::page::{Page, Reader, render, shared};

#[derive(Template)]
#[template(path = "rules.html")]
struct Rules {
    page: Page,
    rules: Vec<Row>,
    taken_back: String,
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
        taken_back: taken_back(page.l),
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
        Rule::Rush => "More phones than can pass the screen",
        Rule::Network => "Many from one network",
        Rule::Replay => "One code from many networks",
        Rule::Opinion => "No opinion",
        Rule::Other => "Another reason",
    }
}

fn taken_back(l: Locale) -> String {
    l.with(
        "A rating can be taken back for a moment after it was given, and by those who need more time until they have left. It is taken out if that was within {minutes} minutes and before the terminal restarted; what comes later is kept, shown to staff, and changes nothing.",
        "minutes",
        rules::MAX_UNDO_S / 60 + rules::WITHDRAWAL_GRACE_MS / 60_000,
    )
}

fn found_by(rule: Rule) -> &'static str {
    match rule.found_by() {
        FoundBy::Terminal => "Found by the terminal.",
        FoundBy::Both => "Found by the terminal and, afterwards, by the portal.",
        FoundBy::Portal => "Found by the portal, also afterwards.",
        FoundBy::Moderator => "Found by a moderator.",
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
            rules::CLOSED_BEFORE_MIN,
            "after",
            rules::CLOSED_AFTER_MIN,
        ),
        Rule::Rush => l.with2(
            "More than {count} reviews on site from phones at one place within {minutes} minutes, the life of a code on the screen: one after the other, people scan it at most every half minute. None of them counts.",
            "count",
            phone::RUSH_COUNT,
            "minutes",
            phone::TOKEN_LIFE_MS / 60_000,
        ),
        Rule::Network => {
            let shorter = l.with2(
                "More than {count} reviews about one place from one network within {minutes} minutes: five windows serve so many visitors in that time, and not all of them write.",
                "count",
                phone::NETWORK_COUNT,
                "minutes",
                phone::NETWORK_WINDOW_MS / 60_000,
            );
            let longer = l.with(
                "Or more than {count} within a day. None of them counts. Of the network only a number is kept that says nothing the next day.",
                "count",
                phone::NETWORK_DAY_COUNT,
            );
            format!("{shorter} {longer}")
        }
        Rule::Replay => l.with2(
            "Reviews with one code of the screen from more than {count} networks: it is shown for {minutes} minutes, in which no more people can scan it. None of them counts.",
            "count",
            phone::REPLAY_NETWORKS,
            "minutes",
            DEFAULT_STEP_S / 60,
        ),
        Rule::Opinion => l
            .t("A moderator has read what was written, and it is no opinion: advertising, a test, an insult alone.")
            .to_owned(),
        Rule::Other => l
            .t("Marked by a newer terminal for a reason this portal does not know yet.")
            .to_owned(),
    }
}
