//! Takes the speech program into use. One that is missing is told, and the screen works without.

use std::sync::Arc;

use crate::problems::Problem;
use crate::speech::{Output, SharedVoice, SpeechProgram, SpeechSettings};

use super::{Shared, ui};

/// The voice of this machine, `None` where there is none; and whether the visitor alone hears it.
pub fn start(settings: SpeechSettings, shared: &Shared) -> (Option<SharedVoice>, bool) {
    let private = settings.output == Output::Headphones;
    let problems = shared.problems.clone();
    let problem = move |seen: Option<String>| problems.set(Problem::Speech, seen);
    let speaking = |speaks| ui::post(move |ui| ui.speaking(speaks));
    let voice = SpeechProgram::start(settings, problem.clone(), speaking);
    let voice = voice
        .inspect_err(|error| problem(Some(error.to_string())))
        .ok();
    (voice.map(|voice| Arc::new(voice) as SharedVoice), private)
}
