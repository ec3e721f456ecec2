//! The network side: set-up until the terminal is enrolled, then the uploader and upkeep; the control socket always.

use std::time::Duration;

use anyhow::Context;
use pikir_contract::Notice;
use tokio::signal::unix::{SignalKind, signal};

use super::uploaders::uploader;
use super::watchdog::Watched;
use super::{Shared, former, ui};
use crate::config::identity::Identity;
use crate::control;
use crate::journal::{JournalHandle, NewEvent, Published};
use crate::limits::LAST_NOTICE_PATIENCE;
use crate::platform::network;
use crate::platform::network::NetworkChanges;
use crate::portal::{HttpPortal, PortalAddress};
use crate::sync::enrolment;
use crate::sync::enrolment::SetUp;
use crate::sync::upkeep::Upkeep;
use crate::sync::uploader::Uploader;
use crate::watch::clock::ClockWatch;
use crate::watch::housing::TamperWatch;
use crate::watch::phantoms;

/// Starts everything that runs beside the window. Must be called inside the runtime.
///
/// # Errors
/// The control socket or the signal handlers cannot be had.
pub fn start(
    shared: Shared,
    address: Option<PortalAddress>,
    enrolled: Option<(Identity, JournalHandle)>,
    watched: Watched,
) -> anyhow::Result<()> {
    let listener = control::listen(shared.data.control())?;
    tokio::spawn(control::serve(listener, shared.status_source()));
    tokio::spawn(end_on_signal(
        shared.clone(),
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ));
    tokio::spawn(end_when_it_hangs(shared.clone(), watched));
    let network = network::watch();
    tokio::spawn(async move {
        if let Err(error) = serve(shared, address, enrolled, network).await {
            let detail = format!("{error:#}");
            tracing::error!(%detail, "the terminal cannot be served");
            ui::post(move |ui| ui.out_of_service(&detail));
        }
    });
    Ok(())
}

/// Begins to open the journal of a terminal that is enrolled already.
///
/// # Errors
/// The identity cannot be read, or the journal's thread cannot be started.
pub fn open_if_enrolled(shared: &Shared) -> anyhow::Result<Option<(Identity, JournalHandle)>> {
    enrolment::finish_interrupted(&shared.data)?;
    match Identity::load(&shared.data.identity())? {
        Some(identity) if identity.terminal.is_some() => Ok(Some(open(shared, identity)?)),
        _ => Ok(None),
    }
}

fn open(shared: &Shared, identity: Identity) -> anyhow::Result<(Identity, JournalHandle)> {
    let terminal = identity
        .terminal
        .context("the identity has no terminal id")?;
    let journal = JournalHandle::begin(
        shared.data.journal(),
        terminal,
        shared.clock.clone(),
        shared.entropy.clone(),
    )?;
    shared.journal.send_replace(Some(journal.clone()));
    Ok((identity, journal))
}

async fn serve(
    shared: Shared,
    address: Option<PortalAddress>,
    enrolled: Option<(Identity, JournalHandle)>,
    network: NetworkChanges,
) -> anyhow::Result<()> {
    // Somebody who just set the terminal up looks whether it works; there is no herd to keep out of.
    let start_spread = enrolled
        .as_ref()
        .map_or(Duration::ZERO, |_| shared.start_spread);
    let (identity, journal) = match enrolled {
        Some(enrolled) => enrolled,
        None => set_up(&shared, address.clone(), network.clone()).await?,
    };
    let terminal = identity
        .terminal
        .context("the identity has no terminal id")?;
    tokio::spawn(follow(shared.clone(), journal.clone()));
    journal.append_and_forget(notice_event(&shared, Notice::BOOT, crate::SOFTWARE));
    tokio::spawn(
        TamperWatch {
            data: shared.data.clone(),
            clock: shared.clock.clone(),
            entropy: shared.entropy.clone(),
            journal: journal.clone(),
            housing: shared.housing.subscribe(),
        }
        .run(),
    );
    let phantoms = shared.phantoms.subscribe();
    tokio::spawn(phantoms::keep(shared.data.clone(), phantoms));
    let address = match address {
        Some(address) => address,
        // Enrolled by the technician's tool while no portal was set here.
        None => {
            let portal = identity
                .portal
                .as_deref()
                .context("the identity names no portal")?;
            PortalAddress::new(portal, shared.ca_file.as_deref())?
        }
    };
    // Only from here on: an enrolment needs a clock that is right.
    let address = address.judging_dates_by(shared.true_time.clone());
    let portal = HttpPortal::new(
        address.clone(),
        identity.signing_key(),
        terminal.to_string(),
        shared.clock.clone(),
    );
    tokio::spawn(
        ClockWatch {
            clock: shared.clock.clone(),
            entropy: shared.entropy.clone(),
            true_time: shared.true_time.clone(),
            journal: journal.clone(),
        }
        .run(),
    );
    tokio::spawn(
        Upkeep {
            portal: portal.clone(),
            data: shared.data.clone(),
            journal: journal.clone(),
            configuration: shared.configuration.clone(),
            clock: shared.clock.clone(),
            entropy: shared.entropy.clone(),
            true_time: shared.true_time.clone(),
            health: shared.health.clone(),
            network: network.clone(),
            start_spread,
        }
        .run(),
    );
    let health = shared.health.clone();
    let present = uploader(&shared, portal, terminal, journal, health, network.clone());
    tokio::spawn(
        Uploader {
            start_spread,
            ..present
        }
        .run(),
    );
    former::deliver(&shared, &address, &network);
    Ok(())
}

