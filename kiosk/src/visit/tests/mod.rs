//! The visit, by example; by random histories in `histories.rs`.

use pikir_contract::InputKind;

use super::doubt::Point;
use super::*;
use crate::journal::{Content, NewEvent};
use crate::limits::{IDLE_WARNING_MS, THANKS_GUARD_MS};
use crate::platform::clock::{Clock, TestClock};
use crate::platform::entropy::{Entropy, TestEntropy};

mod doubt;
mod histories;
mod idle;
mod leaving;
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

    let mut lobby = Lobby::asking();
    let rating = lobby.rate(5).unwrap();
    let _ = lobby.step(Event::Appended(rating.id));
    lobby.after(150);
    let _ = lobby.step(Event::More);
    assert!(lobby.thanked(), "nor opens the questionnaire");
}

#[test]
fn each_rating_keeps_its_score_and_the_time_it_waits_though_others_follow() {
    let mut lobby = Lobby::asking();
    let first = lobby.rate(5).unwrap();
    lobby.after(COMMIT_PATIENCE_MS - 1);
    let second = lobby.rate(3).unwrap();
    let _ = lobby.step(Event::Appended(first.id));
    lobby.after(COMMIT_PATIENCE_MS - 1);
    assert!(
        matches!(lobby.screen(), ScreenView::Rate(_)),
        "the second has not waited for as long"
    );
    let _ = lobby.step(Event::NotAppended(second.id));
    match &lobby.visit.phase {
        Phase::Thanks { rating, score, .. } => {
            assert_eq!((*rating, *score), (first.id, Score::new(5)));
        }
        other => panic!("{other:?}"),
    }
}

/// A visitor who took a rating back, of which the disk has not heard yet.
fn taking_back() -> (Lobby, Id) {
    let mut lobby = Lobby::new();
    let rating = lobby.rate(5).unwrap();
    let _ = lobby.step(Event::Appended(rating.id));
    lobby.after(1_000);
    let withdrawal = lobby.undo().unwrap();
    (lobby, withdrawal.id)
}

#[test]
fn a_withdrawal_that_the_disk_does_not_answer_shows_as_a_fault_and_is_told_when_it_does() {
    let (mut lobby, withdrawal) = taking_back();
    lobby.after(COMMIT_PATIENCE_MS - 1);
    assert!(lobby.thanked());
    lobby.after(1);
    assert!(matches!(lobby.screen(), ScreenView::OutOfService(_)));
    lobby.after(60_000);
    assert!(matches!(lobby.screen(), ScreenView::OutOfService(_)));
    let _ = lobby.step(Event::Appended(withdrawal));
    match lobby.screen() {
        ScreenView::Rate(rate) => assert_eq!(rate.message, Some(RateMessage::Withdrawn)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_withdrawal_that_was_not_saved_can_be_tried_again_and_the_rating_stands_until_then() {
    let (mut lobby, withdrawal) = taking_back();
    lobby.after(60_000);
    let _ = lobby.step(Event::NotAppended(withdrawal));
    assert!(lobby.thanked());
    lobby.after(THANKS_GUARD_MS);
    assert!(lobby.undo().is_some());

    let (mut lobby, withdrawal) = taking_back();
    let _ = lobby.step(Event::NotAppended(withdrawal));
    match lobby.rate(1).unwrap().content {
        Content::Rating { flags, .. } => assert_eq!(flags, ["repeat"]),
        other => panic!("{other:?}"),
    }
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
    lobby.after(rules().idle_ms + IDLE_WARNING_MS);
    assert_eq!(lobby.visit.language(), "ky");
}

#[test]
fn an_idle_terminal_has_no_deadline() {
    let lobby = Lobby::new();
    assert_eq!(lobby.visit.deadline(lobby.clock.up_ms()), None);
}
