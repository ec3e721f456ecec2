//! Connects the questionnaire's pages (`ui/screens/more.slint`).

use std::rc::Rc;

use slint::ComponentHandle as _;

use super::ui::{AppWindow, Keyboard, Keys, More, Option as OptionRow, PageKind};
use super::{models, rate};
use crate::view::{MoreView, OptionView, PageView, ScreenView, UserAction, View};

pub(super) fn connect(window: &AppWindow, report: &Rc<dyn Fn(UserAction)>) {
    let more = window.global::<More>();
    let to = report.clone();
    more.on_choose(move |index| {
        if let Ok(index) = usize::try_from(index) {
            to(UserAction::Choose(index));
        }
    });
    let to = report.clone();
    more.on_next(move || to(UserAction::Next));
    let to = report.clone();
    more.on_back(move || to(UserAction::Back));
    let to = report.clone();
    more.on_done(move || to(UserAction::Done));
}

pub(super) fn show(window: &AppWindow, view: &MoreView) {
    let more = window.global::<More>();
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    more.set_page(number(view.page));
    more.set_pages(number(view.pages));
    more.set_not_saved(view.not_saved);
    match &view.content {
        PageView::Service(options) => {
            show_options(&more, options);
            more.set_kind(PageKind::Service);
        }
        PageView::Reasons(options) => {
            show_options(&more, options);
            more.set_kind(PageKind::Reasons);
        }
        PageView::Criterion {
            name,
            words,
            chosen,
        } => {
            rate::show_words(window, words);
            more.set_criterion(name.as_str().into());
            more.set_score(chosen.map_or(0, |score| i32::from(score.get())));
            more.set_kind(PageKind::Criterion);
        }
        PageView::Comment { text, limit } => {
            more.set_comment(text.as_str().into());
            more.set_comment_characters(number(text.chars().count()));
            more.set_comment_limit(number(*limit));
            more.set_kind(PageKind::Comment);
        }
    }
}

/// The keyboard comes and goes with the comment's page. What is typed is written only where nothing
/// lies over it.
pub(super) fn show_keyboard(window: &AppWindow, view: &View) {
    let writing = matches!(&view.screen, ScreenView::More(page) if matches!(page.content, PageView::Comment { .. }));
    let keyboard = window.global::<Keyboard>();
    if writing {
        keyboard.invoke_shown(view.language.as_str().into());
    } else {
        keyboard.invoke_gone();
    }
    window
        .global::<Keys>()
        .set_typing(writing && view.overlay.is_none());
}

fn show_options(more: &More<'_>, options: &[OptionView]) {
    let rows: Vec<OptionRow> = options
        .iter()
        .map(|option| OptionRow {
            label: option.label.as_str().into(),
            chosen: option.chosen,
        })
        .collect();
    let longest = options
        .iter()
        .map(|option| option.label.chars().count())
        .max();
    more.set_longest(i32::try_from(longest.unwrap_or(0)).unwrap_or(i32::MAX));
    if let Some(replaced) = models::updated(&more.get_options(), rows) {
        more.set_options(replaced);
    }
}
