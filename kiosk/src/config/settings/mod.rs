//! `terminal.toml`: what only this machine knows. Everything else comes from the portal.

mod gpio;
mod speech;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::hardware::Wiring;
use crate::limits::{MAX_DOUBLE_STRIKE_MS, MAX_START_SPREAD_S, START_SPREAD};
use crate::platform::files;
use crate::speech::SpeechSettings;

/// The settings of one terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The portal's address, `https://…` (or `http://` on loopback); `None` before set-up.
    pub portal: Option<String>,
    /// Trust these certificate authorities (PEM) instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How the picture is turned, dimmed and kept from burning in.
    pub screen: ScreenSettings,
    /// What hangs on which pin.
    pub gpio: Wiring,
    /// How the portal is approached.
    pub network: NetworkSettings,
    /// How the screen is spoken.
    pub speech: SpeechSettings,
}

/// How this machine approaches the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkSettings {
    /// The first try after a start comes at a random moment within this: whole seconds, 0 to 600.
    pub start_spread: Duration,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            start_spread: START_SPREAD,
        }
    }
}

/// The screen of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenSettings {
    /// Clockwise rotation of picture and touch in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Show no movement.
    pub reduced_motion: bool,
    /// Never dim below this (percent, 0–100); `None`: as `app::display::brightness` says.
    pub min_brightness: Option<u8>,
    /// Move the picture by a few pixels now and then, against burn-in.
    pub pixel_shift: bool,
    /// The same key again within this time (milliseconds) is the same key press: for hands that
    /// tremble. 0: every one counts.
    pub double_strike_ms: u16,
}

impl Default for ScreenSettings {
    fn default() -> Self {
        Self {
            rotation: 0,
            reduced_motion: false,
            min_brightness: None,
            pixel_shift: true,
            double_strike_ms: 0,
        }
    }
}

/// What is wrong with the settings: file, line where there is one, and what to do. Exit code 2.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct SettingsError {
    /// The file.
    pub file: String,
    /// Line in it, from 1.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
}

/// What has to be in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The file, and what it names.
    Everything,
    /// The file alone: authorities that cannot be read stop no ratings.
    Service,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    portal: Option<Spanned<String>>,
    ca_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    screen: ScreenTable,
    #[serde(default)]
    gpio: gpio::GpioTable,
    #[serde(default)]
    network: NetworkTable,
    #[serde(default)]
    speech: speech::SpeechTable,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct NetworkTable {
    start_spread_s: Option<Spanned<u64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ScreenTable {
    rotation: Option<Spanned<u16>>,
    #[serde(default)]
    reduced_motion: bool,
    min_brightness: Option<Spanned<i64>>,
    pixel_shift: Option<bool>,
    double_strike_ms: Option<Spanned<u16>>,
}

impl Settings {
    /// Reads the settings. A missing file is an error only where it was asked for by name.
    ///
    /// # Errors
    /// The file cannot be read or does not hold what it should.
    pub fn load(path: &Path, asked_for: bool) -> Result<Self, SettingsError> {
        let fail = |message| SettingsError {
            file: path.display().to_string(),
            line: None,
            message,
        };
        match files::read_text_if_there(path) {
            Ok(Some(text)) => Self::parse(&text, path),
            Ok(None) if !asked_for => Ok(Self::default()),
            Ok(None) => Err(fail("there is no such file. Write it (portal = \"https://…\"), or name another with --config".into())),
            Err(error) => Err(fail(format!("cannot be read: {error}. Check its owner and mode (0644)"))),
        }
    }

    /// The settings of a terminal that is enrolled, which serves whatever became of the file: with
    /// the newest that could be used (`copy`), or with those of a terminal that has none. Returns
    /// what is wrong, too. Keeps a copy of a file that can be used.
    #[must_use]
    pub fn load_or_last(path: &Path, copy: &Path) -> (Self, Option<String>) {
        let read = files::read_text_if_there(path);
        let fault = match &read {
            // A power cut leaves a file without content; nobody writes one.
            Ok(Some(text)) if text.trim().is_empty() => "it is empty".to_owned(),
            Ok(Some(text)) => match Self::parse_for(Need::Service, text, path) {
                Ok(settings) => {
                    keep(text, copy);
                    return (settings, None);
                }
                Err(error) => error.to_string(),
            },
            Ok(None) if !files::exists(copy) => return (Self::default(), None),
            Ok(None) => "it is missing".to_owned(),
            Err(error) => format!("it cannot be read: {error}"),
        };
        let last = files::read_text(copy).ok();
        let last = last.and_then(|text| Self::parse_for(Need::Service, &text, path).ok());
        let used = match last {
            Some(_) => "the last good settings are used",
            None => "the terminal goes on without settings",
        };
        let told = format!("{}: {fault}; {used}", path.display());
        (last.unwrap_or_default(), Some(told))
    }

    /// Reads the text of a settings file; `path` is for messages and for relative names in it.
    ///
    /// # Errors
    /// The text does not hold what it should.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        Self::parse_for(Need::Everything, text, path)
    }

    fn parse_for(need: Need, text: &str, path: &Path) -> Result<Self, SettingsError> {
        let fail = |at: Option<usize>, message: String| SettingsError {
            file: path.display().to_string(),
            line: at.map(|at| line_of(text, at)),
            message,
        };
        let file: File = toml::from_str(text).map_err(|error| {
            fail(
                error.span().map(|span| span.start),
                format!("{}{}", error.message(), hint(error.message())),
            )
        })?;
        if let Some(portal) = &file.portal {
            pikir_contract::check_portal_url(portal.get_ref())
                .map_err(|error| fail(Some(portal.span().start), format!("portal: {error}")))?;
        }
        if need == Need::Everything
            && let Some(ca_file) = &file.ca_file
        {
            files::read_text(ca_file.get_ref()).map_err(|error| {
                let name = ca_file.get_ref().display();
                fail(Some(ca_file.span().start), format!("ca_file: {name} cannot be read: {error}. Copy the PEM file there and let user pikir read it"))
            })?;
        }
        let rotation = match &file.screen.rotation {
            Some(turn) if ![0, 90, 180, 270].contains(turn.get_ref()) => {
                return Err(fail(
                    Some(turn.span().start),
                    format!("rotation: {} is not one of 0, 90, 180, 270", turn.get_ref()),
                ));
            }
            Some(turn) => *turn.get_ref(),
            None => 0,
        };
        let min_brightness = match &file.screen.min_brightness {
            Some(wanted) => Some(percent(*wanted.get_ref()).ok_or_else(|| {
                let message = format!(
                    "min_brightness: {} is not within 0 to 100 percent",
                    wanted.get_ref()
                );
                fail(Some(wanted.span().start), message)
            })?),
            None => None,
        };
        let double_strike_ms = match &file.screen.double_strike_ms {
            Some(wanted) if *wanted.get_ref() > MAX_DOUBLE_STRIKE_MS => {
                let message = format!(
                    "double_strike_ms: {} is not within 0 to {MAX_DOUBLE_STRIKE_MS} milliseconds",
                    wanted.get_ref()
                );
                return Err(fail(Some(wanted.span().start), message));
            }
            wanted => wanted.as_ref().map_or(0, |wanted| *wanted.get_ref()),
        };
        let wiring = file.gpio.wiring();
        let gpio = wiring.map_err(|(at, message)| fail(Some(at), message))?;
        let start_spread = match &file.network.start_spread_s {
            Some(wanted) if *wanted.get_ref() > MAX_START_SPREAD_S => {
                return Err(fail(
                    Some(wanted.span().start),
                    format!(
                        "start_spread_s: {} is not within 0 to {MAX_START_SPREAD_S} seconds",
                        wanted.get_ref()
                    ),
                ));
            }
            Some(wanted) => Duration::from_secs(*wanted.get_ref()),
            None => START_SPREAD,
        };
        Ok(Self {
            portal: file.portal.map(Spanned::into_inner),
            ca_file: file.ca_file.map(Spanned::into_inner),
            screen: ScreenSettings {
                rotation,
                reduced_motion: file.screen.reduced_motion,
                min_brightness,
                pixel_shift: file.screen.pixel_shift.unwrap_or(true),
                double_strike_ms,
            },
            gpio,
            network: NetworkSettings { start_spread },
            speech: file.speech.settings(),
        })
    }

    /// The text of a fresh settings file for this portal.
    #[must_use]
    pub fn fresh(portal: &str) -> String {
        format!(
            "# What only this terminal knows. Everything else comes from the portal.\n\
             portal = {}\n\
             # ca_file = \"/etc/pikir/ca.pem\"   # trust this authority instead of the system's\n\n\
             [screen]\n\
             rotation = 0             # 0, 90, 180 or 270 degrees, clockwise; turns picture and touch\n\
             reduced_motion = false\n\
             # min_brightness = 10    # percent below which the idle screen is never dimmed; 0: it may go dark\n\
             # pixel_shift = false    # do not move the idle picture by a few pixels against burn-in\n\
             # double_strike_ms = 500 # the same key again within this time is the same key press (0 to 2000)\n\n\
             {GPIO_HELP}\n\
             {SPEECH_HELP}\n\
             # [network]\n\
             # start_spread_s = 30      # first try after a start within so many seconds; 0 at a bench\n",
            toml::Value::String(portal.to_owned())
        )
    }
}

