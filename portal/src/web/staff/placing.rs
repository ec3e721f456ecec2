//! Where a terminal can stand: the places to choose from, and new ones.

use pikir_contract::{PlaceCode, Texts};

use crate::app::AppState;
use crate::domain::alphabet;
use crate::i18n::Locale;
use crate::services::place_code;
use crate::storage::{
    AddedPlace, Inherits, Listing, PRESENCE_KEY_BYTES, Part, PlaceRecord, StorageError,
};
use crate::web::public::phone::place_line;

/// Places shown in one list; a search narrows it.
pub const SHOWN_PLACES: usize = 200;
/// Organisations shown in one list.
pub const SHOWN_ORGANIZATIONS: usize = 100;

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

/// Adds a place called `name`, with the languages, the time zone and the hours its organisation has
/// elsewhere. `None`: there is no such organisation.
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

/// What is chosen already, by its code; it stays in the lists.
#[derive(Clone, Copy)]
pub struct Chosen<'a> {
    /// A place.
    pub place: &'a str,
    /// An organisation.
    pub organization: &'a str,
    /// The place where the machine stands now.
    pub stands_at: Option<&'a str>,
}

/// What a search found.
pub struct Found {
    /// Places by organisation.
    pub groups: Vec<Group>,
    /// There are more than are shown.
    pub more_places: bool,
    /// Organisations for a new place.
    pub organizations: Vec<Choice>,
    /// There are more than are shown.
    pub more_organizations: bool,
    /// The name of the place where the machine stands now.
    pub stands_at: Option<String>,
}

/// Places and organisations that fit the search, all without one, in the order of the reader's
/// alphabet.
pub async fn find(
    app: &AppState,
    l: Locale,
    search: &str,
    chosen: Chosen<'_>,
) -> Result<Found, StorageError> {
    let storage = &app.storage;
    let mut places = storage
        .find_places(l.tag(), search, SHOWN_PLACES + 1)
        .await?;
    let more_places = places.len() > SHOWN_PLACES;
    places.truncate(SHOWN_PLACES);
    let of_code = async |code: &str| match code.parse::<PlaceCode>() {
        Ok(code) => storage.place(&code).await,
        Err(_) => Ok(None),
    };
    if !places
        .iter()
        .any(|(place, _)| place.code.as_str() == chosen.place)
        && let Some((place, organization)) = of_code(chosen.place).await?
    {
        places.insert(0, (place, organization.names));
    }
    let part = Part {
        skip: 0,
        limit: SHOWN_ORGANIZATIONS,
    };
    let listing = match search.trim() {
        "" => Listing::All,
        search => Listing::Found(search.to_owned()),
    };
    let mut found = storage.list_organizations(l.tag(), listing, part).await?;
    let more_organizations = found.total > found.entries.len();
    // A search for a place finds no organisation: then it is to be chosen from all.
    if found.entries.is_empty() {
        found = storage
            .list_organizations(l.tag(), Listing::All, part)
            .await?;
    }
    if !found
        .entries
        .iter()
        .any(|one| one.code == chosen.organization)
        && let Some(organization) = storage.organization(chosen.organization).await?
    {
        found.entries.insert(0, organization);
    }
    let stands_at = match chosen.stands_at {
        Some(code) => of_code(code).await?.map(|(place, _)| place_line(&place)),
        None => None,
    };
    Ok(Found {
        groups: grouped(l, places, chosen.place),
        more_places,
        organizations: found
            .entries
            .into_iter()
            .map(|one| Choice {
                name: l.choose(&one.names).to_owned(),
                selected: one.code == chosen.organization,
                code: one.code,
            })
            .collect(),
        more_organizations,
        stands_at,
    })
}

/// Places in the order they came, those of one organisation together and sorted.
fn grouped(l: Locale, places: Vec<(PlaceRecord, Texts)>, chosen: &str) -> Vec<Group> {
    let mut groups: Vec<(String, Group)> = Vec::new();
    for (place, names) in places {
        let choice = Choice {
            code: place.code.to_string(),
            name: place_line(&place),
            selected: place.code.as_str() == chosen,
        };
        match groups
            .iter_mut()
            .find(|(code, _)| *code == place.organization)
        {
            Some((_, group)) => group.places.push(choice),
            None => {
                let group = Group {
                    organization: l.choose(&names).to_owned(),
                    places: vec![choice],
                };
                groups.push((place.organization, group));
            }
        }
    }
    for (_, group) in &mut groups {
        group
            .places
            .sort_by_cached_key(|place| alphabet::sort_key(l.tag(), &place.name));
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
