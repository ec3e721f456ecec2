//! The visit, by example and by random histories.

use proptest::prelude::*;

use pikir_contract::InputKind;

use super::*;
use crate::clock::{Clock, TestClock};
use crate::entropy::{Entropy, TestEntropy};

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

/// The panel touches a face at its period until that is noticed.
fn haunt(lobby: &mut Lobby) -> Vec<Effect> {
    let mut effects = Vec::new();
    for _ in 0..5 {
        lobby.clock.advance_ms(12_864);
        effects.extend(lobby.step(Event::Touched(FACE)));
    }
    effects
}

fn check_needed(lobby: &Lobby) -> bool {
    match lobby.screen() {
        ScreenView::Rate(rate) => rate.check_needed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_phantom_touch_is_told_to_the_technician_and_its_ratings_are_flagged_until_it_stops() {
    let mut lobby = Lobby::new();
    let detail =
        "phantom touch at 500,500 (per mille) every 12.864 s; ratings from there are flagged";
    assert_eq!(haunt(&mut lobby), [Effect::Maintenance(detail.into())]);
    assert!(check_needed(&lobby));
    assert_eq!(flags(&lobby.rate(5).unwrap()), ["periodic"]);
    let beside = Tap {
        touched: Some(Point { x: 300, y: 500 }),
        ..lobby.after(5_000).tap(1)
    };
    let beside = lobby.step(Event::Rate(beside)).pop().map(appended);
    assert_eq!(flags(&beside.unwrap()), [""; 0], "another point");
    let keyed = Tap {
        touched: None,
        ..lobby.after(5_000).tap(1)
    };
    let keyed = lobby.step(Event::Rate(keyed)).pop().map(appended);
    assert_eq!(flags(&keyed.unwrap()), [""; 0], "a key");

    let mut lobby = Lobby::new();
    haunt(&mut lobby);
    let deadline = lobby.visit.deadline(lobby.clock.up_ms()).unwrap();
    lobby.clock.advance_ms(deadline - lobby.clock.up_ms());
    let detail = "phantom touch at 500,500 (per mille) has stopped; ratings from there count again";
    assert_eq!(
        lobby.step(Event::Tick),
        [Effect::Maintenance(detail.into())]
    );
    assert!(!check_needed(&lobby));
    assert_eq!(flags(&lobby.rate(5).unwrap()), [""; 0]);
}

#[test]
fn a_touch_that_rates_nothing_keeps_no_language() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Language("ru".into()));
    lobby.clock.advance_ms(LANGUAGE_RESET_MS - 1);
    assert_eq!(lobby.step(Event::Touched(FACE)), []);
    lobby.after(1);
    assert_eq!(lobby.visit.language(), "ky");
}

#[test]
fn a_rating_is_flagged_as_closed_only_where_the_true_time_is_known() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Rules(Rules {
        hours: never_open(),
        ..rules()
    }));
    assert_eq!(flags(&lobby.rate(4).unwrap()), [""; 0]);
    let known = Tap {
        true_ms: Some(1_800_000_000_000),
        ..lobby.after(5_000).tap(4)
    };
    let new = lobby.step(Event::Rate(known)).pop().map(appended);
    assert_eq!(flags(&new.unwrap()), ["closed"]);
}

/// Open for one minute of the week, which is none of these tests'.
fn never_open() -> Option<crate::doubt::OpeningHours> {
    let hours = pikir_contract::OpenHours {
        days: vec![pikir_contract::Weekday::Mon],
        from: "00:00".parse().unwrap(),
        to: "00:01".parse().unwrap(),
    };
    crate::doubt::OpeningHours::new(jiff::tz::TimeZone::UTC, &[hours])
}

fn flags(new: &NewEvent) -> Vec<&'static str> {
    match &new.content {
        Content::Rating { flags, .. } => flags.clone(),
        other => panic!("{other:?}"),
    }
}

/// The same without what doubt may add.
fn undoubted(new: NewEvent) -> NewEvent {
    match new.content {
        Content::Rating {
            score,
            lang,
            input,
            gap_ms,
            touched,
            flags: _,
        } => NewEvent {
            content: Content::Rating {
                score,
                lang,
                input,
                gap_ms,
                touched,
                flags: Vec::new(),
            },
            ..new
        },
        _ => new,
    }
}

proptest! {
    /// A lobby where every rating is doubtful takes, thanks and shows what an undoubted one does.
    #[test]
    fn doubt_changes_neither_what_is_taken_nor_what_is_shown(acts in prop::collection::vec(act(), 1..60)) {
        let mut lobbies = [Lobby::new(), Lobby::new()];
        let _ = haunt(&mut lobbies[0]);
        lobbies[1].clock.advance_ms(5 * 12_864);
        let _ = lobbies[0].step(Event::Rules(Rules { hours: never_open(), ..rules() }));
        let mut asked: [Vec<Id>; 2] = [Vec::new(), Vec::new()];
        for act in acts {
            let mut done = Vec::new();
            for (at, lobby) in lobbies.iter_mut().enumerate() {
                let event = match act {
                    Act::Rate(score) => {
                        if at == 0 {
                            let _ = lobby.step(Event::Touched(FACE));
                        }
                        Event::Rate(Tap { true_ms: (at == 0).then_some(1_800_000_000_000), ..lobby.tap(score) })
                    }
                    Act::Undo => Event::Undo { id: lobby.id(), at: lobby.clock.reading() },
                    Act::Done => Event::Done,
                    Act::Language(russian) => Event::Language(if russian { "ru" } else { "ky" }.into()),
                    Act::Service(good) => Event::Service((!good).then(storage_fault)),
                    Act::Wait(ms) => { lobby.clock.advance_ms(ms); Event::Tick }
                    Act::DiskAnswers(_) if asked[at].is_empty() => Event::Tick,
                    Act::DiskAnswers(true) => Event::Appended(asked[at].remove(0)),
                    Act::DiskAnswers(false) => Event::NotAppended(asked[at].remove(0)),
                };
                let new = lobby.step(event).pop().map(appended);
                if let Some(NewEvent { content: Content::Rating { flags, .. }, .. }) = &new {
                    prop_assert_eq!(flags.contains(&"periodic") && flags.contains(&"closed"), at == 0);
                }
                asked[at].extend(new.as_ref().map(|new| new.id));
                let screen = match lobby.screen() {
                    ScreenView::Rate(rate) => ScreenView::Rate(RateView { check_needed: false, ..rate }),
                    other => other,
                };
                done.push((new.map(undoubted), screen, lobby.visit.language().to_owned()));
            }
            prop_assert_eq!(&done[0], &done[1]);
        }
    }
}
