//! Bodies of events are held to the contract, member by member.

use pikir_contract::{EventBody, InputKind, Rating, Score};
use serde_json::{Value, json};

use crate::{smallest_rating, with};

/// What is said of a body that must be refused.
fn refusal(kind: &str, body: &Value) -> String {
    EventBody::parse(kind, body)
        .expect_err("must be refused")
        .to_string()
}

fn rating_with(name: &str, value: Value) -> Result<Rating, String> {
    match EventBody::parse("rating", &with(smallest_rating(), name, value)) {
        Ok(EventBody::Rating(rating)) => Ok(rating),
        Ok(other) => panic!("read as {other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn answer() -> Value {
    let head = ["score", "lang", "input"]
        .iter()
        .fold(smallest_rating(), |body, name| {
            with(body, name, Value::Null)
        });
    with(
        head,
        "rating",
        json!("019c132d-4a82-7543-89e4-22f05297191e"),
    )
}

#[test]
fn a_score_is_one_of_1_to_5() {
    assert_eq!(Score::ALL.map(Score::get), [1, 2, 3, 4, 5]);
    assert!(Score::new(0).is_none() && Score::new(6).is_none());
    for score in 1..=5 {
        assert_eq!(
            rating_with("score", json!(score)).unwrap().score.get(),
            score
        );
    }
    for wrong in [json!(0), json!(6), json!(-1), json!(4_294_967_297_u64)] {
        assert_eq!(
            rating_with("score", wrong).unwrap_err(),
            "score: is not within 1–5"
        );
    }
    assert_eq!(
        rating_with("score", json!("5")).unwrap_err(),
        "score: is not an integer"
    );
    assert_eq!(
        rating_with("score", json!(5.0)).unwrap_err(),
        "score: is not an integer"
    );
    assert!(
        serde_json::from_str::<Score>("6").is_err()
            && serde_json::from_str::<Score>("5.0").is_err()
    );
}

#[test]
fn every_required_member_of_a_rating_must_be_there() {
    for name in [
        "id", "boot", "up_ms", "wall", "synced", "score", "lang", "input",
    ] {
        assert_eq!(
            rating_with(name, Value::Null).unwrap_err(),
            format!("{name}: is missing")
        );
    }
}

#[test]
fn the_smallest_rating_has_no_flags_no_gap_no_service_and_no_point() {
    let rating = rating_with("flags", Value::Null).unwrap();
    assert_eq!(rating.input, InputKind::Keypad);
    assert_eq!(
        (
            rating.flags.len(),
            rating.gap_ms,
            rating.service,
            rating.x,
            rating.y
        ),
        (0, None, None, None, None)
    );
}

#[test]
fn flags_are_always_written_and_absent_members_never() {
    let written = EventBody::parse("rating", &smallest_rating())
        .unwrap()
        .to_value();
    assert_eq!(written, with(smallest_rating(), "flags", json!([])));
}

#[test]
fn null_stands_for_an_optional_member_that_is_not_there() {
    let mut body = smallest_rating();
    for name in ["service", "gap_ms", "flags", "x", "y"] {
        body[name] = Value::Null;
    }
    assert_eq!(
        EventBody::parse("rating", &body),
        EventBody::parse("rating", &smallest_rating())
    );
    body["score"] = Value::Null;
    assert_eq!(refusal("rating", &body), "score: is missing");
}

#[test]
fn members_in_a_wrong_form_are_named_and_refused() {
    for (name, value, problem) in [
        (
            "id",
            json!("6f1c9b0e-5d0a-4f7e-9d53-0b6c2a1e8f44"),
            "is not a UUID of version 7",
        ),
        (
            "id",
            json!("019C132C-5FE2-7AFE-85BE-DD02A9A3A6AB"),
            "is not a UUID in lower case with hyphens",
        ),
        (
            "boot",
            json!("6f1c9b0e5d0a4f7e9d530b6c2a1e8f44"),
            "is not a UUID in lower case with hyphens",
        ),
        ("boot", json!(7), "is not text"),
        (
            "up_ms",
            json!(-1),
            "lies outside the integers of the contract",
        ),
        ("up_ms", json!("1"), "is not an integer"),
        ("up_ms", json!(1_u64 << 53), "lies outside ±(2^53 − 1)"),
        (
            "wall",
            json!("2026-01-31T08:30:01+00:00"),
            "is not an RFC 3339 time in UTC with Z",
        ),
        ("synced", json!("true"), "is neither true nor false"),
        (
            "lang",
            json!("kirghiz language"),
            "is not a language tag (BCP 47)",
        ),
        ("lang", json!(""), "is not a language tag (BCP 47)"),
        ("input", json!("voice"), "is not touch, keypad or button"),
        ("service", json!(1), "is not text"),
        (
            "gap_ms",
            json!(-1),
            "lies outside the integers of the contract",
        ),
        ("flags", json!("burst"), "is not a list"),
        ("x", json!(1001), "is not within 0–1000"),
        ("y", json!(-1), "is not within 0–1000"),
    ] {
        assert_eq!(
            rating_with(name, value).unwrap_err(),
            format!("{name}: {problem}")
        );
    }
    assert_eq!(
        rating_with("flags", json!(["burst", 1])).unwrap_err(),
        "flags[1]: is not text"
    );
}

#[test]
fn the_edges_of_the_ranges_are_taken() {
    assert_eq!(rating_with("x", json!(1000)).unwrap().x, Some(1000));
    assert_eq!(rating_with("y", json!(0)).unwrap().y, Some(0));
    let rating = rating_with("up_ms", json!((1_u64 << 53) - 1)).unwrap();
    assert_eq!(rating.head.up_ms, (1 << 53) - 1);
}

#[test]
fn a_comment_has_at_most_1000_characters_whatever_their_bytes() {
    let comment = |length: usize| with(answer(), "comment", json!("ң".repeat(length)));
    EventBody::parse("answer", &comment(1000)).unwrap();
    assert_eq!(
        refusal("answer", &comment(1001)),
        "comment: is longer than 1000 characters"
    );
}

#[test]
fn answers_take_scores_by_criterion_and_lists_of_reasons() {
    EventBody::parse("answer", &answer()).unwrap();
    for (name, value, problem) in [
        (
            "criteria",
            json!({"speed": 6}),
            "criteria.speed: is not within 1–5",
        ),
        ("criteria", json!([1]), "criteria: is not an object"),
        ("reasons", json!([1]), "reasons[0]: is not text"),
        (
            "rating",
            json!("none"),
            "rating: is not a UUID in lower case with hyphens",
        ),
        ("rating", Value::Null, "rating: is missing"),
    ] {
        assert_eq!(refusal("answer", &with(answer(), name, value)), problem);
    }
}

#[test]
fn an_answer_may_name_a_service_and_anything_else_there_is_a_member_nobody_knows() {
    let service = |value| match EventBody::parse("answer", &with(answer(), "service", value)) {
        Ok(EventBody::Answer(answer)) => answer.service,
        other => panic!("{other:?}"),
    };
    assert_eq!(service(json!("passport")), Some("passport".to_owned()));
    assert_eq!(service(json!(7)), None);
}

#[test]
fn withdrawals_and_notices_need_their_member() {
    EventBody::parse("withdrawal", &answer()).unwrap();
    assert_eq!(
        refusal("withdrawal", &smallest_rating()),
        "rating: is missing"
    );
    assert_eq!(refusal("notice", &smallest_rating()), "what: is missing");
    EventBody::parse("notice", &with(smallest_rating(), "what", json!("boot"))).unwrap();
}

#[test]
fn unknown_members_are_ignored_unless_they_break_the_rule_for_numbers() {
    let newer = with(smallest_rating(), "mood", json!({"deep": ["x", 1]}));
    assert_eq!(
        EventBody::parse("rating", &newer),
        EventBody::parse("rating", &smallest_rating())
    );
    let float = with(smallest_rating(), "mood", json!({"deep": [0.5]}));
    assert_eq!(refusal("rating", &float), "mood.deep[0]: is not an integer");
}

#[test]
fn an_unknown_kind_is_kept_as_it_is_if_it_is_an_object_of_integers() {
    let body = json!({"anything": [1, {"b": null}]});
    let parsed = EventBody::parse("beacon", &body).unwrap();
    assert_eq!(
        (parsed.kind(), parsed.to_value(), parsed.head()),
        ("beacon", body, None)
    );
    assert_eq!(refusal("beacon", &json!([1])), "is not an object");
    assert_eq!(
        refusal("beacon", &json!({"a": 0.5})),
        "a: is not an integer"
    );
    assert_eq!(refusal("rating", &json!("text")), "is not an object");
}

#[test]
fn errors_do_not_repeat_what_a_visitor_wrote() {
    let secret = "my telephone number";
    for body in [
        with(answer(), "comment", json!([secret])),
        with(answer(), "comment", json!(secret.repeat(100))),
        with(answer(), "criteria", json!(secret)),
        with(answer(), "rating", json!(secret)),
    ] {
        assert!(!refusal("answer", &body).contains("telephone"));
    }
}
