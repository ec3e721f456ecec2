//! `pikir-portal import`: the journal of a terminal that has no network.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use super::{CliError, Common, note};
use crate::platform::clock::Clock;
use crate::services::journal_file::{ImportError, Imported, MAX_NAMED, import};

/// `pikir-portal import`
///
/// Every event is verified by its seal and lands once, however often the file is imported, and also
/// when the terminal hands the same events in over the network.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Journal file
    file: PathBuf,
}

/// Runs `pikir-portal import`.
pub async fn run(Args { file }: Args, common: &Common) -> Result<(), CliError> {
    let at = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
    let opened = File::open(&file).map_err(|error| CliError::usage(at(&error)))?;
    let storage = common.storage()?;
    let mut done = Imported::default();
    let result = import(
        &storage,
        BufReader::new(opened),
        Clock::system().unix_ms(),
        &mut done,
    )
    .await;
    if done.terminal.is_some() {
        common.answer(&done, text(&done))?;
    }
    for (line, seq) in &done.changed_at {
        note(at(&format_args!(
            "line {line}: the seal of seq {seq} does not verify: the line was changed; not taken"
        )));
    }
    if done.changed > MAX_NAMED as u64 {
        note(format_args!(
            "… and {} more",
            done.changed - MAX_NAMED as u64
        ));
    }
    match result {
        Ok(()) if done.changed == 0 => Ok(()),
        Ok(()) => Err(CliError::failed(at(&format_args!(
            "{} changed events were not taken",
            done.changed
        )))),
        Err(error @ ImportError::Line { line, .. }) if done.terminal.is_some() && line > 1 => {
            Err(CliError::failed(at(&format_args!(
                "{error}. Everything before this line was taken"
            ))))
        }
        Err(error) => Err(CliError::failed(at(&error))),
    }
}

fn text(done: &Imported) -> String {
    let Imported {
        accepted,
        duplicate,
        malformed,
        received_through,
        ..
    } = done;
    let terminal = done.terminal.map(|id| id.to_string()).unwrap_or_default();
    let malformed = if *malformed > 0 {
        format!(", {malformed} rejected as malformed")
    } else {
        String::new()
    };
    format!(
        "{terminal}: {accepted} new, {duplicate} here already{malformed}; complete up to seq {received_through}"
    )
}
