//! Who is signed in.

use pikir_contract::Time;
use rusqlite::{Connection, OptionalExtension, params};

use super::stored_role;
use crate::storage::{Role, Storage, StorageError};

/// The SHA-256 of a session's secret: what is kept of it.
pub type SessionHash = [u8; 32];

/// Somebody who is signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// Who it is.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// The language chosen since signing in.
    pub lang: Option<String>,
}

impl Storage {
    /// Starts a session for `login` that lasts until `expires`. The session `former` (the one the
    /// browser held before) and every expired one end.
    pub async fn start_session(
        &self,
        hash: SessionHash,
        login: &str,
        former: Option<SessionHash>,
        now: Time,
        expires: Time,
    ) -> Result<(), StorageError> {
        let login = login.to_owned();
        self.sqlite
            .write(move |db| {
                db.execute("DELETE FROM sessions WHERE expires_at <= ?1", [now.unix_ms()])?;
                if let Some(former) = former {
                    db.execute("DELETE FROM sessions WHERE hash = ?1", [former])?;
                }
                db.execute(
                    "INSERT INTO sessions (hash, login, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
                    params![hash, login, now.unix_ms(), expires.unix_ms()],
                )?;
                Ok(())
            })
            .await
    }

    /// The session with this hash, unless it has expired. The role is the one the user has now.
    pub async fn session(
        &self,
        hash: SessionHash,
        now: Time,
    ) -> Result<Option<Session>, StorageError> {
        self.sqlite
            .read(move |db| {
                let found = db
                    .query_row(
                        "SELECT login, name, role, lang FROM sessions JOIN users USING (login)
                         WHERE hash = ?1 AND expires_at > ?2",
                        params![hash, now.unix_ms()],
                        |row| {
                            Ok((
                                row.get(0)?,
                                row.get(1)?,
                                row.get::<_, String>(2)?,
                                row.get(3)?,
                            ))
                        },
                    )
                    .optional()?;
                let Some((login, name, role, lang)) = found else {
                    return Ok(None);
                };
                Ok(Some(Session {
                    login,
                    name,
                    role: stored_role(&role)?,
                    lang,
                }))
            })
            .await
    }

    /// Remembers the language chosen in a session.
    pub async fn set_session_language(
        &self,
        hash: SessionHash,
        lang: &str,
    ) -> Result<(), StorageError> {
        let lang = lang.to_owned();
        self.sqlite
            .write(move |db| {
                db.execute(
                    "UPDATE sessions SET lang = ?2 WHERE hash = ?1",
                    params![hash, lang],
                )?;
                Ok(())
            })
            .await
    }

    /// Ends a session; nothing happens if there is none.
    pub async fn end_session(&self, hash: SessionHash) -> Result<(), StorageError> {
        self.sqlite
            .write(move |db| {
                db.execute("DELETE FROM sessions WHERE hash = ?1", [hash])?;
                Ok(())
            })
            .await
    }

    /// Keeps what the holder of a session was sending, instead of what was kept before.
    pub async fn keep_draft(
        &self,
        session: SessionHash,
        path: &str,
        fields: String,
    ) -> Result<(), StorageError> {
        let path = path.to_owned();
        let keep = move |db: &Connection| {
            db.execute(
                "INSERT INTO drafts (session, path, fields) VALUES (?1, ?2, ?3)
                 ON CONFLICT (session) DO UPDATE SET path = ?2, fields = ?3",
                params![session, path, fields],
            )?;
            Ok(())
        };
        self.sqlite.write(keep).await
    }

    /// What was kept for the page at `path`; it is not kept any longer.
    pub async fn take_draft(
        &self,
        session: SessionHash,
        path: &str,
    ) -> Result<Option<String>, StorageError> {
        let path = path.to_owned();
        let wanted = path.clone();
        let find = move |db: &Connection| {
            let sql = "SELECT fields FROM drafts WHERE session = ?1 AND path = ?2";
            let mut statement = db.prepare_cached(sql)?;
            let found = statement.query_row(params![session, wanted], |row| row.get(0));
            Ok(found.optional()?)
        };
        let found: Option<String> = self.sqlite.read(find).await?;
        if found.is_some() {
            let forget = move |db: &Connection| {
                db.execute(
                    "DELETE FROM drafts WHERE session = ?1 AND path = ?2",
                    params![session, path],
                )?;
                Ok(())
            };
            self.sqlite.write(forget).await?;
        }
        Ok(found)
    }
}
