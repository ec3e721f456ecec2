//! Messages, configurations and settings, mutated at random: every parser answers, none panics, and
//! what is accepted is read the same again.
//!
//! Repeatable by seed; `PIKIR_FUZZ=n` tries more. Coverage-guided fuzzing needs a nightly compiler;
//! this begins from the contract's own examples instead, so that it gets past the first member.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use pikir_contract::{
    EnrolmentRequest, EventBody, EventsAnswer, EventsRequest, PollRequest, Problem, StatusAnswer,
    StatusReport, TerminalConfig,
};
use pikir_kiosk::config::settings::Settings;
use pikir_tests::dice::Dice;
use serde_json::{Map, Value, json};

/// Mutants of one run, where nothing else is asked for.
const MUTANTS: u64 = 10_000;

/// Values that readers tend not to expect.
fn odd_value(dice: &mut Dice) -> Value {
    let deep = (0..dice.below(120)).fold(Value::Null, |inner, _| json!([inner]));
    let choices = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(9_007_199_254_740_992_u64),
        json!(u64::MAX),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!("\u{0}\u{202e}\u{1f600}"),
        json!("x".repeat(dice.index(5_000))),
        json!("2026-02-30T25:61:61Z"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!([]),
        json!({}),
        json!({"": {"": []}}),
        deep,
    ];
    choices[dice.index(choices.len())].clone()
}

/// How many values there are in `value`, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// The value with this number, counted as [`count`] does.
fn nth<'a>(value: &'a mut Value, number: &mut usize) -> Option<&'a mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, number)),
        Value::Object(members) => members.values_mut().find_map(|item| nth(item, number)),
        _ => None,
    }
}

/// Changes one value somewhere inside.
fn mutate(value: &mut Value, dice: &mut Dice) {
    let mut number = dice.index(count(value));
    let Some(place) = nth(value, &mut number) else {
        return;
    };
    match (dice.below(4), place) {
        (0, Value::Object(members)) => remove_one(members, dice),
        (1, Value::Object(members)) => {
            let name = dice.pick(&["extra", "id", "seq", "version", "boot", "\u{0}"]);
            members.insert(name.to_owned(), odd_value(dice));
        }
        (0 | 1, Value::Array(items)) => {
            let copies = items.clone();
            items.extend(copies);
        }
        (0, Value::String(text)) => text.push_str("\u{301}-"),
        (1, Value::Number(old)) => {
            let number = old.as_i64().unwrap_or(0);
            *old = number.wrapping_mul(dice.number() as i64).into();
        }
        (_, place) => *place = odd_value(dice),
    }
}

fn remove_one(members: &mut Map<String, Value>, dice: &mut Dice) {
    let names: Vec<String> = members.keys().cloned().collect();
    if !names.is_empty() {
        members.remove(&names[dice.index(names.len())]);
    }
}

/// Changes some bytes of a text.
fn scramble(text: &str, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + dice.below(8) {
        let at = dice.index(bytes.len().max(1));
        match dice.below(4) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
            1 if !bytes.is_empty() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ => bytes.insert(at, dice.pick(b"\"{}[]:,\\=.#\n\0\xff0e-")),
        }
    }
    bytes
}

/// Everything that reads a message, on this one. Returns how many accepted it.
fn read_message(bytes: &[u8]) -> Result<usize> {
    let mut accepted = [
        serde_json::from_slice::<EventsRequest>(bytes).is_ok_and(|request| {
            let _ = request.check();
            true
        }),
        serde_json::from_slice::<EventsAnswer>(bytes).is_ok(),
        serde_json::from_slice::<EnrolmentRequest>(bytes).is_ok(),
        serde_json::from_slice::<PollRequest>(bytes).is_ok(),
        serde_json::from_slice::<StatusReport>(bytes).is_ok(),
        serde_json::from_slice::<StatusAnswer>(bytes).is_ok(),
        serde_json::from_slice::<Problem>(bytes).is_ok(),
    ]
    .iter()
    .filter(|accepted| **accepted)
    .count();
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return Ok(accepted);
    };
    accepted += usize::from(TerminalConfig::from_value(&value).is_ok());
    for kind in ["rating", "answer", "withdrawal", "notice", "unheard-of"] {
        if let Ok(body) = EventBody::parse(kind, &value) {
            accepted += 1;
            let again = EventBody::parse(kind, &body.to_value())
                .with_context(|| format!("what {kind} wrote is refused: {value}"))?;
            ensure!(again == body, "{kind} reads itself differently: {value}");
        }
    }
    Ok(accepted)
}

fn examples() -> Result<Vec<String>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/tests/golden");
    let mut paths: Vec<_> = fs::read_dir(golden)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    paths
        .iter()
        .map(|path| Ok(fs::read_to_string(path)?))
        .collect()
}

fn mutants() -> Result<u64> {
    match std::env::var("PIKIR_FUZZ") {
        Ok(count) => count.parse().context("PIKIR_FUZZ is not a number"),
        Err(_) => Ok(MUTANTS),
    }
}

#[test]
fn no_message_makes_a_parser_panic_and_what_is_accepted_is_read_the_same_again() -> Result<()> {
    let examples = examples()?;
    ensure!(examples.len() > 10, "the contract's examples are not there");
    let (mutants, mut accepted) = (mutants()?, 0);
    for seed in 0..mutants {
        let mut dice = Dice::new(seed);
        let example = &examples[dice.index(examples.len())];
        let bytes = if dice.percent(30) {
            scramble(example, &mut dice)
        } else {
            let mut value: Value = serde_json::from_str(example)?;
            for _ in 0..1 + dice.below(3) {
                mutate(&mut value, &mut dice);
            }
            serde_json::to_vec(&value)?
        };
        accepted += read_message(&bytes).with_context(|| format!("seed {seed}"))?;
    }
    println!("{mutants} mutated messages, {accepted} times accepted by some parser, no panic");
    ensure!(
        accepted as u64 > mutants / 20,
        "the mutants are too far from what parsers accept"
    );
    Ok(())
}

#[test]
fn no_settings_file_makes_the_terminal_panic_and_none_brings_a_portal_in_the_clear() -> Result<()> {
    let whole = format!(
        "{}\n[gpio]\nbuttons = [5, 6, 13, 19, 26]\n",
        Settings::fresh("https://pikir.example:8443")
    );
    let (mutants, mut accepted) = (mutants()?, 0);
    for seed in 0..mutants {
        let mut dice = Dice::new(seed);
        let bytes = scramble(&whole, &mut dice);
        let text = String::from_utf8_lossy(&bytes);
        let Ok(settings) = Settings::parse(&text, Path::new("terminal.toml")) else {
            continue;
        };
        accepted += 1;
        let portal = settings.portal.unwrap_or_default();
        ensure!(
            portal.is_empty() || pikir_contract::check_portal_url(&portal).is_ok(),
            "seed {seed}: {portal:?}"
        );
    }
    println!("{mutants} mutated settings files, {accepted} accepted, no panic");
    ensure!(
        accepted > 0,
        "the mutants are too far from what is accepted"
    );
    Ok(())
}
