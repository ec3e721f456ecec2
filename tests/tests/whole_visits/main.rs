//! A whole visit with the real programs, in each language: rating, service, criteria, reasons that
//! fit the score, a comment in the language's own letters; by touch, by a keypad alone with speech,
//! by two buttons alone. What arrives in the portal is exactly what was entered.

mod hand;
mod tongues;
mod transcript;

use anyhow::{Context, Result};
use pikir_tests::kiosk::face;
use pikir_tests::records::{self, Record, given};
use pikir_tests::scene::ORGANIZATION;
use pikir_tests::speech::Listener;
use pikir_tests::visitor::Visitor;
use pikir_tests::wait;
use serde_json::{Map, Value, json};

use hand::{Entered, Hand, Way};
use tongues::{CRITERIA, TONGUES, Tongue};

/// One visit by each way, one after the other at the same terminal.
const VISITS: [Entered; 3] = [
    Entered {
        way: Way::Touch,
        score: 2,
        service: 1,
        criteria: [4, 2],
        reasons: &[1, 0],
    },
    Entered {
        way: Way::Keypad,
        score: 5,
        service: 0,
        criteria: [3, 5],
        reasons: &[3],
    },
    Entered {
        way: Way::Buttons,
        score: 3,
        service: 1,
        criteria: [1, 4],
        reasons: &[2],
    },
];

#[test]
fn whole_visits_in_kyrgyz_arrive_exactly_as_they_were_entered() -> Result<()> {
    visits_in("ky")
}

#[test]
fn whole_visits_in_russian_arrive_exactly_as_they_were_entered() -> Result<()> {
    visits_in("ru")
}

#[test]
fn whole_visits_in_belarusian_arrive_exactly_as_they_were_entered() -> Result<()> {
    visits_in("be")
}

#[test]
fn whole_visits_in_kazakh_arrive_exactly_as_they_were_entered() -> Result<()> {
    visits_in("kk")
}

#[test]
fn whole_visits_in_english_arrive_exactly_as_they_were_entered() -> Result<()> {
    visits_in("en")
}

fn visits_in(language: &str) -> Result<()> {
    let tongue = TONGUES
        .iter()
        .find(|tongue| tongue.code == language)
        .context("the language has its words here")?;
    let first = transcript::other_than(tongue);
    let others = TONGUES.iter().filter(|other| other.code != first.code);
    let languages: Vec<_> = [first]
        .into_iter()
        .chain(others)
        .map(|it| it.code)
        .collect();
    let mut visitor = Visitor::new(&tongues::offer(), &languages)?;
    let listener = Listener::new(visitor.scene.dir(), visitor.kiosk.config(), "loudspeaker")?;
    visitor.kiosk.start(&visitor.display)?;
    wait::until("the keyboard", || {
        Ok(visitor.display.has_focus()?.then_some(()))
    })?;
    for entered in &VISITS {
        let hand = Hand {
            visitor: &visitor,
            listener: &listener,
            tongue,
            way: entered.way,
        };
        hand.visit(entered)
            .with_context(|| format!("{language}, {:?}", entered.way))?;
    }
    let heard = listener.heard()?;
    let by_ear = VISITS.iter().find(|entered| entered.way == Way::Keypad);
    transcript::check(tongue, by_ear.context("one visit is by keypad")?, &heard);
    check_journal(&visitor, tongue)?;
    check_portal(&visitor, tongue)?;
    let log = visitor.kiosk.log()?;
    for comment in tongue.comments {
        assert!(!log.contains(comment), "comments are in no log: {log}");
    }
    Ok(())
}

/// What the events of a visit say, in order: each answer is saved as it is given, with those before
/// it.
fn bodies(tongue: &Tongue, entered: &Entered) -> Vec<(&'static str, Value)> {
    let rating = json!({
        "score": entered.score,
        "lang": tongue.code,
        "input": input(entered.way),
        "flags": [],
    });
    let mut answer = json!({"service": entered.service_key()});
    let mut bodies = vec![("rating", rating), ("answer", answer.clone())];
    let mut give = |name: &str, value: Value| {
        answer[name] = value;
        bodies.push(("answer", answer.clone()));
    };
    for count in 1..=CRITERIA.len() {
        give("criteria", criteria(entered, count));
    }
    let reasons = entered.reason_keys();
    for count in 1..=reasons.len() {
        give("reasons", json!(reasons[..count]));
    }
    give("comment", entered.comment(tongue).into());
    bodies
}

fn input(way: Way) -> &'static str {
    match way {
        Way::Touch => "touch",
        // Two buttons are keys of a keyboard that has no others.
        Way::Keypad | Way::Buttons => "keypad",
    }
}

fn criteria(entered: &Entered, count: usize) -> Value {
    let scores = CRITERIA.into_iter().zip(entered.criteria).take(count);
    scores
        .map(|(key, score)| (key.to_owned(), score.into()))
        .collect::<Map<_, _>>()
        .into()
}

