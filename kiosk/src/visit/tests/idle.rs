//! Visitors who walk away.

use pikir_contract::rules::WITHDRAWAL_GRACE_MS;

use super::*;
use crate::limits::{PAGE_GUARD_MS, SPEECH_KEEPS_MS, THANKS_MS};
use crate::view::Overlay;

const IDLE_MS: u64 = 30_000;

fn left_s(lobby: &Lobby) -> Option<u32> {
    lobby.visit.idle_left_s(lobby.clock.up_ms())
}

fn contrast() -> Adaptation {
    Adaptation {
        scheme: crate::view::adaptation::Scheme::HighContrast,
        ..Adaptation::default()
    }
}

#[test]
fn whoever_set_up_the_screen_is_asked_first_has_twenty_seconds_and_one_action_is_an_answer() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Adapt(contrast()));
    lobby.after(IDLE_MS - 1);
    assert_eq!(left_s(&lobby), None);
    lobby.after(1);
    assert_eq!(left_s(&lobby), Some(20));
    lobby.after(IDLE_WARNING_MS - 1);
    assert_eq!(left_s(&lobby), Some(1));
    let _ = lobby.step(Event::Stay);
    assert_eq!(left_s(&lobby), None);
    assert_eq!(lobby.visit.adaptation(), contrast());
    lobby.after(IDLE_MS + IDLE_WARNING_MS);
    assert_eq!(left_s(&lobby), None);
    assert!(
        lobby.visit.adaptation().is_plain(),
        "the next visitor begins plain"
    );
}

#[test]
fn walking_away_from_the_questionnaire_saves_what_was_written() {
    let mut lobby = Lobby::asking();
    let new = lobby.rate(2).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    lobby.after(THANKS_GUARD_MS);
    let _ = lobby.step(Event::More);
    for _ in 0..4 {
        lobby.after(PAGE_GUARD_MS);
        let _ = lobby.step(Event::Next);
    }
    let _ = lobby.step(Event::Write("Кезек узун".into()));
    lobby.clock.advance_ms(IDLE_MS + IDLE_WARNING_MS);
    let new = appended(lobby.step(Event::Tick).pop().unwrap());
    assert!(
        matches!(new.content, Content::Answer { given, .. } if given.comment.as_deref() == Some("Кезек узун"))
    );
    assert!(matches!(lobby.screen(), ScreenView::Rate(_)));
}

#[test]
fn a_terminal_that_is_told_to_end_saves_what_was_written_so_far() {
    let mut lobby = Lobby::asking();
    let new = lobby.rate(2).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    lobby.after(THANKS_GUARD_MS);
    let _ = lobby.step(Event::More);
    for _ in 0..4 {
        lobby.after(PAGE_GUARD_MS);
        let _ = lobby.step(Event::Next);
    }
    let _ = lobby.step(Event::Write("Кезек".into()));
    let new = appended(lobby.step(Event::End).pop().unwrap());
    assert!(
        matches!(new.content, Content::Answer { given, .. } if given.comment.as_deref() == Some("Кезек"))
    );
    assert_eq!(Lobby::new().step(Event::End), [], "nobody is there");
}

#[test]
fn a_panel_left_open_closes_without_a_word() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Show(Some(Overlay::Panel)));
    lobby.after(IDLE_MS - 1);
    assert_eq!(lobby.visit.overlay(), Some(Overlay::Panel));
    lobby.after(1);
    assert_eq!((lobby.visit.overlay(), left_s(&lobby)), (None, None));
}

/// Somebody did this and rated, and is thanked.
fn thanked_after(event: Event) -> Lobby {
    let mut lobby = Lobby::new();
    let _ = lobby.step(event);
    let new = lobby.rate(5).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    lobby
}

/// Everything that a visitor would have to do again.
fn set_up() -> [Event; 4] {
    [
        Event::Adapt(contrast()),
        Event::Headphones(true),
        Event::Language("ru".into()),
        Event::Steer,
    ]
}

