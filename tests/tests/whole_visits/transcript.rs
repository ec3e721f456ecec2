//! What was heard of a visit by keypad: every step, in the visitor's language and its voice, and
//! neither the score that was given nor what was written.

use pikir_tests::speech::Heard;

use crate::hand::Entered;
use crate::tongues::{TONGUES, Tongue};

/// The language a terminal begins in whose visitor reads `tongue`, so that it has to be chosen.
pub fn other_than(tongue: &Tongue) -> &'static Tongue {
    let [first, second, ..] = &TONGUES;
    if first.code == tongue.code {
        second
    } else {
        first
    }
}

/// One thing that has to be heard.
enum Step {
    /// These words, and not one more: they come when a score or an answer was given.
    Only(String),
    /// These words, and what is said of the control that they name or how it is used.
    Begins(String),
}

impl Step {
    fn is(&self, heard: &Heard) -> bool {
        match self {
            Self::Only(words) => heard.text == *words,
            Self::Begins(words) => heard.text.starts_with(words),
        }
    }

    fn words(&self) -> &str {
        let (Self::Only(words) | Self::Begins(words)) = self;
        words
    }
}

/// Checks all that was heard, of which only the keypad's visitor has heard anything.
pub fn check(tongue: &Tongue, entered: &Entered, heard: &[Heard]) {
    let lines: Vec<String> = heard
        .iter()
        .map(|it| format!("{}: {}", it.voice(), it.text))
        .collect();
    let transcript = lines.join("\n");

    // Up to the name of the language in the terminal's own, from there in the visitor's.
    let name = format!("{}.", tongue.name);
    let begun = heard.iter().position(|it| it.text.starts_with(&name));
    let begun = 1 + begun.unwrap_or_else(|| panic!("{name:?} is not in\n{transcript}"));
    let (before, after) = heard.split_at(begun);
    let first = other_than(tongue);
    assert!(before[0].text.contains(first.question), "{transcript}");
    for (part, tongue) in [(before, first), (after, tongue)] {
        let wrong: Vec<_> = part.iter().filter(|it| it.voice() != tongue.code).collect();
        assert!(
            wrong.is_empty(),
            "in another voice: {wrong:#?}\n{transcript}"
        );
    }
    assert!(after[0].text.contains(tongue.question), "{transcript}");

    let mut rest = after.iter();
    for step in steps(tongue, entered) {
        assert!(
            rest.any(|it| step.is(it)),
            "{:?} is not heard in its place in\n{transcript}",
            step.words()
        );
    }
    assert_eq!(rest.next(), None, "after the visit nothing is said");
    check_secrecy(tongue, entered, after, &transcript);
}

fn steps(tongue: &Tongue, entered: &Entered) -> Vec<Step> {
    let page = |number: u8| tongue.page.replacen('2', &number.to_string(), 1);
    let asked = |what: &str, number| Step::Only(format!("{what} {}", page(number)));
    let named = |name: &str| Step::Begins(format!("{name}."));
    let [service_asked, reasons_asked, comment_asked] = tongue.asked;
    let [speed, courtesy] = tongue.criteria;
    let [more, next, send] = tongue.ways;
    let [after_rating, at_the_end] = tongue.thanks;
    let mut steps = vec![
        Step::Only(after_rating.to_owned()),
        named(more),
        asked(service_asked, 1),
        named(tongue.services[entered.service]),
        asked(speed, 2),
        asked(courtesy, 3),
        asked(reasons_asked, 4),
    ];
    let reasons = entered.reasons.iter();
    steps.extend(reasons.map(|reason| named(tongue.reasons[*reason])));
    steps.extend([
        named(next),
        Step::Begins(comment_asked.to_owned()),
        named(send),
        Step::Only(at_the_end.to_owned()),
    ]);
    steps
}

/// The loudspeaker names no answer of a scale and reads out nothing that is written.
fn check_secrecy(tongue: &Tongue, entered: &Entered, heard: &[Heard], transcript: &str) {
    let names_score = |said: &str| {
        let mut said = said.chars();
        said.next().is_some_and(|first| first.is_ascii_digit()) && said.as_str().starts_with(" –")
    };
    for it in heard {
        assert!(!names_score(&it.text), "{it:?} in\n{transcript}");
    }
    let comment_asked = tongue.asked[2];
    let mut writing = heard
        .iter()
        .skip_while(|it| !it.text.starts_with(comment_asked));
    writing.next();
    let words = entered
        .comment(tongue)
        .split(|character: char| !character.is_alphabetic())
        .filter(|word| word.chars().count() > 2);
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    assert!(!words.is_empty(), "this test cannot fail");
    for it in writing {
        let said = it.text.to_lowercase();
        let read_out = words.iter().find(|word| said.contains(*word));
        assert_eq!(read_out, None, "the comment is read out in\n{transcript}");
    }
}
