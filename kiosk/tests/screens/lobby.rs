//! A terminal without programs around it: the real visit behind the real screen, and a journal in
//! memory that does as it is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pikir_contract::{Id, InputKind, Score};
use pikir_kiosk::journal::{Content, NewEvent};
use pikir_kiosk::platform::clock::{Clock as _, TestClock};
use pikir_kiosk::platform::entropy::{Entropy as _, TestEntropy};
use pikir_kiosk::view::{ScreenView, View};
use pikir_kiosk::visit::{Effect, Event, Named, Questionnaire, Rules, Stamp, Tap, Texts, Visit};

use crate::samples;
use crate::stage::{Size, Stage};

/// How the journal answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Every append is on the disk at once.
    Good,
    /// None ever is, and it says so.
    Full,
    /// It says nothing until it is good again.
    Silent,
}

/// The terminal.
pub struct Lobby {
    pub stage: Stage,
    pub visit: Visit,
    pub disk: Disk,
    /// What is in the journal, in order.
    pub journal: Vec<NewEvent>,
    waiting: VecDeque<NewEvent>,
    clock: Arc<TestClock>,
    entropy: Arc<TestEntropy>,
}

/// Everything can be asked for.
pub fn rules() -> Rules {
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    let reason = |key: &str| {
        let low = [1, 2, 3, 4, 5].into_iter().filter_map(Score::new);
        (key.to_owned(), low.collect())
    };
    Rules {
        undo_ms: 5_000,
        default_language: "ky".into(),
        languages: ["ky", "ru", "be", "en", "kk"].map(str::to_owned).to_vec(),
        hours: None,
        idle_ms: 30_000,
        questionnaire: Questionnaire {
            services: keys(&[
                "passport", "land", "pension", "car", "child", "birth", "marriage", "other",
            ]),
            criteria: keys(&["speed", "courtesy"]),
            reasons: ["waiting", "clarity", "result"].map(reason).to_vec(),
            comment: true,
        },
    }
}

impl Lobby {
    pub fn new(size: Size) -> Self {
        Self::with(size, rules())
    }

    pub fn with(size: Size, rules: Rules) -> Self {
        let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
        let lobby = Self {
            stage: Stage::new(size),
            visit: Visit::new(rules, None),
            disk: Disk::Good,
            journal: Vec::new(),
            waiting: VecDeque::new(),
            clock: TestClock::new(boot, 1_800_000_000_000),
            entropy: TestEntropy::new(7),
        };
        lobby.stage.show(&lobby.view());
        lobby
    }

    pub fn now_ms(&self) -> u64 {
        self.clock.up_ms()
    }

    fn stamp(&self) -> Stamp {
        let at = self.clock.reading();
        let id = self.entropy.id(at.wall.unix_ms());
        Stamp { at, id }
    }

    /// What is shown now.
    pub fn view(&self) -> View {
        let name = |named: Named<'_>| match named {
            Named::Service(key) | Named::Criterion(key) | Named::Reason(key) => key.to_owned(),
        };
        let now_ms = self.now_ms();
        let texts = Texts {
            question: None,
            words: Default::default(),
            name: &name,
        };
        View {
            adaptation: self.visit.adaptation(),
            overlay: self.visit.overlay(),
            visits: self.visit.ended(),
            idle_left_s: self.visit.idle_left_s(now_ms),
            hint: String::new(),
            languages: samples::choices(&samples::LANGUAGES),
            ..samples::view(self.visit.language(), self.visit.screen(now_ms, texts))
        }
    }

    pub fn screen(&self) -> ScreenView {
        self.view().screen
    }

    /// Carries out everything that was done at the screen, until nothing is left to do, and shows
    /// what came of it.
    pub fn follow(&mut self) {
        loop {
            let actions = self.stage.reported();
            if actions.is_empty() {
                break;
            }
            for action in actions {
                let id = self.stamp().id;
                self.step(action.event(id, None));
            }
            self.stage.screen.show(&self.view());
        }
    }

    /// Something happens that is not done at the screen.
    pub fn happen(&mut self, event: Event) {
        self.step(event);
        self.stage.screen.show(&self.view());
        self.follow();
    }

    /// A rating button.
    pub fn button(&mut self, score: u8) {
        let tap = Tap {
            id: self.stamp().id,
            score: Score::new(score).unwrap(),
            input: InputKind::Button,
            touched: None,
            true_ms: None,
        };
        self.happen(Event::Rate(tap));
    }

    /// Time passes, and whatever is due in it happens when it is due.
    pub fn pass(&mut self, ms: u64) {
        self.pass_by_clock(ms);
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(ms));
        self.follow();
    }

    /// Time passes for the visit, and not for the window.
    pub fn pass_by_clock(&mut self, ms: u64) {
        let until = self.now_ms() + ms;
        let mut woken = 0;
        while let Some(due) = self
            .visit
            .deadline(self.now_ms())
            .filter(|due| *due <= until)
        {
            woken += 1;
            assert!(woken < 10_000, "the visit wants to be woken for ever");
            // Late by a millisecond, as a timer is.
            self.clock
                .advance_ms((due + 1).saturating_sub(self.now_ms()));
            self.happen(Event::Tick);
        }
        self.clock.advance_ms(until.saturating_sub(self.now_ms()));
        self.happen(Event::Tick);
    }

    /// The disk is good again, or no longer.
    pub fn set_disk(&mut self, disk: Disk) {
        self.disk = disk;
        while self.disk != Disk::Silent
            && let Some(event) = self.waiting.pop_front()
        {
            self.append(event);
        }
        self.stage.screen.show(&self.view());
    }

    fn step(&mut self, event: Event) {
        let stamp = self.stamp();
        for effect in self.visit.step(event, &stamp) {
            if let Effect::Append(new) = effect {
                self.append(new);
            }
        }
    }

    fn append(&mut self, new: NewEvent) {
        let id = new.id;
        match self.disk {
            Disk::Silent => self.waiting.push_back(new),
            Disk::Full => self.step(Event::NotAppended(id)),
            Disk::Good => {
                self.journal.push(new);
                self.step(Event::Appended(id));
            }
        }
    }

    /// Touches what is called so, and lets what comes of it come to rest.
    pub fn touch(&mut self, label: &str) {
        self.stage.touch(label);
        self.follow();
        self.pass(500);
    }

    /// A key of a real keyboard.
    pub fn key(&mut self, key: impl Into<slint::SharedString>) {
        self.stage.key(key);
        self.follow();
        self.stage.settle();
    }

    /// Ids of the ratings in the journal.
    pub fn ratings(&self) -> Vec<Id> {
        let ratings = self.journal.iter();
        ratings
            .filter(|event| matches!(event.content, Content::Rating { .. }))
            .map(|event| event.id)
            .collect()
    }
}
