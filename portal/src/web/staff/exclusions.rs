//! `/staff/exclusions`: ratings that a rule left out, and letting them count again.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use pikir_contract::{Score, Time};

use super::drafts::BACK;
use super::session::{Staff, StaffFrame};
use crate::app::AppState;
use crate::domain::rules::Rule;
use crate::domain::text;
use crate::i18n::Locale;
use crate::i18n::reconciliation::time;
use crate::storage::{
    DeclineReason, Exclusion, ExclusionDecision, ExclusionFilter, ExclusionFoundBy, ExclusionKey,
    ExclusionOf, ReviewState, Role,
};
use crate::web::frame::assets;
use crate::web::frame::page::{Answer, Page, Reader, encode, render, see_other};
use crate::web::public::review::reason_text;
use crate::web::public::rules::name;

/// Exclusions on one page.
const SHOWN: usize = 50;
/// Characters of a reason, at most.
const MAX_REASON_CHARS: usize = 300;

#[derive(Template)]
#[template(path = "exclusions.html")]
struct Exclusions {
    page: Page,
    staff: StaffFrame,
    problem: Option<String>,
    reversed: bool,
    tabs: Vec<Link>,
    rules: Vec<Link>,
    kept: Vec<(&'static str, String)>,
    exclusions: Vec<Row>,
    reason: String,
    max: usize,
    newer: Option<String>,
    older: Option<String>,
}

struct Link {
    href: String,
    text: String,
    current: bool,
}

struct Row {
    key: String,
    score: u8,
    svg: &'static str,
    place: String,
    organization: String,
    when: String,
    right_to: String,
    rule: String,
    found_by: &'static str,
    decision: Option<Decided>,
    chosen: bool,
}

struct Decided {
    text: String,
    reason: String,
}

/// What the list shows, as its address says it.
#[derive(Clone, Copy, Default)]
struct View {
    filter: ExclusionFilter,
    skip: usize,
}

impl View {
    fn read(get: impl Fn(&str) -> String) -> Self {
        Self {
            filter: ExclusionFilter {
                reversed: get("state") == "reversed",
                rule: Rule::parse(&get("rule")),
                terminal: get("terminal").parse().ok(),
            },
            skip: get("skip").parse().unwrap_or(0),
        }
    }

    /// What its forms and links keep.
    fn kept(&self) -> Vec<(&'static str, String)> {
        let ExclusionFilter {
            reversed,
            rule,
            terminal,
        } = self.filter;
        let state = reversed.then(|| ("state", "reversed".to_owned()));
        let rule = rule.map(|rule| ("rule", rule.as_str().to_owned()));
        let terminal = terminal.map(|id| ("terminal", id.to_string()));
        [state, rule, terminal].into_iter().flatten().collect()
    }