/// What a fresh settings file says about the pins.
const GPIO_HELP: &str = "\
# [gpio]                       # BCM pin numbers 2 to 27, each once; all optional
# buttons = [5, 6, 13, 19, 26]   # rating buttons for scores 1 to 5; each connects its pin to ground
# lights = [12, 16, 20, 21, 25]  # their lights, lit while the pin is high
# next = 17                      # two buttons for scanning; each connects its pin to ground
# select = 27
# housing = 22                   # housing switch, to ground while closed; a notice is sent when it opens
# headphones = 23                # switch of the headphone jack, to ground while a plug is in
# presence = 24                  # presence sensor, high while somebody is there; the screen is dark until then
# buzzer = 4                     # sounds by itself while high; one short tick for each accepted press
# status_light = 7               # lit while ratings are taken
# backlight = 18                 # brightness by PWM: 12, 13, 18 or 19, with dtoverlay=pwm in config.txt
# inverted = [\"presence\"]      # what works the other way round
";

/// What a fresh settings file says about speech.
const SPEECH_HELP: &str = "\
# [speech]                     # what is shown is spoken when a visitor presses # or F3, or plugs in headphones
# program = \"espeak-ng\"        # or one that takes its arguments and reads the words from its standard input
# device = \"plughw:1,0\"        # sound device as ALSA calls it (aplay -L); without: the system's own choice
# output = \"headphones\"        # or \"loudspeaker\": then nothing of scores or of what a visitor writes is read out
";

fn keep(text: &str, copy: &Path) {
    let kept = files::read_text(copy).is_ok_and(|kept| kept == text);
    if !kept && let Err(error) = files::replace(copy, text.as_bytes(), 0o600) {
        tracing::warn!(%error, "no copy of the settings could be kept");
    }
}

fn percent(number: i64) -> Option<u8> {
    u8::try_from(number).ok().filter(|percent| *percent <= 100)
}

fn hint(message: &str) -> &'static str {
    if message.contains("unknown field") {
        ". Correct the name or remove the line"
    } else {
        ""
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
