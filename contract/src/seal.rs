//! Seals: what makes a change, a removal or a reordering in a terminal's journal visible to the
//! portal.
//!
//! `seal_i = HMAC-SHA256(K_i, JCS({"seq": i, "kind": kind, "body": body}))`, its first 16 bytes,
//! and `K_(i+1) = HMAC-SHA256(K_i, "pikir-ratchet-v1")`. The key of an event is gone from the
//! terminal once the event is written, so nobody who takes the terminal apart can seal an older
//! event again. K_i depends on i alone, so a gap or a rejected event does not stop the others from
//! being verified.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize;

use crate::mac::{Keyed, hmac_sha256};
use crate::{
    CanonicalError, KEY_BYTES, MAX_SAFE_INTEGER, SEAL_BYTES, base64url_decode, base64url_encode,
    canonical_value,
};

/// What turns one key into the next.
const RATCHET: &[u8] = b"pikir-ratchet-v1";

/// The key K_i of the event with seq i. Overwritten in memory when dropped; its `Debug` form shows
/// nothing of it.
#[derive(Clone)]
pub struct SealKey([u8; KEY_BYTES]);

impl SealKey {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key with these bytes, if they are 32.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Seals the event with this `seq` (whose key this must be), `kind` and `body` exactly as it is
    /// sent.
    ///
    /// # Errors
    /// When `seq` or the body holds a number that is not an integer within ±(2^53 − 1): such an
    /// event has no canonical form.
    pub fn seal(&self, seq: u64, kind: &str, body: &Value) -> Result<Seal, CanonicalError> {
        self.seal_canonical(seq, kind, &canonical_value(body)?)
    }

    /// Seals the event whose body is `canonical_body`, what [`canonical_value`] makes of it. For
    /// whoever has that text already.
    ///
    /// # Errors
    /// When `seq` lies outside 2^53 − 1 or `kind` cannot be written as JSON.
    pub fn seal_canonical(
        &self,
        seq: u64,
        kind: &str,
        canonical_body: &str,
    ) -> Result<Seal, CanonicalError> {
        seal(&Keyed::new(&self.0), seq, kind, canonical_body)
    }

    /// [`SealKey::seal_canonical`] and [`SealKey::next`] in one: what an append needs.
    ///
    /// # Errors
    /// As for [`SealKey::seal_canonical`].
    pub fn seal_and_turn(
        &self,
        seq: u64,
        kind: &str,
        canonical_body: &str,
    ) -> Result<(Seal, SealKey), CanonicalError> {
        let keyed = Keyed::new(&self.0);
        let seal = seal(&keyed, seq, kind, canonical_body)?;
        Ok((seal, Self(keyed.mac(&[RATCHET]))))
    }

    /// Whether the seal is that of the event, compared in constant time.
    ///
    /// # Errors
    /// As for [`SealKey::seal`].
    pub fn verify(
        &self,
        seq: u64,
        kind: &str,
        body: &Value,
        seal: &Seal,
    ) -> Result<bool, CanonicalError> {
        Ok(self.seal(seq, kind, body)?.0.ct_eq(&seal.0).into())
    }

    /// Whether the seal is that of the event whose body is `canonical_body`, as for
    /// [`SealKey::seal_canonical`]; compared in constant time.
    ///
    /// # Errors
    /// As for [`SealKey::seal_canonical`].
    pub fn verify_canonical(
        &self,
        seq: u64,
        kind: &str,
        canonical_body: &str,
        seal: &Seal,
    ) -> Result<bool, CanonicalError> {
        let right = self.seal_canonical(seq, kind, canonical_body)?;
        Ok(right.0.ct_eq(&seal.0).into())
    }

    /// The key of the following event.
    #[must_use]
    pub fn next(&self) -> SealKey {
        Self(hmac_sha256(&self.0, &[RATCHET]))
    }

    /// The key so many events further on. Costs one HMAC a step: whoever takes a step count from
    /// outside limits it first.
    #[must_use]
    pub fn advance(&self, steps: u64) -> SealKey {
        let mut key = self.clone();
        for _ in 0..steps {
            key = key.next();
        }
        key
    }
}

impl Drop for SealKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

fn seal(keyed: &Keyed, seq: u64, kind: &str, canonical_body: &str) -> Result<Seal, CanonicalError> {
    if seq > MAX_SAFE_INTEGER.unsigned_abs() {
        return Err(CanonicalError::OutOfRange {
            path: "seq".to_owned(),
        });
    }
    // A text alone is written canonically by any writer.
    let kind =
        serde_json::to_string(kind).map_err(|error| CanonicalError::Json(error.to_string()))?;
    let seq = seq.to_string();
    // The members of what is sealed, as RFC 8785 orders them.
    let parts = [
        "{\"body\":",
        canonical_body,
        ",\"kind\":",
        &kind,
        ",\"seq\":",
        &seq,
        "}",
    ];
    let mac = keyed.mac(&parts.map(str::as_bytes));
    let mut seal = [0; SEAL_BYTES];
    seal.copy_from_slice(&mac[..SEAL_BYTES]);
    Ok(Seal(seal))
}

/// The seal of one event: 16 bytes, base64url in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seal([u8; SEAL_BYTES]);

impl Seal {
    /// The seal with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SEAL_BYTES]) -> Self {
        Self(bytes)
    }

    /// The seal's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; SEAL_BYTES] {
        &self.0
    }
}

/// A text that is no seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a seal: 16 bytes as base64url without padding")]
pub struct SealError;

impl std::str::FromStr for Seal {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        let bytes = base64url_decode(text).map_err(|_| SealError)?;
        bytes.try_into().map(Self).map_err(|_| SealError)
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url_encode(&self.0))
    }
}

impl Serialize for Seal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
