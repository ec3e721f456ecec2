//! Takes the speech program into use. One that is missing is told, and the screen works without.

use std::sync::Arc;

use crate::screen::Screen;
use crate::speech::{Output, SharedVoice, SpeechProgram, SpeechSettings};

use super::{Shared, ui};

/// The voice of this machine; `None` where there is none.
pub fn start(settings: SpeechSettings, screen: &Screen, shared: &Shared) -> Option<SharedVoice> {
    let private = settings.output == Output::Headphones;
    let told = shared.speech.clone();
    let problem = move |problem: Option<String>| {
        if let Some(problem) = &problem {
            tracing::warn!("{problem}");
        }
        told.send_replace(problem);
    };
    let speaking = |speaks| ui::post(move |ui| ui.speaking(speaks));
    let voice = SpeechProgram::start(settings, problem.clone(), speaking);
    let voice = voice
        .inspect_err(|error| problem(Some(error.to_string())))
        .ok();
    screen.set_speech(voice.is_some(), private);
    voice.map(|voice| Arc::new(voice) as SharedVoice)
}
