//! The Pikir feedback terminal.
//!
//! The library holds everything but the command line. Without the `screen` feature it is what the
//! technician's tool shares with the terminal: identity, enrolment, journal.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`visit`] | what a visitor can do, as a pure state machine |
//! | [`doubt`] | the published rules by which a rating is doubted, and the watch for phantom touches |
//! | [`adaptation`] | how one visitor wants the screen |
//! | [`keyboard`] | the keys on the screen, and what they write |
//! | [`news`] | when the idle screen tells news |
//! | [`today`] | the day at the office, and when its number of ratings is told |
//! | [`view`] | what the screen shows, as plain data |
//! | [`journal`] | the append-only log of ratings: one thread, one transaction, one fsync |
//! | [`portal`] | the central portal as the terminal sees it, over signed HTTP |
//! | [`uploader`] | hands the journal to the portal, in order, until it is acknowledged |
//! | [`upkeep`] | configuration and status, every few minutes |
//! | [`enrolment`] | how a terminal gets its identity |
//! | [`clock_watch`] | says when the wall clock is set |
//! | [`network`] | says when the network changed |
//! | [`true_time`] | what is known of the time |
//! | [`speech`] | what the screen says to those who do not see it |
//! | [`hardware`] | what hangs on the pins: buttons, lights, switches, sensor, buzzer, backlight |
//! | [`tamper`] | says when the housing was opened |
//! | [`brightness`], [`pixel_shift`] | how bright the screen is, and where the picture stands, as pure functions |
//! | [`control`] | status requests on a local socket |
//! | [`clock`], [`entropy`], [`files`] | the side effects, each with a test twin |
//! | `app`, `screen` | the running terminal and its window |

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "the rule is for the terminal; tests read and write files as they like"
    )
)]

pub mod adaptation;
#[cfg(feature = "screen")]
pub mod app;
pub mod backoff;
pub mod brightness;
pub mod clock;
pub mod clock_watch;
pub mod configuration;
pub mod control;
pub mod doubt;
pub mod enrolment;
pub mod entropy;
pub mod files;
pub mod hardware;
pub mod identity;
pub mod journal;
pub mod keyboard;
pub mod languages;
pub mod limits;
pub mod log;
pub mod network;
pub mod news;
pub mod phantom_memory;
pub mod pixel_shift;
pub mod portal;
#[cfg(feature = "screen")]
pub mod screen;
pub mod settings;
pub mod speech;
pub mod status;
pub mod tamper;
pub mod today;
pub mod true_time;
pub mod upkeep;
pub mod uploader;
pub mod view;
pub mod visit;

/// Name and version as sent to the portal and shown to technicians.
pub const SOFTWARE: &str = concat!("pikir-kiosk ", env!("CARGO_PKG_VERSION"));
