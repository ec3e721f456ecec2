//! What an import changes: what a file mentions, on top of what is known.

use std::collections::{BTreeMap, HashMap};

use pikir_contract::Texts;
use serde_json::{Map, Value};

use crate::storage::{ContentChange, OrganizationRecord};

/// How many organisations may stand above each other.
const MAX_DEPTH: usize = 64;

/// What a file says of one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mention {
    /// Nothing: it stays as it is.
    #[default]
    Absent,
    /// It is to be gone.
    Removed,
    /// What it is to be.
    Given(String),
}

/// What a file says of an organisation.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The line it stands on, or its number in a list.
    pub line: u64,
    pub code: String,
    pub parent: Mention,
    pub names: Vec<(String, Mention)>,
}

/// The organisations as they are to be, those above before those below.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub organizations: Vec<OrganizationRecord>,
    /// What becomes different, in words, in the file's order.
    pub changes: Vec<String>,
}

/// Puts `rows` on top of what is `known`. The error names the line (or whatever `place` calls it)
/// at fault.
pub(super) fn plan(
    rows: Vec<Row>,
    known: &[OrganizationRecord],
    place: &str,
) -> Result<Plan, String> {
    let known: HashMap<&str, &OrganizationRecord> =
        known.iter().map(|one| (one.code.as_str(), one)).collect();
    let mut merged = Vec::with_capacity(rows.len());
    let mut changes = Vec::new();
    for row in rows {
        let before = known.get(row.code.as_str()).copied();
        let line = row.line;
        let after = merge(row, before).map_err(|why| format!("{place} {line}: {why}"))?;
        changes.extend(difference(before, &after));
        merged.push((line, after));
    }
    let mut parents: HashMap<&str, Option<&str>> = known
        .values()
        .map(|one| (one.code.as_str(), one.parent.as_deref()))
        .collect();
    parents.extend(
        merged
            .iter()
            .map(|(_, one)| (one.code.as_str(), one.parent.as_deref())),
    );
    let mut depths = Vec::with_capacity(merged.len());
    for (line, organization) in &merged {
        let depth = depth(&organization.code, &parents);
        depths.push(depth.map_err(|why| format!("{place} {line}: {why}"))?);
    }
    let mut sorted: Vec<(usize, OrganizationRecord)> = depths
        .into_iter()
        .zip(merged.into_iter().map(|(_, organization)| organization))
        .collect();
    sorted.sort_by_key(|(depth, _)| *depth);
    Ok(Plan {
        organizations: sorted.into_iter().map(|(_, one)| one).collect(),
        changes,
    })
}

fn merge(row: Row, before: Option<&OrganizationRecord>) -> Result<OrganizationRecord, String> {
    let mut names: BTreeMap<String, String> = before
        .iter()
        .flat_map(|before| before.names.iter())
        .map(|(tag, name)| (tag.to_owned(), name.to_owned()))
        .collect();
    for (tag, mention) in row.names {
        match mention {
            Mention::Absent => {}
            Mention::Removed => _ = names.remove(&tag),
            Mention::Given(name) => _ = names.insert(tag, name),
        }
    }
    if names.is_empty() {
        return Err(format!("{} has no name in any language", row.code));
    }
    Ok(OrganizationRecord {
        parent: match row.parent {
            Mention::Absent => before.and_then(|before| before.parent.clone()),
            Mention::Removed => None,
            Mention::Given(parent) => Some(parent),
        },
        code: row.code,
        names: names.into_iter().collect::<Texts>(),
        version: 1,
    })
}

/// What becomes different, in words.
fn difference(before: Option<&OrganizationRecord>, after: &OrganizationRecord) -> Vec<String> {
    const NONE: &str = "(none)";
    let code = &after.code;
    let quoted = |text: Option<&str>| text.map_or(NONE.to_owned(), |text| format!("{text:?}"));
    let Some(before) = before else {
        let below = after.parent.as_ref();
        let below = below.map_or(String::new(), |parent| format!(" below {parent}"));
        let names: Vec<String> = after
            .names
            .iter()
            .map(|(tag, name)| format!("{tag} {name:?}"))
            .collect();
        return vec![format!("{code}: new{below}: {}", names.join(", "))];
    };
    let mut changes = Vec::new();
    if before.parent != after.parent {
        let text = |parent: &Option<String>| parent.clone().unwrap_or(NONE.to_owned());
        let (old, new) = (text(&before.parent), text(&after.parent));
        changes.push(format!("{code}: parent: {old} → {new}"));
    }
    let tags = before.names.iter().chain(after.names.iter());
    let tags: std::collections::BTreeSet<&str> = tags.map(|(tag, _)| tag).collect();
    for tag in tags {
        let (old, new) = (before.names.exact(tag), after.names.exact(tag));
        if old != new {
            changes.push(format!(
                "{code}: name_{tag}: {} → {}",
                quoted(old),
                quoted(new)
            ));
        }
    }
    changes
}

