//! The contract, claim by claim.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that panics fails the test that calls it"
)]

mod canonical;
mod config;
mod delivery;
mod enrolment;
mod events;
mod golden;
mod interoperability;
mod place;
mod properties;
mod rules;
mod scalars;
mod seals;
mod signing;
mod urls;

use serde_json::{Value, json};

/// The body of a rating with every required member and no other.
fn smallest_rating() -> Value {
    json!({
        "id": "019c132c-5fe2-7afe-85be-dd02a9a3a6ab",
        "boot": "6f1c9b0e-5d0a-4f7e-9d53-0b6c2a1e8f44",
        "up_ms": 1250,
        "wall": "2026-01-31T08:30:01.250Z",
        "synced": true,
        "score": 1,
        "lang": "ky",
        "input": "keypad",
    })
}

/// The body with one member set, or taken out where the value is `null`.
fn with(mut body: Value, name: &str, value: Value) -> Value {
    let members = body.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    body
}
