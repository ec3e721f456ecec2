//! What a visitor adds to a rating.

use super::*;
use crate::journal::Given;
use crate::limits::PAGE_GUARD_MS;
use crate::view::{MoreView, PageView};

/// A visitor who gave `score`, was thanked, and went on.
fn going_on(score: u8) -> Lobby {
    let mut lobby = Lobby::asking();
    let new = lobby.rate(score).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    lobby.after(THANKS_GUARD_MS);
    let _ = lobby.step(Event::More);
    lobby
}

fn page(lobby: &Lobby) -> MoreView {
    match lobby.screen() {
        ScreenView::More(page) => page,
        other => panic!("{other:?}"),
    }
}

/// Turns the page, once that can be done.
fn turn(lobby: &mut Lobby, event: Event) {
    lobby.after(PAGE_GUARD_MS);
    assert_eq!(lobby.step(event), [], "nothing new to say");
}

/// The answer that comes of `event`, once the page takes choices.
fn answer(lobby: &mut Lobby, event: Event) -> Option<(Id, Given)> {
    lobby.clock.advance_ms(PAGE_GUARD_MS);
    let new = lobby.step(event).pop().map(appended)?;
    match new.content {
        Content::Answer { given, .. } => Some((new.id, given)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_choice_is_saved_at_once_and_each_answer_says_all_that_was_given() {
    let mut lobby = going_on(2);
    let (_, given) = answer(&mut lobby, Event::Choose(1)).unwrap();
    assert_eq!(given.service.as_deref(), Some("land"));
    let (_, given) = answer(&mut lobby, Event::Choose(3)).unwrap();
    assert_eq!(given.criteria["speed"], Score::new(4).unwrap());
    assert!(
        answer(&mut lobby, Event::Next).is_none(),
        "nothing new to say"
    );
    let (_, given) = answer(&mut lobby, Event::Choose(0)).unwrap();
    assert_eq!(given.reasons, Some(vec!["waiting".to_owned()]));
    let (_, given) = answer(&mut lobby, Event::Choose(0)).unwrap();
    assert_eq!(given.reasons, Some(Vec::new()), "taken back");
    assert!(answer(&mut lobby, Event::Next).is_none());
    assert!(answer(&mut lobby, Event::Write("Кезек узун ".into())).is_none());
    let (_, given) = answer(&mut lobby, Event::Next).unwrap();
    assert_eq!(given.comment.as_deref(), Some("Кезек узун"));
    assert_eq!(given.service.as_deref(), Some("land"));
    assert_eq!(given.criteria.len(), 1);
}

#[test]
fn the_end_is_thanked_for_when_the_last_answer_is_on_the_disk() {
    let mut lobby = going_on(2);
    let (id, _) = answer(&mut lobby, Event::Choose(0)).unwrap();
    turn(&mut lobby, Event::Done);
    assert!(!lobby.thanked());
    let _ = lobby.step(Event::Appended(id));
    assert_eq!(
        lobby.screen(),
        ScreenView::Thanks(ThanksView {
            undo_left_s: None,
            more: false
        })
    );
}

#[test]
fn an_answer_that_was_not_saved_is_said_and_goes_with_the_next_one() {
    let mut lobby = going_on(2);
    let (id, _) = answer(&mut lobby, Event::Choose(0)).unwrap();
    turn(&mut lobby, Event::Done);
    let _ = lobby.step(Event::NotAppended(id));
    assert!(page(&lobby).not_saved);
    let (id, given) = answer(&mut lobby, Event::Done).unwrap();
    assert_eq!(given.service.as_deref(), Some("passport"));
    let _ = lobby.step(Event::Appended(id));
    assert!(lobby.thanked());
}

#[test]
fn the_reasons_fit_the_score_and_a_service_that_stands_alone_is_not_asked_for() {
    let labels = |lobby: &Lobby| match page(lobby).content {
        PageView::Reasons(options) => options.into_iter().map(|it| it.label).collect(),
        _ => Vec::new(),
    };
    let mut lobby = going_on(5);
    for _ in 0..3 {
        turn(&mut lobby, Event::Next);
    }
    assert_eq!(labels(&lobby), [r#"Reason("quick")"#]);
    let mut rules = asking_rules();
    rules.questionnaire.services.truncate(1);
    let mut lobby = Lobby::asking();
    let _ = lobby.step(Event::Rules(Box::new(rules)));
    let new = lobby.rate(3).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    lobby.after(THANKS_GUARD_MS);
    let _ = lobby.step(Event::More);
    assert!(matches!(page(&lobby).content, PageView::Criterion { .. }));
    assert_eq!(page(&lobby).pages, 3, "no reason is offered for a 3");
}

#[test]
fn the_second_half_of_a_double_tap_answers_nothing() {
    let mut lobby = going_on(2);
    assert!(lobby.step(Event::Choose(0)).is_empty(), "the page is fresh");
    assert!(answer(&mut lobby, Event::Choose(0)).is_some());
    for event in [Event::Choose(0), Event::Next, Event::Back, Event::Done] {
        assert!(lobby.step(event).is_empty());
        assert_eq!(page(&lobby).page, 2);
    }
}

#[test]
fn keys_and_rating_buttons_choose_by_number_and_a_button_rates_anew_only_where_nothing_is_chosen() {
    let mut lobby = going_on(2);
    let _ = lobby.step(Event::Language("ru".into()));
    lobby.clock.advance_ms(PAGE_GUARD_MS);
    let key = Tap {
        input: InputKind::Keypad,
        touched: None,
        ..lobby.tap(2)
    };
    let new = appended(lobby.step(Event::Rate(key)).pop().unwrap());
    assert!(
        matches!(new.content, Content::Answer { given, .. } if given.service.as_deref() == Some("land"))
    );
    lobby.clock.advance_ms(PAGE_GUARD_MS);
    let button = |lobby: &Lobby| Tap {
        input: InputKind::Button,
        touched: None,
        ..lobby.tap(5)
    };
    let tap = button(&lobby);
    let new = appended(lobby.step(Event::Rate(tap)).pop().unwrap());
    assert!(matches!(new.content, Content::Answer { given, .. } if given.criteria.len() == 1));
    turn(&mut lobby, Event::Next);
    let second_half = button(&lobby);
    assert_eq!(
        lobby.step(Event::Rate(second_half)),
        [],
        "the page is fresh"
    );
    lobby.clock.advance_ms(PAGE_GUARD_MS);
    let first = Tap {
        score: Score::new(1).unwrap(),
        ..button(&lobby)
    };
    let new = appended(lobby.step(Event::Rate(first)).pop().unwrap());
    assert!(
        matches!(new.content, Content::Answer { given, .. } if given.reasons == Some(vec!["waiting".into()]))
    );
    turn(&mut lobby, Event::Next);
    let _ = lobby.step(Event::Write("Рахмат".into()));
    let second_half = button(&lobby);
    assert_eq!(lobby.step(Event::Rate(second_half)), [], "so is this one");
    lobby.clock.advance_ms(PAGE_GUARD_MS);
    let tap = button(&lobby);
    let effects: Vec<_> = lobby
        .step(Event::Rate(tap))
        .into_iter()
        .map(appended)
        .collect();
    match effects.as_slice() {
        [answer, rating] => {
            assert!(
                matches!(&answer.content, Content::Answer { given, .. } if given.comment.as_deref() == Some("Рахмат"))
            );
            assert!(
                matches!(&rating.content, Content::Rating { lang, .. } if lang == "ky"),
                "another visitor, who has chosen no language"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rating_button_pressed_twice_on_the_last_criterion_rates_once() {
    let mut lobby = Lobby::asking();
    let mut rules = asking_rules();
    rules.questionnaire.comment = false;
    rules.questionnaire.reasons.clear();
    let _ = lobby.step(Event::Rules(Box::new(rules)));
    let new = lobby.rate(2).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    lobby.after(THANKS_GUARD_MS);
    let _ = lobby.step(Event::More);
    for _ in 0..2 {
        turn(&mut lobby, Event::Next);
    }
    lobby.clock.advance_ms(PAGE_GUARD_MS);
    let press = |lobby: &mut Lobby| {
        let tap = Tap {
            input: InputKind::Button,
            touched: None,
            ..lobby.tap(5)
        };
        lobby.step(Event::Rate(tap))
    };
    let answer = appended(press(&mut lobby).pop().unwrap());
    assert_eq!(press(&mut lobby), [], "before it is on the disk");
    let _ = lobby.step(Event::Appended(answer.id));
    lobby.clock.advance_ms(150);
    assert_eq!(press(&mut lobby), [], "and after");
    assert!(lobby.thanked());
}

#[test]
fn going_back_shows_what_was_given() {
    let mut lobby = going_on(2);
    answer(&mut lobby, Event::Choose(1)).unwrap();
    answer(&mut lobby, Event::Choose(4)).unwrap();
    turn(&mut lobby, Event::Back);
    assert!(
        matches!(page(&lobby).content, PageView::Criterion { chosen: Some(score), .. } if score.get() == 5)
    );
    turn(&mut lobby, Event::Back);
    turn(&mut lobby, Event::Back);
    match page(&lobby).content {
        PageView::Service(options) => {
            assert_eq!([false, true], [options[0].chosen, options[1].chosen])
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_disk_that_does_not_answer_shows_as_a_fault_here_too() {
    let mut lobby = going_on(2);
    let (id, _) = answer(&mut lobby, Event::Choose(0)).unwrap();
    lobby.after(COMMIT_PATIENCE_MS);
    assert!(matches!(lobby.screen(), ScreenView::OutOfService(_)));
    let _ = lobby.step(Event::Appended(id));
    assert_eq!(page(&lobby).page, 2);
}

#[test]
fn nothing_more_is_offered_where_nothing_is_asked() {
    let mut lobby = Lobby::new();
    let new = lobby.rate(4).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    lobby.after(THANKS_GUARD_MS);
    assert!(matches!(
        lobby.screen(),
        ScreenView::Thanks(ThanksView { more: false, .. })
    ));
    let _ = lobby.step(Event::More);
    assert!(lobby.thanked());
}

#[test]
fn only_the_oldest_answer_that_waits_tells_how_long_the_disk_has_been_silent() {
    let mut lobby = going_on(2);
    let (first, _) = answer(&mut lobby, Event::Choose(0)).unwrap();
    lobby.after(COMMIT_PATIENCE_MS - PAGE_GUARD_MS - 1);
    let (second, _) = answer(&mut lobby, Event::Choose(1)).unwrap();
    let _ = lobby.step(Event::Appended(first));
    lobby.after(COMMIT_PATIENCE_MS - 1);
    assert!(matches!(lobby.screen(), ScreenView::More(_)));
    lobby.after(1);
    assert!(matches!(lobby.screen(), ScreenView::OutOfService(_)));
    let _ = lobby.step(Event::Appended(second));
    assert!(matches!(lobby.screen(), ScreenView::More(_)));
}
