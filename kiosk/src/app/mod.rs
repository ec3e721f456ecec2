//! The running terminal: puts the parts together and keeps the window, the journal and the network
//! apart.
//!
//! | thread | what runs there |
//! | --- | --- |
//! | main | the window (`stage.rs`) and the visit (`ui/mod.rs`); waits for nothing but events, with a display or without |
//! | `journal` | SQLite |
//! | `hardware` | buttons, switches, lights, backlight, where there are any |
//! | `speech` | the speech program and what it is to say, where there is one |
//! | `network` (tokio) | set-up, uploader, upkeep, control socket (`service.rs`) |

mod display;
mod faults;
mod former;
mod machine;
mod present;
mod restarts;
mod service;
mod slides;
mod stage;
mod surroundings;
pub mod today;
pub mod turns;
mod ui;
mod uploaders;
mod voice;
mod watchdog;

use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

use self::display::Appliance;
use self::service::Opened;
use self::stage::Stage;
use crate::config::configuration::ConfigurationStore;
use crate::config::settings::Settings;
use crate::control::status::StatusSource;
use crate::hardware::{DoubleStrike, Hardware, HardwareStatus};
use crate::journal::JournalHandle;
use crate::platform::clock::{SharedClock, SystemClock};
use crate::platform::entropy::{SharedEntropy, SystemEntropy};
use crate::platform::files;
use crate::platform::files::{DataDir, Lock};
use crate::platform::true_time::TrueTime;
use crate::portal::{PortalAddress, PortalHealth};
use crate::problems::{Problem, Problems};
use crate::screen::{self, ScreenOptions};
use crate::visit::doubt::Phantom;
use crate::watch::housing::Housing;
use crate::watch::phantoms;

/// How the terminal is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// `--config`, where given.
    pub config: Option<PathBuf>,
    /// `--data-dir`, where given.
    pub data_dir: Option<PathBuf>,
    /// `--windowed`, where given: width and height in pixels.
    pub windowed: Option<(u32, u32)>,
}

/// Why the terminal ended, by exit code.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Set up wrongly: exit code 2.
    #[error("{0}")]
    SetUp(String),
    /// Failed: exit code 1.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

/// What the threads share.
#[derive(Clone)]
struct Shared {
    data: DataDir,
    /// Trust these authorities instead of the system's.
    ca_file: Option<PathBuf>,
    clock: SharedClock,
    entropy: SharedEntropy,
    /// The first try comes at a random moment within this.
    start_spread: Duration,
    true_time: Arc<TrueTime>,
    configuration: ConfigurationStore,
    health: watch::Sender<PortalHealth>,
    journal: watch::Sender<Option<JournalHandle>>,
    /// What former identities left and what still waits.
    former: Arc<Mutex<Vec<JournalHandle>>>,
    screen: watch::Sender<&'static str>,
    /// Where the panel touches itself; until the terminal serves, where it did when it last ran.
    phantoms: watch::Sender<Vec<Phantom>>,
    /// Buttons, switches, backlight, display, touch panels.
    hardware: watch::Sender<HardwareStatus>,
    /// The housing's switch.
    housing: watch::Sender<Housing>,
    /// What is wrong with the terminal.
    problems: Problems,
    /// Held while the data directory is this program's.
    held: Arc<OnceLock<Lock>>,
    vitals: self::watchdog::Vitals,
}

/// Runs the terminal until it is told to end (SIGTERM, SIGINT). What it can serve without is a
/// problem that it tells; it ends only where it was started wrongly, or beside another one.
///
/// # Errors
/// It is set up wrongly, or a display failed that only a new process can open again.
pub fn run(options: &Options) -> Result<(), AppError> {
    let _spared = surroundings::spare();
    let data = DataDir::new(options.data_dir.as_deref());
    let problems = Problems::default();
    let settings = load_settings(options, &data, &problems)?;
    refuse_rotation_in_a_window(options, &settings)?;
    let (vitals, watched) = self::watchdog::vitals();
    let shared = share(data, &settings, problems, vitals);
    service::hold(&shared)?;
    let mut stage = Stage::new(
        screen_options(options, &settings),
        settings.screen.rotation,
        &shared,
    );
    stage.prepare();
    // The journal is looked through and authorities are read while the window is made.
    let opened = service::open(&shared);
    let address = prepare_address(&settings, &opened, &shared)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("network")
        .enable_all()
        .build()
        .context("the network thread cannot be started")?;
    let screen = stage.open();
    let (tasks, _hardware) = start_machine(options, settings, &shared);
    // An enrolled terminal serves from its first frame on.
    if let Opened::Enrolled(_, journal) = &opened {
        journal.wait_until_open();
        ui::serve(journal.clone());
    }
    runtime.block_on(async { service::start(shared.clone(), address, opened, watched) })?;
    let ended = stage.run(screen, tasks);
    let present = shared.journal.borrow().clone();
    present
        .iter()
        .chain(shared.former_journals().iter())
        .for_each(JournalHandle::stop);
    // What is still being uploaded is sent again after the next start.
    runtime.shutdown_background();
    Ok(ended?)
}

