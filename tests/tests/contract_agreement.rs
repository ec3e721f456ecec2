//! The OpenAPI document that the portal publishes, the contract's golden messages, and what the
//! portal really answers agree with one another.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use jsonschema::Validator;
use pikir_contract::{PlaceCode, base64url_decode, presence_step, presence_token, qr_address};
use pikir_tests::http;
use pikir_tests::peer::Peer;
use pikir_tests::records;
use pikir_tests::scene::{ORGANIZATION, Scene};
use serde_json::{Value, json};

/// Every request of contract.md, and the three that are public.
const REQUESTS: [&str; 8] = [
    "get /api/v1/openapi.json",
    "get /api/v1/organizations/{code}/summary",
    "get /api/v1/rules",
    "get /api/v1/terminal/config",
    "post /api/v1/enrolments",
    "post /api/v1/enrolments/poll",
    "post /api/v1/events",
    "post /api/v1/status",
];

/// Each golden message and the schema it is an example of.
const GOLDEN: [(&str, &str); 27] = [
    ("body-answer", "AnswerBody"),
    ("body-answer-smallest", "AnswerBody"),
    ("body-notice", "NoticeBody"),
    ("body-notice-smallest", "NoticeBody"),
    ("body-rating", "RatingBody"),
    ("body-rating-smallest", "RatingBody"),
    ("body-withdrawal", "WithdrawalBody"),
    ("config-hours", "TerminalConfig"),
    ("config-full", "TerminalConfig"),
    ("config-presence-key", "TerminalConfig"),
    ("config-smallest", "TerminalConfig"),
    ("enrolment-pending", "EnrolmentPending"),
    ("enrolment-request", "EnrolmentRequest"),
    ("enrolment-request-with-token", "EnrolmentRequest"),
    ("enrolment-result", "EnrolmentResult"),
    ("events-answer", "EventsAnswer"),
    ("events-request", "EventsRequest"),
    ("poll-error-access-denied", "PollError"),
    ("poll-error-slow-down", "PollError"),
    ("poll-request", "PollRequest"),
    ("problem", "Problem"),
    ("problem-event", "Problem"),
    ("problem-terminal-retired", "Problem"),
    ("status-answer", "StatusAnswer"),
    ("status-report", "StatusReport"),
    ("status-report-problems", "StatusReport"),
    ("status-report-smallest", "StatusReport"),
];

fn document(scene: &Scene) -> Result<Value> {
    http::get_json(&format!("{}/api/v1/openapi.json", scene.portal.url()))
}

/// A validator for one of the document's schemas.
fn schema(document: &Value, name: &str) -> Result<Validator> {
    let schemas = document["components"]["schemas"]
        .as_object()
        .context("the document has schemas")?;
    assert!(
        schemas.contains_key(name),
        "the document has no schema {name}"
    );
    let root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/components/schemas/{name}"),
        "components": document["components"],
    });
    jsonschema::validator_for(&root).with_context(|| format!("the schema {name} is not one"))
}

fn golden(name: &str) -> Result<Value> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../contract/tests/golden/{name}.json"));
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}

/// What the schema has against the message, one line each.
fn objections(validator: &Validator, message: &Value) -> Vec<String> {
    validator
        .iter_errors(message)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_document_describes_the_requests_of_the_contract_and_no_others() -> Result<()> {
    let document = document(&Scene::new()?)?;
    assert_eq!(
        document["openapi"].as_str().map(|version| &version[..3]),
        Some("3.1")
    );
    let paths = document["paths"]
        .as_object()
        .context("the document has paths")?;
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .into_iter()
                .flat_map(move |methods| methods.keys().map(move |method| (method, path)))
        })
        .filter(|(method, _)| {
            ["get", "put", "post", "delete", "patch", "head"].contains(&method.as_str())
        })
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_eq!(described, REQUESTS.map(str::to_owned).into());
    Ok(())
}

#[test]
fn the_limits_that_the_portal_publishes_are_those_that_terminals_keep_to() -> Result<()> {
    use pikir_contract::rules;
    let scene = Scene::new()?;
    let published = http::get(&format!("{}/api/v1/rules", scene.portal.url()))?.json()?;
    let limits = |name: &str| {
        let published = published["rules"].as_array().into_iter().flatten();
        published
            .filter(|rule| rule["rule"] == name)
            .map(|rule| rule["limits"].clone())
            .next()
    };
    assert_eq!(limits("repeat"), Some(json!({"gap_ms": rules::REPEAT_MS})));
    let burst = json!({"ratings": rules::BURST_COUNT, "window_ms": rules::BURST_WINDOW_MS});
    assert_eq!(limits("burst"), Some(burst));
    let periodic = json!({
        "gaps": rules::PERIOD_COUNT,
        "radius_per_mille": rules::POINT_RADIUS,
        "tolerance_ms": rules::PERIOD_TOLERANCE_MS,
        "multiple": rules::PERIOD_MULTIPLE,
        "other_touches": rules::PERIOD_STRAYS,
        "shortest_ms": rules::PERIOD_MIN_MS,
        "longest_ms": rules::PERIOD_MAX_MS,
    });
    assert_eq!(limits("periodic"), Some(periodic));
    let closed = json!({
        "before_opening_ms": u64::from(rules::CLOSED_BEFORE_MIN) * 60_000,
        "after_closing_ms": u64::from(rules::CLOSED_AFTER_MIN) * 60_000,
    });
    assert_eq!(limits("closed"), Some(closed));
    Ok(())
}

