//! A whole visit without sight or touch: the real visit behind the real screen, a keypad or two buttons in front of it,
//! and what is heard, word for word, in each language.
//!
//! The expected words lie in `transcripts/`. After a change of the texts: `PIKIR_WRITE_TRANSCRIPTS=1 cargo test`, and read
//! what changed.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use pikir_contract::{InputKind, Score};
use pikir_kiosk::adaptation::Adaptation;
use pikir_kiosk::clock::{Clock as _, TestClock};
use pikir_kiosk::entropy::{Entropy as _, TestEntropy};
use pikir_kiosk::journal::{Content, Given};
use pikir_kiosk::speech::{Request, Transcript, Utterance, Voice as _};
use pikir_kiosk::view::{RateMessage, ScreenView, UserAction, View};
use pikir_kiosk::visit::{Effect, Event, Named, Questionnaire, Rules, Stamp, Tap, Texts, Visit};
use slint::platform::Key;

use crate::samples::{self, LANGUAGES};
use crate::stage::Stage;

/// A terminal at a counter, complete but for disk, network and sound.
struct Counter {
    stage: Stage,
    visit: RefCell<Visit>,
    clock: Arc<TestClock>,
    entropy: Arc<TestEntropy>,
    voice: Transcript,
    kept: RefCell<Vec<Content>>,
    heard: RefCell<Vec<String>>,
}

impl Counter {
    fn new(language: &str, questionnaire: Questionnaire) -> Counter {
        let rules = Rules {
            undo_ms: 5_000,
            default_language: language.into(),
            languages: LANGUAGES.map(String::from).to_vec(),
            hours: None,
            idle_ms: 30_000,
            questionnaire,
        };
        let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
        let counter = Counter {
            stage: Stage::new((800, 480)),
            visit: RefCell::new(Visit::new(rules, None)),
            clock: TestClock::new(boot, 1_800_000_000_000),
            entropy: TestEntropy::new(7),
            voice: Transcript::default(),
            kept: RefCell::default(),
            heard: RefCell::default(),
        };
        counter.follow();
        counter
    }

    fn step(&self, event: Event) {
        let at = self.clock.reading();
        let id = self.entropy.id(at.wall.unix_ms());
        let effects = self.visit.borrow_mut().step(event, &Stamp { at, id });
        for effect in effects {
            if let Effect::Append(new) = effect {
                self.kept.borrow_mut().push(new.content);
                self.step(Event::Appended(new.id));
            }
        }
    }

    fn act(&self, action: UserAction) {
        self.step(match action {
            UserAction::Rate { score, input, at } => Event::Rate(Tap {
                id: self.entropy.id(0),
                score,
                input,
                touched: at.map(Into::into),
                true_ms: None,
            }),
            UserAction::Touched(place) => Event::Touched(place.into()),
            UserAction::Language(language) => Event::Language(language),
            UserAction::Undo => Event::Undo,
            UserAction::Done => Event::Done,
            UserAction::More => Event::More,
            UserAction::Choose(index) => Event::Choose(index),
            UserAction::Write(text) => Event::Write(text),
            UserAction::Next => Event::Next,
            UserAction::Back => Event::Back,
            UserAction::Stay => Event::Stay,
            UserAction::Adapt(adaptation) => Event::Adapt(adaptation),
            UserAction::Show(overlay) => Event::Show(overlay),
        });
    }

    fn adapt(&self, change: impl FnOnce(&mut Adaptation)) {
        let mut adaptation = self.visit.borrow().adaptation();
        change(&mut adaptation);
        self.step(Event::Adapt(adaptation));
    }

