//! Who may sign in.

pub(super) mod sessions;

use std::fmt;
use std::str::FromStr;

use pikir_contract::Time;
use rusqlite::{OptionalExtension, params};

use super::{Storage, StorageError};

/// What somebody may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Sets up terminals.
    Technician,
    /// Reads comments and publishes or declines them.
    Moderator,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Technician, Self::Moderator, Self::Admin];

    /// The role's name as it is stored and typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Technician => "technician",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
        }
    }

    /// True if the role may set up terminals and see them.
    pub fn sets_up_terminals(self) -> bool {
        matches!(self, Self::Technician | Self::Admin)
    }

    /// True if the role may publish and decline comments.
    pub fn moderates(self) -> bool {
        matches!(self, Self::Moderator | Self::Admin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no role: use technician, moderator or admin"))
    }
}

/// Somebody who may sign in.
#[derive(Clone, Eq, PartialEq)]
pub struct User {
    /// What is typed to sign in, lower case.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// argon2id as a PHC string.
    pub password_hash: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("login", &self.login)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Storage {
    /// Adds a user; false if the login is taken, and then nothing changes.
    pub async fn add_user(&self, user: User, now: Time) -> Result<bool, StorageError> {
        self.sqlite
            .write(move |db| {
                let added = db.execute(
                    "INSERT INTO users (login, name, role, password_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (login) DO NOTHING",
                    params![user.login, user.name, user.role.as_str(), user.password_hash, now.unix_ms()],
                )?;
                Ok(added == 1)
            })
            .await
    }

    /// The user with this login (lower case).
    pub async fn user(&self, login: &str) -> Result<Option<User>, StorageError> {
        let login = login.to_owned();
        self.sqlite
            .read(move |db| {
                let found = db
                    .query_row(
                        "SELECT name, role, password_hash FROM users WHERE login = ?1",
                        [&login],
                        |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)),
                    )
                    .optional()?;
                let Some((name, role, password_hash)) = found else {
                    return Ok(None);
                };
                Ok(Some(User {
                    login,
                    name,
                    role: stored_role(&role)?,
                    password_hash,
                }))
            })
            .await
    }
}

/// A role as it stands in the database.
pub(super) fn stored_role(text: &str) -> Result<Role, StorageError> {
    text.parse().map_err(StorageError::unreadable)
}
