//! A whole terminal with somebody in front of it who hears it: the real visit behind the real
//! screen, and what is said.

use std::path::Path;

use pikir_contract::{InputKind, Score};
use pikir_kiosk::journal::{Content, Given};
use pikir_kiosk::speech::{Request, Transcript, Utterance, Voice as _};
use pikir_kiosk::view::adaptation::Adaptation;
use pikir_kiosk::visit::{Event, Questionnaire, Rules};
use slint::platform::Key;

use crate::lobby::{self, Lobby};

/// A terminal at a counter, complete but for disk, network and sound.
pub struct Counter {
    pub lobby: Lobby,
    pub voice: Transcript,
    heard: Vec<String>,
}

impl Counter {
    /// A terminal that asks for a rating alone.
    pub fn new(language: &str) -> Counter {
        Counter::asking(language, Questionnaire::default())
    }

    pub fn asking(language: &str, questionnaire: Questionnaire) -> Counter {
        let rules = Rules {
            default_language: language.into(),
            questionnaire,
            ..lobby::rules()
        };
        let mut counter = Counter {
            lobby: Lobby::with((800, 480), rules),
            voice: Transcript::default(),
            heard: Vec::new(),
        };
        counter.follow();
        counter
    }

    pub fn adapt(&mut self, change: impl FnOnce(&mut Adaptation)) {
        let mut adaptation = self.lobby.visit.adaptation();
        change(&mut adaptation);
        self.lobby.happen(Event::Adapt(adaptation));
    }

    /// Carries out what was done until nothing more comes of it, as the running terminal does.
    pub fn follow(&mut self) {
        loop {
            self.lobby.follow();
            self.lobby.stage.settle();
            let requests = self.lobby.stage.speech.take();
            if requests.is_empty() && self.lobby.stage.actions.borrow().is_empty() {
                break;
            }
            for request in requests {
                match request {
                    Request::Say(text) => self.voice.say(Utterance {
                        text,
                        language: self.lobby.visit.language().to_owned(),
                        volume: self.lobby.visit.adaptation().volume,
                    }),
                    Request::Hush => self.voice.stop(),
                    Request::Switch => self.adapt(|it| it.speech = !it.speech),
                    Request::Louder => self.adapt(|it| it.volume = it.volume.next()),
                }
            }
        }
        let said = self.voice.take().into_iter();
        let heard = said.map(|it| format!("    {} {:?}: {}", it.language, it.volume, it.text));
        self.heard.extend(heard);
    }

    pub fn key(&mut self, name: &str, key: impl Into<slint::SharedString>) {
        self.heard.push(format!("[{name}]"));
        self.lobby.stage.key(key);
        self.follow();
    }

    /// Goes on until something that begins so is heard. Tab also leads out of the keys on the
    /// screen.
    pub fn reach(&mut self, label: &str) {
        for _ in 0..40 {
            self.key("Tab", Key::Tab);
            let found = |heard: &String| heard.contains(&format!(": {label}"));
            if self.heard.last().is_some_and(found) {
                return;
            }
        }
        panic!("{label} is not heard among {:#?}", self.heard);
    }

    pub fn choose(&mut self, label: &str) {
        self.reach(label);
        self.key("Return", Key::Return);
    }

    /// Time passes in which nobody does anything.
    pub fn wait_ms(&mut self, ms: u64) {
        self.lobby.pass(ms);
        self.follow();
    }

    pub fn scan(&mut self, times: usize) {
        for _ in 0..times {
            self.lobby.stage.screen.scan_next();
            self.lobby.stage.settle();
            self.follow();
        }
        self.lobby.stage.screen.scan_select();
        self.lobby.stage.settle();
        self.follow();
    }

    /// What was said last.
    pub fn last_heard(&self) -> String {
        let said = self.heard.last().and_then(|heard| heard.split_once(": "));
        said.map(|(_, text)| text.to_owned()).unwrap_or_default()
    }

    pub fn transcript(&mut self) -> String {
        std::mem::take(&mut self.heard).join("\n") + "\n"
    }

    /// Scores, how many were taken back, and what was added to the last.
    pub fn kept(&self) -> (Vec<(Score, InputKind)>, usize, Option<Given>) {
        let kept = self.lobby.journal.iter().map(|event| &event.content);
        let ratings = kept.clone().filter_map(|content| match content {
            Content::Rating { score, input, .. } => Some((*score, *input)),
            _ => None,
        });
        let taken_back = |content: &&Content| matches!(content, Content::Withdrawal { .. });
        let given = kept.clone().rev().find_map(|content| match content {
            Content::Answer { given, .. } => Some(given.clone()),
            _ => None,
        });
        (ratings.collect(), kept.filter(taken_back).count(), given)
    }
}

/// Compares with the transcript that is kept under this name; with what is different, if anything
/// is.
pub fn compare(name: &str, transcript: &str) -> Option<String> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/screens/transcripts/{name}.txt"));
    if std::env::var_os("PIKIR_WRITE_TRANSCRIPTS").is_some() {
        std::fs::write(&file, transcript).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    (transcript != expected).then(|| format!("{name} is heard as\n{transcript}"))
}

pub fn score(number: u8) -> Score {
    Score::new(number).unwrap()
}
