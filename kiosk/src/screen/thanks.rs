//! Connects the thanks screen (`ui/screens/thanks.slint`).

use std::rc::Rc;

use slint::ComponentHandle as _;

use super::ui::{AppWindow, Thanks};
use crate::view::{ThanksView, UserAction};

pub(super) fn connect(window: &AppWindow, report: &Rc<dyn Fn(UserAction)>) {
    let thanks = window.global::<Thanks>();
    let to = report.clone();
    thanks.on_undo(move || to(UserAction::Undo));
    let to = report.clone();
    thanks.on_more_wanted(move || to(UserAction::More));
    let to = report.clone();
    thanks.on_done(move || to(UserAction::Done));
}

pub(super) fn show(window: &AppWindow, view: ThanksView) {
    let left = view
        .undo_left_s
        .map_or(-1, |seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
    let thanks = window.global::<Thanks>();
    thanks.set_undo_left(left);
    thanks.set_more(view.more);
}
