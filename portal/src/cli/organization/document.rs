//! Organisations from a JSON document, with what their visitors are offered besides the score and
//! how their terminals look and wait.

use std::collections::BTreeSet;

use pikir_contract::rules::MAX_UNDO_S;
use pikir_contract::{Choice, Content, Manner, Reason, Texts, is_language_tag};
use serde_json::{Map, Value};

use super::plan::{Mention, Row};
use super::{check_code, check_name};
use crate::domain::text;
use crate::storage::{CONTENT_MEMBERS, ContentChange};

/// Criteria of one questionnaire: more than that nobody answers.
const MAX_CRITERIA: usize = 12;
/// Reasons of one questionnaire.
const MAX_REASONS: usize = 40;
/// Services of one organisation.
const MAX_SERVICES: usize = 200;
/// Announcements of one organisation.
const MAX_ANNOUNCEMENTS: usize = 20;
/// Characters of a name in one language: it has to fit a button.
const MAX_NAME_CHARS: usize = 120;
/// Seconds without input until the first screen returns.
const MAX_IDLE_TIMEOUT_S: u64 = 600;

/// What a document says.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What is said of organisations; their `line` is the number in the list.
    pub rows: Vec<Row>,
    /// What visitors are offered.
    pub content: Vec<ContentChange>,
    /// What is no fault but perhaps an oversight.
    pub notes: Vec<String>,
}

/// Reads
/// `{"organizations": [{"code", "parent", "name", "services", "questionnaire", "announcements", "theme", "undo_s", "idle_timeout_s"}, …]}`.
pub(super) fn read(text: &str) -> Result<Document, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list = document
        .get("organizations")
        .and_then(Value::as_array)
        .ok_or("there is no list `organizations`")?;
    let mut found = Document::default();
    let mut codes = BTreeSet::new();
    for (index, entry) in list.iter().enumerate() {
        let code = read_entry(entry, index, &mut found)
            .map_err(|why| format!("organizations[{index}]: {why}"))?;
        if !codes.insert(code.clone()) {
            return Err(format!(
                "organizations[{index}]: the code {code} stands there twice"
            ));
        }
    }
    Ok(found)
}

fn read_entry(entry: &Value, index: usize, found: &mut Document) -> Result<String, String> {
    let members = entry.as_object().ok_or("is not an object")?;
    for name in members.keys() {
        if !["code", "parent", "name"].contains(&name.as_str())
            && !CONTENT_MEMBERS.contains(&name.as_str())
        {
            return Err(format!(
                "{name:?} is not a member; members are code, parent, name, {}",
                CONTENT_MEMBERS.join(", ")
            ));
        }
    }
    let code = member(members, "code")?.ok_or("code: is missing")?;
    check_code("code", &code)?;
    found.rows.push(Row {
        line: index as u64,
        code: code.clone(),
        parent: match (members.contains_key("parent"), member(members, "parent")?) {
            (false, _) => Mention::Absent,
            (true, None) => Mention::Removed,
            (true, Some(parent)) => Mention::Given(parent),
        },
        names: read_names(members.get("name"))?,
    });
    let given: Map<String, Value> = members
        .iter()
        .filter(|(name, _)| CONTENT_MEMBERS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !given.is_empty() {
        let (members, notes) = read_content(given)?;
        let note = |what: String| format!("{code}: {what}");
        found.notes.extend(notes.into_iter().map(note));
        found.content.push(ContentChange {
            organization: code.clone(),
            members,
        });
    }
    Ok(code)
}

fn member(members: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name}: is not text")),
    }
}

fn read_names(value: Option<&Value>) -> Result<Vec<(String, Mention)>, String> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let names = value
        .as_object()
        .ok_or("name: is not an object of texts by language")?;
    let mention = |(tag, name): (&String, &Value)| {
        if !is_language_tag(tag) {
            return Err(format!(
                "name: {tag:?} is not a language tag such as ky or ru"
            ));
        }
        let mention = match name {
            Value::Null => Mention::Removed,
            Value::String(name) => {
                Mention::Given(check_name(name).map_err(|why| format!("name: {tag}: {why}"))?)
            }
            _ => return Err(format!("name: {tag}: is not text")),
        };
        Ok((tag.clone(), mention))
    };
    names.iter().map(mention).collect()
}

