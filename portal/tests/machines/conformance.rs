//! Every answer of the API is one that its document describes: random requests, right and wrong,
//! for each operation.
//!
//! A request that fails is named with its seed; `PIKIR_FUZZ=n` sends n to each operation.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Uri};
use jsonschema::Validator;
use pikir_contract::{PROBLEM_CONTENT_TYPE, SigningKey};
use pikir_portal::api::openapi::DOCUMENT;
use pikir_portal::platform::entropy::Entropy;
use serde_json::{Value, json};

use crate::support::*;

/// Requests to each operation, where nothing else is asked for.
const REQUESTS: u64 = 150;

/// Chance that can be repeated.
struct Dice(Entropy);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        let number = u64::from_be_bytes(self.0.bytes());
        usize::try_from(number % end.max(1) as u64).unwrap()
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

/// What a path or a query may be given: text as it stands in an address.
const PARTS: [&str; 14] = [
    "con",
    "units",
    "",
    "a",
    "%FF",
    "%zz",
    "%",
    "%00",
    "..",
    "%2e%2e%2f",
    "%D0%BE%D1%88",
    "0",
    "null",
    "a%20b",
];

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE",
];

struct Operation<'a> {
    method: String,
    path: String,
    described: &'a Value,
}

struct Api {
    document: Value,
    validators: BTreeMap<String, Validator>,
}

impl Api {
    fn new() -> Self {
        Self {
            document: serde_json::from_str(DOCUMENT).unwrap(),
            validators: BTreeMap::new(),
        }
    }

    /// What stands behind a reference, or the value itself.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(&reference[1..]).unwrap(),
            None => value,
        }
    }

    fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.document["paths"].as_object().unwrap();
        let each = paths.iter().flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .iter()
                .map(|(method, described)| Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    described,
                })
        });
        each.collect()
    }

    fn is_valid(&mut self, schema: &Value, value: &Value) -> bool {
        let components = self.document["components"].clone();
        let validator = self
            .validators
            .entry(schema.to_string())
            .or_insert_with(|| {
                let mut root = schema.clone();
                root["components"] = components;
                jsonschema::validator_for(&root).unwrap()
            });
        validator.is_valid(value)
    }
}

/// An address for this path, with members of the query.
fn address(dice: &mut Dice, operation: &Operation<'_>) -> String {
    let mut path = operation.path.clone();
    if path.contains("{code}") {
        let long = "x".repeat(300);
        let code = match dice.below(10) {
            0..5 => "con",
            5 => &long,
            _ => dice.pick(&PARTS),
        };
        path = path.replace("{code}", code);
    }
    let mut query = Vec::new();
    if dice.percent(40) {
        for _ in 0..dice.below(4) {
            let name = dice.pick(&["include", "include", "%FF", "%zz", "unknown", ""]);
            query.push(format!("{name}={}", dice.pick(&PARTS)));
        }
    }
    if dice.percent(3) {
        query.push(format!("x={}", "x".repeat(9_000)));
    }
    match query.is_empty() {
        true => path,
        false => format!("{path}?{}", query.join("&")),
    }
}

/// A value that readers tend not to expect.
fn odd(dice: &mut Dice) -> Value {
    dice.pick(&[
        Value::Null,
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1.5),
        json!(""),
        json!("\u{0}\u{202e}"),
        json!("x".repeat(5_000)),
        json!([]),
        json!({}),
        json!([[[[[{}]]]]]),
        json!("2026-02-30T25:61:61Z"),
    ])
}

/// Changes one member somewhere inside.
fn mutate(dice: &mut Dice, value: &mut Value) {
    match value {
        Value::Object(members) if !members.is_empty() && dice.percent(80) => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = dice.pick(&names);
            match dice.below(4) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert("further".to_owned(), odd(dice))),
                _ => mutate(dice, members.get_mut(&name).unwrap()),
            }
        }
        Value::Array(items) if !items.is_empty() && dice.percent(80) => {
            let index = dice.below(items.len());
            mutate(dice, &mut items[index]);
        }
        value => *value = odd(dice),
    }
}

/// A body as the document has it, changed, or none at all.
fn body(dice: &mut Dice, operation: &Operation<'_>, terminal: &Terminal) -> Vec<u8> {
    let content = &operation.described["requestBody"]["content"]["application/json"];
    let mut examples: Vec<Value> = content.get("example").cloned().into_iter().collect();
    let several = content["examples"].as_object().into_iter().flatten();
    examples.extend(several.map(|(_, example)| example["value"].clone()));
    if examples.is_empty() {
        return Vec::new();
    }
    let mut value = match (operation.path.as_str(), dice.percent(50)) {
        (EVENTS, true) => {
            let first = 1 + dice.below(5) as u64;
            terminal.delivery(&terminal.ratings(first..=first + dice.below(4) as u64))
        }
        (ENROLMENTS, true) => Terminal::new(200).enrolment(),
        _ => dice.pick(&examples),
    };
    match dice.below(10) {
        0..4 => {}
        4..8 => {
            for _ in 0..1 + dice.below(3) {
                mutate(dice, &mut value);
            }
        }
        8 => {
            return (0..dice.below(100))
                .map(|_| dice.below(256) as u8)
                .collect();
        }
        _ => {
            let long = "x".repeat(dice.pick(&[10, 70_000, 5_000_000]));
            value["further"] = json!(long);
        }
    }
    value.to_string().into_bytes()
}

