//! What enrolment leaves on a terminal's disk: the same for every history, so it is made once.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use pikir_contract::{Id, SealKey};
use pikir_kiosk::journal::{Journal, make_spare_key};
use pikir_kiosk::platform::entropy::{Entropy, TestEntropy};

use super::clock::BEGINNING_MS;

const FIRST_KEY: [u8; 32] = [0x5e; 32];
const FILES: [&str; 2] = ["journal.db", "spare-key.json"];

/// A terminal that was just enrolled.
#[derive(Clone)]
pub struct Enrolled {
    /// Its id.
    pub terminal: Id,
    contents: [Vec<u8>; 2],
}

impl Enrolled {
    /// The enrolled terminal; the first call makes it.
    ///
    /// # Errors
    /// A temporary directory cannot be had or written.
    pub fn get() -> Result<Self> {
        static MADE: Mutex<Option<Enrolled>> = Mutex::new(None);
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some(made) => Ok(made.clone()),
            None => Ok(made.insert(Self::make()?).clone()),
        }
    }

    fn make() -> Result<Self> {
        let dir = tempfile::tempdir().context("no temporary directory")?;
        let path = dir.path().join(FILES[0]);
        let terminal = TestEntropy::new(1).id(BEGINNING_MS);
        let mut journal = Journal::create(&path, &SealKey::from_bytes(FIRST_KEY))?;
        journal.set_terminal(terminal)?;
        journal.checkpoint()?;
        drop(journal);
        make_spare_key(&path, terminal)?;
        let read = |name: &str| fs::read(dir.path().join(name));
        Ok(Self {
            terminal,
            contents: [read(FILES[0])?, read(FILES[1])?],
        })
    }

    /// The first key of its chain, which the portal was given.
    #[must_use]
    pub fn first_key(&self) -> SealKey {
        SealKey::from_bytes(FIRST_KEY)
    }

    /// Writes its files into `directory`.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn put_into(&self, directory: &Path) -> Result<()> {
        for (name, content) in FILES.iter().zip(&self.contents) {
            fs::write(directory.join(name), content)?;
        }
        Ok(())
    }
}
