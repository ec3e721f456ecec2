//! Everything the portal keeps. All SQL lives here.
//!
//! The rest of the program calls the async methods of [`Storage`] with its own types and never sees
//! a database, so that another one can stand beside SQLite. A method that changes something returns
//! after the commit: what it said is durable.
//!
//! The database is the file [`DATABASE_FILE`] in the data directory. Commands may open it while the
//! server runs.

mod database;
mod error;
mod events;
mod figures;
mod organizations;
mod reviews;
mod schema;
mod secrets;
mod sqlite;
mod terminals;
mod users;

pub use self::database::{DATABASE_FILE, Storage, file_in};
pub use self::error::StorageError;
pub use self::events::exclusions::*;
pub use self::events::reconciliation::*;
pub use self::events::status::*;
pub use self::events::times::Sending;
pub use self::figures::published::*;
pub use self::figures::summary::*;
pub use self::figures::uptime::*;
pub use self::organizations::content::*;
pub use self::organizations::listing::{Listed, Listing, Part};
pub use self::organizations::schedules::*;
pub use self::organizations::settings::*;
pub use self::reviews::answers::{Named, NamedFigures};
pub use self::reviews::moderation::*;
pub use self::reviews::official_answers::*;
pub use self::reviews::photos::*;
pub use self::schema::{Migrated, Migrating};
pub use self::sqlite::Lane;
pub use self::terminals::enrolments::*;
pub use self::terminals::presence::*;
pub use self::terminals::tokens::*;
pub use self::users::sessions::*;
pub use events::*;
pub use organizations::*;
pub use reviews::*;
pub use secrets::*;
pub use terminals::*;
pub use users::*;

#[cfg(test)]
mod tests;