/// What becomes different in what visitors are offered and how terminals behave, in words.
pub(super) fn content_difference(own: &Map<String, Value>, change: &ContentChange) -> Vec<String> {
    let code = &change.organization;
    let words = |(name, new): (&String, &Value)| match (own.get(name), new) {
        (None, Value::Null) => None,
        (Some(old), new) if old == new => None,
        (Some(_), Value::Null) => Some(format!("{code}: {name}: as the organisation above")),
        (None, _) => Some(format!("{code}: {name}: its own instead of what is above")),
        (Some(_), _) => Some(format!("{code}: {name}: another one")),
    };
    change.members.iter().filter_map(words).collect()
}

/// How many organisations stand above this one.
fn depth(code: &str, parents: &HashMap<&str, Option<&str>>) -> Result<usize, String> {
    let (mut above, mut depth) = (code, 0);
    while let Some(parent) = parents.get(above).copied().flatten() {
        depth += 1;
        if !parents.contains_key(parent) {
            return Err(format!(
                "the parent {parent} of {above} is neither in this file nor known already"
            ));
        }
        if parent == code || depth > parents.len() {
            return Err(format!("{code} belongs to itself by way of its parents"));
        }
        if depth > MAX_DEPTH {
            return Err(format!(
                "more than {MAX_DEPTH} organisations stand above {code}"
            ));
        }
        above = parent;
    }
    Ok(depth)
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    fn planned(text: &str, known: &[OrganizationRecord]) -> Result<Plan, String> {
        plan(table::read(text).unwrap(), known, "line")
    }

    #[test]
    fn what_a_file_does_not_mention_stays_and_a_hyphen_takes_it_away() {
        let first = "code,parent,name_ky,name_ru\nb-1,,Борбор,Центр\nb-1-2,b-1,Бөлүм,Отдел\n";
        let known = planned(first, &[]).unwrap().organizations;
        let second = planned("code,name_be\nb-1-2,Аддзел\n", &known).unwrap();
        let expected = Texts::from([("ky", "Бөлүм"), ("ru", "Отдел"), ("be", "Аддзел")]);
        assert_eq!(second.organizations[0].names, expected);
        assert_eq!(second.organizations[0].parent.as_deref(), Some("b-1"));
        assert_eq!(second.changes, ["b-1-2: name_be: (none) → \"Аддзел\""]);

        let third = planned("code,parent,name_ky,name_ru\nb-1-2,-,-,\n", &known).unwrap();
        assert_eq!(third.organizations[0].names, Texts::from([("ru", "Отдел")]));
        assert_eq!(third.organizations[0].parent, None);
        let expected = [
            "b-1-2: parent: b-1 → (none)",
            "b-1-2: name_ky: \"Бөлүм\" → (none)",
        ];
        assert_eq!(third.changes, expected);

        let last = planned("code,name_ky,name_ru\nb-1-2,-,-\n", &known).unwrap_err();
        assert!(
            last.contains("line 2") && last.contains("no name"),
            "{last}"
        );
        let new = planned("code,name_ru\nc,\n", &known).unwrap_err();
        assert!(new.contains("line 2") && new.contains("no name"), "{new}");
    }

    #[test]
    fn units_are_put_behind_their_organisations_wherever_they_stand_in_the_file() {
        let sorted = planned("code,parent,name_ru\nb,a,Б\na,,А\n", &[]).unwrap();
        let codes: Vec<&str> = sorted
            .organizations
            .iter()
            .map(|one| one.code.as_str())
            .collect();
        assert_eq!(codes, ["a", "b"]);
        assert_eq!(sorted.changes[0], "b: new below a: ru \"Б\"");
        for (text, fault) in [
            ("code,parent,name_ru\na,b,А\n", "belongs to itself"),
            ("code,parent,name_ru\nc,c,В\n", "belongs to itself"),
            ("code,parent,name_ru\nc,x,В\n", "neither in this file"),
        ] {
            let why = planned(text, &sorted.organizations).unwrap_err();
            assert!(why.contains(fault) && why.contains("line 2"), "{why}");
        }
        let chain: String = (1..=70).map(|n| format!("c{n},c{},В\n", n - 1)).collect();
        let why = planned(&format!("code,parent,name_ru\nc0,,В\n{chain}"), &[]).unwrap_err();
        assert!(why.contains("more than 64"), "{why}");
    }
}
