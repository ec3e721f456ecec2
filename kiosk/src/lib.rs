//! The Pikir feedback terminal.
//!
//! The library holds everything but the command line. Without the `screen` feature it is what the
//! technician's tool shares with the terminal: identity, enrolment, journal.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`visit`] | what a visitor can do, as a pure state machine; which ratings are doubted |
//! | [`view`] | what the screen shows, as plain data; how one visitor wants it |
//! | [`journal`] | the append-only log of ratings: one thread, one transaction, one fsync |
//! | [`portal`] | the central portal as the terminal sees it, over signed HTTP |
//! | [`sync`] | enrolment, the uploader, configuration and status every few minutes |
//! | [`config`] | settings of this machine, identity, the portal's configuration, hours |
//! | [`watch`] | the wall clock when it is set, the housing when it is opened, phantom touches |
//! | [`hardware`] | what hangs on the pins: buttons, lights, switches, sensor, buzzer, backlight |
//! | [`speech`] | what the screen says to those who do not see it |
//! | [`control`] | status requests on a local socket |
//! | [`platform`] | the side effects, each with a test twin |
//! | [`problems`] | what can be wrong with a terminal that goes on serving |
//! | `app`, `screen` | the running terminal and its window |

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "the rule is for the terminal; tests read and write files as they like"
    )
)]

#[cfg(feature = "screen")]
pub mod app;
pub mod config;
pub mod control;
pub mod hardware;
pub mod journal;
pub mod limits;
pub mod platform;
pub mod portal;
pub mod problems;
#[cfg(feature = "screen")]
pub mod screen;
/// What of the screen needs no window.
#[cfg(not(feature = "screen"))]
pub mod screen {
    pub mod keyboard;
}
pub mod speech;
pub mod sync;
pub mod view;
pub mod visit;
pub mod watch;

/// Name and version as sent to the portal and shown to technicians.
pub const SOFTWARE: &str = concat!("pikir-kiosk ", env!("CARGO_PKG_VERSION"));
