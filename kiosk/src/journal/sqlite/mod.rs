//! SQLite's file format, as far as a recovery reads it without SQLite.

pub(super) mod format;
pub(super) mod pages;
pub(super) mod wal;
