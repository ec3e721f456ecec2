//! Who hears what: headphones everything, a loudspeaker nothing of a score or of what is written.

use pikir_contract::InputKind;
use pikir_kiosk::view::ScreenView;
use pikir_kiosk::visit::Questionnaire;
use slint::platform::Key;

use crate::counter::{Counter, compare, score};
use crate::samples::LANGUAGES;

/// A terminal with a loudspeaker that speaks.
fn aloud(language: &str, questionnaire: Questionnaire) -> Counter {
    let mut counter = Counter::asking(language, questionnaire);
    counter.lobby.stage.screen.set_speech(true, false);
    counter.key("#", "#");
    counter
}

/// Lines that were said, without those that name the key pressed.
fn sentences(transcript: &str) -> Vec<&str> {
    let said = transcript.lines().filter(|line| !line.starts_with('['));
    said.filter_map(|line| line.split_once(": ").map(|(_, text)| text))
        .collect()
}

#[test]
fn a_loudspeaker_tells_no_score_however_it_is_reached() {
    type Step = fn(&mut Counter);
    let arrows: Step = |counter| counter.key("→", Key::RightArrow);
    let tab: Step = |counter| counter.key("Tab", Key::Tab);
    let scanning: Step = |counter| {
        counter.lobby.stage.screen.scan_next();
        counter.lobby.stage.settle();
        counter.follow();
    };
    for (way, step) in [("arrows", arrows), ("Tab", tab), ("scanning", scanning)] {
        let heard_for = |number: u8| {
            let questionnaire = Questionnaire {
                criteria: vec!["speed".into()],
                ..Questionnaire::default()
            };
            let mut counter = aloud("en", questionnaire);
            counter.transcript();
            for _ in 0..number {
                step(&mut counter);
            }
            counter.scan(0);
            assert_eq!(counter.kept().0, [(score(number), InputKind::Keypad)]);
            counter.wait_ms(1_000);
            counter.choose("Say more");
            counter.wait_ms(500);
            for _ in 0..number {
                step(&mut counter);
            }
            counter.scan(0);
            let given = counter.kept().2.unwrap();
            assert_eq!(given.criteria["speed"], score(number));
            let transcript = counter.transcript();
            sentences(&transcript).join("\n")
        };
        let first = heard_for(1);
        assert_eq!(first.matches("not said aloud").count(), 2, "{way}: {first}");
        for number in 2..=5 {
            assert_eq!(heard_for(number), first, "{way} to {number}");
        }
    }
}

#[test]
fn nothing_is_heard_of_the_answers_between_the_first_and_the_control_after_them() {
    let mut counter = aloud("en", Questionnaire::default());
    counter.transcript();
    for _ in 0..6 {
        counter.key("→", Key::RightArrow);
    }
    counter.key("0", "0");
    let transcript = counter.transcript();
    let said = sentences(&transcript);
    assert!(
        said.len() == 3 && said[0].starts_with("The answers,") && said[1] == said[2],
        "{transcript}"
    );
    assert!(
        !said[1].contains("answers"),
        "the place beside them is told"
    );
    // Going back into them is told again, from whichever side.
    counter.key("←", Key::LeftArrow);
    assert!(counter.transcript().contains("The answers,"));
}

#[test]
fn a_visit_through_a_loudspeaker_is_heard_word_for_word_in_every_language() {
    let mut wrong = Vec::new();
    for language in LANGUAGES {
        let questionnaire = Questionnaire {
            comment: true,
            ..Questionnaire::default()
        };
        let mut counter = aloud(language, questionnaire);
        for _ in 0..4 {
            counter.key("→", Key::RightArrow);
        }
        counter.key("Return", Key::Return);
        counter.wait_ms(1_000);
        for _ in 0..2 {
            counter.key("→", Key::RightArrow);
        }
        counter.key("Return", Key::Return);
        counter.wait_ms(500);
        // Over the letters to the key for deleting, which writes nothing.
        for _ in 0..3 {
            counter.key("→", Key::RightArrow);
        }
        counter.key("Return", Key::Return);
        let transcript = counter.transcript();
        assert_eq!(counter.kept().0, [(score(4), InputKind::Keypad)]);
        wrong.extend(compare(&format!("{language}-loudspeaker"), &transcript));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_loudspeaker_names_keys_that_write_nothing_and_no_others() {
    let mut counter = writing(false);
    counter.transcript();
    // Along every row, which has no ends.
    for _ in 0..4 {
        for _ in 0..13 {
            counter.key("→", Key::RightArrow);
        }
        counter.key("↓", Key::DownArrow);
    }
    for _ in 0..40 {
        counter.scan(1);
    }
    let transcript = counter.transcript();
    let said = sentences(&transcript);
    assert!(said.contains(&"Delete"), "{transcript}");
    for words in said {
        assert!(
            words.chars().count() > 1 && !words.starts_with("Row") && words != "Space",
            "{words:?}"
        );
    }
}

/// On the comment's page with speech on, after a rating.
fn writing(private: bool) -> Counter {
    let questionnaire = Questionnaire {
        comment: true,
        ..Questionnaire::default()
    };
    let mut counter = Counter::asking("en", questionnaire);
    counter.lobby.stage.screen.set_speech(true, private);
    counter.key("#", "#");
    counter.key("3", "3");
    counter.wait_ms(1_000);
    counter.choose("Say more");
    counter.wait_ms(500);
    counter.transcript();
    for letter in ["s", "l", "o", "w", " "] {
        counter.key(letter, letter);
    }
    counter
}

#[test]
fn what_a_visitor_writes_is_read_back_to_headphones() {
    let mut counter = writing(true);
    let said = counter.transcript();
    let said: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split(": ").nth(1))
        .collect();
    assert_eq!(said, ["s", "l", "o", "w", "slow"]);
    counter.reach("Anything else?");
    let heard = counter.transcript();
    assert!(heard.ends_with("slow\n"), "{heard}");
}

#[test]
fn a_loudspeaker_says_nothing_of_what_a_visitor_writes() {
    let mut counter = writing(false);
    for _ in 0..20 {
        counter.key("Tab", Key::Tab);
        counter.key("F1", Key::F1);
    }
    let heard = counter.transcript();
    assert!(!heard.contains("slow"), "{heard}");
    assert!(heard.contains("Anything else?"), "{heard}");
}

#[test]
fn what_one_visitor_wrote_is_not_read_to_the_next() {
    let mut counter = writing(true);
    counter.choose("Send");
    counter.wait_ms(120_000);
    assert!(matches!(counter.lobby.view().screen, ScreenView::Rate(_)));
    counter.transcript();
    counter.key("#", "#");
    for _ in 0..20 {
        counter.key("→", Key::RightArrow);
        counter.key("0", "0");
    }
    assert!(!counter.transcript().contains("slow"));
}
