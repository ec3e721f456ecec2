//! Passwords of staff: argon2id, checked in the same time whether a login exists or not.

use std::sync::LazyLock;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::platform::blocking::{self, Budget};

/// Characters a password has at least.
pub const MIN_CHARS: usize = 10;
/// Bytes a password has at most: hashing takes time with length.
pub const MAX_BYTES: usize = 1024;
/// Passwords checked at the same time; each takes 19 MiB.
const CHECKS: usize = 2;
/// How long a check waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// A hash that no password has, for unknown logins: its parameters are those of new hashes, so it
/// takes as long.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IG5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static TURNS: LazyLock<Budget> = LazyLock::new(|| Budget::new(CHECKS));

/// The PHC string (argon2id with a random salt) to store for a password; an error says what is
/// wrong with the password.
pub fn hash(password: &str) -> Result<String, String> {
    if password.chars().count() < MIN_CHARS {
        return Err(format!(
            "the password is too short: use at least {MIN_CHARS} characters"
        ));
    }
    if password.len() > MAX_BYTES {
        return Err(format!(
            "the password is too long: use at most {MAX_BYTES} bytes"
        ));
    }
    let hashed = Argon2::default().hash_password(password.as_bytes());
    hashed
        .map(|hash| hash.to_string())
        .map_err(|error| format!("the password could not be hashed: {error}"))
}

/// True if `password` is the one behind `stored`. With `None` (no such login) the same work is done
/// for nothing. `None`: too many are being checked to wait for.
pub async fn matches(password: String, stored: Option<String>) -> Option<bool> {
    let turn = TURNS.take(1, PATIENCE).await?;
    let check = move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.to_owned());
        let Ok(parsed) = PasswordHash::new(&stored) else {
            return false;
        };
        let fits = password.len() <= MAX_BYTES;
        fits && Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok()
            && known
    };
    Some(blocking::run(turn, check).await.unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_password_is_refused_with_the_rule() {
        assert!(hash("ninechars").is_err_and(|why| why.contains("at least 10")));
    }

    #[test]
    fn an_unknown_login_costs_as_much_as_a_known_one() {
        let parameters = |hash: &str| hash.rsplitn(3, '$').last().map(str::to_owned);
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert_eq!(
            parameters(&hash("ten or more").unwrap()),
            parameters(NOBODY)
        );
    }
}
