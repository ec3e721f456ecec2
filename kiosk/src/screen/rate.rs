//! Connects the rate screen (`ui/screens/rate.slint`).

use std::rc::Rc;

use pikir_contract::{InputKind, Score};
use slint::ComponentHandle as _;

use super::shell;
use super::ui::{Announced, AppWindow, Message, News, Rate, ScaleWords};
use crate::view::{RateMessage, RateView, Slide, UserAction, View};

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

pub(super) fn show(window: &AppWindow, screen: &View, view: &RateView) {
    let rate = window.global::<Rate>();
    show_news(&window.global::<News>(), screen);
    rate.set_question(view.question.as_deref().unwrap_or_default().into());
    show_words(window, &view.words);
    rate.set_pressed(view.pressed.map_or(0, |score| i32::from(score.get())));
    rate.set_check_needed(view.check_needed);
    rate.set_message(match view.message {
        None => Message::None,
        Some(RateMessage::Withdrawn) => Message::Withdrawn,
        Some(RateMessage::NotSaved) => Message::NotSaved,
    });
}

fn show_news(shown: &News<'_>, view: &View) {
    let first = view.announced.as_ref().map(|news| Announced {
        answer: news.answer,
        title: news.title.as_str().into(),
        text: news.text.as_str().into(),
    });
    shown.set_first(first.unwrap_or_default());
    let count = |ratings: u32| i32::try_from(ratings).unwrap_or(i32::MAX);
    shown.set_ratings_today(view.ratings_today.map_or(0, count));
    // What was told stays as it is while it is not: nothing is laid out anew.
    match &view.slide {
        None => {}
        Some(Slide::News(news)) => {
            shown.set_answer(news.answer);
            shown.set_title(news.title.as_str().into());
            shown.set_text(news.text.as_str().into());
            shown.set_ratings(0);
        }
        Some(Slide::Ratings(ratings)) => shown.set_ratings(count(*ratings)),
    }
    shown.set_told(view.slide.is_some());
}

/// The words of the scale, wherever a score is asked for.
pub(super) fn show_words(window: &AppWindow, words: &[Option<String>; 5]) {
    let scale = window.global::<ScaleWords>();
    let [one, two, three, four, five] = words
        .each_ref()
        .map(|word| word.as_deref().unwrap_or_default().into());
    scale.set_word_1(one);
    scale.set_word_2(two);
    scale.set_word_3(three);
    scale.set_word_4(four);
    scale.set_word_5(five);
}

fn score(number: i32) -> Option<Score> {
    u8::try_from(number).ok().and_then(Score::new)
}
