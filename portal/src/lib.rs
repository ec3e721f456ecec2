//! The central portal: terminals hand in events, phones land on it, officials answer on it.

pub mod api;
pub mod app;
pub mod cli;
pub mod clock;
pub mod entropy;
pub mod hours;
pub mod ingest;
pub mod journal_file;
pub mod place_code;
pub mod protect;
pub mod reconciliation;
pub mod rules;
pub mod server;
pub mod storage;
pub mod terminal_config;
pub mod true_time;
pub mod web;
