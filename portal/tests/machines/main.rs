//! The machines' side of the portal, driven through its router as terminals drive it.

#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot do without, it stops for"
)]

mod answers;
mod bodies;
mod config;
mod conformance;
mod counting;
mod enrolment;
mod events;
mod inheritance;
mod integrity;
mod journal_file;
mod judgement;
mod openapi;
mod presence;
mod reconciliation;
mod status;
mod succession;
mod summary;
mod support;
mod terminal;
mod times;
