//! What a visitor and a technician see: every screen drawn off-screen with real pixels, in five
//! languages and the sizes of real panels. The pictures are written to `target/screens/`; contact
//! sheets hold them side by side.
#![cfg(feature = "screen")]
#![allow(
    clippy::disallowed_methods,
    reason = "the rule is for the terminal; tests read and write files as they like"
)]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod accessibility;
mod adapted;
mod bursts;
mod contrast;
mod counter;
mod dice;
mod fingers;
mod geometry;
mod idle_warning;
mod input;
mod keys;
mod legible;
mod letters;
mod lobby;
mod look;
mod loudspeaker;
mod matrix;
mod monkey;
mod panel;
mod pixels;
mod qr;
mod questionnaire;
mod questionnaire_pages;
mod questionnaire_samples;
mod rest;
mod rotation;
mod samples;
mod stage;
mod strikes;
mod transcript;
mod translations;
