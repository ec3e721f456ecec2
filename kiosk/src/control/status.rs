//! What `pikir-kiosk status --json` says: everything a technician or a script wants to know without
//! waiting.

use std::collections::BTreeMap;
use std::sync::Arc;

use pikir_contract::Id;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::config::configuration::ConfigurationStore;
use crate::hardware::HardwareStatus;
use crate::journal::JournalHandle;
use crate::platform::clock::SharedClock;
use crate::platform::files;
use crate::platform::files::DataDir;
use crate::platform::true_time::TrueTime;
use crate::portal::PortalHealth;
use crate::problems::{self, Problem, Problems};
use crate::visit::doubt::Phantom;

/// The status of a running terminal, as JSON on the control socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Name and version.
    pub software: String,
    /// Terminal id; `null` before enrolment.
    pub terminal: Option<Id>,
    /// Short code of the place.
    pub place: Option<String>,
    /// Name of the place.
    pub place_name: Option<String>,
    /// Which screen is up: `setup`, `rate`, `news` (the rate screen while it tells them), `more`,
    /// `thanks`, `out-of-service`; `none` while there is no display.
    pub screen: String,
    /// Why the terminal takes no ratings; `null` when it does.
    pub fault: Option<String>,
    /// What the last recovery of a damaged journal lost, and where the damaged files lie; `null`
    /// where there was none.
    #[serde(default)]
    pub recovered: Option<String>,
    /// Where the panel touches itself, and how often; `null` where it does not. Ratings from there
    /// are flagged.
    #[serde(default)]
    pub phantom_touch: Option<String>,
    /// Keys of what is wrong, the gravest first.
    #[serde(default)]
    pub problems: Vec<String>,
    /// What was seen of each, by key.
    #[serde(default)]
    pub problem_details: BTreeMap<String, String>,
    /// Buttons, switches, sensor, backlight, display, touch panels.
    #[serde(default)]
    pub hardware: HardwareStatus,
    /// Touch panels that are there; `null` where nobody knows.
    #[serde(default)]
    pub touch_panels: Option<u32>,
    /// Displays that are drawn to.
    #[serde(default)]
    pub displays: Option<u32>,
    /// Seconds since the machine started.
    #[serde(default)]
    pub uptime_s: u64,
    /// Why nothing can be spoken; `null` where all is well.
    #[serde(default)]
    pub speech: Option<String>,
    /// Seq of the newest event.
    pub last_seq: u64,
    /// The portal's acknowledgement.
    pub received_through: u64,
    /// Events that still have to be sent.
    pub pending: u64,
    /// Events the portal rejected or refuses.
    pub rejected: u64,
    /// How the portal answered last: `ok`, `unreachable`, `unauthorised`, …
    pub portal: String,
    /// Why, in plain words; empty where all is well.
    pub portal_reason: String,
    /// How the time is known: `synced`, `portal`, or `unknown`.
    pub clock: String,
    /// Uptime (milliseconds).
    pub up_ms: u64,
    /// Version of the configuration in force.
    pub config_version: Option<i64>,
    /// Free space on the journal's disk (MiB).
    pub disk_free_mb: u64,
}

/// Where the status comes from. Clones see the same terminal.
#[derive(Clone)]
pub struct StatusSource {
    /// Where the data lies.
    pub data: DataDir,
    /// The clock.
    pub clock: SharedClock,
    /// What is known of the time.
    pub true_time: Arc<TrueTime>,
    /// The configuration in force.
    pub configuration: ConfigurationStore,
    /// The journal; `None` before enrolment.
    pub journal: watch::Receiver<Option<JournalHandle>>,
    /// How the portal answered last.
    pub health: watch::Receiver<PortalHealth>,
    /// Which screen is up.
    pub screen: watch::Receiver<&'static str>,
    /// Where the panel touches itself.
    pub phantoms: watch::Receiver<Vec<Phantom>>,
    /// Buttons, switches, sensor, backlight, touch panels.
    pub hardware: watch::Receiver<HardwareStatus>,
    /// What is wrong.
    pub problems: Problems,
}

