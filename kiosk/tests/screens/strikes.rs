//! Presses that are not meant: the same key twice, one held too long, and one for the screen that
//! has just gone.

use pikir_kiosk::limits::HAND_GAP;
use pikir_kiosk::speech::Request;
use pikir_kiosk::view::View;
use slint::platform::{Key, WindowEvent};

use crate::keys::{rate_view, stage_with};
use crate::lobby::Lobby;
use crate::pixels::image;
use crate::questionnaire::{writing, written};
use crate::samples;
use crate::stage::keypad;

#[test]
fn the_same_key_again_within_the_double_strike_time_is_the_same_key_press() {
    let stage = stage_with(&rate_view());
    stage.screen.set_double_strike(500);
    stage.key("4");
    assert_eq!(stage.taken(), [keypad(4)]);
    // A key takes 400 ms of the stage's time.
    stage.key("4");
    assert_eq!(stage.taken(), []);
    stage.key("5");
    assert_eq!(
        stage.taken(),
        [keypad(5)],
        "another key is another key press"
    );
    stage.settle();
    stage.settle();
    stage.key("5");
    assert_eq!(stage.taken(), [keypad(5)]);
}

#[test]
fn a_sign_that_is_shift_and_a_key_is_struck_once_within_the_double_strike_time() {
    let stage = stage_with(&rate_view());
    stage.screen.set_double_strike(500);
    stage.speech.take();
    let window = stage.screen.window();
    let shift = slint::SharedString::from(Key::Shift);
    for _ in 0..2 {
        for event in [
            WindowEvent::KeyPressed {
                text: shift.clone(),
            },
            WindowEvent::KeyPressed { text: "#".into() },
            WindowEvent::KeyReleased { text: "#".into() },
            WindowEvent::KeyReleased {
                text: shift.clone(),
            },
        ] {
            window.dispatch_event(event);
        }
        // As fast as a hand does it again.
        i_slint_backend_testing::mock_elapsed_time(HAND_GAP);
    }
    stage.settle();
    assert_eq!(stage.speech.take(), [Request::Hush, Request::Switch]);
}

#[test]
fn a_key_of_the_screen_touched_twice_within_the_double_strike_time_writes_once() {
    let mut lobby = writing();
    lobby.stage.screen.set_double_strike(1_000);
    let touch = |lobby: &mut Lobby, label: &str| {
        let centre = crate::stage::bounds(&lobby.stage.labelled(label)).centre();
        lobby.stage.touch_at(centre);
        lobby.follow();
        lobby.stage.settle();
    };
    touch(&mut lobby, "А");
    // A touch takes 400 ms of the stage's time.
    touch(&mut lobby, "а");
    assert_eq!(written(&lobby), "А");
    touch(&mut lobby, "ң");
    assert_eq!(written(&lobby), "Аң", "another key is another touch");
    touch(&mut lobby, "а");
    assert_eq!(written(&lobby), "Аңа");
    for _ in 0..3 {
        lobby.stage.settle();
    }
    touch(&mut lobby, "а");
    assert_eq!(written(&lobby), "Аңаа");
}

#[test]
fn the_key_for_deleting_deletes_a_word_while_it_is_held_once_and_nothing_when_it_is_lifted() {
    let mut lobby = writing();
    lobby.happen(pikir_kiosk::visit::Event::Write("баары жакшы болду".into()));
    lobby.stage.settle();
    lobby.touch("Өчүрүү");
    assert_eq!(written(&lobby), "баары жакшы болд");
    lobby.stage.press("Өчүрүү");
    for _ in 0..10 {
        lobby.stage.settle();
        lobby.follow();
    }
    assert_eq!(written(&lobby), "баары жакшы ");
    lobby.stage.release("Өчүрүү");
    lobby.follow();
    assert_eq!(written(&lobby), "баары жакшы ");
    lobby.touch("Өчүрүү");
    assert_eq!(written(&lobby), "баары жакшы");
}

#[test]
fn a_key_meant_for_the_screen_before_chooses_no_face() {
    let stage = stage_with(&rate_view());
    for select in [Key::Return, Key::F12] {
        stage.key(Key::RightArrow);
        stage.show(&samples::view("ru", samples::thanks(Some(5))));
        stage.taken();
        stage.show(&rate_view());
        stage.key(select);
        assert_eq!(stage.taken(), [], "{select:?}");
        stage.key(Key::RightArrow);
        stage.key(select);
        assert_eq!(stage.taken(), [keypad(1)], "the next one is the first face");
    }
}

#[test]
fn the_next_visitor_does_not_find_the_focus_where_the_last_one_left_it() {
    let stage = stage_with(&rate_view());
    let plain = image(&stage.picture());
    stage.screen.scan_next();
    stage.screen.scan_next();
    stage.settle();
    assert!(plain != image(&stage.picture()));
    let next = View {
        visits: 1,
        ..rate_view()
    };
    stage.show(&next);
    assert!(plain == image(&stage.picture()), "nor is it shown");
    stage.screen.scan_select();
    stage.settle();
    assert_eq!(stage.taken(), []);
}
