//! How an uploader of this terminal is made.

use pikir_contract::{Id, MAX_BATCH_EVENTS};
use tokio::sync::watch;

use super::Shared;
use crate::journal::JournalHandle;
use crate::platform::network::NetworkChanges;
use crate::portal::{HttpPortal, PortalHealth};
use crate::sync::uploader::Uploader;

/// An uploader of this terminal: of its own journal, or of one that a former identity left.
pub(super) fn uploader(
    shared: &Shared,
    portal: HttpPortal,
    terminal: Id,
    journal: JournalHandle,
    health: watch::Sender<PortalHealth>,
    network: NetworkChanges,
) -> Uploader<HttpPortal, JournalHandle> {
    Uploader {
        portal,
        terminal,
        queue: journal,
        clock: shared.clock.clone(),
        entropy: shared.entropy.clone(),
        true_time: shared.true_time.clone(),
        health,
        batch: batch_limit(shared),
        network,
        start_spread: shared.start_spread,
    }
}

/// The largest batch the portal wants, as the configuration says from time to time.
fn batch_limit(shared: &Shared) -> watch::Receiver<usize> {
    let mut configuration = shared.configuration.subscribe();
    let (sender, receiver) = watch::channel(MAX_BATCH_EVENTS);
    tokio::spawn(async move {
        loop {
            let wanted = configuration
                .borrow_and_update()
                .as_ref()
                .map(|current| current.document.limits.batch);
            sender.send_replace(wanted.unwrap_or(MAX_BATCH_EVENTS).min(MAX_BATCH_EVENTS));
            if configuration.changed().await.is_err() {
                return;
            }
        }
    });
    receiver
}
