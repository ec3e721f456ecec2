//! Connects the rate screen (`ui/screens/rate.slint`).

use std::rc::Rc;

use pikir_contract::{InputKind, Score};
use slint::ComponentHandle as _;

use super::shell;
use super::ui::{AppWindow, Message, Rate};
use crate::view::{RateMessage, RateView, UserAction};

pub(super) fn connect(window: &AppWindow, report: &Rc<dyn Fn(UserAction)>) {
    let rate = window.global::<Rate>();
    let to = report.clone();
    let weak = window.as_weak();
    rate.on_touched(move |score, x, y| {
        if let (Some(score), Some(window)) = (self::score(score), weak.upgrade()) {
            to(UserAction::Rate {
                score,
                input: InputKind::Touch,
                at: Some(shell::place(&window, x, y)),
            });
        }
    });
    let to = report.clone();
    rate.on_entered(move |score| {
        if let Some(score) = self::score(score) {
            to(UserAction::Rate {
                score,
                input: InputKind::Keypad,
                at: None,
            });
        }
    });
}

pub(super) fn show(window: &AppWindow, view: &RateView) {
    let rate = window.global::<Rate>();
    rate.set_question(view.question.as_deref().unwrap_or_default().into());
    let [one, two, three, four, five] = view
        .words
        .each_ref()
        .map(|word| word.as_deref().unwrap_or_default().into());
    rate.set_word_1(one);
    rate.set_word_2(two);
    rate.set_word_3(three);
    rate.set_word_4(four);
    rate.set_word_5(five);
    rate.set_pressed(view.pressed.map_or(0, |score| i32::from(score.get())));
    rate.set_check_needed(view.check_needed);
    rate.set_message(match view.message {
        None => Message::None,
        Some(RateMessage::Withdrawn) => Message::Withdrawn,
        Some(RateMessage::NotSaved) => Message::NotSaved,
    });
}

fn score(number: i32) -> Option<Score> {
    u8::try_from(number).ok().and_then(Score::new)
}
