//! What the terminal and the portal tell each other, and when.

pub mod enrolment;
pub mod upkeep;
pub mod uploader;