fn screen_options(options: &Options, settings: &Settings) -> ScreenOptions {
    ScreenOptions {
        windowed: options.windowed,
        reduced_motion: settings.screen.reduced_motion,
    }
}

/// Takes into use what belongs to the machine and needs no display: buttons, backlight, speech.
/// Returns where tasks for the UI thread come in.
fn start_machine(
    options: &Options,
    settings: Settings,
    shared: &Shared,
) -> (Receiver<ui::Task>, Hardware) {
    let hardware = machine::start(&settings.gpio, options.windowed.is_some(), shared);
    let appliance = Appliance::new(
        settings.screen,
        hardware.outputs(),
        shared.hardware.clone(),
        shared.clock.up_ms(),
    );
    let (voice, private_speech) = voice::start(settings.speech, shared);
    let double_strike_ms = settings.screen.double_strike_ms;
    let tasks = ui::start(
        shared,
        ui::Machine {
            appliance,
            voice,
            private_speech,
            strikes: DoubleStrike::new(double_strike_ms),
        },
    );
    (tasks, hardware)
}

/// A terminal that is not enrolled has settings as they should be, or says what is wrong and ends:
/// somebody is setting it up. One that is enrolled goes on with its last good ones.
fn load_settings(
    options: &Options,
    data: &DataDir,
    problems: &Problems,
) -> Result<Settings, AppError> {
    let path = settings_path(options);
    if !files::may_exist(&data.identity()) {
        return Settings::load(&path, options.config.is_some())
            .map_err(|error| AppError::SetUp(error.to_string()));
    }
    let (settings, fault) = Settings::load_or_last(&path, &data.settings_copy());
    problems.set(Problem::Configuration, fault);
    Ok(settings)
}

fn settings_path(options: &Options) -> PathBuf {
    let named = options.config.clone();
    named.unwrap_or_else(|| files::DEFAULT_SETTINGS.into())
}

fn share(
    data: DataDir,
    settings: &Settings,
    problems: Problems,
    vitals: self::watchdog::Vitals,
) -> Shared {
    let clock: SharedClock = Arc::new(SystemClock::new());
    let phantoms = phantoms::recall(&data, clock.up_ms());
    Shared {
        configuration: ConfigurationStore::load(data.clone()),
        true_time: Arc::new(TrueTime::new(clock.clone())),
        data,
        ca_file: settings.ca_file.clone(),
        clock,
        entropy: Arc::new(SystemEntropy),
        start_spread: settings.network.start_spread,
        health: watch::Sender::new(PortalHealth::unknown()),
        journal: watch::Sender::new(None),
        former: Arc::default(),
        screen: watch::Sender::new("none"),
        phantoms: watch::Sender::new(phantoms),
        hardware: watch::Sender::new(HardwareStatus::default()),
        housing: watch::Sender::new(Housing::default()),
        problems,
        held: Arc::default(),
        vitals,
    }
}

/// The way to the portal that the settings name, or to the one the terminal was enrolled at; to
/// none before either is known. TLS is prepared on a thread of its own.
fn prepare_address(
    settings: &Settings,
    opened: &Opened,
    shared: &Shared,
) -> Result<Option<PortalAddress>, AppError> {
    let enrolled_at = match opened {
        Opened::Enrolled(identity, _) => identity.portal.clone(),
        Opened::NotEnrolled(portal) => portal.clone(),
        Opened::Blocked(_) => None,
    };
    let Some(portal) = settings.portal.clone().or(enrolled_at) else {
        return Ok(None);
    };
    // The settings let no bad address in; an identity that names one is told when it is used.
    let Ok(address) = PortalAddress::unprepared(&portal, shared.ca_file.as_deref()) else {
        return Ok(None);
    };
    let preparing = address.clone();
    std::thread::Builder::new()
        .name("authorities".into())
        .spawn(move || preparing.prepare())
        .context("no thread can be started")?;
    Ok(Some(address))
}

/// Picture and touch are turned together where the program draws to the screen itself. A window
/// system turns both, or neither.
fn refuse_rotation_in_a_window(options: &Options, settings: &Settings) -> Result<(), AppError> {
    let rotation = settings.screen.rotation;
    let in_window = options.windowed.is_some() || !screen::draws_by_itself();
    if rotation == 0 || !in_window {
        return Ok(());
    }
    let path = settings_path(options);
    Err(AppError::SetUp(format!(
        "{}: rotation: {rotation} works where the terminal draws straight to the screen (SLINT_BACKEND=linuxkms-software, as in the \
         service). Under X11 or Wayland turn the screen there (xrandr --output … --rotate …) and set rotation = 0",
        path.display()
    )))
}

impl Shared {
    fn former_journals(&self) -> MutexGuard<'_, Vec<JournalHandle>> {
        self.former.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status_source(&self) -> StatusSource {
        StatusSource {
            data: self.data.clone(),
            clock: self.clock.clone(),
            true_time: self.true_time.clone(),
            configuration: self.configuration.clone(),
            journal: self.journal.subscribe(),
            health: self.health.subscribe(),
            screen: self.screen.subscribe(),
            phantoms: self.phantoms.subscribe(),
            hardware: self.hardware.subscribe(),
            problems: self.problems.clone(),
        }
    }
}
