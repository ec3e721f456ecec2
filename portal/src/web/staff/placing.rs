//! Where a terminal can stand: the places to choose from, and new ones.

use std::collections::BTreeMap;

use pikir_contract::{PlaceCode, Texts};

use crate::app::AppState;
use crate::services::place_code;
use crate::storage::{
    AddedPlace, Inherits, OrganizationRecord, PRESENCE_KEY_BYTES, PlaceRecord, StorageError,
};
use crate::web::public::phone::place_line;

/// Places shown in one list; a search narrows it.
pub const SHOWN_PLACES: usize = 200;

/// The places of one organisation.
pub struct Group {
    /// The organisation's name.
    pub organization: String,
    /// Its places.
    pub places: Vec<Choice>,
}

/// Something to choose in a list.
pub struct Choice {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// True for the one that is chosen already.
    pub selected: bool,
}

/// Adds a place called `name`, with the languages, the time zone and the hours its organisation has elsewhere.
/// `None`: there is no such organisation.
pub async fn add_place(
    app: &AppState,
    organization: &str,
    name: &str,
) -> Result<Option<PlaceCode>, StorageError> {
    let usual = app.storage.usual(organization).await?;
    let neighbours = app.storage.places(Some(organization)).await?;
    let neighbour = neighbours.into_iter().next();
    // Where an organisation says when its places are open, this one follows it.
    let (hours, night) = neighbour.map_or_else(Default::default, |one| (one.hours, one.night));
    let hours = Some(hours).filter(|_| !usual.has_hours).unwrap_or_default();
    let place = PlaceRecord {
        code: place_code::made_up(&app.entropy),
        organization: organization.to_owned(),
        unit: None,
        name: name.to_owned(),
        question: Texts::default(),
        languages: usual.languages.offered,
        default_language: usual.languages.default,
        presence_key: app.entropy.bytes::<PRESENCE_KEY_BYTES>().to_vec(),
        timezone: usual.timezone,
        hours,
        night,
        inherits: Inherits {
            timezone: true,
            languages: true,
        },
        version: 1,
    };
    let now_ms = app.clock.unix_ms();
    match place_code::add_with_free_code(&app.storage, &app.entropy, place, now_ms).await? {
        (AddedPlace::Added, place) => Ok(Some(place.code)),
        (AddedPlace::UnknownOrganization, _) => Ok(None),
        (AddedPlace::CodeTaken, _) => Err(StorageError::Unreadable(
            "every code tried for a new place is taken".to_owned(),
        )),
    }
}

/// Organisations to choose from.
pub fn choices(
    organizations: &[OrganizationRecord],
    names: &BTreeMap<&str, &str>,
    chosen: &str,
) -> Vec<Choice> {
    let choice = |found: &OrganizationRecord| Choice {
        code: found.code.clone(),
        name: names
            .get(found.code.as_str())
            .copied()
            .unwrap_or_default()
            .to_owned(),
        selected: found.code == chosen,
    };
    organizations.iter().map(choice).collect()
}

/// The places whose name, code or organisation holds every word of the search, by organisation; and whether there were
/// more. The place created or chosen a moment ago is always among them.
pub fn grouped(
    places: &[PlaceRecord],
    names: &BTreeMap<&str, &str>,
    search: &str,
    chosen: &str,
) -> (Vec<Group>, bool) {
    let words: Vec<String> = search
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let mut groups: Vec<(&str, Group)> = Vec::new();
    let mut shown = 0;
    let mut cut = false;
    for place in places {
        let organization = names
            .get(place.organization.as_str())
            .copied()
            .unwrap_or_default();
        let name = place_line(place);
        let selected = place.code.as_str() == chosen;
        let text = format!(
            "{organization} {} {name} {}",
            place.organization, place.code
        )
        .to_lowercase();
        if !selected && (shown >= SHOWN_PLACES || !words.iter().all(|word| text.contains(word))) {
            cut |= shown >= SHOWN_PLACES;
            continue;
        }
        shown += 1;
        let choice = Choice {
            code: place.code.to_string(),
            name,
            selected,
        };
        match groups.last_mut() {
            Some((code, group)) if *code == place.organization => group.places.push(choice),
            _ => groups.push((
                &place.organization,
                Group {
                    organization: organization.to_owned(),
                    places: vec![choice],
                },
            )),
        }
    }
    (groups.into_iter().map(|(_, group)| group).collect(), cut)
}

/// A name as people sort it: "window 2" before "window 10".
pub fn natural(name: &str) -> String {
    let mut key = String::new();
    let mut digits = String::new();
    for symbol in name.to_lowercase().chars().chain(['\0']) {
        if symbol.is_ascii_digit() {
            digits.push(symbol);
        } else {
            if !digits.is_empty() {
                key.push_str(&format!("{digits:0>9}"));
                digits.clear();
            }
            key.push(symbol);
        }
    }
    key
}
