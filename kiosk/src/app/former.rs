//! What former identities of this terminal left behind: a journal each, delivered under its own
//! key.

use std::path::{Path, PathBuf};

use pikir_contract::Id;
use tokio::sync::watch;

use super::Shared;
use super::uploaders::uploader;
use crate::config::identity::Identity;
use crate::journal::{Journal, JournalHandle};
use crate::platform::files;
use crate::platform::files::DataDir;
use crate::platform::network::NetworkChanges;
use crate::portal::{HttpPortal, PortalAddress, PortalHealth};

/// Begins to deliver them, beside everything else. One that cannot be read is no reason not to
/// serve.
pub(super) fn deliver(shared: &Shared, present: &PortalAddress, network: &NetworkChanges) {
    let directories = files::directories_in(&shared.data.former()).unwrap_or_else(|error| {
        tracing::error!(%error, "the former identities cannot be listed");
        Vec::new()
    });
    for directory in directories {
        let (shared, present, network) = (shared.clone(), present.clone(), network.clone());
        tokio::spawn(async move {
            if let Err(error) = deliver_one(&directory, &shared, &present, network).await {
                let (directory, detail) = (directory.display(), format!("{error:#}"));
                tracing::error!(%directory, %detail, "what a former identity left cannot be delivered");
            }
        });
    }
}

/// Delivers one journal, signed with its own key, to the portal that gave it: the present one may
/// know nothing of it.
async fn deliver_one(
    directory: &Path,
    shared: &Shared,
    present: &PortalAddress,
    network: NetworkChanges,
) -> anyhow::Result<()> {
    let data = DataDir::new(Some(directory));
    let Some((identity, terminal)) = Identity::load(&data.identity())?
        .and_then(|identity| Some((identity.clone(), identity.terminal?)))
    else {
        // Its key is gone: nobody can sign for it, but its seals prove it.
        let directory = directory.display();
        tracing::warn!(
            "a journal without an identity waits in {directory}: pikir-kiosk journal export --data-dir {directory} FILE, then pikir-portal import FILE"
        );
        return Ok(());
    };
    let Some(journal) = open_if_it_waits(shared.clone(), data.journal(), terminal).await? else {
        return Ok(());
    };
    shared.former_journals().push(journal.clone());
    // One that is still being checked or mended does not know yet what waits. That nothing can be
    // appended, because the key is lost, is what made most of them former ones.
    let ready = journal
        .subscribe()
        .wait_for(|published| published.fault.is_none() || published.state.pending > 0)
        .await
        .map(|published| published.state.pending);
    let Ok(pending) = ready else {
        return Ok(()); // The program ends.
    };
    if pending == 0 {
        // What was rejected for good is all that it holds.
        return Ok(tokio::task::spawn_blocking(move || journal.stop()).await?);
    }
    let address = present.or_of(identity.portal.as_deref(), shared.ca_file.as_deref());
    tracing::info!(%terminal, pending, portal = address.as_str(), "delivering the journal of a former identity");
    let key = identity.signing_key();
    let portal = HttpPortal::new(address, key, terminal.to_string(), shared.clock.clone());
    // How the portal answers a former identity says nothing of the present one.
    let health = watch::Sender::new(PortalHealth::unknown());
    uploader(shared, portal, terminal, journal, health, network)
        .run()
        .await;
    Ok(())
}

/// Opens a journal unless it can be seen that nothing in it waits. The disk is waited for
/// elsewhere.
async fn open_if_it_waits(
    shared: Shared,
    path: PathBuf,
    terminal: Id,
) -> anyhow::Result<Option<JournalHandle>> {
    let open = move || {
        let is_done = Journal::open_to_read(&path)
            .is_ok_and(|journal| journal.state().pending == 0 && journal.state().rejected == 0);
        if is_done {
            return Ok(None);
        }
        JournalHandle::start(path, terminal, shared.clock, shared.entropy).map(Some)
    };
    Ok(tokio::task::spawn_blocking(open).await??)
}
