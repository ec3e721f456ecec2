//! Without sight or touch: two buttons, headphones, and what the screen wants said.

use std::time::Duration;

use slint::Timer;

use super::{Mode, Ui};
use crate::screen::Screen;
use crate::speech::{Request, Utterance};
use crate::view::UserAction;
use crate::view::adaptation::Adaptation;
use crate::visit::Event;

impl Ui {
    /// Presses a key of the screen, which reports what comes of it like any other: not while this
    /// is borrowed.
    pub(super) fn key(&self, press: fn(&Screen)) {
        if let Some(screen) = self.screen.clone() {
            Timer::single_shot(Duration::ZERO, move || press(&screen));
        }
    }

    /// Speech begins when headphones are plugged in and ends when they are taken out, whoever's
    /// visit it is. Remembered for the visits of a terminal that does not serve yet.
    pub(super) fn headphones(&mut self, plugged: bool) {
        self.listens = plugged && self.voice.is_some();
        self.step(Event::Headphones(self.listens));
    }

    /// The screen has something to say, or wants speech otherwise.
    pub(super) fn speak(&mut self, request: Request) {
        let (Some(voice), Some(adaptation)) = (self.voice.clone(), self.adaptation()) else {
            return;
        };
        match request {
            Request::Say(text) => voice.say(Utterance {
                text,
                language: self.language(),
                volume: adaptation.volume,
            }),
            Request::Hush => {}
            Request::Switch => self.act(UserAction::Adapt(Adaptation {
                speech: !adaptation.speech,
                ..adaptation
            })),
            Request::Louder if adaptation.speech => self.act(UserAction::Adapt(Adaptation {
                volume: adaptation.volume.next(),
                ..adaptation
            })),
            Request::Louder => {}
        }
    }

    /// The voice has begun to say something, or has come to its end.
    pub fn speaking(&mut self, speaks: bool) {
        self.step(Event::Speaking(speaks));
    }

    fn adaptation(&self) -> Option<Adaptation> {
        match &self.mode {
            Mode::Setup(_) => None,
            Mode::Serving { visit, .. } => Some(visit.adaptation()),
        }
    }

    fn language(&self) -> String {
        match &self.mode {
            Mode::Setup(_) => String::new(),
            Mode::Serving { visit, .. } => visit.language().to_owned(),
        }
    }

    /// "Are you still there?" is asked: whatever anybody does is the answer, and nothing else.
    pub(super) fn is_asked(&self) -> bool {
        match &self.mode {
            Mode::Setup(_) => false,
            Mode::Serving { visit, .. } => visit.idle_left_s(self.shared.clock.up_ms()).is_some(),
        }
    }
}
