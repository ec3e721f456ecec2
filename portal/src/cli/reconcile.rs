//! `pikir-portal terminal reconcile`: what terminals took against what is here.

use std::fmt::Write;

use jiff::civil::Date;
use pikir_contract::{Id, Time};
use serde_json::{Value, json};

use super::{CliError, Common};
use crate::domain::reconciliation::{Figures, Reconciliation, ranges};
use crate::i18n::reconciliation::{differences, times};
use crate::i18n::{Lang, Locale};
use crate::storage::{Days, Storage};

/// Parts of the missing numbers that are written out in a table.
const SHOWN_RANGES: usize = 8;

/// `pikir-portal terminal reconcile`
///
/// Days are those of the place's time zone. Taken is every number the terminal gave out, known from
/// the numbers that came; what is not here is named.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this terminal
    #[arg(long, value_name = "ID")]
    terminal: Option<Id>,
    /// First day, such as 2026-11-01
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// Last day
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
}

/// Runs `pikir-portal terminal reconcile`.
pub async fn run(args: Args, storage: &Storage, common: &Common) -> Result<(), CliError> {
    let Args { terminal, from, to } = args;
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        return Err(CliError::usage("--to lies before --from"));
    }
    let found = storage.reconcile(terminal, Days { from, to }).await?;
    if let (Some(id), true) = (terminal, found.is_empty()) {
        return Err(CliError::failed(format_args!(
            "there is no terminal {id}; `pikir-portal terminal list` shows those there are"
        )));
    }
    let list: Vec<Value> = found.iter().map(as_json).collect();
    let text: Vec<String> = found.iter().map(table).collect();
    common.answer(&list, text.join("\n"))
}

fn as_json(found: &Reconciliation) -> Value {
    let day = |(day, figures): &(Date, Figures)| {
        let mut value = json!(figures);
        value["day"] = json!(day.to_string());
        value
    };
    let waiting = found.waiting.map(|waiting| {
        json!({
            "pending": waiting.pending,
            "reported": time(waiting.reported_at),
            "come_since": waiting.come_since,
            "outstanding": waiting.outstanding(),
        })
    });
    json!({
        "terminal": found.terminal,
        "organization": found.organization,
        "place": found.place,
        "place_name": found.place_name,
        "timezone": found.timezone,
        "days": found.days.iter().map(day).collect::<Vec<_>>(),
        "total": found.total(),
        "waiting": waiting,
        "agrees": found.agrees(),
        "differences": differences(Locale(Lang::En), found),
    })
}

fn time(unix_ms: i64) -> Option<Time> {
    Time::from_unix_ms(unix_ms).ok()
}

fn table(found: &Reconciliation) -> String {
    let mut text = format!(
        "{}  {}, {} (days in {})\n",
        found.terminal, found.organization, found.place_name, found.timezone
    );
    if !found.days.is_empty() {
        text += &format!(
            "{:<10}  {:>8}  {:>8}  {:>8}  {:>8}  {:>9}  {:>8}  {:>8}  MISSING\n",
            "DAY", "TAKEN", "RECEIVED", "COUNTED", "FLAGGED", "WITHDRAWN", "OTHER", "REJECTED"
        );
    }
    let total = found.total();
    let days = found.days.iter().map(|(day, of)| (day.to_string(), of));
    let all = (found.days.len() > 1).then(|| ("total".to_owned(), &total));
    for (name, of) in days.chain(all) {
        let missing = match of.missing_count() {
            0 => "0".to_owned(),
            count => format!("{count}: {}", ranges(&of.missing, SHOWN_RANGES)),
        };
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "{name:<10}  {:>8}  {:>8}  {:>8}  {:>8}  {:>9}  {:>8}  {:>8}  {missing}",
            of.taken, of.received, of.counted, of.flagged, of.withdrawn, of.other, of.rejected
        );
    }
    if let Some(times) = times(Locale(Lang::En), total.times) {
        text += &format!("{times}\n");
    }
    for line in differences(Locale(Lang::En), found) {
        text += &format!("! {line}\n");
    }
    if found.is_complete() {
        text += match found.days.is_empty() {
            true => "Nothing was taken.\n",
            false => "Everything that was taken is here.\n",
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reconciliation::{Entry, Recovery, Waiting};

    #[test]
    fn a_table_adds_up_and_names_every_difference() {
        let mut day = Figures::default();
        day.add(Entry::Counted, None);
        day.add(Entry::Flagged, Some((2, 3)));
        let found = Reconciliation {
            terminal: Id::from_parts(1, [0; 10]),
            place: "B4XK".parse().unwrap(),
            place_name: "Hall 2".to_owned(),
            organization: "con".to_owned(),
            timezone: "Asia/Bishkek".to_owned(),
            days: vec![("2026-11-21".parse().unwrap(), day)],
            waiting: Some(Waiting {
                pending: 4,
                reported_at: 1_795_312_800_000,
                come_since: 1,
            }),
            recoveries: vec![Recovery {
                seq: 4,
                detail: "2 of 4 events could not be read".to_owned(),
            }],
        };
        let text = table(&found);
        for expected in [
            "2026-11-21         4         2         1         1",
            "2: 2–3",
            "! 2 entries are missing (2–3)",
            "! Entry 4: the terminal reported a damaged journal: 2 of 4 events could not be read",
            "! 3 entries were still waiting on the terminal when it last reported (22 Nov 2026 08:00).",
        ] {
            assert!(
                text.contains(expected),
                "{expected:?} is missing in\n{text}"
            );
        }
        assert!(!text.contains("Everything"), "{text}");
        assert_eq!(as_json(&found)["waiting"]["outstanding"], 3);
    }
}