/// The members as they are kept, and notes about them.
fn read_content(given: Map<String, Value>) -> Result<(Map<String, Value>, Vec<String>), String> {
    let members = Value::Object(given.clone());
    let mut content = Content::from_value(&members).map_err(|error| error.to_string())?;
    tidy(&mut content);
    check_sizes(&content)?;
    let manner = Manner::from_value(&members).map_err(|error| error.to_string())?;
    check_manner(&members, &manner)?;
    // Written anew from what was understood, so that nothing else is handed on to terminals.
    let mut kept = Map::new();
    for (name, value) in given {
        let value = match (name.as_str(), value.is_null()) {
            (_, true) => Ok(Value::Null),
            ("services", _) => serde_json::to_value(&content.services),
            ("questionnaire", _) => serde_json::to_value(&content.questionnaire),
            ("theme", _) => serde_json::to_value(&manner.theme),
            ("undo_s", _) => Ok(manner.undo_s.into()),
            ("idle_timeout_s", _) => Ok(manner.idle_timeout_s.into()),
            _ => serde_json::to_value(&content.announcements),
        };
        kept.insert(name, value.map_err(|error| error.to_string())?);
    }
    Ok((kept, untranslated(&content)))
}

/// Names and titles are one line; what an announcement says may have several.
fn tidy(content: &mut Content) {
    let line = |texts: &mut Texts| *texts = each(texts, text::line);
    let questionnaire = &mut content.questionnaire;
    let choices = content
        .services
        .iter_mut()
        .chain(&mut questionnaire.criteria);
    choices.for_each(|choice| line(&mut choice.name));
    questionnaire
        .reasons
        .iter_mut()
        .for_each(|reason| line(&mut reason.name));
    for announcement in &mut content.announcements {
        line(&mut announcement.title);
        announcement.text = each(&announcement.text, text::lines);
    }
}

fn each(texts: &Texts, tidied: fn(&str) -> String) -> Texts {
    texts
        .iter()
        .map(|(tag, text)| (tag, tidied(text)))
        .collect()
}

fn check_sizes(content: &Content) -> Result<(), String> {
    let questionnaire = &content.questionnaire;
    for (name, count, max) in [
        ("services", content.services.len(), MAX_SERVICES),
        (
            "questionnaire.criteria",
            questionnaire.criteria.len(),
            MAX_CRITERIA,
        ),
        (
            "questionnaire.reasons",
            questionnaire.reasons.len(),
            MAX_REASONS,
        ),
        (
            "announcements",
            content.announcements.len(),
            MAX_ANNOUNCEMENTS,
        ),
    ] {
        if count > max {
            return Err(format!(
                "{name}: has {count} entries; at most {max} are possible"
            ));
        }
    }
    for (list, key, name) in named(content) {
        check_code("key", key).map_err(|why| format!("{list}: {why}"))?;
        for (tag, text) in name.iter() {
            let length = text.chars().count();
            if length > MAX_NAME_CHARS {
                return Err(format!(
                    "{list}: the name of {key} in {tag} has {length} characters; at most {MAX_NAME_CHARS} are possible"
                ));
            }
        }
    }
    Ok(())
}

fn check_manner(members: &Value, manner: &Manner) -> Result<(), String> {
    let mut theme = members["theme"].as_object().into_iter().flatten();
    if let Some((name, _)) = theme.find(|(name, _)| *name != "accent") {
        return Err(format!("theme: {name:?} is not a member; it has accent"));
    }
    for (name, seconds, max) in [
        ("undo_s", manner.undo_s, MAX_UNDO_S),
        ("idle_timeout_s", manner.idle_timeout_s, MAX_IDLE_TIMEOUT_S),
    ] {
        if seconds > max {
            return Err(format!("{name}: is {seconds}; at most {max} is possible"));
        }
    }
    Ok(())
}

/// Everything that has a key and a name: its list, the key, the name.
fn named(content: &Content) -> impl Iterator<Item = (&'static str, &str, &Texts)> {
    let services = content
        .services
        .iter()
        .map(|Choice { key, name }| ("services", key, name));
    let criteria = content.questionnaire.criteria.iter();
    let criteria = criteria.map(|Choice { key, name }| ("questionnaire.criteria", key, name));
    let reasons = content.questionnaire.reasons.iter();
    let reasons = reasons.map(|Reason { key, name, .. }| ("questionnaire.reasons", key, name));
    services
        .chain(criteria)
        .chain(reasons)
        .map(|(list, key, name)| (list, key.as_str(), name))
}

