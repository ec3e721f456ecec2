//! What this terminal is told: by its own file, by its enrolment, by the portal.

pub mod configuration;
pub mod identity;
pub mod night_hours;
pub mod opening_hours;
pub mod settings;
mod told_zone;
