//! The mark of a form: shows that this portal gave it out, for which place, when, and how its
//! visitor came.
//!
//! Made with a key of the portal's own, so that giving a form out keeps nothing; its random part
//! names the review. A form without a mark is shown again and counts nothing.

use hmac::{Hmac, KeyInit, Mac};
use pikir_contract::{
    DEFAULT_STEP_S, PlaceCode, base64url_decode, base64url_encode, is_presence_step,
};
use sha2::Sha256;
use tokio::sync::OnceCell;

use crate::app::AppState;
use crate::storage::{Assurance, SECRET_BYTES, StorageError};

/// How long a form can be sent after it was given out, seconds: who opens it in the morning may
/// write in the evening.
pub const MARK_LIFE_S: i64 = 24 * 60 * 60;
/// Random bytes of a mark.
const RANDOM_BYTES: usize = 16;
/// Bytes of the code that authenticates it.
const MAC_BYTES: usize = 16;
/// Bytes of what it says: how the visitor came, when it was given out, the token's step, the random
/// part.
const SAID_BYTES: usize = 1 + 8 + 8 + RANDOM_BYTES;

/// How a visitor came to the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// With the valid presence token of this step.
    WithToken(u64),
    /// By a printed code, or with an old or wrong token.
    ByCode,
    /// By a link.
    ByLink,
}

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    came: Came,
    given_s: i64,
    random: [u8; RANDOM_BYTES],
}

impl Mark {
    /// Names the review.
    pub fn nonce(&self) -> String {
        base64url_encode(&self.random)
    }

    /// How sure it is that a visitor who sends the form now writes on site.
    pub fn assurance(&self, now_s: i64) -> Assurance {
        match self.came {
            Came::WithToken(step) if is_presence_step(step, now_s, DEFAULT_STEP_S) => {
                Assurance::OnSite
            }
            Came::WithToken(_) | Came::ByCode => Assurance::Code,
            Came::ByLink => Assurance::Link,
        }
    }

    /// The step of the token, if the form was fetched with one.
    pub fn step(&self) -> Option<u64> {
        match self.came {
            Came::WithToken(step) => Some(step),
            Came::ByCode | Came::ByLink => None,
        }
    }

    fn said(&self) -> [u8; SAID_BYTES] {
        let (came, step) = match self.came {
            Came::ByCode => (0, 0),
            Came::ByLink => (1, 0),
            Came::WithToken(step) => (2, step),
        };
        let mut said = [0; SAID_BYTES];
        said[0] = came;
        said[1..9].copy_from_slice(&self.given_s.to_be_bytes());
        said[9..17].copy_from_slice(&step.to_be_bytes());
        said[17..].copy_from_slice(&self.random);
        said
    }

    fn read(said: &[u8; SAID_BYTES]) -> Option<Self> {
        // The slices are as long as the arrays.
        let number = |at: usize| -> [u8; 8] { said[at..at + 8].try_into().expect("eight bytes") };
        Some(Self {
            came: match said[0] {
                0 => Came::ByCode,
                1 => Came::ByLink,
                2 => Came::WithToken(u64::from_be_bytes(number(9))),
                _ => return None,
            },
            given_s: i64::from_be_bytes(number(1)),
            random: said[17..].try_into().expect("the rest is random"),
        })
    }
}

/// Makes marks and reads them. The key is read from the database with the first form.
#[derive(Debug, Default)]
pub struct Marks {
    key: OnceCell<[u8; SECRET_BYTES]>,
}

impl Marks {
    /// A new mark for a form about this place.
    pub async fn give(
        &self,
        app: &AppState,
        place: &PlaceCode,
        came: Came,
    ) -> Result<String, StorageError> {
        let mark = Mark {
            came,
            given_s: app.clock.unix_s(),
            random: app.entropy.bytes(),
        };
        let said = mark.said();
        let mac = mac(self.key(app).await?, place, &said)
            .finalize()
            .into_bytes();
        Ok(base64url_encode(&[&said, &mac[..MAC_BYTES]].concat()))
    }

    /// What a mark says, if this portal gave it out for this place and not too long ago.
    pub async fn read(
        &self,
        app: &AppState,
        place: &PlaceCode,
        text: &str,
    ) -> Result<Option<Mark>, StorageError> {
        let Ok(bytes) = base64url_decode(text) else {
            return Ok(None);
        };
        let Some((said, code)) = bytes.split_first_chunk::<SAID_BYTES>() else {
            return Ok(None);
        };
        let is_ours = code.len() == MAC_BYTES
            && mac(self.key(app).await?, place, said)
                .verify_truncated_left(code)
                .is_ok();
        // A clock that is set back makes some look as if they came from the future.
        let is_current = |mark: &Mark| {
            let age_s = app.clock.unix_s().abs_diff(mark.given_s);
            age_s <= MARK_LIFE_S.unsigned_abs()
        };
        Ok(Mark::read(said).filter(|mark| is_ours && is_current(mark)))
    }

    async fn key(&self, app: &AppState) -> Result<&[u8; SECRET_BYTES], StorageError> {
        let fetch = || app.storage.secret("form", app.entropy.bytes());
        self.key.get_or_try_init(fetch).await
    }
}

fn mac(key: &[u8], place: &PlaceCode, said: &[u8]) -> Hmac<Sha256> {
    // HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    mac.update(b"pikir-form-v2|");
    mac.update(place.as_str().as_bytes());
    mac.update(b"|");
    mac.update(said);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_was_put_into_it() {
        for came in [Came::ByCode, Came::ByLink, Came::WithToken(5_966_666)] {
            let mark = Mark {
                came,
                given_s: 1_790_000_000,
                random: [7; RANDOM_BYTES],
            };
            assert_eq!(Mark::read(&mark.said()), Some(mark));
        }
    }

    #[test]
    fn on_site_ends_with_the_token() {
        let mark = |came| Mark {
            came,
            given_s: 0,
            random: [7; RANDOM_BYTES],
        };
        let here = mark(Came::WithToken(100));
        let step_s = DEFAULT_STEP_S as i64;
        for (now_s, expected) in [
            (98 * step_s, Assurance::OnSite),
            (103 * step_s - 1, Assurance::OnSite),
            (103 * step_s, Assurance::Code),
        ] {
            assert_eq!(here.assurance(now_s), expected, "{now_s}");
        }
        assert_eq!(mark(Came::ByCode).assurance(0), Assurance::Code);
        assert_eq!(mark(Came::ByLink).assurance(0), Assurance::Link);
    }
}
