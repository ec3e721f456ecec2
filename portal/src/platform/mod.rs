//! What touches the machine: clock and randomness. Each has a twin for tests.

pub mod blocking;
pub mod clock;
pub mod entropy;
pub mod proxies;
