//! The versions of the file's schema, and how a journal of an older program is brought up to date.
//!
//! `schema_history` has a row for each version the file has been through, from 1 on without a gap.
//! A journal of a newer program has all that this one knows, and more behind it; anything else is
//! damage. The two are told apart, because a damaged journal is set aside and salvaged, and one of
//! a newer program is left alone.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::journal::error::JournalError;

/// Names and statements of all versions, the first one first.
const VERSIONS: [(&str, &str); 3] = [
    (
        "journal",
        include_str!("../../../migrations/V1__journal.sql"),
    ),
    (
        "survival",
        include_str!("../../../migrations/V2__survival.sql"),
    ),
    (
        "distrust",
        include_str!("../../../migrations/V3__distrust.sql"),
    ),
];

/// No other table has rows of this shape: where a file is damaged, a row's shape tells whose it is
/// (`salvage.rs`).
const HISTORY: &str = "CREATE TABLE schema_history (
    version INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    program TEXT NOT NULL -- version of the program that brought it
) STRICT";
/// The version of this program.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Gives an empty file the newest schema.
pub(in crate::journal) fn create(connection: &mut Connection) -> Result<(), JournalError> {
    create_version(connection, VERSIONS.len())
}

/// Gives an empty file the schema it had at this version (counted from 1).
pub(in crate::journal) fn create_version(
    connection: &mut Connection,
    version: usize,
) -> Result<(), JournalError> {
    let transaction = connection.transaction()?;
    transaction.execute(HISTORY, [])?;
    apply(&transaction, 0, version)?;
    Ok(transaction.commit()?)
}

/// Brings the journal at `path` up to date, in one transaction.
///
/// # Errors
/// It is of a newer program, its history is damaged, or it cannot be written.
pub(in crate::journal) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
) -> Result<(), JournalError> {
    if has_history(connection)? && applied(connection, path)? == VERSIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !has_history(&transaction)? {
        adopt(&transaction)?;
    }
    let done = applied(&transaction, path)?;
    apply(&transaction, done, VERSIONS.len())?;
    Ok(transaction.commit()?)
}

/// Whether the journal has been brought up to date; for whoever only reads it.
pub(in crate::journal) fn is_current(connection: &Connection) -> Result<bool, JournalError> {
    if !has_history(connection)? {
        return Ok(false);
    }
    let newest: Option<i64> =
        connection.query_row("SELECT max(version) FROM schema_history", [], |row| {
            row.get(0)
        })?;
    Ok(newest.is_some_and(|newest| newest >= VERSIONS.len() as i64))
}

fn has_history(connection: &Connection) -> Result<bool, JournalError> {
    Ok(connection.table_exists(None, "schema_history")?)
}

/// Takes over the history of the first journals, which a library wrote with columns of its own.
fn adopt(transaction: &Transaction<'_>) -> Result<(), JournalError> {
    transaction.execute(HISTORY, [])?;
    transaction.execute(
        "INSERT INTO schema_history SELECT version, name, ?1 FROM refinery_schema_history",
        [PROGRAM],
    )?;
    transaction.execute("DROP TABLE refinery_schema_history", [])?;
    Ok(())
}

/// How many versions the file has been through.
fn applied(connection: &Connection, path: &Path) -> Result<usize, JournalError> {
    let mut statement =
        connection.prepare("SELECT version, name, program FROM schema_history ORDER BY version")?;
    let mut rows = statement.query([])?;
    let mut applied = 0;
    while let Some(row) = rows.next()? {
        let (version, name, program): (i64, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        if version != applied as i64 + 1 {
            return Err(damaged());
        }
        match VERSIONS.get(applied) {
            Some((known, _)) if *known == name => applied += 1,
            Some(_) => return Err(damaged()),
            None => {
                return Err(JournalError::Newer {
                    path: path.to_owned(),
                    detail: format!("V{version}__{name} of {program}"),
                });
            }
        }
    }
    match applied {
        0 => Err(damaged()),
        _ => Ok(applied),
    }
}

fn damaged() -> JournalError {
    JournalError::Damaged("the history of the schema is damaged".into())
}

/// Applies the versions after `done` up to `version`.
fn apply(transaction: &Transaction<'_>, done: usize, version: usize) -> Result<(), JournalError> {
    for (index, (name, sql)) in VERSIONS.iter().enumerate().take(version).skip(done) {
        transaction.execute_batch(sql)?;
        transaction.execute(
            "INSERT INTO schema_history (version, name, program) VALUES (?1, ?2, ?3)",
            params![index as i64 + 1, name, PROGRAM],
        )?;
    }
    Ok(())
}
