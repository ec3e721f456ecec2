//! How often the program was started anew in a row because a part of the machine was missing.
//!
//! It lies in the data directory, since a program that ends remembers nothing. Where it cannot be
//! written, nothing is started anew: without memory there would be no end of it.

use std::collections::BTreeMap;

use super::watchdog::Part;
use crate::limits::MAX_RESTARTS;
use crate::platform::files;
use crate::platform::files::DataDir;

/// Whether a new start is worth a try for this part; counts it. A panel only if it was there once:
/// what is told of a display comes from one that was opened.
pub fn take(data: &DataDir, part: Part) -> bool {
    let mut counts = read(data);
    if part == Part::TouchPanel && !counts.contains_key(name(part)) {
        return false;
    }
    let count = counts.entry(name(part).to_owned()).or_default();
    if *count >= MAX_RESTARTS {
        return false;
    }
    *count += 1;
    write(data, &counts)
}

/// The part is there: the next time it goes, everything is tried again.
pub fn forget(data: &DataDir, part: Part) {
    let mut counts = read(data);
    if counts.insert(name(part).to_owned(), 0) != Some(0) {
        write(data, &counts);
    }
}

fn read(data: &DataDir) -> BTreeMap<String, u32> {
    let text = files::read_text(&data.restarts()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn write(data: &DataDir, counts: &BTreeMap<String, u32>) -> bool {
    let written = serde_json::to_vec(counts)
        .map_err(std::io::Error::from)
        .and_then(|text| files::replace(&data.restarts(), &text, 0o600));
    if let Err(error) = &written {
        tracing::warn!(%error, "new starts cannot be counted, so there is none");
    }
    written.is_ok()
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Display => "display",
        Part::TouchPanel => "touch-panel",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_gone_is_worth_a_few_new_starts_until_it_was_there_again() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        assert!(!take(&data, Part::TouchPanel), "it was never there");
        for _ in 0..2 {
            forget(&data, Part::TouchPanel);
            assert!((0..MAX_RESTARTS).all(|_| take(&data, Part::TouchPanel)));
            assert!(!take(&data, Part::TouchPanel));
        }
        assert!((0..MAX_RESTARTS).all(|_| take(&data, Part::Display)));
        assert!(!take(&data, Part::Display), "a display that never lasts");
    }

    #[test]
    fn without_memory_nothing_is_started_anew() {
        let nowhere = DataDir::new(Some("/nonexistent/pikir".as_ref()));
        forget(&nowhere, Part::Display);
        assert!(!take(&nowhere, Part::Display));
    }
}
