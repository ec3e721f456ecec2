//! Arithmetic without a database: seals, times, hours, reconciliation, the published rules.

pub mod alphabet;
pub mod hours;
pub mod ingest;
pub mod reconciliation;
pub mod rules;
pub mod schedule;
pub mod text;
pub mod true_time;
