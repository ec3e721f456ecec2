//! The way back to the question: no score is taken for what was meant for the screen before.

use super::*;
use crate::limits::{LEFT_GUARD_MS, PAGE_GUARD_MS};
use crate::view::Overlay;

/// Somebody rated and was thanked, and thanks can be left.
fn thanked(mut lobby: Lobby) -> Lobby {
    let new = lobby.rate(4).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    lobby.after(THANKS_GUARD_MS);
    assert!(lobby.thanked());
    lobby
}

fn took_back() -> Lobby {
    let mut lobby = thanked(Lobby::new());
    let withdrawal = lobby.undo().unwrap();
    let _ = lobby.step(Event::Appended(withdrawal.id));
    lobby
}

fn was_done() -> Lobby {
    let mut lobby = thanked(Lobby::new());
    let _ = lobby.step(Event::Done);
    lobby
}

fn saw_thanks_end() -> Lobby {
    let mut lobby = thanked(Lobby::new());
    lobby.after(rules().undo_ms);
    lobby
}

fn could_not_be_saved() -> Lobby {
    let mut lobby = Lobby::new();
    let new = lobby.rate(4).unwrap();
    let _ = lobby.step(Event::NotAppended(new.id));
    lobby
}

/// A visitor who set the screen up is asked whether they are still there.
fn asked() -> Lobby {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Adapt(Adaptation {
        pictures_off: true,
        ..Adaptation::default()
    }));
    lobby.after(rules().idle_ms);
    lobby
}

fn answered_the_warning() -> Lobby {
    let mut lobby = asked();
    let _ = lobby.step(Event::Stay);
    lobby
}

fn let_the_warning_pass() -> Lobby {
    let mut lobby = asked();
    lobby.after(IDLE_WARNING_MS);
    lobby
}

fn closed_the_panel() -> Lobby {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Show(Some(Overlay::Panel)));
    lobby.after(1_000);
    let _ = lobby.step(Event::Show(None));
    lobby
}

/// The last page of the questionnaire is left, and its answer is on the disk.
fn finished_the_questionnaire() -> Lobby {
    let mut lobby = thanked(Lobby::asking());
    let _ = lobby.step(Event::More);
    lobby.after(PAGE_GUARD_MS);
    let _ = lobby.step(Event::Done);
    assert!(lobby.thanked());
    lobby
}

/// A way back, as it is called and gone.
type Way = (&'static str, fn() -> Lobby);

const WAYS: [Way; 8] = [
    ("took back", took_back),
    ("was done", was_done),
    ("saw thanks end", saw_thanks_end),
    ("could not be saved", could_not_be_saved),
    ("answered the warning", answered_the_warning),
    ("let the warning pass", let_the_warning_pass),
    ("closed the panel", closed_the_panel),
    ("finished the questionnaire", finished_the_questionnaire),
];

#[test]
fn no_second_half_of_a_double_tap_is_a_score_and_nobody_waits_longer_for_it() {
    for input in [InputKind::Touch, InputKind::Keypad, InputKind::Button] {
        for (way, go) in WAYS {
            let mut lobby = go();
            let screen = lobby.screen();
            // However often: trying does not make the wait longer.
            for _ in 0..3 {
                let tap = Tap {
                    input,
                    ..lobby.tap(1)
                };
                assert_eq!(lobby.step(Event::Rate(tap)), [], "{way} {input:?}");
                assert_eq!(lobby.screen(), screen, "{way} {input:?}");
                lobby.clock.advance_ms((LEFT_GUARD_MS - 1) / 2);
            }
            lobby.clock.advance_ms(2);
            let tap = Tap {
                input,
                ..lobby.tap(1)
            };
            assert_eq!(lobby.step(Event::Rate(tap)).len(), 1, "{way} {input:?}");
        }
    }
}

#[test]
fn what_lies_under_the_warning_takes_no_second_half_either() {
    let mut lobby = thanked(Lobby::asking());
    let _ = lobby.step(Event::More);
    lobby.after(rules().idle_ms);
    assert!(lobby.visit.idle_left_s(lobby.clock.up_ms()).is_some());
    let _ = lobby.step(Event::Stay);
    let screen = lobby.screen();
    for event in [Event::Choose(0), Event::Next, Event::Done] {
        assert_eq!(lobby.step(event), []);
        assert_eq!(lobby.screen(), screen);
    }
    lobby.clock.advance_ms(LEFT_GUARD_MS);
    assert_eq!(lobby.step(Event::Choose(0)).len(), 1);
}

#[test]
fn the_first_score_after_the_start_is_taken_at_once() {
    assert!(Lobby::new().rate(5).is_some());
}

#[test]
fn every_end_of_a_visit_is_counted_and_taking_back_is_none() {
    let lobby = took_back();
    assert_eq!(lobby.visit.ended(), 0);
    lobby.clock.advance_ms(LEFT_GUARD_MS);
    let mut lobby = thanked(lobby);
    let _ = lobby.step(Event::Done);
    assert_eq!(lobby.visit.ended(), 1);
    assert_eq!(let_the_warning_pass().visit.ended(), 1);
}
