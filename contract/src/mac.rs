//! HMAC-SHA256 (RFC 2104), which seals and presence tokens are made of.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The HMAC-SHA256 of the parts, one after the other.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    Keyed::new(key).mac(parts)
}

/// A key worked into the hash, for whoever has more than one text for it: that is half the work for
/// a short one.
pub(crate) struct Keyed(Hmac<Sha256>);

impl Keyed {
    pub(crate) fn new(key: &[u8]) -> Self {
        // HMAC takes keys of every length (RFC 2104 §2), so this cannot fail.
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of every length"))
    }

    /// The HMAC of the parts, one after the other.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}
