//! `identity.json`: the device key and the terminal id (mode 0600).
//!
//! The key is made once, before the first enrolment request, and never leaves the terminal. The
//! ratchet's first key is not here: it lives in the journal alone, which overwrites it with the
//! first event.

use std::path::{Path, PathBuf};

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

    /// The identity in the data directory; `None` before the first enrolment request. In place of a
    /// damaged one comes its copy, where there is a whole one.
    ///
    /// # Errors
    /// The file is there and does not hold an identity, and nor does its copy.
    pub fn load(path: &Path) -> anyhow::Result<Option<Self>> {
        let error = match read(path) {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        match read(&copy_of(path)) {
            Ok(Some(copy)) => {
                tracing::error!(error = format!("{error:#}"), "its copy is used");
                Ok(Some(copy))
            }
            _ => Err(error),
        }
    }

    /// Makes file and copy what this identity is, where they are not: one of them may have been
    /// damaged, or be from before there were copies.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn keep(&self, data: &DataDir) -> anyhow::Result<()> {
        let text = self.text()?;
        for path in [data.identity(), copy_of(&data.identity())] {
            if !files::read_text(&path).is_ok_and(|kept| kept == text) {
                write(&path, &text)?;
            }
        }
        Ok(())
    }

    /// Writes the identity durably, for its owner alone, and a copy of it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, data: &DataDir) -> anyhow::Result<()> {
        self.save_to(&data.identity())?;
        write(&copy_of(&data.identity()), &self.text()?)
    }

    /// As [`Identity::save`], to another file, without a copy.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_to(&self, path: &Path) -> anyhow::Result<()> {
        write(path, &self.text()?)
    }

    fn text(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
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

/// Where the copy of an identity lies.
fn copy_of(path: &Path) -> PathBuf {
    path.with_extension("copy.json")
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    files::replace(path, text.as_bytes(), 0o600)
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Option<Identity>> {
    let name = path.display();
    let Some(text) =
        files::read_text_if_there(path).with_context(|| format!("{name} cannot be read"))?
    else {
        return Ok(None);
    };
    let identity: Identity = serde_json::from_str(&text).with_context(|| {
        format!(
            "{name} is damaged. Move it away and enrol the terminal again: pikir-provision enroll"
        )
    })?;
    anyhow::ensure!(
        identity.signing_key.0.len() == 32,
        "{name} is damaged: its key is not 32 bytes long"
    );
    Ok(Some(identity))
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

    #[test]
    fn a_damaged_identity_is_what_its_copy_says_and_is_mended_from_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        let identity = Identity::generate(&*TestEntropy::new(1));
        identity.save(&data).unwrap();
        files::replace(&data.identity(), b"\0\0\0", 0o600).unwrap();
        let loaded = Identity::load(&data.identity()).unwrap().unwrap();
        assert_eq!(loaded.public_key(), identity.public_key());
        loaded.keep(&data).unwrap();
        std::fs::remove_file(copy_of(&data.identity())).unwrap();
        assert!(Identity::load(&data.identity()).unwrap().is_some());
    }

    #[test]
    fn an_identity_that_was_moved_away_is_gone_whatever_its_copy_says() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        Identity::generate(&*TestEntropy::new(1))
            .save(&data)
            .unwrap();
        std::fs::remove_file(data.identity()).unwrap();
        assert!(Identity::load(&data.identity()).unwrap().is_none());
    }
}