/// The journal holds what was entered, in order, and nothing else of visitors.
fn check_journal(visitor: &Visitor, tongue: &Tongue) -> Result<()> {
    let mut journal = records::in_journal(&visitor.kiosk)?;
    journal.retain(|record| record.kind != "notice");
    let mut rating: Option<&Record> = None;
    let mut held = Vec::new();
    for record in &journal {
        let mut body = given(record);
        match (record.kind.as_str(), rating) {
            ("rating", _) => {
                rating = Some(record);
                check_place(visitor, &mut body)?;
            }
            (_, Some(rating)) => assert_eq!(record.body["rating"], rating.id()),
            (kind, None) => panic!("{kind} without a rating"),
        }
        held.push((record.kind.as_str(), body));
    }
    let expected: Vec<_> = VISITS
        .iter()
        .flat_map(|entered| bodies(tongue, entered))
        .collect();
    assert_eq!(held, expected, "{}", tongue.code);
    Ok(())
}

/// A rating by touch says where it was touched, to the per mille; no other does. The place is taken
/// out of the body.
fn check_place(visitor: &Visitor, body: &mut Value) -> Result<()> {
    let members = body.as_object_mut().context("a body is an object")?;
    let place = [members.remove("x"), members.remove("y")];
    if members["input"] == "touch" {
        let score = members["score"].as_u64().context("a score is a number")?;
        let (x, y) = face(&visitor.display, u8::try_from(score)?)?;
        let (width, height) = visitor.display.size();
        for (said, (at, size)) in place.into_iter().zip([(x, width), (y, height)]) {
            let said = said.and_then(|said| said.as_u64()).context("a number")?;
            let touched = u64::from(at) * 1_000 / u64::from(size);
            assert!(said.abs_diff(touched) <= 1, "{said} is not {touched} ‰");
        }
    } else {
        assert_eq!(place, [None, None], "keys are at no place");
    }
    Ok(())
}

/// The portal holds what the journal holds, has put together what belongs together, and publishes
/// just that.
fn check_portal(visitor: &Visitor, tongue: &Tongue) -> Result<()> {
    let (portal, kiosk) = (&visitor.scene.portal, &visitor.kiosk);
    kiosk.wait_until_delivered()?;
    let terminal = kiosk.terminal_id()?;
    records::check_seals(portal, &terminal)?;
    assert_eq!(
        records::in_portal(portal, &terminal)?,
        records::in_journal(kiosk)?
    );
    assert_eq!(records::rejected_in_portal(portal, &terminal)?, []);
    let expected: Vec<_> = VISITS
        .iter()
        .map(|entered| {
            let mut reasons = entered.reason_keys();
            reasons.sort_unstable();
            json!({
                "score": entered.score,
                "lang": tongue.code,
                "input": input(entered.way),
                "service": entered.service_key(),
                "criteria": criteria(entered, CRITERIA.len()),
                "reasons": reasons,
                "comment": entered.comment(tongue),
                "flags": [],
                "withdrawn": 0,
            })
        })
        .collect();
    assert_eq!(records::visits(portal, &terminal)?, expected);
    assert_eq!(records::ratings_in_portal(portal)?, VISITS.len() as u64);
    assert_eq!(figures(&portal.summary(ORGANIZATION)?), expected_figures());
    Ok(())
}

/// The figures of a summary that are not 0.
fn figures(summary: &Value) -> Value {
    let counts = |of: &Value| -> Value {
        let counts = of["counts"].as_object().into_iter().flatten();
        let some = counts.filter(|(_, count)| **count != 0);
        some.map(|(score, count)| (score.clone(), count.clone()))
            .collect::<Map<_, _>>()
            .into()
    };
    let named = |list: &Value, figure: &dyn Fn(&Value) -> Value| -> Value {
        let list = list.as_array().into_iter().flatten();
        let figures = list.map(|it| (it["key"].as_str().unwrap_or_default(), figure(it)));
        figures
            .map(|(key, figure)| (key.to_owned(), figure))
            .collect::<Map<_, _>>()
            .into()
    };
    let channels = &summary["channels"];
    json!({
        "all": counts(summary),
        "terminal": counts(&channels["terminal"]),
        "others": [counts(&channels["phone"]), counts(&channels["poster"])],
        "out": [summary["flagged"], summary["withdrawn"]],
        "services": named(&summary["services"], &counts),
        "criteria": named(&summary["questionnaire"]["criteria"], &counts),
        "reasons": named(&summary["questionnaire"]["reasons"], &|it| it["count"].clone()),
    })
}

/// What [`figures`] should be after [`VISITS`].
fn expected_figures() -> Value {
    json!({
        "all": {"2": 1, "3": 1, "5": 1},
        "terminal": {"2": 1, "3": 1, "5": 1},
        "others": [{}, {}],
        "out": [0, 0],
        "services": {"passport": {"5": 1}, "land": {"2": 1, "3": 1}},
        "criteria": {"speed": {"4": 1, "3": 1, "1": 1}, "courtesy": {"2": 1, "5": 1, "4": 1}},
        "reasons": {"waiting": 1, "clarity": 1, "swiftness": 1, "kindness": 1},
    })
}
