//! What can be wrong with a terminal that goes on serving: the keys, their words and remedies.
//!
//! Whoever finds something wrong sets it here; `pikir-kiosk status`, the screen's line for the
//! technician and the report to the portal read it from here.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

/// A kind of problem. Its order is that in which problems are told, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// The data directory or the journal cannot be used.
    Storage,
    /// The data directory cannot be written.
    ReadOnly,
    /// The disk floor is reached.
    DiskFull,
    /// Nothing is drawn to.
    NoDisplay,
    /// Nobody can touch the screen.
    NoTouchPanel,
    /// TLS has no certificate authorities.
    NoAuthorities,
    /// What lies on this machine of settings is missing or damaged.
    Configuration,
    /// The portal's newest configuration cannot be used.
    ConfigurationRefused,
    /// Nobody can ask on the control socket.
    Control,
    /// The time is not known.
    ClockUnknown,
    /// Pins or backlight cannot be had.
    Gpio,
    /// Nothing can be spoken.
    Speech,
    /// The power supply is too weak.
    UnderVoltage,
}

impl Problem {
    /// Every problem there is.
    pub const ALL: [Self; 13] = [
        Self::Storage,
        Self::ReadOnly,
        Self::DiskFull,
        Self::NoDisplay,
        Self::NoTouchPanel,
        Self::NoAuthorities,
        Self::Configuration,
        Self::ConfigurationRefused,
        Self::Control,
        Self::ClockUnknown,
        Self::Gpio,
        Self::Speech,
        Self::UnderVoltage,
    ];

    /// Its name for programs, as it goes to the portal.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.texts().0
    }

    /// What is wrong, in plain words.
    #[must_use]
    pub fn words(self) -> &'static str {
        self.texts().1
    }

    /// What a technician can do.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.texts().2
    }

    /// The problem with this key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|problem| problem.key() == key)
    }

    fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Storage => (
                "storage",
                "ratings cannot be saved",
                "Look at the SD card and at the owner of the data directory",
            ),
            Self::ReadOnly => (
                "read-only",
                "the data directory cannot be written",
                "Check the SD card (dmesg), the mount and the directory's owner (user pikir)",
            ),
            Self::DiskFull => (
                "disk-full",
                "the disk is full",
                "Free some space; the ratings on it are safe",
            ),
            Self::NoDisplay => (
                "no-display",
                "no display can be drawn to",
                "Check the display's cable and power; the screen comes up by itself",
            ),
            Self::NoTouchPanel => (
                "no-touch-panel",
                "no touch panel is there",
                "Check the panel's cable; it is taken into use by itself",
            ),
            Self::NoAuthorities => (
                "no-authorities",
                "no certificate authority can be read, so the portal cannot be trusted",
                "Install ca-certificates, or mend ca_file in terminal.toml; it is tried again",
            ),
            Self::Configuration => (
                "configuration",
                "the settings of this machine are missing or damaged",
                "Mend the file that is named, then restart: systemctl restart pikir-kiosk",
            ),
            Self::ConfigurationRefused => (
                "configuration-refused",
                "the portal's newest configuration cannot be used; the one before stays",
                "Mend it at the portal; the terminal asks again by itself",
            ),
            Self::Control => (
                "control",
                "nobody can ask for the status on this machine",
                "Make the control socket's directory writable (/run/pikir); it is tried again",
            ),
            Self::ClockUnknown => (
                "clock-unknown",
                "the time is not known",
                "Check the network and the time server; the portal's answers also tell it",
            ),
            Self::Gpio => (
                "gpio",
                "buttons, lights, switches or backlight do not work",
                "Check [gpio] in terminal.toml, the wiring and the group gpio",
            ),
            Self::Speech => (
                "speech",
                "nothing can be spoken",
                "Install espeak-ng, or name the program in [speech] of terminal.toml",
            ),
            Self::UnderVoltage => (
                "under-voltage",
                "the power supply is too weak",
                "Use the supply that is made for the board, with a short cable",
            ),
        }
    }
}

/// What is wrong now, and what was seen of each.
pub type Found = BTreeMap<Problem, String>;

/// What is wrong with this terminal. Clones see the same.
#[derive(Clone, Default)]
pub struct Problems(Arc<watch::Sender<Found>>);

impl Problems {
    /// Sets what was seen of a problem; `None`: it is not there, or no longer.
    pub fn set(&self, problem: Problem, seen: Option<String>) {
        self.0.send_if_modified(|found| {
            if found.get(&problem) == seen.as_ref() {
                return false;
            }
            match seen {
                Some(seen) => {
                    tracing::warn!(problem = problem.key(), %seen, remedy = problem.remedy());
                    found.insert(problem, seen);
                }
                None => {
                    tracing::info!(problem = problem.key(), "is over");
                    found.remove(&problem);
                }
            }
            true
        });
    }

    /// What is wrong now.
    #[must_use]
    pub fn found(&self) -> Found {
        self.0.borrow().clone()
    }

    /// Follows what is wrong.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Found> {
        self.0.subscribe()
    }
}

/// The keys, the gravest first.
#[must_use]
pub fn keys(found: &Found) -> Vec<String> {
    found
        .keys()
        .map(|problem| problem.key().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_one_of_the_contract_and_leads_back_to_its_problem() {
        for problem in Problem::ALL {
            let key = problem.key();
            assert_eq!(Problem::of_key(key), Some(problem));
            assert!(
                key.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            );
            assert!(!problem.words().is_empty() && !problem.remedy().is_empty());
        }
        assert_eq!(Problem::of_key("of-the-future"), None);
        assert!(Problem::ALL.is_sorted(), "told in their order");
    }

    #[test]
    fn a_problem_stands_until_it_is_over_and_is_told_once() {
        let problems = Problems::default();
        let mut told = problems.subscribe();
        problems.set(Problem::Speech, Some("no espeak-ng".into()));
        problems.set(Problem::NoDisplay, Some("no card".into()));
        assert!(told.has_changed().unwrap());
        assert_eq!(keys(&told.borrow_and_update()), ["no-display", "speech"]);
        problems.set(Problem::Speech, Some("no espeak-ng".into()));
        problems.set(Problem::Gpio, None);
        assert!(!told.has_changed().unwrap(), "nothing is new");
        problems.set(Problem::NoDisplay, None);
        assert_eq!(keys(&told.borrow_and_update()), ["speech"]);
    }
}
