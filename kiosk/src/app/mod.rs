//! The running terminal: puts the parts together and keeps the window, the journal and the network apart.
//!
//! | thread | what runs there |
//! | --- | --- |
//! | main | the window and the visit (`ui.rs`); waits for nothing but events |
//! | `journal` | SQLite |
//! | `network` (tokio) | set-up, uploader, upkeep, control socket (`service.rs`) |

mod picture;
mod service;
mod ui;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

use crate::buttons::{self, BUTTONS, GpioPins};
use crate::clock::{SharedClock, SystemClock};
use crate::configuration::ConfigurationStore;
use crate::doubt::Phantom;
use crate::entropy::{SharedEntropy, SystemEntropy};
use crate::files::{self, DataDir, Lock};
use crate::identity::Identity;
use crate::journal::JournalHandle;
use crate::portal::{PortalAddress, PortalHealth};
use crate::screen::{Screen, ScreenOptions};
use crate::settings::Settings;
use crate::status::StatusSource;
use crate::true_time::TrueTime;

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
    screen: watch::Sender<&'static str>,
    /// Where the panel touches itself.
    phantoms: watch::Sender<Vec<Phantom>>,
}

/// Runs the terminal until it is told to end (SIGTERM, SIGINT).
///
/// # Errors
/// It is set up wrongly, or something it cannot live without is missing.
pub fn run(options: &Options) -> Result<(), AppError> {
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
    let shared = share(data, &settings)?;
    let address = portal_address(&settings, &shared.data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("network")
        .enable_all()
        .build()
        .context("the network thread cannot be started")?;
    turn_picture(settings.screen.rotation);
    let screen_options = ScreenOptions {
        windowed: options.windowed,
        reduced_motion: settings.screen.reduced_motion,
    };
    let screen = Screen::new(&screen_options).map_err(anyhow::Error::from)?;
    ui::start(&screen, &shared);
    // An enrolled terminal serves from its first frame on.
    let enrolled = service::open_if_enrolled(&shared)?;
    if let Some((_, journal)) = &enrolled {
        ui::serve(journal.clone());
    }
    let _buttons = settings
        .buttons
        .and_then(|pins| start_buttons(pins, &shared));
    runtime.block_on(async { service::start(shared.clone(), address, enrolled) })?;
    let ended = screen.run().map_err(anyhow::Error::from);
    if let Some(journal) = shared.journal.borrow().as_ref() {
        journal.stop();
    }
    // What is still being uploaded is sent again after the next start.
    runtime.shutdown_background();
    Ok(ended?)
}

fn load_settings(options: &Options) -> Result<Settings, AppError> {
    let path = options
        .config
        .clone()
        .unwrap_or_else(|| files::DEFAULT_SETTINGS.into());
    Settings::load(&path, options.config.is_some())
        .map_err(|error| AppError::SetUp(error.to_string()))
}

fn share(data: DataDir, settings: &Settings) -> anyhow::Result<Shared> {
    let clock: SharedClock = Arc::new(SystemClock::new()?);
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
        screen: watch::Sender::new("setup"),
        phantoms: watch::Sender::new(Vec::new()),
    })
}

/// The portal the settings name, or the one the terminal was enrolled at; `None` before either is known.
fn portal_address(settings: &Settings, data: &DataDir) -> Result<Option<PortalAddress>, AppError> {
    let enrolled_at = Identity::load(&data.identity())?.and_then(|identity| identity.portal);
    let Some(portal) = settings.portal.clone().or(enrolled_at) else {
        return Ok(None);
    };
    PortalAddress::new(&portal, settings.ca_file.as_deref())
        .map(Some)
        .map_err(|error| AppError::SetUp(format!("{error:#}")))
}

/// Buttons that cannot be had are a matter for the technician; the screen serves without them.
fn start_buttons(numbers: [u8; BUTTONS], shared: &Shared) -> Option<buttons::Watch> {
    let pins = GpioPins::open(numbers)
        .inspect_err(|error| tracing::error!(%error))
        .ok()?;
    buttons::Watch::start(pins, shared.clock.clone(), |score| {
        ui::post(move |ui| ui.press(score))
    })
    .inspect_err(|error| tracing::error!(%error, "rating buttons: the thread cannot be started"))
    .ok()
}

/// Slint's linuxkms backend takes the rotation from the environment only.
fn turn_picture(rotation: u16) {
    if rotation != 0 {
        #[allow(
            unsafe_code,
            reason = "the backend reads the environment; there is no other way"
        )]
        // SAFETY: the threads that run already (tokio's) read no environment until they are given work.
        unsafe {
            std::env::set_var("SLINT_KMS_ROTATION", rotation.to_string());
        }
    }
}

impl Shared {
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
        }
    }
}
