//! A voice that writes down what it says.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Utterance, Voice};

/// The test twin of a speech program.
#[derive(Debug, Default)]
pub struct Transcript(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    utterances: Vec<Utterance>,
    speaking: bool,
}

impl Transcript {
    /// What was said since the last call.
    pub fn take(&self) -> Vec<Utterance> {
        std::mem::take(&mut self.said().utterances)
    }

    /// Whether something is being said: it lasts until it is stopped.
    pub fn is_speaking(&self) -> bool {
        self.said().speaking
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        // A test that panicked fails already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Voice for Transcript {
    fn say(&self, utterance: Utterance) {
        let mut said = self.said();
        said.utterances.push(utterance);
        said.speaking = true;
    }

    fn stop(&self) {
        self.said().speaking = false;
    }
}
