//! The machines' side of the portal, driven through its router as terminals drive it.

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
