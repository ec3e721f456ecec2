//! The document and the API agree, and the document holds together.

use std::collections::BTreeSet;

use serde_json::Value;

use super::DOCUMENT;

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

#[test]
fn every_route_is_in_the_document_and_every_operation_is_a_route() {
    let routes: BTreeSet<(String, String)> = crate::api::routes()
        .into_iter()
        .map(|(method, path, _)| (method.to_owned(), path.to_owned()))
        .collect();
    let document = document();
    let operations: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .map(|method| (method.clone(), path.clone()))
        })
        .collect();
    assert_eq!(routes, operations);
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document();
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    for reference in &references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    for section in ["schemas", "responses", "parameters", "headers"] {
        for name in document["components"][section].as_object().unwrap().keys() {
            assert!(
                references.contains(&format!("#/components/{section}/{name}")),
                "{section}/{name} is not used"
            );
        }
    }
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(
                members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            members
                .values()
                .for_each(|member| collect_references(member, found));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

#[test]
fn every_operation_has_answers_with_examples() {
    for (path, item) in document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(
                operation["summary"].is_string() && operation["security"].is_array(),
                "{method} {path}"
            );
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let Some(content) = answer["content"]["application/json"].as_object() else {
                    continue;
                };
                let has_example =
                    content.contains_key("example") || content.contains_key("examples");
                assert!(
                    has_example || path.ends_with("openapi.json"),
                    "{method} {path} {status}"
                );
            }
        }
    }
}

#[test]
fn the_limits_in_the_document_are_those_of_the_program() {
    let document = document();
    let delivery = &document["paths"]["/api/v1/events"]["post"]["description"];
    let delivery = delivery.as_str().unwrap();
    assert_eq!(crate::api::body::MAX_SENT_BYTES, 4 << 20);
    assert_eq!(crate::api::body::MAX_UNPACKED_BYTES, 16 << 20);
    assert_eq!(crate::domain::ingest::MAX_GAP, 2_000_000);
    assert!(
        delivery.contains("4 MiB") && delivery.contains("16 MiB") && delivery.contains("2,000,000")
    );
    let events = &document["components"]["schemas"]["EventsRequest"]["properties"]["events"];
    assert_eq!(events["maxItems"], pikir_contract::MAX_BATCH_EVENTS);
}
