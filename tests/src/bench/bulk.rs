//! SQLite's own bulk insert of the rows that the portal made.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use crate::portal::Portal;

/// The tables that every rating has a row in.
const TABLES: [&str; 2] = ["events", "ratings"];

/// A copy of the portal's database from before the ingest: same schema, same terminals, no events.
pub struct Bulk {
    source: PathBuf,
    copy: PathBuf,
}

/// Rows of [`TABLES`], in the order in which they are inserted.
pub struct Rows(Vec<(String, Vec<Vec<Value>>)>);

impl Rows {
    /// How many events there are.
    pub fn events(&self) -> usize {
        self.0.first().map_or(0, |(_, rows)| rows.len())
    }
}

impl Bulk {
    /// Copies the portal's database as it is now.
    pub fn beside(portal: &Portal, copy: &Path) -> Result<Self> {
        let source = portal.data_dir().join("portal.db");
        let reader = Connection::open_with_flags(&source, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        reader.execute(
            "VACUUM INTO ?1",
            [copy.to_str().context("a path that is text")?],
        )?;
        Ok(Self {
            source,
            copy: copy.to_owned(),
        })
    }

    /// The rows of these terminals, in the order of seq and, within it, of terminals: as they were
    /// delivered.
    pub fn rows_of(&self, terminals: &[String]) -> Result<Rows> {
        let reader = Connection::open_with_flags(&self.source, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let list = serde_json::to_string(terminals)?;
        let mut all = Vec::new();
        for table in TABLES {
            let columns = columns(&reader, table)?.join(", ");
            let marks = vec!["?"; columns.split(", ").count()].join(", ");
            let sql = format!(
                "SELECT {columns} FROM {table}
                 WHERE terminal IN (SELECT key FROM terminals WHERE id IN (SELECT value FROM json_each(?1)))
                 ORDER BY (seq - 1) / 500, terminal, seq"
            );
            let mut statement = reader.prepare(&sql)?;
            let width = statement.column_count();
            let rows = statement
                .query_map([&list], |row| (0..width).map(|at| row.get(at)).collect())?
                .collect::<rusqlite::Result<_>>()?;
            all.push((
                format!("INSERT INTO {table} ({columns}) VALUES ({marks})"),
                rows,
            ));
        }
        Ok(Rows(all))
    }

    /// Inserts the rows as the portal's writer is set, `size` events a transaction; the seconds.
    pub fn insert(&self, rows: &Rows, size: usize) -> Result<f64> {
        let mut connection = Connection::open(&self.copy)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let started = Instant::now();
        for first in (0..rows.events()).step_by(size) {
            let transaction = connection.transaction()?;
            for (sql, rows) in &rows.0 {
                let mut insert = transaction.prepare_cached(sql)?;
                for row in rows.iter().skip(first).take(size) {
                    insert.execute(params_from_iter(row))?;
                }
            }
            transaction.commit()?;
        }
        Ok(started.elapsed().as_secs_f64())
    }
}

/// The columns that are stored, generated ones left out.
fn columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement =
        connection.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0")?;
    let names = statement
        .query_map([table], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(names)
}
