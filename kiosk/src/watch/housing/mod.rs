//! Says when the housing was opened or closed, also while the terminal was off.
//!
//! How the housing stood when that was last in the journal lies in the file `housing`. It is
//! written after the notice is durable: a power cut between the two tells it twice, and never not
//! at all.

use pikir_contract::Notice;
use tokio::sync::watch;

use crate::journal::{JournalHandle, NewEvent};
use crate::limits::{JOURNAL_RETRY, TAMPER_PAUSE, TAMPER_PAUSE_MAX, TAMPER_QUIET};
use crate::platform::clock::SharedClock;
use crate::platform::entropy::SharedEntropy;
use crate::platform::files;
use crate::platform::files::DataDir;

const OPEN: &str = "open";
const CLOSED: &str = "closed";

/// The housing as its switch tells. Only ever grows, so that nobody who looks late misses an
/// opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Housing {
    /// Whether it is open; `None`: not known yet, or there is no switch.
    pub open: Option<bool>,
    /// How often it was opened in this run.
    pub openings: u64,
}

impl Housing {
    /// The switch told how the housing stands now.
    pub fn stands(&mut self, open: bool) {
        // How it stands at the start is no opening of this run.
        if open && self.open == Some(false) {
            self.openings += 1;
        }
        self.open = Some(open);
    }
}

/// Watches the housing of an enrolled terminal.
pub struct TamperWatch {
    /// Where the last known state lies.
    pub data: DataDir,
    /// The clock.
    pub clock: SharedClock,
    /// For ids.
    pub entropy: SharedEntropy,
    /// Keeps the notices.
    pub journal: JournalHandle,
    /// The housing.
    pub housing: watch::Receiver<Housing>,
}

impl TamperWatch {
    /// Watches until the housing is no longer told of. Stopping it at any moment loses nothing.
    pub async fn run(mut self) {
        let mut told = Told::new(self.recorded(), *self.housing.borrow());
        let mut pause = TAMPER_PAUSE;
        loop {
            let housing = *self.housing.borrow_and_update();
            match told.news(housing) {
                News::Nothing => {}
                News::Record(open) => {
                    self.record(open);
                    told.accept(housing);
                }
                News::Tell(open, detail) => {
                    if self.append(detail).await {
                        self.record(open);
                        told.accept(housing);
                        // A loose switch is told of now and then, and does not fill the journal.
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(TAMPER_PAUSE_MAX);
                    } else {
                        tokio::time::sleep(JOURNAL_RETRY).await;
                    }
                    continue;
                }
            }
            tokio::select! {
                changed = self.housing.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(TAMPER_QUIET), if pause > TAMPER_PAUSE => pause = TAMPER_PAUSE,
            }
        }
    }

    /// Appends the notice; answers whether it is durable.
    async fn append(&self, detail: String) -> bool {
        tracing::warn!(%detail, "tamper");
        let event = NewEvent::notice(&self.clock, &self.entropy, Notice::TAMPER, detail);
        self.journal.append_durably(event).await
    }

    fn recorded(&self) -> Option<bool> {
        match files::read_text_if_there(&self.data.housing()) {
            Ok(Some(text)) if text.trim() == OPEN => Some(true),
            Ok(Some(text)) if text.trim() == CLOSED => Some(false),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%error, "how the housing stood cannot be read");
                None
            }
        }
    }

    fn record(&self, open: bool) {
        let text = if open { OPEN } else { CLOSED };
        if let Err(error) = files::replace(&self.data.housing(), text.as_bytes(), 0o600) {
            tracing::warn!(%error, "how the housing stands cannot be kept; it may be told again after the next start");
        }
    }
}

/// What was told of the housing so far.
#[derive(Debug)]
struct Told {
    /// How it stood when that was last recorded; `None`: never.
    open: Option<bool>,
    openings: u64,
    /// Nothing was told in this run yet.
    first: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum News {
    Nothing,
    /// Worth remembering, not worth a notice.
    Record(bool),
    Tell(bool, String),
}

impl Told {
    /// What was opened before there was anything to compare with was opened by whoever set the
    /// terminal up.
    fn new(recorded: Option<bool>, housing: Housing) -> Self {
        Self {
            open: recorded,
            openings: recorded.map_or(housing.openings, |_| 0),
            first: true,
        }
    }

    fn news(&self, housing: Housing) -> News {
        let Some(open) = housing.open else {
            return News::Nothing;
        };
        let opened = housing.openings.saturating_sub(self.openings);
        let detail = match (self.open, open, opened) {
            (None, false, 0) => return News::Record(false),
            (None, true, 0) => "housing open at the first start".into(),
            (Some(before), now, 0) if before == now => return News::Nothing,
            (Some(_), true, 0) if self.first => "housing opened while the terminal was off".into(),
            (Some(_), false, 0) if self.first => "housing closed while the terminal was off".into(),
            (_, false, 0) => "housing closed".into(),
            (_, true, 0 | 1) => "housing opened".into(),
            (_, true, times) => format!("housing opened {times} times, now open"),
            (_, false, 1) => "housing opened and closed".into(),
            (_, false, times) => format!("housing opened {times} times, now closed"),
        };
        News::Tell(open, detail)
    }

    fn accept(&mut self, housing: Housing) {
        *self = Self {
            open: housing.open,
            openings: housing.openings,
            first: false,
        };
    }
}

#[cfg(test)]
mod tests;
