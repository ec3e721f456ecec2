//! The visit, by example and by random histories.

use proptest::prelude::*;

use pikir_contract::InputKind;

use super::*;
use crate::clock::{Clock, TestClock};
use crate::entropy::{Entropy, TestEntropy};

mod doubt;

fn rules() -> Rules {
    Rules {
        undo_ms: 5_000,
        default_language: "ky".into(),
        languages: vec!["ky".into(), "ru".into()],
        hours: None,
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

    fn id(&self) -> Id {
        self.entropy.id(self.clock.wall_ms())
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        self.visit.step(event, self.clock.up_ms())
    }

    fn tap(&self, score: u8) -> Tap {
        Tap {
            id: self.id(),
            at: self.clock.reading(),
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
        let event = Event::Undo {
            id: self.id(),
            at: self.clock.reading(),
        };
        self.step(event).pop().map(appended)
    }

    fn after(&mut self, ms: u64) -> &mut Self {
        self.clock.advance_ms(ms);
        let _ = self.step(Event::Tick);
        self
    }

    fn screen(&self) -> ScreenView {
        self.visit
            .screen(self.clock.up_ms(), None, Default::default())
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
    lobby.after(LANGUAGE_RESET_MS);
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
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Thanks stands for a rating on the disk, a withdrawal for one that was thanked for, no id is used twice, and
    /// whatever happened, the terminal comes back to its first screen by itself.
    #[test]
    fn no_history_breaks_the_promises(acts in prop::collection::vec(act(), 1..60)) {
        let mut lobby = Lobby::new();
        let (mut asked, mut durable, mut withdrawn) = (Vec::<NewEvent>::new(), Vec::new(), Vec::new());
        let mut ids = std::collections::BTreeSet::new();
        for act in acts {
            let new = match act {
                Act::Rate(score) => lobby.rate(score),
                Act::Undo => lobby.undo(),
                Act::Done => { let _ = lobby.step(Event::Done); None }
                Act::Language(russian) => { let _ = lobby.step(Event::Language(if russian { "ru" } else { "ky" }.into())); None }
                Act::Service(good) => { let _ = lobby.step(Event::Service((!good).then(storage_fault))); None }
                Act::Wait(ms) => { lobby.after(ms); None }
                Act::DiskAnswers(good) if !asked.is_empty() => {
                    let id = asked.remove(0).id;
                    if good { durable.push(id); }
                    let _ = lobby.step(if good { Event::Appended(id) } else { Event::NotAppended(id) });
                    None
                }
                Act::DiskAnswers(_) => None,
            };
            if let Some(new) = new {
                prop_assert!(ids.insert(new.id));
                if let Content::Withdrawal { rating } = new.content {
                    prop_assert!(durable.contains(&rating));
                    withdrawn.push(rating);
                }
                asked.push(new);
            }
            if let Phase::Thanks { rating, .. } = lobby.visit.phase {
                prop_assert!(durable.contains(&rating), "thanked for what is not on the disk");
            }
            if let Some(deadline) = lobby.visit.deadline(lobby.clock.up_ms()) {
                prop_assert!(deadline > lobby.clock.up_ms(), "a deadline that has passed is a busy loop");
            }
        }
        for new in asked.drain(..) {
            let _ = lobby.step(Event::Appended(new.id));
        }
        let _ = lobby.step(Event::Service(None));
        lobby.after(LANGUAGE_RESET_MS);
        let first = Visit { doubt: lobby.visit.doubt.clone(), touched_ms: lobby.visit.touched_ms, ..Visit::new(rules(), None) };
        prop_assert_eq!(&lobby.visit, &first);
    }
}
