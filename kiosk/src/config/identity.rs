//! `identity.json`: the device key and the terminal id (mode 0600).
//!
//! The key is made once, before the first enrolment request, and never leaves the terminal. The ratchet's
//! first key is not here: it lives in the journal alone, which overwrites it with the first event.

use std::path::Path;

use anyhow::Context;
use pikir_contract::{Bytes, Id, SigningKey, encode_public_key};
use serde::{Deserialize, Serialize};

use crate::platform::entropy::Entropy;
use crate::platform::files;
use crate::platform::files::DataDir;

/// Who this terminal is.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    /// Ed25519 private key (32 bytes, base64url).
    signing_key: Bytes,
    /// Terminal id; absent until enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Id>,
    /// The portal it was enrolled at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<String>,
}

impl Identity {
    /// A new key, not enrolled.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut secret = vec![0; 32];
        entropy.fill(&mut secret);
        Self {
            signing_key: Bytes(secret),
            terminal: None,
            portal: None,
        }
    }

    /// The identity in the data directory; `None` before the first enrolment request.
    ///
    /// # Errors
    /// The file is there and does not hold an identity.
    pub fn load(path: &Path) -> anyhow::Result<Option<Self>> {
        let name = path.display();
        let Some(text) =
            files::read_text_if_there(path).with_context(|| format!("{name} cannot be read"))?
        else {
            return Ok(None);
        };
        let identity: Self = serde_json::from_str(&text)
            .with_context(|| format!("{name} is damaged. Move it away and enrol the terminal again: pikir-provision enroll"))?;
        anyhow::ensure!(
            identity.signing_key.0.len() == 32,
            "{name} is damaged: its key is not 32 bytes long"
        );
        Ok(Some(identity))
    }

    /// Writes the identity durably, for its owner alone.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, data: &DataDir) -> anyhow::Result<()> {
        self.save_to(&data.identity())
    }

    /// As [`Identity::save`], to another file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_to(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        files::replace(path, text.as_bytes(), 0o600)
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// The key that signs requests.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        let mut secret = [0; 32];
        // `generate` and `load` let no other length in.
        secret.copy_from_slice(&self.signing_key.0);
        SigningKey::from_bytes(&secret)
    }

    /// The public half, base64url, as enrolment sends it.
    #[must_use]
    pub fn public_key(&self) -> String {
        encode_public_key(&self.signing_key().verifying_key())
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("public_key", &self.public_key())
            .field("terminal", &self.terminal)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::entropy::TestEntropy;

    #[test]
    fn an_identity_comes_back_as_it_was_saved() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        assert!(Identity::load(&data.identity()).unwrap().is_none());
        let identity = Identity::generate(&*TestEntropy::new(1));
        identity.save(&data).unwrap();
        let loaded = Identity::load(&data.identity()).unwrap().unwrap();
        assert_eq!(loaded.public_key(), identity.public_key());
    }

    #[test]
    fn a_damaged_identity_is_an_error_with_a_remedy_and_not_a_new_key() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        files::replace(&data.identity(), b"{\"signing_key\": \"AA\"}", 0o600).unwrap();
        assert!(Identity::load(&data.identity()).is_err());
        files::replace(&data.identity(), b"\0\0\0", 0o600).unwrap();
        let message = Identity::load(&data.identity()).unwrap_err().to_string();
        assert!(message.contains("pikir-provision enroll"), "{message}");
    }
}
