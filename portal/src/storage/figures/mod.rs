//! What is counted and published.

pub(super) mod published;
pub(super) mod summary;
pub(super) mod uptime;