impl StatusSource {
    /// The status now.
    #[must_use]
    pub fn now(&self) -> Status {
        let published = self
            .journal
            .borrow()
            .as_ref()
            .map(JournalHandle::published)
            .unwrap_or_default();
        let configuration = self.configuration.current();
        let place = configuration
            .as_ref()
            .map(|current| &current.document.place);
        let health = self.health.borrow().clone();
        let state = published.state;
        let found = self.problems.found();
        let hardware = self.hardware.borrow().clone();
        let detail =
            |(problem, seen): (&Problem, &String)| (problem.key().to_owned(), seen.clone());
        Status {
            software: crate::SOFTWARE.to_owned(),
            terminal: state.terminal,
            place: place.map(|place| place.code.to_string()),
            place_name: place.map(|place| place.name.clone()),
            screen: (*self.screen.borrow()).to_owned(),
            fault: published.fault.map(|fault| fault.detail),
            recovered: published.recovered,
            phantom_touch: phantom_touch(&self.phantoms.borrow()),
            problems: problems::keys(&found),
            problem_details: found.iter().map(detail).collect(),
            touch_panels: hardware.touch_panels,
            displays: hardware.displays,
            uptime_s: self.clock.up_ms() / 1_000,
            hardware,
            speech: found.get(&Problem::Speech).cloned(),
            last_seq: state.last_seq,
            received_through: state.received_through,
            pending: state.pending,
            rejected: state.rejected,
            portal: kebab(health.state),
            portal_reason: health.reason,
            clock: self
                .true_time
                .offset()
                .map_or("unknown", |offset| offset.quality.as_str())
                .to_owned(),
            up_ms: self.clock.up_ms(),
            config_version: configuration
                .as_ref()
                .map(|current| current.document.version),
            disk_free_mb: files::free_mb(self.data.root()).unwrap_or(0),
        }
    }
}

fn phantom_touch(phantoms: &[Phantom]) -> Option<String> {
    let points: Vec<String> = phantoms.iter().map(Phantom::to_string).collect();
    (!points.is_empty()).then(|| points.join("; "))
}

fn kebab(state: crate::portal::PortalState) -> String {
    // A unit variant always serialises to its name.
    serde_json::to_value(state)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

impl Status {
    /// What is wrong, what was seen of it, and what to do; the key alone where it is of a newer
    /// version.
    fn write_problem(&self, f: &mut std::fmt::Formatter<'_>, key: &str) -> std::fmt::Result {
        let seen = self.problem_details.get(key).map_or("", String::as_str);
        match Problem::of_key(key) {
            Some(problem) => {
                writeln!(
                    f,
                    "  PROBLEM    {key}: {}. {}",
                    problem.words(),
                    problem.remedy()
                )?;
                writeln!(f, "             {seen}")
            }
            None => writeln!(f, "  PROBLEM    {key}: {seen}"),
        }
    }
}

impl std::fmt::Display for Status {
    /// For a technician in a corridor: the answer first, then the figures.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".into());
        match (&self.fault, self.terminal) {
            (Some(fault), _) => writeln!(f, "OUT OF SERVICE  {fault}")?,
            (None, None) => writeln!(f, "NOT ENROLLED    run: pikir-provision enroll")?,
            (None, Some(_)) => writeln!(f, "IN SERVICE")?,
        }
        let terminal = self.terminal.map(|id| id.to_string());
        writeln!(f, "  terminal   {}", or_dash(&terminal))?;
        writeln!(
            f,
            "  place      {} {}",
            or_dash(&self.place),
            self.place_name.as_deref().unwrap_or_default()
        )?;
        writeln!(f, "  screen     {}", self.screen)?;
        if let Some(phantom) = &self.phantom_touch {
            writeln!(
                f,
                "  panel      touches itself at {phantom}; ratings from there are flagged. Clean, recalibrate or replace it"
            )?;
        }
        write!(f, "{}", self.hardware)?;
        for key in &self.problems {
            self.write_problem(f, key)?;
        }
        let reason = if self.portal_reason.is_empty() {
            String::new()
        } else {
            format!(" – {}", self.portal_reason)
        };
        writeln!(f, "  portal     {}{reason}", self.portal)?;
        writeln!(
            f,
            "  events     {} taken, {} delivered, {} waiting, {} rejected",
            self.last_seq, self.received_through, self.pending, self.rejected
        )?;
        if let Some(recovered) = &self.recovered {
            writeln!(f, "  recovered  {recovered}")?;
        }
        writeln!(f, "  clock      {}", self.clock)?;
        write!(f, "  disk       {} MB free", self.disk_free_mb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_problem_is_told_with_what_was_seen_and_what_to_do_and_a_newer_one_by_its_key() {
        let status: Status = serde_json::from_value(json!({
            "software": "pikir-kiosk", "terminal": null, "place": null, "place_name": null, "screen": "none",
            "fault": null, "last_seq": 0, "received_through": 0, "pending": 0, "rejected": 0, "portal": "ok",
            "portal_reason": "", "clock": "synced", "up_ms": 5, "config_version": null, "disk_free_mb": 9,
            "problems": ["no-display", "of-the-future"],
            "problem_details": {"no-display": "DISPLAY is not set", "of-the-future": "something"},
        }))
        .unwrap();
        let told = status.to_string();
        let remedy = Problem::NoDisplay.remedy();
        for part in [
            "PROBLEM    no-display: ",
            remedy,
            "DISPLAY is not set",
            "of-the-future: something",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
