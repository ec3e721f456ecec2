//! The visit, by example and by random histories.

use proptest::prelude::*;

use pikir_contract::InputKind;

use super::*;
use crate::clock::{Clock, TestClock};
use crate::entropy::{Entropy, TestEntropy};
use crate::journal::{Content, NewEvent};

mod doubt;
mod idle;
mod more;

fn rules() -> Rules {
    Rules {
        undo_ms: 5_000,
        default_language: "ky".into(),
        languages: vec!["ky".into(), "ru".into()],
        hours: None,
        idle_ms: 30_000,
        questionnaire: Questionnaire::default(),
    }
}

/// Everything can be asked for.
fn asking_rules() -> Rules {
    let keys = |keys: [&str; 2]| keys.map(str::to_owned).to_vec();
    let reason = |key: &str, scores: [u8; 2]| {
        let scores = scores.iter().filter_map(|score| Score::new(*score));
        (key.to_owned(), scores.collect())
    };
    Rules {
        questionnaire: Questionnaire {
            services: keys(["passport", "land"]),
            criteria: keys(["speed", "courtesy"]),
            reasons: vec![
                reason("waiting", [1, 2]),
                reason("rude", [1, 2]),
                reason("quick", [4, 5]),
            ],
            comment: true,
        },
        ..rules()
    }
}

const FACE: Point = Point { x: 500, y: 500 };

fn appended(effect: Effect) -> NewEvent {
    match effect {
        Effect::Append(new) => new,
        other => panic!("{other:?}"),
    }
}

/// A visit with its clock and its ids.
struct Lobby {
    visit: Visit,
    clock: std::sync::Arc<TestClock>,
    entropy: std::sync::Arc<TestEntropy>,
}

impl Lobby {
    fn new() -> Self {
        let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
        Self {
            visit: Visit::new(rules(), None),
            clock: TestClock::new(boot, 1_800_000_000_000),
            entropy: TestEntropy::new(7),
        }
    }

    /// A terminal that asks for more after a rating.
    fn asking() -> Self {
        Self {
            visit: Visit::new(asking_rules(), None),
            ..Self::new()
        }
    }

    fn id(&self) -> Id {
        self.entropy.id(self.clock.wall_ms())
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let stamp = Stamp {
            at: self.clock.reading(),
            id: self.id(),
        };
        self.visit.step(event, &stamp)
    }

    fn tap(&self, score: u8) -> Tap {
        Tap {
            id: self.id(),
            score: Score::new(score).unwrap(),
            input: InputKind::Touch,
            touched: Some(FACE),
            true_ms: None,
        }
    }

    fn rate(&mut self, score: u8) -> Option<NewEvent> {
        let tap = self.tap(score);
        self.step(Event::Rate(tap)).pop().map(appended)
    }

    fn undo(&mut self) -> Option<NewEvent> {
        self.step(Event::Undo).pop().map(appended)
    }

    fn after(&mut self, ms: u64) -> &mut Self {
        self.clock.advance_ms(ms);
        let _ = self.step(Event::Tick);
        self
    }

    fn screen(&self) -> ScreenView {
        let texts = Texts {
            question: None,
            words: Default::default(),
            name: &|named| format!("{named:?}"),
        };
        self.visit.screen(self.clock.up_ms(), texts)
    }

    fn thanked(&self) -> bool {
        matches!(self.screen(), ScreenView::Thanks(_))
    }
}

fn storage_fault() -> FaultView {
    FaultView {
        fault: Fault::Storage,
        detail: "test".into(),
    }
}

#[test]
fn a_tap_presses_the_face_at_once_and_is_thanked_for_only_when_it_is_on_the_disk() {
    let mut lobby = Lobby::new();
    let new = lobby.rate(4).unwrap();
    match lobby.screen() {
        ScreenView::Rate(rate) => assert_eq!(rate.pressed, Score::new(4)),
        other => panic!("{other:?}"),
    }
    let _ = lobby.step(Event::Appended(new.id));
    assert!(lobby.thanked());
}

#[test]
fn the_thanks_screen_is_the_same_for_every_score() {
    let screens = [1, 2, 3, 4, 5].map(|score| {
        let mut lobby = Lobby::new();
        let new = lobby.rate(score).unwrap();
        let _ = lobby.step(Event::Appended(new.id));
        lobby.screen()
    });
    assert!(screens.iter().all(|screen| *screen == screens[0]));
}

