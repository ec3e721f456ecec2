//! What touches the machine: clock, randomness, files, network, log. Each has a twin for tests.

pub mod clock;
pub mod entropy;
pub mod files;
pub mod log;
pub mod network;
pub mod true_time;
