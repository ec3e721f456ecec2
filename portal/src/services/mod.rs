//! What pages, machines and commands ask for alike: configurations, place codes, carried journals.

pub mod journal_file;
pub mod password;
pub mod place_code;
pub mod terminal_config;