async fn set_up(
    shared: &Shared,
    address: Option<PortalAddress>,
    network: NetworkChanges,
) -> anyhow::Result<(Identity, JournalHandle)> {
    let identity = SetUp {
        data: &shared.data,
        address,
        clock: shared.clock.clone(),
        entropy: shared.entropy.clone(),
        show: |setup| ui::post(move |ui| ui.show_setup(setup)),
        health: &shared.health,
        network,
    }
    .run()
    .await;
    shared.configuration.reload();
    let opening = shared.clone();
    let open = move || {
        let opened = open(&opening, identity)?;
        opened.1.wait_until_open();
        anyhow::Ok(opened)
    };
    let (identity, journal) = tokio::task::spawn_blocking(open).await??;
    let serving = journal.clone();
    ui::post(move |ui| ui.serve(serving));
    Ok((identity, journal))
}

/// Lets changes of the journal, the configuration and the portal wake the UI thread.
async fn follow(shared: Shared, journal: JournalHandle) {
    let mut journal = journal.subscribe();
    let mut configuration = shared.configuration.subscribe();
    let mut health = shared.health.subscribe();
    // Whatever changed before is told once.
    ui::post(ui::Ui::configuration_changed);
    loop {
        let known = journal.borrow_and_update().clone();
        let day = |published: &Published| published.today.map(|counted| counted.since_ms);
        tokio::select! {
            // Every append changes the journal; only its health concerns the screen, and which day it counts.
            changed = journal.wait_for(|it| it.fault != known.fault || day(it) != day(&known)) => match changed {
                Ok(_) => ui::post(ui::Ui::service_changed),
                Err(_) => return,
            },
            _ = configuration.changed() => ui::post(ui::Ui::configuration_changed),
            _ = health.changed() => ui::post(ui::Ui::service_changed),
        }
    }
}

fn notice_event(shared: &Shared, what: &'static str, detail: &str) -> NewEvent {
    NewEvent::notice(&shared.clock, &shared.entropy, what, detail.to_owned())
}

/// Appends a last notice and waits for it, but not for ever.
async fn last_notice(shared: &Shared, what: &'static str, detail: &str) {
    let journal = shared.journal.borrow().clone();
    if let Some(journal) = journal {
        let durable = journal.append_durably(notice_event(shared, what, detail));
        let _ = tokio::time::timeout(LAST_NOTICE_PATIENCE, durable).await;
    }
}

/// Ends the program as failed when screen or touch panel hang: systemd starts it anew. The window's thread is not asked; it
/// may be what hangs.
async fn end_when_it_hangs(shared: Shared, watched: Watched) {
    if let Some(what) = watched.hangs().await {
        tracing::error!(%what, "the program ends, to be started anew");
        let detail = format!("restart: {what}");
        last_notice(&shared, Notice::MAINTENANCE, &detail).await;
        std::process::exit(1);
    }
}

/// Ends cleanly: the last commit is finished, the upload is not waited for.
async fn end_on_signal(
    shared: Shared,
    mut terminate: tokio::signal::unix::Signal,
    mut interrupt: tokio::signal::unix::Signal,
) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    last_notice(&shared, Notice::SHUTDOWN, crate::SOFTWARE).await;
    ui::post(super::ui::Ui::quit);
}
