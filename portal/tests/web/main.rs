//! The pages for people, asked through the router as a browser would.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod counting;
mod forms;
mod moderation;
mod phone;
mod photos;
mod public;
mod questionnaire;
mod search;
mod set_up;
mod sign_in;
mod support;
mod translations;
mod trust;
