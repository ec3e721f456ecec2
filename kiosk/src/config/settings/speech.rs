//! `[speech]`: how the screen is spoken.

use std::path::PathBuf;

use serde::Deserialize;

use crate::speech::{Output, SpeechSettings};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct SpeechTable {
    program: Option<PathBuf>,
    device: Option<String>,
    output: Option<OutputName>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum OutputName {
    Headphones,
    Loudspeaker,
}

impl SpeechTable {
    pub(super) fn settings(self) -> SpeechSettings {
        let usual = SpeechSettings::default();
        SpeechSettings {
            program: self.program.unwrap_or(usual.program),
            device: self.device.or(usual.device),
            output: match self.output {
                Some(OutputName::Headphones) => Output::Headphones,
                Some(OutputName::Loudspeaker) => Output::Loudspeaker,
                None => usual.output,
            },
        }
    }
}