#[test]
fn a_rating_that_was_not_saved_is_never_thanked_for() {
    let mut lobby = Lobby::new();
    let new = lobby.rate(4).unwrap();
    let _ = lobby.step(Event::NotAppended(new.id));
    match lobby.screen() {
        ScreenView::Rate(rate) => assert_eq!(rate.message, Some(RateMessage::NotSaved)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_disk_that_does_not_answer_shows_as_a_fault_and_recovers_with_thanks() {
    let mut lobby = Lobby::new();
    let new = lobby.rate(2).unwrap();
    lobby.after(COMMIT_PATIENCE_MS);
    assert!(matches!(lobby.screen(), ScreenView::OutOfService(_)));
    assert!(
        lobby.rate(3).is_none(),
        "nothing is taken while nothing can be saved"
    );
    let _ = lobby.step(Event::Appended(new.id));
    assert!(lobby.thanked());
}

#[test]
fn two_keys_in_quick_succession_are_two_ratings() {
    let mut lobby = Lobby::new();
    let (first, second) = (lobby.rate(5).unwrap(), lobby.rate(1).unwrap());
    let _ = lobby.step(Event::Appended(first.id));
    assert!(!lobby.thanked());
    let _ = lobby.step(Event::Appended(second.id));
    assert!(lobby.thanked());
}

#[test]
fn the_next_visitor_can_rate_while_the_last_one_is_thanked() {
    let mut lobby = Lobby::new();
    let first = lobby.rate(5).unwrap();
    let _ = lobby.step(Event::Appended(first.id));
    lobby.after(1_500);
    let second = lobby.rate(2).unwrap();
    match second.content {
        Content::Rating { gap_ms, .. } => assert_eq!(gap_ms, Some(1_500)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rating_can_be_taken_back_once_within_the_time_for_it() {
    let mut lobby = Lobby::new();
    let rating = lobby.rate(5).unwrap();
    let _ = lobby.step(Event::Appended(rating.id));
    lobby.after(2_000);
    let withdrawal = lobby.undo().unwrap();
    assert_eq!(
        withdrawal.content,
        Content::Withdrawal { rating: rating.id }
    );
    assert!(lobby.undo().is_none());
    let _ = lobby.step(Event::Appended(withdrawal.id));
    match lobby.screen() {
        ScreenView::Rate(rate) => assert_eq!(rate.message, Some(RateMessage::Withdrawn)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rating_cannot_be_taken_back_after_the_time_for_it() {
    let mut lobby = Lobby::new();
    let rating = lobby.rate(5).unwrap();
    let _ = lobby.step(Event::Appended(rating.id));
    lobby.after(5_000);
    assert!(lobby.undo().is_none());
    assert!(!lobby.thanked());
}

#[test]
fn the_second_half_of_a_double_tap_neither_wipes_the_thanks_away_nor_takes_the_rating_back() {
    let mut lobby = Lobby::new();
    let rating = lobby.rate(5).unwrap();
    let _ = lobby.step(Event::Appended(rating.id));
    lobby.after(150);
    let _ = lobby.step(Event::Done);
    assert!(lobby.undo().is_none());
    assert!(lobby.thanked());
}

#[test]
fn a_terminal_out_of_service_takes_nothing_and_says_why() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Service(Some(storage_fault())));
    assert!(lobby.rate(5).is_none());
    assert_eq!(lobby.screen(), ScreenView::OutOfService(storage_fault()));
    let _ = lobby.step(Event::Service(None));
    assert!(lobby.rate(5).is_some());
}

#[test]
fn the_language_returns_to_the_default_for_the_next_visitor() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Language("ru".into()));
    assert_eq!(lobby.visit.language(), "ru");
    let _ = lobby.step(Event::Language("xx".into()));
    assert_eq!(
        lobby.visit.language(),
        "ru",
        "a language that is not offered is not taken"
    );
    lobby.after(rules().idle_ms);
    assert_eq!(lobby.visit.language(), "ky");
}

#[test]
fn an_idle_terminal_has_no_deadline() {
    let lobby = Lobby::new();
    assert_eq!(lobby.visit.deadline(lobby.clock.up_ms()), None);
}

#[derive(Debug, Clone)]
enum Act {
    Rate(u8),
    Undo,
    Done,
    Language(bool),
    DiskAnswers(bool),
    Service(bool),
    Wait(u64),
    More,
    Choose(usize),
    Write(&'static str),
    Turn(bool),
    Adapt(bool),
    Button(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_u8..=5).prop_map(Act::Rate),
        2 => Just(Act::Undo),
        2 => Just(Act::Done),
        1 => any::<bool>().prop_map(Act::Language),
        6 => prop::bool::weighted(0.85).prop_map(Act::DiskAnswers),
        1 => any::<bool>().prop_map(Act::Service),
        4 => (0_u64..8_000).prop_map(Act::Wait),
        1 => (0_u64..60_000).prop_map(Act::Wait),
        3 => Just(Act::More),
        4 => (0_usize..6).prop_map(Act::Choose),
        2 => prop::sample::select(vec!["", "Кезек", "Кезек узун болду"]).prop_map(Act::Write),
        3 => any::<bool>().prop_map(Act::Turn),
        1 => any::<bool>().prop_map(Act::Adapt),
        1 => (1_u8..=5).prop_map(Act::Button),
    ]
}

/// What a history must keep true, beside the visit itself.
#[derive(Default)]
struct Ledger {
    asked: std::collections::VecDeque<NewEvent>,
    durable: Vec<Id>,
    ids: std::collections::BTreeSet<Id>,
}

impl Ledger {
    fn take(&mut self, effects: Vec<Effect>) -> Result<(), TestCaseError> {
        for new in effects.into_iter().map(appended) {
            prop_assert!(self.ids.insert(new.id));
            if let Content::Withdrawal { rating } | Content::Answer { rating, .. } = &new.content {
                prop_assert!(self.durable.contains(rating));
            }
            self.asked.push_back(new);
        }
        Ok(())
    }

    fn answer(&mut self, good: bool) -> Option<Event> {
        let id = self.asked.pop_front()?.id;
        if !good {
            return Some(Event::NotAppended(id));
        }
        self.durable.push(id);
        Some(Event::Appended(id))
    }
}

fn event_of(act: Act, lobby: &Lobby, ledger: &mut Ledger) -> Option<Event> {
    let language = |russian| if russian { "ru" } else { "ky" };
    Some(match act {
        Act::Rate(score) => Event::Rate(lobby.tap(score)),
        Act::Button(score) => Event::Rate(Tap {
            input: InputKind::Button,
            touched: None,
            ..lobby.tap(score)
        }),
        Act::Undo => Event::Undo,
        Act::Done => Event::Done,
        Act::Language(russian) => Event::Language(language(russian).into()),
        Act::Service(good) => Event::Service((!good).then(storage_fault)),
        Act::Wait(ms) => {
            lobby.clock.advance_ms(ms);
            Event::Tick
        }
        Act::DiskAnswers(good) => ledger.answer(good)?,
        Act::More => Event::More,
        Act::Choose(index) => Event::Choose(index),
        Act::Write(text) => Event::Write(text.into()),
        Act::Turn(forward) => {
            if forward {
                Event::Next
            } else {
                Event::Back
            }
        }
        Act::Adapt(speech) => Event::Adapt(Adaptation {
            speech,
            ..Adaptation::default()
        }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Thanks stands for a rating on the disk, a withdrawal or an answer for one that was thanked for, no id is used
    /// twice, and whatever happened, the terminal comes back to its first screen by itself.
    #[test]
    fn no_history_breaks_the_promises(acts in prop::collection::vec(act(), 1..60)) {
        let mut lobby = Lobby::asking();
        let mut ledger = Ledger::default();
        for act in acts {
            let Some(event) = event_of(act, &lobby, &mut ledger) else { continue };
            ledger.take(lobby.step(event))?;
            if let Phase::Thanks { rating, .. } = lobby.visit.phase {
                prop_assert!(ledger.durable.contains(&rating), "thanked for what is not on the disk");
            }
            if let Some(deadline) = lobby.visit.deadline(lobby.clock.up_ms()) {
                prop_assert!(deadline > lobby.clock.up_ms(), "a deadline that has passed is a busy loop");
            }
        }
        while let Some(event) = ledger.answer(true) {
            ledger.take(lobby.step(event))?;
        }
        ledger.take(lobby.step(Event::Service(None)))?;
        // Nobody is there any more: the visit's own deadlines bring it back.
        while let Some(deadline) = lobby.visit.deadline(lobby.clock.up_ms()) {
            lobby.clock.advance_ms(deadline - lobby.clock.up_ms());
            ledger.take(lobby.step(Event::Tick))?;
            while let Some(event) = ledger.answer(true) {
                ledger.take(lobby.step(event))?;
            }
        }
        let first = Visit { doubt: lobby.visit.doubt.clone(), touched_ms: lobby.visit.touched_ms, ..Visit::new(asking_rules(), None) };
        prop_assert_eq!(&lobby.visit, &first);
    }
}