    fn view(&self) -> View {
        let visit = self.visit.borrow();
        let now_ms = self.clock.up_ms();
        let name = |named: Named<'_>| match named {
            Named::Service(key) | Named::Criterion(key) | Named::Reason(key) => key.to_owned(),
        };
        let texts = Texts {
            question: None,
            words: [const { None }; 5],
            name: &name,
        };
        View {
            adaptation: visit.adaptation(),
            overlay: visit.overlay(),
            idle_left_s: visit.idle_left_s(now_ms),
            languages: samples::choices(&LANGUAGES),
            ..samples::view(visit.language(), visit.screen(now_ms, texts))
        }
    }

    /// Carries out what was done until nothing more comes of it, as the running terminal does.
    fn follow(&self) {
        loop {
            self.stage.show(&self.view());
            let (actions, requests) = (self.stage.reported(), self.stage.speech.take());
            if actions.is_empty() && requests.is_empty() {
                break;
            }
            actions.into_iter().for_each(|action| self.act(action));
            for request in requests {
                match request {
                    Request::Say(text) => self.voice.say(Utterance {
                        text,
                        language: self.visit.borrow().language().to_owned(),
                        volume: self.visit.borrow().adaptation().volume,
                    }),
                    Request::Hush => self.voice.stop(),
                    Request::Switch => self.adapt(|it| it.speech = !it.speech),
                    Request::Louder => self.adapt(|it| it.volume = it.volume.next()),
                }
            }
        }
        let said = self.voice.take().into_iter();
        self.heard.borrow_mut().extend(
            said.map(|said| format!("    {} {:?}: {}", said.language, said.volume, said.text)),
        );
    }

    fn note(&self, what: &str) {
        self.heard.borrow_mut().push(what.to_owned());
    }

    fn key(&self, name: &str, key: impl Into<slint::SharedString>) {
        self.note(&format!("[{name}]"));
        self.stage.key(key);
        self.follow();
    }

    /// Time passes in which nobody does anything.
    fn wait_ms(&self, ms: u64) {
        self.clock.advance_ms(ms);
        self.step(Event::Tick);
        self.follow();
    }

    fn scan(&self, times: usize) {
        for _ in 0..times {
            self.stage.screen.scan_next();
            self.stage.settle();
            self.follow();
        }
        self.stage.screen.scan_select();
        self.stage.settle();
        self.follow();
    }

    fn transcript(&self) -> String {
        self.heard.take().join("\n") + "\n"
    }

    /// Scores, and what was added to them.
    fn kept(&self) -> (Vec<(Score, InputKind)>, usize, Option<Given>) {
        let kept = self.kept.borrow();
        let ratings = kept.iter().filter_map(|content| match content {
            Content::Rating { score, input, .. } => Some((*score, *input)),
            _ => None,
        });
        let taken_back = |content: &&Content| matches!(content, Content::Withdrawal { .. });
        let given = kept.iter().rev().find_map(|content| match content {
            Content::Answer { given, .. } => Some(given.clone()),
            _ => None,
        });
        (
            ratings.collect(),
            kept.iter().filter(taken_back).count(),
            given,
        )
    }
}

fn score(number: u8) -> Score {
    Score::new(number).unwrap()
}

/// A visit with the twelve keys of a telephone and the arrows: speech on, the answers gone through, one given and taken
/// back, another given, louder, again, done.
fn visit_by_keypad(language: &str) -> (Counter, String) {
    let counter = Counter::new(language, Questionnaire::default());
    counter.key("#", "#");
    for _ in 0..5 {
        counter.key("→", Key::RightArrow);
    }
    counter.key("0", "0");
    counter.key("+", "+");
    counter.key("←", Key::LeftArrow);
    counter.key("Return", Key::Return);
    counter.wait_ms(1_000);
    counter.key("→", Key::RightArrow);
    counter.key("Return", Key::Return);
    counter.wait_ms(1_000);
    counter.key("2", "2");
    counter.wait_ms(1_000);
    counter.key("*", "*");
    let transcript = counter.transcript();
    (counter, transcript)
}

