//! The running terminal: puts the parts together and keeps the window, the journal and the network apart.
//!
//! | thread | what runs there |
//! | --- | --- |
//! | main | the window and the visit (`ui/mod.rs`); waits for nothing but events |
//! | `journal` | SQLite |
//! | `hardware` | buttons, switches, lights, backlight, where there are any |
//! | `speech` | the speech program and what it is to say, where there is one |
//! | `network` (tokio) | set-up, uploader, upkeep, control socket (`service.rs`) |

mod display;
mod former;
mod machine;
mod present;
mod service;
mod slides;
mod surroundings;
pub mod today;
pub mod turns;
mod ui;
mod uploaders;
mod voice;
mod watchdog;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::watch;

use self::display::Appliance;
use crate::config::configuration::ConfigurationStore;
use crate::config::identity::Identity;
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
use crate::screen::{self, Screen, ScreenOptions};
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
    /// Buttons, switches, backlight.
    hardware: watch::Sender<HardwareStatus>,
    /// The housing's switch.
    housing: watch::Sender<Housing>,
    /// What is wrong with speech.
    speech: watch::Sender<Option<String>>,
    vitals: self::watchdog::Vitals,
}

/// Runs the terminal until it is told to end (SIGTERM, SIGINT).
///
/// # Errors
/// It is set up wrongly, or something it cannot live without is missing.
pub fn run(options: &Options) -> Result<(), AppError> {
    let _spared = surroundings::spare();
    let settings = load_settings(options)?;
    let data = DataDir::new(options.data_dir.as_deref());
    data.check().map_err(AppError::SetUp)?;
    let lock = Lock::try_take(&data.kiosk_lock()).context("the data directory cannot be used")?;
    let _lock = lock.ok_or_else(|| {
        let path = data.root().display();
        AppError::SetUp(format!(
            "a terminal is running on {path} already. Stop it first: systemctl stop pikir-kiosk"
        ))
    })?;
    refuse_rotation_in_a_window(options, &settings)?;
    let (vitals, watched) = self::watchdog::vitals();
    let shared = share(data, &settings, vitals)?;
    if screen::draws_by_itself() {
        draw_by_itself(settings.screen.rotation, &shared)?;
    }
    // The journal is looked through and authorities are read while the window is made.
    let enrolled = service::open_if_enrolled(&shared)?;
    let enrolled_at = match &enrolled {
        Some((identity, _)) => identity.portal.clone(),
        None => Identity::load(&shared.data.identity())?.and_then(|identity| identity.portal),
    };
    let address = prepare_address(&settings, enrolled_at)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("network")
        .enable_all()
        .build()
        .context("the network thread cannot be started")?;
    let (screen, _hardware) = start_screen(options.windowed, settings, &shared)?;
    // An enrolled terminal serves from its first frame on.
    if let Some((_, journal)) = &enrolled {
        journal.wait_until_open();
        ui::serve(journal.clone());
    }
    let address = address
        .join()
        .map_err(|_| anyhow!("TLS cannot be prepared"))??;
    runtime.block_on(async { service::start(shared.clone(), address, enrolled, watched) })?;
    let ended = screen.run().map_err(anyhow::Error::from);
    let present = shared.journal.borrow().clone();
    present
        .iter()
        .chain(shared.former_journals().iter())
        .for_each(JournalHandle::stop);
    // What is still being uploaded is sent again after the next start.
    runtime.shutdown_background();
    Ok(ended?)
}

/// Makes the window and what belongs to it: buttons, backlight, speech.
fn start_screen(
    windowed: Option<(u32, u32)>,
    settings: Settings,
    shared: &Shared,
) -> anyhow::Result<(Screen, Hardware)> {
    let screen = Screen::new(&ScreenOptions {
        windowed,
        reduced_motion: settings.screen.reduced_motion,
    })?;
    let hardware = machine::start(&settings.gpio, windowed.is_some(), shared);
    let appliance = Appliance::new(
        settings.screen,
        hardware.outputs(),
        shared.hardware.clone(),
        shared.clock.up_ms(),
    );
    let double_strike_ms = settings.screen.double_strike_ms;
    screen.set_double_strike(double_strike_ms);
    screen.set_two_buttons(settings.gpio.has_two_buttons());
    let voice = voice::start(settings.speech, &screen, shared);
    ui::start(
        &screen,
        shared,
        appliance,
        voice,
        DoubleStrike::new(double_strike_ms),
        machine::paints(windowed.is_some()),
    );
    Ok((screen, hardware))
}

/// Draws straight to the screen, and knows of its touch panels.
fn draw_by_itself(rotation: u16, shared: &Shared) -> anyhow::Result<()> {
    let (status, vitals) = (shared.hardware.clone(), shared.vitals.clone());
    status.send_modify(|status| status.touch_panels = Some(0));
    let on_panels = move |count| {
        status.send_modify(|status| status.touch_panels = Some(count));
        vitals.panels(count);
    };
    Ok(screen::prepare(rotation, on_panels)?)
}

fn load_settings(options: &Options) -> Result<Settings, AppError> {
    Settings::load(&settings_path(options), options.config.is_some())
        .map_err(|error| AppError::SetUp(error.to_string()))
}

fn settings_path(options: &Options) -> PathBuf {
    let named = options.config.clone();
    named.unwrap_or_else(|| files::DEFAULT_SETTINGS.into())
}

fn share(
    data: DataDir,
    settings: &Settings,
    vitals: self::watchdog::Vitals,
) -> anyhow::Result<Shared> {
    let clock: SharedClock = Arc::new(SystemClock::new());
    let phantoms = phantoms::recall(&data, clock.up_ms());
    Ok(Shared {
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
        screen: watch::Sender::new("setup"),
        phantoms: watch::Sender::new(phantoms),
        hardware: watch::Sender::new(HardwareStatus::default()),
        housing: watch::Sender::new(Housing::default()),
        speech: watch::Sender::new(None),
        vitals,
    })
}

/// Begins to prepare the way to the portal that the settings name, or to the one the terminal was enrolled at; to none before
/// either is known.
fn prepare_address(
    settings: &Settings,
    enrolled_at: Option<String>,
) -> anyhow::Result<JoinHandle<Result<Option<PortalAddress>, AppError>>> {
    let portal = settings.portal.clone().or(enrolled_at);
    let ca_file = settings.ca_file.clone();
    let prepare = move || {
        let address = portal.map(|portal| PortalAddress::new(&portal, ca_file.as_deref()));
        let address = address.transpose();
        address.map_err(|error| AppError::SetUp(format!("{error:#}")))
    };
    std::thread::Builder::new()
        .name("authorities".into())
        .spawn(prepare)
        .context("no thread can be started")
}

/// Picture and touch are turned together where the program draws to the screen itself. A window system turns both, or neither.
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
            speech: self.speech.subscribe(),
        }
    }
}
