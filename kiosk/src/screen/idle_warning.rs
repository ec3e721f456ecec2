//! Connects "are you still there?" (`ui/screens/idle-warning.slint`).

use std::rc::Rc;

use slint::ComponentHandle as _;

use super::shell::select_language;
use super::ui::{AppWindow, IdleWarning};
use crate::view::{UserAction, View};

pub(super) fn connect(window: &AppWindow, report: &Rc<dyn Fn(UserAction)>) {
    let to = report.clone();
    window
        .global::<IdleWarning>()
        .on_stay(move || to(UserAction::Stay));
}

pub(super) fn show(window: &AppWindow, view: &View) {
    let warning = window.global::<IdleWarning>();
    let left = view
        .idle_left_s
        .map_or(-1, |seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
    if left >= 0 && warning.get_left() < 0 {
        ask_in_default_language(&warning, view);
    }
    warning.set_left(left);
}

/// The screen's texts are in one language at a time: the other one's are looked up once, when the
/// question is asked.
fn ask_in_default_language(warning: &IdleWarning<'_>, view: &View) {
    let (mut question, mut answer) = Default::default();
    if view.default_language != view.language {
        select_language(&view.default_language);
        (question, answer) = (warning.get_question(), warning.get_answer());
        select_language(&view.language);
        if question == warning.get_question() {
            // A language without a translation of its own.
            (question, answer) = Default::default();
        }
    }
    warning.set_other_question(question);
    warning.set_other_answer(answer);
}