#[test]
fn a_visit_by_keypad_alone_is_heard_word_for_word_in_every_language() {
    let mut wrong = Vec::new();
    for language in LANGUAGES {
        let (counter, transcript) = visit_by_keypad(language);
        let (ratings, taken_back, _) = counter.kept();
        let by_keypad = [4, 2].map(|number| (score(number), InputKind::Keypad));
        assert_eq!(
            (ratings, taken_back),
            (by_keypad.to_vec(), 1),
            "{language}:\n{transcript}"
        );
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/screens/transcripts/{language}.txt"));
        if std::env::var_os("PIKIR_WRITE_TRANSCRIPTS").is_some() {
            std::fs::write(&file, &transcript).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if transcript != expected {
            wrong.push(format!("{language} is heard as\n{transcript}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_that_is_heard_depends_on_the_score_that_was_given() {
    let heard_after = |number: u8| {
        let counter = Counter::new("en", Questionnaire::default());
        counter.key("#", "#");
        counter.transcript();
        counter.stage.key(number.to_string().as_str());
        counter.follow();
        for _ in 0..8 {
            counter.key("→", Key::RightArrow);
        }
        counter.transcript()
    };
    let first = heard_after(1);
    assert!(first.contains("Your answer is saved"), "{first}");
    for number in 2..=5 {
        assert_eq!(heard_after(number), first);
    }
}

#[test]
fn a_visit_by_two_buttons_rates_takes_back_and_rates_again() {
    for language in LANGUAGES {
        let counter = Counter::new(language, Questionnaire::default());
        counter.scan(3);
        assert_eq!(
            counter.kept().0,
            [(score(3), InputKind::Keypad)],
            "{language}"
        );
        counter.wait_ms(1_000);
        // The first control of the thanks is the way back.
        counter.scan(0);
        assert_eq!(counter.kept().1, 1, "{language}");
        counter.wait_ms(1_000);
        counter.scan(4);
        assert_eq!(
            counter.kept().0.last(),
            Some(&(score(5), InputKind::Keypad)),
            "{language}"
        );
    }
}

#[test]
fn a_language_chosen_by_keys_is_heard_in_that_language() {
    let counter = Counter::new("ky", Questionnaire::default());
    counter.key("#", "#");
    // From the screen itself the languages come last, so they are the next ones backwards.
    let mut steps = 0;
    loop {
        counter.transcript();
        counter.key("←", Key::LeftArrow);
        steps += 1;
        assert!(steps < 20, "there is a segment for English");
        if counter.transcript().contains("English") {
            break;
        }
    }
    counter.key("Return", Key::Return);
    let heard = counter.transcript();
    assert!(
        heard.contains("    en Medium:") && heard.contains("How were you served?"),
        "{heard}"
    );
}

#[test]
fn who_walks_away_is_asked_and_the_next_visitor_hears_nothing() {
    let counter = Counter::new("en", Questionnaire::default());
    counter.key("#", "#");
    counter.transcript();
    counter.wait_ms(30_000);
    assert!(
        counter
            .transcript()
            .contains("Are you still there? Press any key to go on. Seconds left: 20.")
    );
    counter.key("→", Key::RightArrow);
    assert_eq!(counter.view().idle_left_s, None, "any key goes on");
    assert_eq!(counter.transcript(), "[→]\n", "and does nothing else");
    counter.wait_ms(30_000);
    for _ in 0..20 {
        counter.wait_ms(1_000);
    }
    let heard = counter.transcript();
    for seconds in ["15", "10", "5", "3", "2", "1"] {
        assert!(
            heard.contains(&format!(": {seconds}\n")),
            "{seconds} in {heard}"
        );
    }
    assert!(!counter.voice.is_speaking());
    counter.key("0", "0");
    counter.key("→", Key::RightArrow);
    assert_eq!(counter.transcript(), "[0]\n[→]\n", "speech is off");
    assert!(matches!(counter.view().screen, ScreenView::Rate(_)));
}

#[test]
fn what_could_not_be_saved_is_said() {
    let counter = Counter::new("en", Questionnaire::default());
    counter.key("#", "#");
    counter.transcript();
    let mut view = counter.view();
    let ScreenView::Rate(rate) = &mut view.screen else {
        panic!("the rate screen is up")
    };
    rate.message = Some(RateMessage::NotSaved);
    counter.stage.show(&view);
    let said = counter.stage.said();
    assert_eq!(
        said,
        ["Your answer could not be saved. Please use your phone."]
    );
}

#[test]
fn going_through_the_answers_keeps_the_visit_alive() {
    let counter = Counter::new("en", Questionnaire::default());
    counter.key("#", "#");
    for _ in 0..20 {
        counter.wait_ms(10_000);
        counter.key("→", Key::RightArrow);
        assert_eq!(counter.view().idle_left_s, None);
    }
}