#[test]
fn thanks_end_the_visit_with_its_language_and_its_look() {
    let mut lobby = thanked_after(Event::Language("ru".into()));
    let _ = lobby.step(Event::Adapt(contrast()));
    lobby.after(IDLE_MS - 1);
    assert!(
        lobby.thanked(),
        "whoever set the screen up first is not hurried"
    );
    let _ = lobby.step(Event::Done);
    assert_eq!(
        (lobby.visit.language(), lobby.visit.adaptation()),
        ("ky", Adaptation::default())
    );
}

#[test]
fn nobody_who_set_anything_up_loses_the_thanks_without_being_asked() {
    for event in set_up() {
        if matches!(event, Event::Language(_)) {
            continue; // Has done what they came for: see below.
        }
        let mut lobby = thanked_after(event.clone());
        lobby.after(IDLE_MS - 1);
        assert_eq!((lobby.thanked(), left_s(&lobby)), (true, None), "{event:?}");
        lobby.after(1);
        assert_eq!(left_s(&lobby), Some(20), "{event:?}");
        let _ = lobby.step(Event::Stay);
        assert_eq!(left_s(&lobby), None, "{event:?}");
        lobby.after(IDLE_MS + IDLE_WARNING_MS - 1);
        assert_eq!(
            (lobby.thanked(), left_s(&lobby)),
            (true, Some(1)),
            "{event:?}"
        );
        lobby.after(1);
        assert!(!lobby.thanked(), "{event:?}");
        assert_eq!(lobby.visit.language(), "ky");
        assert_eq!(lobby.visit.adaptation(), lobby.visit.begins);
    }
}

#[test]
fn a_visitor_who_set_nothing_up_is_asked_nothing_and_thanks_give_way_to_the_next_one() {
    for event in [Event::Stay, Event::Language("ru".into())] {
        let mut lobby = thanked_after(event);
        lobby.after(THANKS_MS.max(rules().undo_ms));
        assert_eq!((lobby.thanked(), left_s(&lobby)), (false, None));
        assert_eq!(lobby.visit.language(), "ky");
    }
}

#[test]
fn a_language_or_a_way_found_with_keys_is_not_lost_without_being_asked_either() {
    for event in [Event::Language("ru".into()), Event::Steer] {
        let mut lobby = Lobby::new();
        let _ = lobby.step(event.clone());
        lobby.after(IDLE_MS);
        assert_eq!(left_s(&lobby), Some(20), "{event:?}");
        lobby.after(IDLE_WARNING_MS);
        assert_eq!((lobby.visit.ended(), lobby.visit.is_begun()), (1, false));
    }
}

#[test]
fn whoever_needs_time_can_take_a_rating_back_until_the_visit_ends() {
    for event in [
        Event::Adapt(contrast()),
        Event::Headphones(true),
        Event::Steer,
    ] {
        let mut lobby = thanked_after(event.clone());
        for _ in 0..3 {
            lobby.after(IDLE_MS + IDLE_WARNING_MS - 1);
            let _ = lobby.step(Event::Stay);
        }
        lobby.after(1_000);
        assert!(lobby.undo().is_some(), "{event:?}");
    }
    let mut lobby = thanked_after(Event::Language("ru".into()));
    lobby.after(rules().undo_ms);
    assert!(
        lobby.undo().is_none(),
        "whoever only reads another language needs no more time"
    );
}

#[test]
fn no_rating_can_be_taken_back_when_the_portal_would_not_take_it_for_the_same_visitor() {
    let mut lobby = thanked_after(Event::Steer);
    let mut waited_ms = 0;
    while waited_ms + IDLE_MS < rules().undo_ms + WITHDRAWAL_GRACE_MS {
        lobby.after(IDLE_MS);
        waited_ms += IDLE_MS;
        let _ = lobby.step(Event::Stay);
    }
    lobby.after(1_000);
    let kept = lobby.visit.clone();
    assert!(lobby.undo().is_some(), "after {waited_ms} ms");
    lobby.visit = kept;
    lobby.after(IDLE_MS);
    let _ = lobby.step(Event::Stay);
    lobby.after(1_000);
    assert!(lobby.visit.is_begun() && lobby.undo().is_none());
}

