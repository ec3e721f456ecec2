//! Speech: what the screen says to those who do not see it.
//!
//! The words come from the screen (`ui/speech.slint`), in the language it shows; [`Voice`] says
//! them. The choice of a score is never said. Answers and letters are read out to headphones as
//! they get the focus; through a loudspeaker nothing tells which one has it, for the last one heard
//! would be the one given.
//!
//! | file | what of it |
//! | --- | --- |
//! | `program.rs` | a speech program (espeak-ng) as a child process, the one side effect |
//! | `transcript.rs` | the test twin |

mod program;
mod transcript;

use std::path::PathBuf;
use std::sync::Arc;

pub use program::{SpeechError, SpeechProgram, wave};
pub use transcript::Transcript;

use crate::limits::MAX_SPOKEN_CHARS;
use crate::view::adaptation::Volume;
use crate::view::languages;

/// How this machine speaks (`[speech]` in `terminal.toml`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeechSettings {
    /// The program: espeak-ng, or one that takes its arguments.
    pub program: PathBuf,
    /// The sound device as ALSA calls it (`plughw:1,0`); `None`: the system's own choice.
    pub device: Option<String>,
    /// Who hears it.
    pub output: Output,
}

impl Default for SpeechSettings {
    fn default() -> Self {
        Self {
            program: "espeak-ng".into(),
            device: None,
            output: Output::Loudspeaker,
        }
    }
}

/// Who hears what is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The visitor alone.
    Headphones,
    /// Everybody near. Neither which score has the focus nor what a visitor writes is read out.
    Loudspeaker,
}

/// What the screen wants of the voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Say this in the language shown, in place of what is being said.
    Say(String),
    /// Be silent at once.
    Hush,
    /// The visitor wants speech on, or off.
    Switch,
    /// The visitor wants another volume.
    Louder,
}

/// Something to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utterance {
    /// The words. Comments are personal data: they go neither into a log nor into the arguments of
    /// a program.
    pub text: String,
    /// Their language (BCP 47).
    pub language: String,
    /// How loud.
    pub volume: Volume,
}

/// Says things, one at a time. Neither call waits.
pub trait Voice: Send + Sync {
    /// Says this in place of what is being said.
    fn say(&self, utterance: Utterance);
    /// Ends what is being said, at once.
    fn stop(&self);
}

/// A voice that several parts share.
pub type SharedVoice = Arc<dyn Voice>;

/// The voices that are asked for by name; the screen shows English where it has no translation.
const LANGUAGES: [&str; 5] = ["ky", "ru", "be", "en", "kk"];

/// The name of the voice for a language (BCP 47).
fn voice_name(language: &str) -> &'static str {
    let primary = languages::primary(language);
    LANGUAGES
        .into_iter()
        .find(|known| *known == primary)
        .unwrap_or("en")
}

/// `text` without what a speech program takes for commands (control characters, phonemes in double
/// brackets) and without soft hyphens, and not longer than anyone listens.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|letter| !['\u{ad}', '\u{200b}'].contains(letter))
        .map(|letter| {
            if letter.is_control() || ['[', ']'].contains(&letter) {
                ' '
            } else {
                letter
            }
        })
        .take(MAX_SPOKEN_CHARS)
        .collect()
}

#[cfg(test)]
mod tests;
