//! Arithmetic without a database: seals, times, hours, reconciliation, the published rules.

pub mod hours;
pub mod ingest;
pub mod reconciliation;
pub mod rules;
pub mod schedule;
pub mod true_time;
