//! One frozen example of every message, in `tests/golden/`.
//!
//! Terminals in the field outlive portal versions: a change that breaks one of these breaks them.
//! The seals, signatures and presence tokens in the files were computed with Python (`hmac`,
//! `hashlib`, `cryptography`) from the contract's formulas, not with this crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use pikir_contract::{
    Bytes, EnrolmentPending, EnrolmentRequest, EnrolmentResult, Event, EventBody, EventsAnswer,
    EventsRequest, PlaceCode, PollError, PollErrorCode, PollRequest, Problem, RequestSignature,
    SealKey, SignatureHeaders, SigningKey, StatusAnswer, StatusReport, TerminalConfig,
    base64url_encode, canonical_json, check_presence, encode_public_key, presence_step,
    presence_token, qr_address, sign_request, verifying_key,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

pub fn golden(name: &str) -> Value {
    let text = fs::read_to_string(directory().join(name).with_extension("json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Reads the example as a `T` and holds what the `T` is written as against it.
fn round_trip<T: Serialize + DeserializeOwned>(name: &str) {
    let example = golden(name);
    let message: T =
        serde_json::from_value(example.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(serde_json::to_value(&message).unwrap(), example, "{name}");
    assert_eq!(
        canonical_json(&message).unwrap(),
        canonical_json(&example).unwrap(),
        "{name}"
    );
}

/// Reads the example as the body of an event of this kind.
fn body(name: &str, kind: &str) {
    let example = golden(name);
    let body = EventBody::parse(kind, &example).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(body.kind(), kind, "{name}");
    assert_eq!(body.to_value(), example, "{name}");
    assert_eq!(
        canonical_json(&body.to_value()).unwrap(),
        canonical_json(&example).unwrap(),
        "{name}"
    );
}

type Check = fn(&str);

/// Every example and how it is checked.
const EXAMPLES: &[(&str, Check)] = &[
    ("body-answer", |name| body(name, "answer")),
    ("body-answer-smallest", |name| body(name, "answer")),
    ("body-notice", |name| body(name, "notice")),
    ("body-notice-smallest", |name| body(name, "notice")),
    ("body-rating", |name| body(name, "rating")),
    ("body-rating-smallest", |name| body(name, "rating")),
    ("body-unknown", |name| body(name, "beacon")),
    ("body-withdrawal", |name| body(name, "withdrawal")),
    ("config-hours", round_trip::<TerminalConfig>),
    ("config-full", round_trip::<TerminalConfig>),
    ("config-presence-key", round_trip::<TerminalConfig>),
    ("config-smallest", round_trip::<TerminalConfig>),
    ("enrolment-pending", round_trip::<EnrolmentPending>),
    ("enrolment-request", enrolment_request),
    ("enrolment-request-with-token", enrolment_request),
    ("enrolment-result", enrolment_result),
    ("events-answer", round_trip::<EventsAnswer>),
    ("events-request", events_request),
    ("journal", journal),
    ("poll-error-access-denied", |name| {
        poll_error(name, PollErrorCode::AccessDenied)
    }),
    ("poll-error-authorization-pending", |name| {
        poll_error(name, PollErrorCode::AuthorizationPending)
    }),
    ("poll-error-expired-token", |name| {
        poll_error(name, PollErrorCode::ExpiredToken)
    }),
    ("poll-error-slow-down", |name| {
        poll_error(name, PollErrorCode::SlowDown)
    }),
    ("poll-request", round_trip::<PollRequest>),
    ("presence", presence),
    ("problem", round_trip::<Problem>),
    ("problem-event", round_trip::<Problem>),
    ("problem-smallest", round_trip::<Problem>),
    ("problem-terminal-retired", problem_terminal_retired),
    ("signatures", signatures),
    ("status-answer", round_trip::<StatusAnswer>),
    ("status-report", round_trip::<StatusReport>),
    ("status-report-problems", round_trip::<StatusReport>),
    ("status-report-smallest", round_trip::<StatusReport>),
];

#[test]
fn every_golden_example_is_read_and_written_as_it_stands() {
    for (name, check) in EXAMPLES {
        check(name);
    }
}

#[test]
fn no_golden_example_is_without_a_test() {
    let files = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let tested = EXAMPLES.iter().map(|(name, _)| format!("{name}.json"));
    assert_eq!(
        files.collect::<BTreeSet<_>>(),
        tested.collect::<BTreeSet<_>>()
    );
}

fn enrolment_request(name: &str) {
    round_trip::<EnrolmentRequest>(name);
    let request: EnrolmentRequest = serde_json::from_value(golden(name)).unwrap();
    request.keys().unwrap();
}

fn enrolment_result(name: &str) {
    round_trip::<EnrolmentResult>(name);
    let result: EnrolmentResult = serde_json::from_value(golden(name)).unwrap();
    let smallest = TerminalConfig::from_value(&golden("config-smallest")).unwrap();
    assert_eq!(
        TerminalConfig::from_value(&result.config).unwrap(),
        smallest
    );
}

fn events_request(name: &str) {
    round_trip::<EventsRequest>(name);
    let request: EventsRequest = serde_json::from_value(golden(name)).unwrap();
    request.check().unwrap();
}

fn poll_error(name: &str, code: PollErrorCode) {
    round_trip::<PollError>(name);
    assert_eq!(
        serde_json::to_value(PollError { error: code }).unwrap(),
        golden(name)
    );
}

fn problem_terminal_retired(name: &str) {
    round_trip::<Problem>(name);
    assert_eq!(golden(name)["type"], Problem::TERMINAL_RETIRED);
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::from_value::<Bytes>(value.clone()).unwrap().0
}

/// A journal under a fixed key: the exact text each seal covers, the key of each event, and the
/// seal.
fn journal(name: &str) {
    let example = golden(name);
    let mut key = SealKey::from_slice(&bytes(&example["seal_key"])).unwrap();
    let events: Vec<Event> = serde_json::from_value(example["events"].clone()).unwrap();
    assert_eq!(serde_json::to_value(&events).unwrap(), example["events"]);
    for (event, sealed) in events.iter().zip(example["sealed"].as_array().unwrap()) {
        let Event {
            seq,
            kind,
            body,
            seal,
        } = event;
        let text = canonical_json(&json!({"seq": seq, "kind": kind, "body": body})).unwrap();
        assert_eq!(text, sealed["canonical"].as_str().unwrap());
        assert_eq!(
            base64url_encode(key.as_bytes()),
            sealed["key"].as_str().unwrap()
        );
        assert_eq!(key.seal(*seq, kind, body).unwrap(), *seal, "seq {seq}");
        EventBody::parse(kind, body).unwrap();
        key = key.next();
    }
    assert_eq!(
        base64url_encode(key.as_bytes()),
        example["next_key"].as_str().unwrap()
    );
}

fn signatures(name: &str) {
    let example = golden(name);
    let key = SigningKey::from_bytes(&bytes(&example["signing_key"]).try_into().unwrap());
    let public = verifying_key(&Bytes(bytes(&example["public_key"]))).unwrap();
    assert_eq!(public, key.verifying_key());
    assert_eq!(
        encode_public_key(&public),
        example["public_key"].as_str().unwrap()
    );
    for request in example["requests"].as_array().unwrap() {
        let text = |name: &str| request[name].as_str().unwrap();
        let (method, path, content) = (
            text("method"),
            text("path"),
            request["content"].as_str().map(str::as_bytes),
        );
        let field = |name: &str| request["headers"][name].as_str().map(str::to_owned);
        let expected = SignatureHeaders {
            content_digest: field("content_digest"),
            signature_input: field("signature_input").unwrap(),
            signature: field("signature").unwrap(),
        };
        let created = request["created"].as_i64().unwrap();
        assert_eq!(
            sign_request(&key, text("keyid"), method, path, content, created),
            expected
        );
        let signature = RequestSignature::parse(&expected).unwrap();
        assert_eq!(
            (signature.keyid(), signature.created()),
            (text("keyid"), created)
        );
        signature.verify(&public, method, path, content).unwrap();
    }
}

fn presence(name: &str) {
    let example = golden(name);
    let text = |name: &str| example[name].as_str().unwrap();
    let key = bytes(&example["presence_key"]);
    let code: PlaceCode = text("code").parse().unwrap();
    let (unix_s, step_s) = (
        example["unix_s"].as_i64().unwrap(),
        example["step_s"].as_u64().unwrap(),
    );
    let step = presence_step(unix_s, step_s);
    assert_eq!(step, example["step"].as_u64().unwrap());
    let token = presence_token(&key, &code, step);
    assert_eq!(token, text("token"));
    let check =
        |token: &Value| check_presence(&key, &code, token.as_str().unwrap(), unix_s, step_s);
    assert!(example["accepted"].as_array().unwrap().iter().all(check));
    assert!(!example["refused"].as_array().unwrap().iter().any(check));
    assert_eq!(
        qr_address(text("base_url"), &code, Some(&token)),
        text("address")
    );
    assert_eq!(qr_address(text("base_url"), &code, None), text("poster"));
}