/// Names that are missing in a language which others of this content have.
fn untranslated(content: &Content) -> Vec<String> {
    let languages: BTreeSet<&str> = named(content)
        .flat_map(|(_, _, name)| name.iter().map(|(tag, _)| tag))
        .collect();
    named(content)
        .flat_map(|(list, key, name)| {
            let missing = languages.iter().filter(|tag| name.exact(tag).is_none());
            missing.map(move |tag| format!("{list}: {key} has no name in {tag}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(more: Value) -> String {
        let mut entry = json!({"code": "a", "name": {"ru": "А"}});
        for (name, value) in more.as_object().unwrap() {
            entry[name] = value.clone();
        }
        json!({"organizations": [entry]}).to_string()
    }

    #[test]
    fn what_is_not_mentioned_is_absent_and_null_takes_away() {
        let read = |entry: Value| read(&json!({"organizations": [entry]}).to_string()).unwrap();
        let document = read(json!({"code": "a", "services": []}));
        let row = &document.rows[0];
        assert_eq!((&row.parent, row.names.len()), (&Mention::Absent, 0));
        assert_eq!(document.content[0].members["services"], json!([]));
        let name = json!({"ru": " Паспортный\n отдел и\u{306}", "ky": null});
        let document = read(json!({"code": "a", "parent": null, "name": name}));
        let row = &document.rows[0];
        assert_eq!(row.parent, Mention::Removed);
        let given = Mention::Given("Паспортный отдел й".to_owned());
        let expected = [
            ("ky".to_owned(), Mention::Removed),
            ("ru".to_owned(), given),
        ];
        assert_eq!(row.names, expected);
    }

    #[test]
    fn names_of_what_is_offered_are_one_line() {
        let services = json!([{"key": "x", "name": {"ru": "Выдача\nпаспорта"}}]);
        let document = read(&entry(json!({"services": services}))).unwrap();
        let name = &document.content[0].members["services"][0]["name"];
        assert_eq!(name, &json!({"ru": "Выдача паспорта"}));
    }

    #[test]
    fn a_fault_names_the_entry_and_the_member() {
        for (more, expected) in [
            (
                json!({"questionnaire": {"reasons": [{"key": "x", "scores": [6]}]}}),
                "questionnaire.reasons[0].scores[0]",
            ),
            (
                json!({"questionaire": {}}),
                "\"questionaire\" is not a member",
            ),
            (json!({"services": [{"key": "a b"}]}), "the key \"a b\""),
            (
                json!({"services": [{"key": "a", "name": {"ru": "я".repeat(121)}}]}),
                "121 characters",
            ),
            (
                json!({"questionnaire": {"criteria": (0..13).map(|n| json!({"key": n.to_string()})).collect::<Vec<_>>()}}),
                "at most 12",
            ),
            (json!({"code": "Ж"}), "the code \"Ж\""),
            (json!({"theme": {"accent": "green"}}), "theme.accent"),
            (json!({"theme": {"acent": "#00ff00"}}), "theme: \"acent\""),
            (json!({"undo_s": 61}), "at most 60"),
            (json!({"idle_timeout_s": 0}), "idle_timeout_s"),
            (json!({"idle_timeout_s": 601}), "at most 600"),
        ] {
            let why = read(&entry(more)).unwrap_err();
            assert!(
                why.contains(expected) && why.contains("organizations[0]"),
                "{why}"
            );
        }
    }

    #[test]
    fn colour_and_times_are_taken_and_null_gives_them_back() {
        let given = json!({"theme": {"accent": "#0b5d66"}, "undo_s": 0, "idle_timeout_s": null});
        let document = read(&entry(given.clone())).unwrap();
        assert_eq!(Value::Object(document.content[0].members.clone()), given);
    }

    #[test]
    fn a_name_that_others_have_in_more_languages_is_noted() {
        let criteria = json!([{"key": "x", "name": {"ky": "А", "ru": "Б"}}, {"key": "y", "name": {"ru": "В"}}]);
        let document = read(&entry(json!({"questionnaire": {"criteria": criteria}}))).unwrap();
        assert_eq!(
            document.notes,
            ["a: questionnaire.criteria: y has no name in ky"]
        );
    }
}
