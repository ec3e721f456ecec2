//! `pikir-portal terminal`: which terminals there are, and taking one out of service.

use std::fmt::Write;

use clap::Subcommand;
use pikir_contract::{Id, Time};
use serde_json::{Value, json};

use super::{CliError, Common, reconcile};
use crate::platform::clock::Clock;
use crate::storage::{Integrity, Retired, TerminalState};

/// `pikir-portal terminal`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show every terminal: where it stands, what it handed in, whether its journal is intact
    List,
    /// Compare what terminals took with what is here, by day
    Reconcile(reconcile::Args),
    /// Take a terminal out of service for good: its requests are refused from now on
    Retire {
        /// Terminal's id, as `terminal list` shows it
        id: Id,
    },
}

/// Runs `pikir-portal terminal`.
pub async fn run(command: Command, common: &Common) -> Result<(), CliError> {
    let storage = common.storage()?;
    match command {
        Command::List => {
            let terminals = storage.terminals().await?;
            let list: Vec<Value> = terminals.iter().map(as_json).collect();
            common.answer(&list, table(&terminals))
        }
        Command::Reconcile(args) => reconcile::run(args, &storage, common).await,
        Command::Retire { id } => match storage
            .retire_terminal(id, Clock::system().unix_ms())
            .await?
        {
            Retired::Now => common.answer(
                &json!({"terminal": id, "retired": true}),
                format_args!("{id} is out of service"),
            ),
            Retired::Before => common.answer(
                &json!({"terminal": id, "retired": true}),
                format_args!("{id} was out of service already"),
            ),
            Retired::Unknown => Err(CliError::failed(format_args!(
                "there is no terminal {id}; `pikir-portal terminal list` shows those there are"
            ))),
        },
    }
}

fn time(unix_ms: Option<i64>) -> Option<Time> {
    unix_ms.and_then(|unix_ms| Time::from_unix_ms(unix_ms).ok())
}

fn as_json(terminal: &TerminalState) -> Value {
    let integrity = match terminal.integrity {
        Integrity::Intact => json!({"state": "intact"}),
        Integrity::Broken { seq, why } => {
            json!({"state": "broken", "seq": seq, "why": why.as_str()})
        }
    };
    json!({
        "terminal": terminal.id,
        "organization": terminal.organization,
        "place": terminal.place,
        "place_name": terminal.place_name,
        "hardware": {"model": terminal.hardware.0, "serial": terminal.hardware.1},
        "software": terminal.software,
        "enrolled": time(Some(terminal.enrolled_at)),
        "retired": time(terminal.retired_at),
        "seen": time(terminal.seen_at),
        "received_through": terminal.received_through,
        "accepted": terminal.accepted,
        "rejected": terminal.rejected,
        "late_withdrawals": terminal.late_withdrawals,
        "unknown_kinds": terminal.unknown_kinds,
        "integrity": integrity,
        "follows": terminal.follows,
        "followed_by": terminal.followed_by,
        "status": terminal.report.as_deref().and_then(|report| serde_json::from_str::<Value>(report).ok()),
    })
}

fn table(terminals: &[TerminalState]) -> String {
    if terminals.is_empty() {
        return "No terminals yet: `pikir-portal token create` makes a token that enrols one."
            .to_owned();
    }
    let mut text = format!(
        "{:<36}  {:<12}  {:>9}  {:<20}  {:<20}  PLACE\n",
        "TERMINAL", "CODE", "RECEIVED", "SEEN", "JOURNAL"
    );
    for terminal in terminals {
        let mut journal = match (terminal.retired_at, terminal.integrity) {
            (Some(_), _) => "retired".to_owned(),
            (None, Integrity::Intact) => "intact".to_owned(),
            (None, Integrity::Broken { seq, why }) => format!("{} at {seq}", why.as_str()),
        };
        if terminal.follows.is_some() {
            journal += ", re-enrolled";
        }
        if terminal.late_withdrawals > 0 {
            // Writing to a text does not fail.
            let _ = write!(
                journal,
                ", {} taken back too late",
                terminal.late_withdrawals
            );
        }
        let seen = time(terminal.seen_at).map_or_else(
            || "never".to_owned(),
            |seen| format!("{:.0}", seen.timestamp()),
        );
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "{:<36}  {:<12}  {:>9}  {seen:<20}  {journal:<20}  {}, {}",
            terminal.id.to_string(),
            terminal.place.to_string(),
            terminal.received_through,
            terminal.organization,
            terminal.place_name,
        );
    }
    text
}
