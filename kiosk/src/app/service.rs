//! The network side: set-up until the terminal is enrolled, then the uploader and upkeep; the
//! control socket always.

use std::time::Duration;

use anyhow::Context;
use pikir_contract::Notice;
use tokio::signal::unix::{SignalKind, signal};

use super::uploaders::uploader;
use super::watchdog::{Finding, Sign, Watched};
use super::{AppError, Shared, faults, former, restarts, ui};
use crate::config::identity::Identity;
use crate::control;
use crate::journal::{JournalHandle, NewEvent, Published};
use crate::limits::{DATA_RETRY, LAST_NOTICE_PATIENCE};
use crate::platform::files;
use crate::platform::files::Lock;
use crate::platform::network;
use crate::platform::network::NetworkChanges;
use crate::portal::{HttpPortal, PortalAddress};
use crate::problems::Problem;
use crate::sync::enrolment;
use crate::sync::enrolment::SetUp;
use crate::sync::upkeep::Upkeep;
use crate::sync::uploader::Uploader;
use crate::watch::clock::ClockWatch;
use crate::watch::housing::TamperWatch;
use crate::watch::phantoms;

/// What was found in the data directory.
pub enum Opened {
    /// An enrolled terminal, whose journal is being opened.
    Enrolled(Identity, JournalHandle),
    /// None yet; the portal where it is about to be one, if that is known.
    NotEnrolled(Option<String>),
    /// Nobody can say: why, and what to do.
    Blocked(String),
}

/// Starts everything that runs beside the window. Must be called inside the runtime.
///
/// # Errors
/// The signal handlers cannot be had.
pub fn start(
    shared: Shared,
    address: Option<PortalAddress>,
    opened: Opened,
    watched: Watched,
) -> anyhow::Result<()> {
    tokio::spawn(listen(shared.clone()));
    tokio::spawn(end_on_signal(
        shared.clone(),
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ));
    tokio::spawn(look_after(shared.clone(), watched));
    faults::watch(&shared, address.as_ref());
    let network = network::watch();
    tokio::spawn(async move {
        if let Err(error) = serve(shared, address, opened, network).await {
            let detail = format!("{error:#}");
            tracing::error!(%detail, "the terminal cannot be served");
            ui::post(move |ui| ui.out_of_service(&detail));
        }
    });
    Ok(())
}

/// Answers on the control socket, as soon as it can be made.
async fn listen(shared: Shared) {
    let listener = loop {
        match control::listen(shared.data.control()) {
            Ok(listener) => break listener,
            Err(error) => {
                let seen = Some(format!("{error:#}"));
                shared.problems.set(Problem::Control, seen);
                tokio::time::sleep(DATA_RETRY).await;
            }
        }
    };
    shared.problems.set(Problem::Control, None);
    control::serve(listener, shared.status_source()).await;
}

/// Takes the data directory for this program. A directory in which nothing can be written is taken
/// itself; one that cannot be opened is nobody's.
///
/// # Errors
/// Another terminal runs on it.
pub fn hold(shared: &Shared) -> Result<(), AppError> {
    if shared.held.get().is_some() {
        return Ok(());
    }
    let data = &shared.data;
    let taken =
        Lock::try_take(&data.kiosk_lock()).or_else(|_| Lock::try_take_directory(data.root()));
    match taken {
        Ok(Some(lock)) => {
            // Nobody else sets it: one try follows another.
            let _ = shared.held.set(lock);
            Ok(())
        }
        Ok(None) => Err(AppError::SetUp(format!(
            "a terminal is running on {} already. Stop it first: systemctl stop pikir-kiosk",
            data.root().display()
        ))),
        Err(error) => {
            tracing::warn!(%error, "the data directory cannot be taken");
            Ok(())
        }
    }
}

/// Looks who this terminal is, and begins to open its journal where it is enrolled.
pub fn open(shared: &Shared) -> Opened {
    try_open(shared).unwrap_or_else(|error| Opened::Blocked(format!("{error:#}")))
}

