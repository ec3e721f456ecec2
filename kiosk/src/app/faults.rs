//! Follows what can be wrong with the terminal, and tells the window of it.

use super::{Shared, ui};
use crate::hardware::HardwareStatus;
use crate::journal::Published;
use crate::limits::{CLOCK_CHECK, HINT_AFTER};
use crate::platform::files;
use crate::portal::PortalAddress;
use crate::problems::{self, Problem};
use crate::view::Fault;

/// What the firmware of a Raspberry Pi says of its supply; bit 0: too weak now.
const THROTTLED: &str = "/sys/devices/platform/soc/soc:firmware/get_throttled";

/// Begins to follow everything. Must be called inside the runtime.
pub fn watch(shared: &Shared, address: Option<&PortalAddress>) {
    tokio::spawn(hint(shared.clone()));
    tokio::spawn(hardware(shared.clone()));
    tokio::spawn(journal(shared.clone()));
    tokio::spawn(clock_and_supply(shared.clone()));
    if let Some(address) = address {
        watch_authorities(shared, address);
    }
}

/// Follows whether the authorities of this road can be read.
pub fn watch_authorities(shared: &Shared, address: &PortalAddress) {
    let (problems, mut trouble) = (shared.problems.clone(), address.trouble());
    tokio::spawn(async move {
        loop {
            let seen = trouble.borrow_and_update().clone();
            problems.set(Problem::NoAuthorities, seen);
            if trouble.changed().await.is_err() {
                return;
            }
        }
    });
}

/// The technician's line names what has stood for a while.
async fn hint(shared: Shared) {
    let mut found = shared.problems.subscribe();
    loop {
        let keys = problems::keys(&found.borrow_and_update());
        if !keys.is_empty() {
            tokio::time::sleep(HINT_AFTER).await;
        }
        let keys = problems::keys(&found.borrow_and_update());
        ui::post(move |ui| ui.problems_changed(&keys));
        if found.changed().await.is_err() {
            return;
        }
    }
}

async fn hardware(shared: Shared) {
    let mut status = shared.hardware.subscribe();
    loop {
        let seen = pins(&status.borrow_and_update());
        shared.problems.set(Problem::Gpio, seen);
        if status.changed().await.is_err() {
            return;
        }
    }
}

fn pins(status: &HardwareStatus) -> Option<String> {
    (!status.problems.is_empty()).then(|| status.problems.join("; "))
}

/// Follows the journal, from the moment there is one.
async fn journal(shared: Shared) {
    let mut present = shared.journal.subscribe();
    loop {
        let handle = present.borrow_and_update().clone();
        if let Some(handle) = handle {
            let mut published = handle.subscribe();
            loop {
                let read_only = shared.data.is_read_only();
                for (problem, seen) in faults(&published.borrow_and_update(), read_only) {
                    shared.problems.set(problem, seen);
                }
                tokio::select! {
                    changed = published.changed() => if changed.is_err() { break },
                    changed = present.changed() => if changed.is_ok() { break } else { return },
                }
            }
        } else if present.changed().await.is_err() {
            return;
        }
    }
}

/// Each of the journal's problems, and what was seen of it.
fn faults(published: &Published, read_only: bool) -> [(Problem, Option<String>); 3] {
    let of = |problem| match &published.fault {
        Some(fault) if kind(fault.fault, read_only) == problem => Some(fault.detail.clone()),
        _ => None,
    };
    [Problem::Storage, Problem::ReadOnly, Problem::DiskFull].map(|problem| (problem, of(problem)))
}

fn kind(fault: Fault, read_only: bool) -> Problem {
    match fault {
        Fault::DiskFull => Problem::DiskFull,
        Fault::Storage | Fault::Retired | Fault::Configuration if read_only => Problem::ReadOnly,
        Fault::Storage | Fault::Retired | Fault::Configuration => Problem::Storage,
    }
}

async fn clock_and_supply(shared: Shared) {
    loop {
        shared.problems.set(Problem::ClockUnknown, clock(&shared));
        shared.problems.set(Problem::UnderVoltage, supply());
        tokio::time::sleep(CLOCK_CHECK).await;
    }
}

fn clock(shared: &Shared) -> Option<String> {
    if shared.clock.synced_falsely() {
        let wall = shared.clock.reading().wall;
        return Some(format!("it is said to be synchronised, and says {wall}"));
    }
    let unknown = shared.true_time.offset().is_none();
    unknown.then(|| "no time server has set it, and the portal has told no time".to_owned())
}

fn supply() -> Option<String> {
    let said = files::read_text(THROTTLED.as_ref()).ok()?;
    let bits = u32::from_str_radix(said.trim().trim_start_matches("0x"), 16).ok()?;
    (bits & 1 == 1).then(|| format!("the firmware says {}", said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::FaultView;

    fn keys(fault: Option<Fault>, read_only: bool) -> Vec<&'static str> {
        let published = Published {
            fault: fault.map(|fault| FaultView {
                fault,
                detail: "detail".into(),
            }),
            ..Published::default()
        };
        let found = faults(&published, read_only);
        let standing = found.into_iter().filter(|(_, seen)| seen.is_some());
        standing.map(|(problem, _)| problem.key()).collect()
    }

    #[test]
    fn a_fault_of_the_journal_is_one_problem_and_none_without_a_fault() {
        assert_eq!(keys(None, true), [""; 0]);
        assert_eq!(keys(Some(Fault::Storage), false), ["storage"]);
        assert_eq!(keys(Some(Fault::Storage), true), ["read-only"]);
        assert_eq!(keys(Some(Fault::DiskFull), false), ["disk-full"]);
    }
}
