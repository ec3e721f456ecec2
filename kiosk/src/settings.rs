//! `terminal.toml`: what only this machine knows. Everything else comes from the portal.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::buttons::BUTTONS;
use crate::files;
use crate::limits::{MAX_START_SPREAD_S, START_SPREAD};

/// The settings of one terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The portal's address, `https://…` (or `http://` on loopback); `None` before set-up.
    pub portal: Option<String>,
    /// Trust these certificate authorities (PEM) instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How the picture is turned.
    pub screen: ScreenSettings,
    /// BCM numbers of the rating buttons' pins, for scores 1 to 5; `None`: there are none.
    pub buttons: Option<[u8; BUTTONS]>,
    /// How the portal is approached.
    pub network: NetworkSettings,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScreenSettings {
    /// Clockwise rotation of the picture in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Show no movement.
    pub reduced_motion: bool,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    portal: Option<Spanned<String>>,
    ca_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    screen: ScreenTable,
    #[serde(default)]
    gpio: GpioTable,
    #[serde(default)]
    network: NetworkTable,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct NetworkTable {
    start_spread_s: Option<Spanned<u64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct GpioTable {
    buttons: Option<Spanned<Vec<u8>>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ScreenTable {
    rotation: Option<Spanned<u16>>,
    #[serde(default)]
    reduced_motion: bool,
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

    /// Reads the text of a settings file; `path` is for messages and for relative names in it.
    ///
    /// # Errors
    /// The text does not hold what it should.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
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
        if let Some(ca_file) = &file.ca_file {
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
        let buttons = match &file.gpio.buttons {
            Some(pins) => Some(button_pins(pins.get_ref()).ok_or_else(|| {
                fail(Some(pins.span().start), "buttons: give five different BCM pin numbers from 2 to 27, for scores 1 to 5, such as [5, 6, 13, 19, 26]".into())
            })?),
            None => None,
        };
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
            },
            buttons,
            network: NetworkSettings { start_spread },
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
             rotation = 0             # 0, 90, 180 or 270 degrees, clockwise\n\
             reduced_motion = false\n\n\
             # [gpio]\n\
             # buttons = [5, 6, 13, 19, 26]   # BCM numbers of the rating buttons, for scores 1 to 5\n\n\
             # [network]\n\
             # start_spread_s = 30      # first try after a start within so many seconds; 0 at a bench\n",
            toml::Value::String(portal.to_owned())
        )
    }
}

/// Five different pins of the Pi's header.
fn button_pins(numbers: &[u8]) -> Option<[u8; BUTTONS]> {
    let pins: [u8; BUTTONS] = numbers.try_into().ok()?;
    let distinct: std::collections::BTreeSet<_> = pins.iter().collect();
    (distinct.len() == BUTTONS && pins.iter().all(|pin| (2..=27).contains(pin))).then_some(pins)
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
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Settings::parse(text, Path::new("/etc/pikir/terminal.toml"))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line_and_the_right_names() {
        let message = error("# terminal\nportl = \"https://otzyv.example\"\n");
        assert!(
            message.starts_with("/etc/pikir/terminal.toml:2: "),
            "{message}"
        );
        assert!(
            message.contains("`portl`") && message.contains("`portal`"),
            "{message}"
        );
    }

    #[test]
    fn plain_http_is_refused_except_on_loopback() {
        let message = error("\nportal = \"http://otzyv.example\"\n");
        assert!(
            message.starts_with("/etc/pikir/terminal.toml:2: portal: ")
                && message.contains("https"),
            "{message}"
        );
        for good in [
            "http://127.0.0.1:8080",
            "http://[::1]:80",
            "http://localhost:1",
            "https://otzyv.example",
        ] {
            assert!(
                Settings::parse(&format!("portal = \"{good}\""), Path::new("t")).is_ok(),
                "{good}"
            );
        }
    }

    #[test]
    fn an_unreadable_ca_file_is_named_with_its_line() {
        let message =
            error("portal = \"https://otzyv.example\"\nca_file = \"/nonexistent/ca.pem\"\n");
        assert!(
            message.contains(":2: ca_file: /nonexistent/ca.pem cannot be read"),
            "{message}"
        );
    }

    #[test]
    fn a_rotation_that_no_panel_has_is_refused() {
        assert!(error("[screen]\nrotation = 45\n").contains(":2: rotation: 45"));
    }

    #[test]
    fn the_start_spread_is_half_a_minute_unless_said_otherwise_and_ten_minutes_at_most() {
        let spread =
            |text: &str| Settings::parse(text, Path::new("t")).map(|it| it.network.start_spread);
        assert_eq!(spread(""), Ok(START_SPREAD));
        assert_eq!(Settings::default().network.start_spread, START_SPREAD);
        assert_eq!(
            spread("[network]\nstart_spread_s = 0\n"),
            Ok(Duration::ZERO)
        );
        assert_eq!(
            spread("[network]\nstart_spread_s = 600\n"),
            Ok(Duration::from_secs(600))
        );
        assert!(error("[network]\nstart_spread_s = 601\n").contains(":2: start_spread_s: 601"));
        assert!(error("[network]\nstart_spread_s = -1\n").contains(":2: "));
    }

    #[test]
    fn buttons_are_five_different_pins() {
        let pins =
            |text: &str| Settings::parse(&format!("[gpio]\nbuttons = {text}\n"), Path::new("t"));
        assert_eq!(
            pins("[5, 6, 13, 19, 26]").unwrap().buttons,
            Some([5, 6, 13, 19, 26])
        );
        for bad in ["[5, 6, 13, 19]", "[5, 5, 13, 19, 26]", "[0, 6, 13, 19, 26]"] {
            assert!(
                pins(bad)
                    .unwrap_err()
                    .to_string()
                    .starts_with("t:2: buttons: "),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_fresh_file_is_read_back() {
        let settings =
            Settings::parse(&Settings::fresh("https://otzyv.example"), Path::new("t")).unwrap();
        assert_eq!(settings.portal.as_deref(), Some("https://otzyv.example"));
    }
}