fn try_open(shared: &Shared) -> anyhow::Result<Opened> {
    let data = &shared.data;
    // A disk that nothing can be written to is the journal's matter to tell, and to try again.
    let usable = data.check().map_err(anyhow::Error::msg);
    if !data.is_read_only() {
        usable?;
        enrolment::finish_interrupted(data)?;
    } else if !files::exists(&data.identity()) {
        usable?;
    }
    let Some(identity) = Identity::load(&data.identity())? else {
        return Ok(Opened::NotEnrolled(None));
    };
    if identity.terminal.is_none() {
        return Ok(Opened::NotEnrolled(identity.portal));
    }
    if let Err(error) = identity.keep(data) {
        tracing::warn!(error = format!("{error:#}"), "the identity has no copy");
    }
    let (identity, journal) = begin(shared, identity)?;
    Ok(Opened::Enrolled(identity, journal))
}

/// Waits until somebody can say who this terminal is.
async fn unblocked(shared: &Shared, mut opened: Opened) -> anyhow::Result<Opened> {
    while let Opened::Blocked(why) = opened {
        shared.problems.set(Problem::Storage, Some(why.clone()));
        ui::post(move |ui| ui.out_of_service(&why));
        tokio::time::sleep(DATA_RETRY).await;
        let trying = shared.clone();
        let open = move || match hold(&trying) {
            Ok(()) => {
                trying.configuration.reload();
                self::open(&trying)
            }
            Err(error) => Opened::Blocked(error.to_string()),
        };
        opened = tokio::task::spawn_blocking(open).await?;
        if let Opened::Enrolled(_, journal) = &opened {
            let serving = journal.clone();
            ui::post(move |ui| ui.serve(serving));
        }
        if !matches!(opened, Opened::Blocked(_)) {
            shared.problems.set(Problem::Storage, None);
            ui::post(ui::Ui::back_in_service);
        }
    }
    Ok(opened)
}

fn begin(shared: &Shared, identity: Identity) -> anyhow::Result<(Identity, JournalHandle)> {
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
    opened: Opened,
    network: NetworkChanges,
) -> anyhow::Result<()> {
    let (identity, journal, start_spread) = match unblocked(&shared, opened).await? {
        Opened::Enrolled(identity, journal) => (identity, journal, shared.start_spread),
        // Somebody who just set the terminal up looks whether it works; there is no herd to keep
        // out of.
        _ => {
            let (identity, journal) = set_up(&shared, address.clone(), network.clone()).await?;
            (identity, journal, Duration::ZERO)
        }
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
        Some(address) => Ok(address),
        // Enrolled by the technician's tool while no portal was set here.
        None => enrolled_at(&shared, &identity),
    };
    let address = match address {
        Ok(address) => address,
        Err(error) => {
            // Ratings go on; they wait for somebody who mends it.
            let seen = format!("{error:#}");
            shared.problems.set(Problem::Configuration, Some(seen));
            return Ok(());
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
            problems: shared.problems.clone(),
            hardware: shared.hardware.subscribe(),
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

fn enrolled_at(shared: &Shared, identity: &Identity) -> anyhow::Result<PortalAddress> {
    let portal = identity
        .portal
        .as_deref()
        .context("neither terminal.toml nor the identity names a portal")?;
    let address = PortalAddress::unprepared(portal, shared.ca_file.as_deref())?;
    faults::watch_authorities(shared, &address);
    Ok(address)
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
        let opened = begin(&opening, identity)?;
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
            // Every append changes the journal; only its health concerns the screen, and which day
            // it counts.
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

/// Ends the program as failed when the window's thread hangs, or a part is gone that a new start
/// may bring back: systemd starts it anew. That thread is not asked; it may be what hangs.
async fn look_after(shared: Shared, mut watched: Watched) {
    while let Some(finding) = watched.next().await {
        match finding {
            Finding::Hangs => end_anew(&shared, "the window's thread does not answer").await,
            Finding::Of(Sign::Well(part)) => {
                restarts::forget(&shared.data, part);
                shared.problems.set(part.problem(), None);
            }
            Finding::Of(Sign::Ill(part)) if restarts::take(&shared.data, part) => {
                end_anew(&shared, part.fault()).await;
            }
            Finding::Of(Sign::Ill(part)) => {
                let seen = part.fault().to_owned();
                shared.problems.set(part.problem(), Some(seen));
            }
        }
    }
}

async fn end_anew(shared: &Shared, what: &str) {
    tracing::error!(%what, "the program ends, to be started anew");
    let detail = format!("restart: {what}");
    last_notice(shared, Notice::MAINTENANCE, &detail).await;
    std::process::exit(1);
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
