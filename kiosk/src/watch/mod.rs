//! What is watched beside the visits: the wall clock, the housing, touches by nobody.

pub mod clock;
pub mod housing;
pub mod phantoms;
