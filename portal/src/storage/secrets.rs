//! Secrets of this portal that outlive a restart.

use super::{Storage, StorageError};

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;

impl Storage {
    /// The secret of this name; `fresh` becomes it if there is none yet.
    pub async fn secret(
        &self,
        name: &'static str,
        fresh: [u8; SECRET_BYTES],
    ) -> Result<[u8; SECRET_BYTES], StorageError> {
        self.sqlite
            .write(move |db| {
                db.execute(
                    "INSERT INTO secrets (name, key) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    (name, fresh),
                )?;
                let sql = "SELECT key FROM secrets WHERE name = ?1";
                Ok(db.query_row(sql, [name], |row| row.get(0))?)
            })
            .await
    }
}