/// Signed by a terminal, by a machine, by nobody, or wrongly.
fn request(
    dice: &mut Dice,
    operation: &Operation<'_>,
    method: &str,
    terminal: &Terminal,
) -> Request<Body> {
    let address = address(dice, operation);
    let body = if method == "GET" {
        Vec::new()
    } else {
        body(dice, operation, terminal)
    };
    let path = address.split('?').next().unwrap();
    let machine = Terminal::new(200);
    let (key, keyid) = match (operation.path.contains("enrolments"), dice.below(10)) {
        (true, 0..8) => (machine.key.clone(), machine.public_key()),
        (_, 0..8) => (terminal.key.clone(), terminal.id.to_string()),
        (_, 8) => (SigningKey::from_bytes(&[99; 32]), terminal.id.to_string()),
        _ => (terminal.key.clone(), "nobody".to_owned()),
    };
    let further: Vec<(&str, &str)> = match dice.below(12) {
        0 => vec![("content-encoding", "gzip")],
        1 => vec![("content-encoding", "br")],
        2 => vec![("content-type", "text/plain")],
        3 => vec![("content-type", "nonsense")],
        4 => vec![("if-none-match", "*")],
        5 => vec![("accept", "image/png"), ("accept-encoding", "gzip")],
        _ => Vec::new(),
    };
    let mut request = signed(&key, &keyid, method, path, body, &further);
    *request.uri_mut() = address.parse::<Uri>().unwrap();
    if dice.percent(5) {
        let name = dice.pick(&["signature", "signature-input", "content-digest"]);
        request.headers_mut().remove(name);
    }
    request
}

fn kind(headers: &HeaderMap) -> &str {
    headers
        .get("content-type")
        .map_or("", |kind| kind.to_str().unwrap())
}

/// What is wrong with an answer, if anything.
fn fault(api: &mut Api, described: &Value, answer: &Answer, is_head: bool) -> Option<String> {
    let status = answer.status.as_u16();
    let response = api
        .resolve(&described["responses"][status.to_string()])
        .clone();
    if response.is_null() {
        return Some("the status is not in the document".to_owned());
    }
    let Some(content) = response["content"].as_object() else {
        return (!answer.text.is_empty()).then(|| "a body that is not in the document".to_owned());
    };
    let Some(described) = content.get(kind(&answer.headers)) else {
        return Some("the content type is not in the document".to_owned());
    };
    if is_head {
        return (!answer.text.is_empty()).then(|| "a body although none was asked for".to_owned());
    }
    let Ok(value) = serde_json::from_str::<Value>(&answer.text) else {
        return Some("the body is not JSON".to_owned());
    };
    if kind(&answer.headers) == PROBLEM_CONTENT_TYPE && value["status"] != status {
        return Some("the problem says another status".to_owned());
    }
    if status == 405 && !answer.headers.contains_key("allow") {
        return Some("405 without Allow".to_owned());
    }
    let schema = &described["schema"];
    (!api.is_valid(schema, &value)).then(|| "the body does not fit its schema".to_owned())
}

#[tokio::test]
async fn every_answer_is_one_that_the_document_describes() {
    let requests = std::env::var("PIKIR_FUZZ").map_or(REQUESTS, |count| count.parse().unwrap());
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let document = Api::new();
    let mut api = Api::new();
    for operation in document.operations() {
        let mut seen = BTreeSet::new();
        for seed in 0..requests {
            let mut dice = Dice(Entropy::seeded(seed));
            let other = dice.percent(10).then(|| dice.pick(&METHODS).to_owned());
            let method = other.unwrap_or_else(|| operation.method.clone());
            let mut request = request(&mut dice, &operation, &method, &terminal);
            *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
            let address = request.uri().to_string();
            let answer = portal.send(request).await;
            seen.insert(answer.status.as_u16());
            let is_head = method == "HEAD";
            if let Some(fault) = fault(&mut api, operation.described, &answer, is_head) {
                panic!("seed {seed}, {method} {address}: {fault}: {answer:?}");
            }
        }
        println!("{} {}: {seen:?}", operation.method, operation.path);
        let is_right = seen.iter().any(|status| *status < 400);
        // A poll is answered 200 only after a technician approved.
        assert!(
            is_right || operation.path == POLL,
            "nothing was right: {seen:?}"
        );
        assert!(seen.contains(&405) && seen.contains(&414), "{seen:?}");
    }
}

#[tokio::test]
async fn what_is_no_address_of_the_api_is_a_problem_too() {
    let portal = Portal::start().await;
    for (method, path, status) in [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/v2/rules", 404),
        ("POST", "/api/v1/%FF", 404),
        ("GET", "/api/v1/organizations/con", 404),
        ("GET", "/api/v1/organizations/%FF/summary", 400),
        (
            "GET",
            "/api/v1/organizations/con/summary?include=a&include=b",
            400,
        ),
        ("GET", "/api/v1/organizations/con/summary?include=%FF", 200),
        ("OPTIONS", "/api/v1/rules", 405),
        ("DELETE", EVENTS, 405),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let answer = portal.send(request).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{method} {path}: {answer:?}"
        );
        if status >= 400 {
            answer.problem(status);
        }
        assert_eq!(
            answer.headers.contains_key("allow"),
            status == 405,
            "{answer:?}"
        );
    }
}