#[test]
fn every_golden_message_is_valid_by_the_schema_of_its_kind() -> Result<()> {
    let document = document(&Scene::new()?)?;
    for (name, kind) in GOLDEN {
        let found = objections(&schema(&document, kind)?, &golden(name)?);
        assert!(found.is_empty(), "{name} as {kind}: {found:#?}");
    }
    Ok(())
}

#[test]
fn the_schemas_refuse_what_the_contract_refuses() -> Result<()> {
    let document = document(&Scene::new()?)?;
    let refuses = |kind: &str, name: &str, pointer: &str, value: Value| -> Result<()> {
        let mut message = golden(name)?;
        *message
            .pointer_mut(pointer)
            .with_context(|| format!("{name} has no {pointer}"))? = value.clone();
        assert!(
            !schema(&document, kind)?.is_valid(&message),
            "{kind} takes {value} for {pointer}"
        );
        Ok(())
    };
    refuses("RatingBody", "body-rating", "/score", json!(6))?;
    refuses("RatingBody", "body-rating", "/score", json!(0))?;
    refuses("RatingBody", "body-rating", "/score", json!("5"))?;
    refuses("RatingBody", "body-rating", "/input", json!("mouse"))?;
    refuses("RatingBody", "body-rating", "/id", json!("7"))?;
    refuses(
        "AnswerBody",
        "body-answer",
        "/comment",
        json!("a".repeat(1001)),
    )?;
    refuses("EventsRequest", "events-request", "/events/0/seq", json!(0))?;
    refuses(
        "EventsAnswer",
        "events-answer",
        "/results/0/status",
        json!("maybe"),
    )?;
    refuses("TerminalConfig", "config-full", "/languages", json!([]))?;
    refuses("PollError", "poll-error-slow-down", "/error", json!("no"))?;
    for required in [
        "version",
        "organization",
        "place",
        "languages",
        "default_language",
        "qr",
    ] {
        let mut config = golden("config-smallest")?;
        config
            .as_object_mut()
            .context("an object")?
            .remove(required);
        assert!(
            !schema(&document, "TerminalConfig")?.is_valid(&config),
            "TerminalConfig does without {required}"
        );
    }
    Ok(())
}

#[test]
fn what_the_portal_really_answers_is_valid_by_its_own_document() -> Result<()> {
    let scene = Scene::new()?;
    let document = document(&scene)?;
    let token = scene.portal.create_token(&scene.place)?;
    let mut peer = Peer::enroll(&scene.portal.url(), &token)?;
    let check = |kind: &str, message: &Value| -> Result<()> {
        let found = objections(&schema(&document, kind)?, message);
        assert!(found.is_empty(), "{kind}: {found:#?} in {message}");
        Ok(())
    };
    check("EnrolmentResult", &peer.enrolled)?;
    let events = [peer.rating(5)?, peer.rating(6)?];
    check("EventsAnswer", &peer.send(&events)?.json()?)?;
    let report = golden("status-report")?;
    let status = peer.post("/api/v1/status", &[], report.to_string().as_bytes())?;
    assert_eq!(status.status, 200, "{}", status.text);
    check("StatusAnswer", &status.json()?)?;
    check("Problem", &peer.post("/api/v1/events", &[], b"{")?.json()?)?;
    check("Summary", &scene.portal.summary(ORGANIZATION)?)?;
    Ok(())
}

#[test]
fn the_code_on_the_screen_is_what_the_contract_says_and_proves_presence_for_its_steps() -> Result<()>
{
    let scene = Scene::new()?;
    let token = scene.portal.create_token(&scene.place)?;
    let qr = Peer::enroll(&scene.portal.url(), &token)?.enrolled["config"]["qr"].clone();
    let base = qr["base_url"].as_str().context("base_url")?;
    let key = base64url_decode(qr["presence_key"].as_str().context("presence_key")?)?;
    let step_s = qr["step_s"].as_u64().unwrap_or(300);
    let code: PlaceCode = scene.place.parse()?;
    let now = presence_step(jiff::Timestamp::now().as_second(), step_s);

    let steps = [(now, "on_site"), (now - 1, "on_site"), (now - 4, "code")];
    for (step, assurance) in steps {
        let token = presence_token(&key, &code, step);
        let address = qr_address(base, &code, Some(&token));
        assert_eq!(
            address,
            address.to_uppercase(),
            "it fits QR's alphanumeric mode"
        );
        assert!(
            address.ends_with(&format!("/Q/{code}/{token}")),
            "{address}"
        );
        let path = &address[base.len()..];
        let page = format!("{}{path}", scene.portal.url());
        let shown = http::get(&page)?.text;
        let mark = shown.split("name=\"mark\" value=\"").nth(1);
        let mark = mark.and_then(|rest| rest.split('"').next());
        let mark = mark.context("the form has a mark")?;
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let sent = format!("score=4&comment=&lang=en&mark={mark}");
        let answer = http::post(&page, &form, sent.as_bytes())?;
        assert!(
            (200..400).contains(&answer.status),
            "never refused: {} {}",
            answer.status,
            answer.text
        );
        assert_eq!(
            records::reviews(&scene.portal)?
                .last()
                .map(|review| review.assurance.as_str()),
            Some(assurance),
            "step {step}"
        );
    }
    Ok(())
}
