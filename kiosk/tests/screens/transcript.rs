//! A whole visit without sight or touch: the real visit behind the real screen, a keypad or two
//! buttons in front of it, and what is heard, word for word, in each language.
//!
//! The expected words lie in `transcripts/`. After a change of the texts:
//! `PIKIR_WRITE_TRANSCRIPTS=1 cargo test`, and read what changed.

use pikir_contract::InputKind;
use pikir_kiosk::journal::Given;
use pikir_kiosk::view::{RateMessage, ScreenView};
use pikir_kiosk::visit::{Event, Questionnaire};
use slint::platform::Key;

use crate::counter::{Counter, compare, score};
use crate::lobby;
use crate::samples::{self, LANGUAGES};
use crate::stage::Stage;

#[test]
fn a_visit_by_keypad_alone_is_heard_word_for_word_in_every_language() {
    let mut wrong = Vec::new();
    for language in LANGUAGES {
        let mut counter = Counter::new(language);
        counter.key("#", "#");
        for _ in 0..5 {
            counter.key("→", Key::RightArrow);
        }
        counter.key("0", "0");
        counter.key("+", "+");
        counter.key("←", Key::LeftArrow);
        counter.key("Return", Key::Return);
        counter.wait_ms(1_000);
        counter.key("→", Key::RightArrow);
        counter.key("Return", Key::Return);
        counter.wait_ms(1_000);
        counter.key("2", "2");
        counter.wait_ms(1_000);
        counter.key("*", "*");
        let transcript = counter.transcript();
        let (ratings, taken_back, _) = counter.kept();
        let by_keypad = [4, 2].map(|number| (score(number), InputKind::Keypad));
        assert_eq!(
            (ratings, taken_back),
            (by_keypad.to_vec(), 1),
            "{language}:\n{transcript}"
        );
        wrong.extend(compare(language, &transcript));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_whole_questionnaire_by_keypad_alone_is_heard_word_for_word_and_kept_in_every_language() {
    // What the buttons on the way are called: more, next, send.
    let ways = [
        ("ky", ["Кененирээк айтуу", "Кийинки", "Жөнөтүү"]),
        ("ru", ["Рассказать подробнее", "Далее", "Отправить"]),
        ("be", ["Расказаць падрабязней", "Далей", "Адправіць"]),
        ("en", ["Say more", "Next", "Send"]),
        ("kk", ["Толығырақ айту", "Келесі", "Жіберу"]),
    ];
    let mut wrong = Vec::new();
    for (language, [more, next, send]) in ways {
        let mut counter = Counter::asking(language, lobby::rules().questionnaire);
        counter.key("#", "#");
        counter.key("2", "2");
        counter.wait_ms(1_000);
        counter.choose(more);
        counter.wait_ms(500);
        counter.choose("land");
        counter.wait_ms(500);
        counter.choose("4 –");
        counter.wait_ms(500);
        counter.key("1", "1");
        counter.wait_ms(500);
        counter.choose("waiting");
        counter.choose("result");
        counter.choose(next);
        counter.wait_ms(500);
        // Arrows reach the letters of the screen, and a digit is a digit.
        counter.key("→", Key::RightArrow);
        counter.key("→", Key::RightArrow);
        counter.key("↓", Key::DownArrow);
        let letter = counter.last_heard();
        counter.key("Return", Key::Return);
        counter.key("1", "1");
        counter.choose(send);
        let transcript = counter.transcript();
        let given = Given {
            service: Some("land".into()),
            criteria: [("speed", 4), ("courtesy", 1)]
                .map(|(key, number)| (key.to_owned(), score(number)))
                .into(),
            reasons: Some(vec!["waiting".into(), "result".into()]),
            comment: Some(format!("{letter}1")),
        };
        let (ratings, _, kept) = counter.kept();
        assert_eq!(ratings, [(score(2), InputKind::Keypad)], "{language}");
        assert_eq!(kept, Some(given), "{language}:\n{transcript}");
        for asked in ["land.", "speed ", "courtesy ", "waiting.", "result."] {
            assert!(
                transcript.contains(&format!(" Medium: {asked}")),
                "{language}: {asked:?} is not heard in\n{transcript}"
            );
        }
        wrong.extend(compare(&format!("{language}-questionnaire"), &transcript));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_that_is_heard_depends_on_the_score_that_was_given() {
    let heard_after = |number: u8| {
        let mut counter = Counter::new("en");
        counter.key("#", "#");
        counter.transcript();
        counter.lobby.stage.key(number.to_string().as_str());
        counter.follow();
        for _ in 0..8 {
            counter.key("→", Key::RightArrow);
        }
        counter.transcript()
    };
    let first = heard_after(1);
    assert!(first.contains("Your answer is saved"), "{first}");
    for number in 2..=5 {
        assert_eq!(heard_after(number), first);
    }
}

#[test]
fn a_visit_by_two_buttons_rates_takes_back_and_rates_again() {
    for language in LANGUAGES {
        let mut counter = Counter::new(language);
        counter.scan(3);
        assert_eq!(
            counter.kept().0,
            [(score(3), InputKind::Keypad)],
            "{language}"
        );
        counter.wait_ms(1_000);
        // The first control of the thanks is the way back.
        counter.scan(0);
        assert_eq!(counter.kept().1, 1, "{language}");
        counter.wait_ms(1_000);
        // The focus is on no answer, as at the beginning.
        counter.scan(5);
        assert_eq!(
            counter.kept().0.last(),
            Some(&(score(5), InputKind::Keypad)),
            "{language}"
        );
    }
}

#[test]
fn a_language_chosen_by_keys_is_heard_in_that_language() {
    let mut counter = Counter::new("ky");
    counter.key("#", "#");
    // From the screen itself the languages come last, so they are the next ones backwards.
    let mut steps = 0;
    loop {
        counter.transcript();
        counter.key("←", Key::LeftArrow);
        steps += 1;
        assert!(steps < 20, "there is a segment for English");
        if counter.transcript().contains("English") {
            break;
        }
    }
    counter.key("Return", Key::Return);
    let heard = counter.transcript();
    assert!(
        heard.contains("    en Medium:") && heard.contains("How would you rate the service?"),
        "{heard}"
    );
}

#[test]
fn who_walks_away_is_asked_and_the_next_visitor_hears_nothing() {
    let mut counter = Counter::new("en");
    counter.key("#", "#");
    counter.transcript();
    counter.wait_ms(30_000);
    assert!(
        counter
            .transcript()
            .contains("Are you still there? Press any key to go on. Seconds left: 20.")
    );
    counter.key("→", Key::RightArrow);
    assert_eq!(counter.lobby.view().idle_left_s, None, "any key goes on");
    assert_eq!(counter.transcript(), "[→]\n", "and does nothing else");
    counter.wait_ms(30_000);
    for _ in 0..20 {
        counter.wait_ms(1_000);
    }
    let heard = counter.transcript();
    for seconds in ["15", "10", "5", "3", "2", "1"] {
        assert!(
            heard.contains(&format!(": {seconds}\n")),
            "{seconds} in {heard}"
        );
    }
    assert!(!counter.voice.is_speaking());
    counter.key("0", "0");
    counter.key("→", Key::RightArrow);
    assert_eq!(counter.transcript(), "[0]\n[→]\n", "speech is off");
    assert!(matches!(counter.lobby.view().screen, ScreenView::Rate(_)));
}

#[test]
fn what_could_not_be_saved_is_said() {
    let mut counter = Counter::new("en");
    counter.key("#", "#");
    counter.transcript();
    let mut view = counter.lobby.view();
    let ScreenView::Rate(rate) = &mut view.screen else {
        panic!("the rate screen is up")
    };
    rate.message = Some(RateMessage::NotSaved);
    counter.lobby.stage.show(&view);
    let said = counter.lobby.stage.said();
    assert_eq!(
        said,
        ["Your answer could not be saved. Please use your phone."]
    );
}

#[test]
fn going_through_the_answers_keeps_the_visit_alive() {
    let mut counter = Counter::new("en");
    counter.key("#", "#");
    for _ in 0..20 {
        counter.wait_ms(10_000);
        counter.key("→", Key::RightArrow);
        assert_eq!(counter.lobby.view().idle_left_s, None);
    }
}

#[test]
fn whoever_begins_to_listen_hears_the_news_once_and_first() {
    let stage = Stage::new((480, 320));
    let mut view = samples::view("en", ScreenView::Rate(samples::rate()));
    view.announced = Some(samples::news("en"));
    view.ratings_today = Some(12);
    stage.show(&view);
    assert_eq!(stage.said(), [""; 0]);
    view.adaptation.speech = true;
    stage.show(&view);
    let said = stage.said().join(" ");
    let places = [
        "Speech is on.",
        "Official answer. ",
        "12 ratings were given here today.",
        "How would you rate the service?",
    ]
    .map(|words| said.find(words));
    assert!(places[0].is_some() && places.is_sorted(), "{said}");
    stage.key(Key::RightArrow);
    view.screen = samples::thanks(Some(5));
    stage.show(&view);
    view.screen = ScreenView::Rate(samples::rate());
    stage.show(&view);
    let said = stage.said().join(" ");
    assert!(!said.contains("Official answer"), "{said}");
    assert!(!said.contains("given here today"), "{said}");
    assert!(said.contains("How would you rate the service?"), "{said}");
}

#[test]
fn a_visit_with_headphones_and_two_buttons_is_heard_word_for_word_in_every_language() {
    let mut wrong = Vec::new();
    for language in LANGUAGES {
        let questionnaire = Questionnaire {
            comment: true,
            ..Questionnaire::default()
        };
        let mut counter = Counter::asking(language, questionnaire);
        counter.lobby.stage.screen.set_two_buttons(true);
        counter.follow();
        counter.lobby.happen(Event::Headphones(true));
        counter.follow();
        counter.scan(4);
        // Long after the five seconds that others have.
        counter.wait_ms(12_000);
        counter.scan(1);
        counter.wait_ms(1_000);
        counter.scan(5);
        counter.wait_ms(1_000);
        counter.scan(2);
        let transcript = counter.transcript();
        let (ratings, taken_back, _) = counter.kept();
        let by_buttons = [4, 5].map(|number| (score(number), InputKind::Keypad));
        assert_eq!(
            (ratings, taken_back),
            (by_buttons.to_vec(), 1),
            "{language}:\n{transcript}"
        );
        wrong.extend(compare(&format!("{language}-two-buttons"), &transcript));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
