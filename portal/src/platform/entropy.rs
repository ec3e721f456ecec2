//! The only source of randomness, and its test twin.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pikir_contract::{Id, Time, base64url_encode};
use sha2::{Digest, Sha256};

/// Bytes of randomness in a token (enrolment token, device code, session): far beyond guessing.
pub const TOKEN_BYTES: usize = 24;

/// The symbols of Crockford's base 32.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Gives random bytes, identifiers and tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Entropy(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded { seed: u64, drawn: Arc<AtomicU64> },
}

impl Entropy {
    /// The operating system's randomness.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A reproducible sequence for tests; never for a real portal.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded {
            seed,
            drawn: Arc::new(AtomicU64::new(0)),
        })
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Fills `bytes` with randomness.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            // Linux's getrandom(2) does not fail once the kernel has been seeded, which is long
            // before any service starts; going on with predictable keys would be worse than
            // stopping.
            Source::System => {
                getrandom::fill(bytes).expect("the operating system gives random bytes")
            }
            Source::Seeded { seed, drawn } => {
                for chunk in bytes.chunks_mut(32) {
                    let count = drawn.fetch_add(1, Ordering::SeqCst);
                    let block = Sha256::new()
                        .chain_update(seed.to_be_bytes())
                        .chain_update(count.to_be_bytes())
                        .finalize();
                    chunk.copy_from_slice(&block[..chunk.len()]);
                }
            }
        }
    }

    /// A new UUIDv7 made at `now`.
    pub fn id(&self, now: Time) -> Id {
        Id::from_parts(u64::try_from(now.unix_ms()).unwrap_or(0), self.bytes())
    }

    /// So many random symbols of Crockford's base 32, in upper case: none is mistaken for another.
    pub fn crockford(&self, symbols: usize) -> String {
        let mut random = vec![0; symbols];
        self.fill(&mut random);
        random
            .into_iter()
            .map(|byte| char::from(CROCKFORD[usize::from(byte & 31)]))
            .collect()
    }

    /// A secret of [`TOKEN_BYTES`] random bytes but for one bit, written as base64url. It begins
    /// with a letter: one that began with a hyphen would be taken for an option where a technician
    /// types it.
    pub fn token(&self) -> String {
        let mut bytes = self.bytes::<TOKEN_BYTES>();
        bytes[0] &= 0x7f;
        base64url_encode(&bytes)
    }
}

/// What is stored of a secret that only its holder may know: its SHA-256. The secrets hashed here
/// are random ([`TOKEN_BYTES`]), so they need no salt and no slow hash.
pub fn secret_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_sequence_again_and_never_repeats_within_it() {
        let (one, two) = (Entropy::seeded(7), Entropy::seeded(7));
        let first = one.token();
        assert_eq!(first, two.token());
        assert_ne!(first, one.token());
    }

    #[test]
    fn every_token_begins_with_a_letter() {
        let entropy = Entropy::seeded(11);
        for _ in 0..1_000 {
            let token = entropy.token();
            assert!(token.starts_with(|first: char| first.is_ascii_alphabetic()));
        }
    }

    #[test]
    fn the_operating_system_gives_different_tokens() {
        assert_ne!(Entropy::system().token(), Entropy::system().token());
    }
}