#[test]
fn what_is_being_said_keeps_the_visit_and_idleness_begins_with_its_end() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Adapt(spoken()));
    let _ = lobby.step(Event::Speaking(true));
    lobby.after(3 * IDLE_MS);
    assert_eq!(left_s(&lobby), None, "a long text is heard to its end");
    let _ = lobby.step(Event::Speaking(false));
    lobby.after(IDLE_MS - 1);
    assert_eq!(left_s(&lobby), None);
    lobby.after(1);
    assert_eq!(left_s(&lobby), Some(20));
    // The question itself is spoken.
    let _ = lobby.step(Event::Speaking(true));
    lobby.after(5_000);
    let _ = lobby.step(Event::Speaking(false));
    assert_eq!(left_s(&lobby), Some(15));
    lobby.after(15_000);
    assert_eq!(lobby.visit.ended(), 1);
}

#[test]
fn a_voice_that_never_ends_keeps_no_visit_for_ever() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Adapt(spoken()));
    for _ in 0..10 {
        let _ = lobby.step(Event::Speaking(true));
        lobby.after(SPEECH_KEEPS_MS / 10);
        let _ = lobby.step(Event::Speaking(false));
    }
    let _ = lobby.step(Event::Speaking(true));
    lobby.after(IDLE_MS - 1);
    assert_eq!(left_s(&lobby), None);
    lobby.after(1);
    assert_eq!(
        left_s(&lobby),
        Some(20),
        "counted from what the visitor did last"
    );
    lobby.after(IDLE_WARNING_MS);
    assert_eq!(lobby.visit.ended(), 1);
}

fn spoken() -> Adaptation {
    Adaptation {
        speech: true,
        ..Adaptation::default()
    }
}

#[test]
fn while_headphones_are_plugged_in_every_visit_is_spoken_and_nobody_is_asked_for_it() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Headphones(true));
    for _ in 0..2 {
        assert_eq!(lobby.visit.adaptation(), spoken());
        lobby.after(IDLE_MS);
        assert_eq!(left_s(&lobby), None, "nothing was set up");
        let _ = lobby.step(Event::Adapt(Adaptation {
            speech: false,
            ..contrast()
        }));
        let _ = lobby.step(Event::Plain);
        assert_eq!(lobby.visit.adaptation(), spoken(), "so is the plain view");
        let new = lobby.rate(5).unwrap();
        let _ = lobby.step(Event::Appended(new.id));
        lobby.after(THANKS_GUARD_MS);
        let _ = lobby.step(Event::Done);
        assert!(!lobby.thanked());
    }
    let _ = lobby.step(Event::Headphones(false));
    assert!(lobby.visit.adaptation().is_plain());
}

#[test]
fn whoever_hears_the_screen_has_the_idle_time_to_take_a_rating_back() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Headphones(true));
    let new = lobby.rate(5).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    lobby.after(IDLE_MS - 1);
    assert!(lobby.undo().is_some());

    let mut never = Lobby::new();
    let _ = never.step(Event::Rules(Box::new(Rules {
        undo_ms: 0,
        ..rules()
    })));
    let _ = never.step(Event::Headphones(true));
    let new = never.rate(5).unwrap();
    let _ = never.step(Event::Appended(new.id));
    never.after(THANKS_GUARD_MS);
    assert!(
        never.undo().is_none(),
        "where nothing is taken back, nobody can"
    );
}

#[test]
fn a_panel_opened_over_the_thanks_stays_for_the_idle_time() {
    let mut lobby = Lobby::new();
    let new = lobby.rate(5).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    let _ = lobby.step(Event::Show(Some(Overlay::Panel)));
    lobby.after(THANKS_MS.max(rules().undo_ms));
    assert_eq!(lobby.visit.overlay(), Some(Overlay::Panel));
    lobby.after(IDLE_MS);
    assert_eq!(lobby.visit.overlay(), None);
}