    fn href(&self) -> String {
        let skip = (self.skip > 0).then(|| ("skip", self.skip.to_string()));
        let query: Vec<String> = self
            .kept()
            .into_iter()
            .chain(skip)
            .map(|(name, value)| format!("{name}={}", encode(&value)))
            .collect();
        format!("/staff/exclusions?{}", query.join("&"))
    }
}

/// Lists exclusions, those that stand by default.
pub async fn list(State(app): State<AppState>, staff: Staff, reader: Reader) -> Answer {
    staff.may(Role::moderates)?;
    let view = View::read(|name| reader.get(name).to_owned());
    let Some(fields) = staff.draft(&app, "/staff/exclusions").await? else {
        return answer(&app, &staff, view, &Typed::default(), None).await;
    };
    let back = staff.page.l.t(BACK).to_owned();
    let mut response = answer(&app, &staff, view, &Typed(fields), Some(back)).await?;
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

/// What a form sent: fields may stand in it more than once.
#[derive(Default)]
struct Typed(Vec<(String, String)>);

impl Typed {
    fn get(&self, name: &str) -> String {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn chosen(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(name, _)| name == "rating")
            .map(|(_, value)| value.as_str())
    }
}

/// Reverses the chosen exclusions, or applies them again.
pub async fn decide(
    State(app): State<AppState>,
    staff: Staff,
    Form(fields): Form<Vec<(String, String)>>,
) -> Answer {
    staff.may(Role::moderates)?;
    let typed = Typed(fields);
    staff.check_form(&typed.get("csrf"))?;
    let view = View::read(|name| typed.get(name));
    let reason = text::line(&typed.get("reason"));
    let keys: Vec<ExclusionKey> = typed.chosen().filter_map(parse_key).collect();
    let l = staff.page.l;
    let problem = if keys.is_empty() {
        Some(l.t("Choose at least one rating.").to_owned())
    } else if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
        Some(l.with(
            "Give a reason of at most {max} characters.",
            "max",
            MAX_REASON_CHARS,
        ))
    } else {
        None
    };
    if problem.is_some() {
        return answer(&app, &staff, view, &typed, problem).await;
    }
    let decision = ExclusionDecision {
        reversed: !view.filter.reversed,
        reason,
        decided_by: staff.session.login.clone(),
        decided_at: app.clock.unix_ms(),
    };
    app.storage
        .decide_exclusions(keys, decision)
        .await
        .map_err(|error| staff.page.clone().broken(&error))?;
    Ok(see_other(&View { skip: 0, ..view }.href()))
}

async fn answer(
    app: &AppState,
    staff: &Staff,
    view: View,
    typed: &Typed,
    problem: Option<String>,
) -> Answer {
    let broken = |error| staff.page.clone().broken(&error);
    let mut found = app
        .storage
        .exclusions(view.filter, view.skip, SHOWN + 1)
        .await
        .map_err(broken)?;
    let more = found.len() > SHOWN;
    found.truncate(SHOWN);
    let chosen: Vec<&str> = typed.chosen().collect();
    let at = |skip| View { skip, ..view }.href();
    let status = match problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let rows = found
        .into_iter()
        .map(|found| row(&staff.page, found, &chosen));
    let content = Exclusions {
        page: staff.page.clone(),
        staff: staff.frame("/staff/exclusions"),
        problem,
        reversed: view.filter.reversed,
        tabs: tabs(&staff.page, &view),
        rules: rules(&staff.page, &view),
        kept: view.kept(),
        exclusions: rows.collect(),
        reason: typed.get("reason"),
        max: MAX_REASON_CHARS,
        newer: (view.skip > 0).then(|| at(view.skip.saturating_sub(SHOWN))),
        older: more.then(|| at(view.skip + SHOWN)),
    };
    Ok::<Response, _>(render(status, &content))
}

fn tabs(page: &Page, view: &View) -> Vec<Link> {
    let tab = |(reversed, text): (bool, &str)| {
        let filter = ExclusionFilter {
            reversed,
            ..view.filter
        };
        Link {
            href: View { filter, skip: 0 }.href(),
            text: page.l.t(text).to_owned(),
            current: reversed == view.filter.reversed,
        }
    };
    [(false, "Left out"), (true, "Counted again")]
        .map(tab)
        .into()
}

fn rules(page: &Page, view: &View) -> Vec<Link> {
    let link = |rule: Option<Rule>| {
        let filter = ExclusionFilter {
            rule,
            ..view.filter
        };
        Link {
            href: View { filter, skip: 0 }.href(),
            text: page.l.t(rule.map_or("All rules", name)).to_owned(),
            current: rule == view.filter.rule,
        }
    };
    [None]
        .into_iter()
        .chain(Rule::ALL.map(Some))
        .map(link)
        .collect()
}

fn row(page: &Page, found: Exclusion, chosen: &[&str]) -> Row {
    let l = page.l;
    let date = |unix_ms| {
        let time = Time::from_unix_ms(unix_ms);
        time.map_or_else(|_| String::new(), |time| l.date(time, &found.timezone))
    };
    let key = written_key(&found.key);
    let decision = found.decision.map(|decision| {
        let text = match (decision.reversed, found.found_by) {
            (true, _) => "Counted again by {login} on {date}",
            (false, ExclusionFoundBy::Moderator) => "Left out by {login} on {date}",
            (false, _) => "Left out again by {login} on {date}",
        };
        Decided {
            text: l.with2(
                text,
                "login",
                decision.decided_by,
                "date",
                date(decision.decided_at),
            ),
            reason: reason(l, decision.reason),
        }
    });
    Row {
        chosen: chosen.contains(&key.as_str()),
        key,
        score: found.score,
        svg: Score::new(found.score).map_or("", assets::face),
        place: found.place,
        organization: l.choose(&found.organization).to_owned(),
        when: l.minute(found.rated_at, &found.timezone),
        right_to: time(l, found.time_measured, found.uncertainty_ms),
        rule: l.t(name(found.key.rule)).to_owned(),
        found_by: match found.found_by {
            ExclusionFoundBy::Terminal => "by the terminal",
            ExclusionFoundBy::Portal => "by the portal",
            ExclusionFoundBy::Moderator => "by a moderator",
        },
        decision,
    }
}

/// The reason of a decision, translated where it is that of a decision about a comment.
fn reason(l: Locale, kept: String) -> String {
    match (DeclineReason::parse(&kept), ReviewState::parse(&kept)) {
        (Some(reason), _) => l.t(reason_text(reason)).to_owned(),
        (_, Some(ReviewState::Published)) => l.t("The comment is published.").to_owned(),
        _ => kept,
    }
}

fn written_key(key: &ExclusionKey) -> String {
    let rule = key.rule.as_str();
    match key.of {
        ExclusionOf::Rating { terminal, seq } => format!("{terminal} {seq} {rule}"),
        ExclusionOf::Review(id) => format!("review {id} {rule}"),
    }
}

fn parse_key(text: &str) -> Option<ExclusionKey> {
    let mut parts = text.split(' ');
    let (of, which) = (parts.next()?, parts.next()?);
    Some(ExclusionKey {
        of: match of {
            "review" => ExclusionOf::Review(which.parse().ok()?),
            terminal => ExclusionOf::Rating {
                terminal: terminal.parse().ok()?,
                seq: which.parse().ok()?,
            },
        },
        rule: Rule::parse(parts.next()?)?,
    })
}
