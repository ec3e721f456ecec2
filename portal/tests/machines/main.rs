//! The machines' side of the portal, driven through its router as terminals drive it.

#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot do without, it stops for"
)]

mod bodies;
mod config;
mod enrolment;
mod events;
mod integrity;
mod journal_file;
mod openapi;
mod status;
mod summary;
mod support;
mod terminal;
