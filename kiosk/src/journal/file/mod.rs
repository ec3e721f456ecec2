//! The journal as a database file: opening, rows, appends, what goes and what stays.

pub(super) mod boots;
pub(super) mod check;
pub(super) mod cursor;
pub(super) mod day_count;
pub(super) mod lost_end;
pub(super) mod open;
pub(super) mod retention;
pub(super) mod rows;
pub(super) mod schema;
pub(super) mod store;
