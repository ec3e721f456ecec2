//! What is given at an organisation and inherited by its units and places: time zone, languages,
//! calendar.
//!
//! A place holds the values that are in force there, so that lists read them without a walk up the
//! tree; where they are not its own they follow every change above.

use pikir_contract::PlaceCode;
use rusqlite::{Connection, OptionalExtension};

use super::DEFAULT_TIMEZONE;
use super::schedules::{hours_changed, places_below};
use crate::storage::{Storage, StorageError};

/// The languages of a place for which nobody has said any.
const DEFAULT_LANGUAGES: [&str; 3] = ["ky", "ru", "en"];

/// The languages offered, and the one shown first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Languages {
    /// In this order.
    pub offered: Vec<String>,
    /// One of them.
    pub default: String,
}

/// A change of one setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Setting<T> {
    /// It stays as it is.
    #[default]
    Kept,
    /// It is that of the organisation above from now on.
    Inherited,
    /// It is this.
    Own(T),
}

/// Changes of what an organisation or a place has of its own.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The time zone in which days are counted (IANA).
    pub timezone: Setting<String>,
    /// The languages.
    pub languages: Setting<Languages>,
    /// The calendar of holidays that is kept; empty: none.
    pub calendar: Setting<String>,
}

/// What holds at a new place for which nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usual {
    /// The time zone.
    pub timezone: String,
    /// The languages.
    pub languages: Languages,
    /// Whether an organisation says when its places are open.
    pub has_hours: bool,
}

/// What an organisation has of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnSettings {
    /// The time zone.
    pub timezone: Option<String>,
    /// The languages.
    pub languages: Option<Languages>,
    /// The calendar; empty: none.
    pub calendar: Option<String>,
    parent: Option<String>,
    has_hours: bool,
}

/// How many organisations may stand above each other; the import refuses circles, so this is only a
/// stop.
const MAX_DEPTH: usize = 64;

impl Storage {
    /// What holds at a new place of this organisation: what the nearest organisation says, or what
    /// a place of it has.
    pub async fn usual(&self, organization: &str) -> Result<Usual, StorageError> {
        let organization = organization.to_owned();
        self.sqlite.read(move |db| usual(db, &organization)).await
    }

    /// What an organisation has of its own; `None`: there is no such organisation.
    pub async fn organization_settings(
        &self,
        code: &str,
    ) -> Result<Option<OwnSettings>, StorageError> {
        let code = code.to_owned();
        self.sqlite.read(move |db| own(db, &code)).await
    }

    /// Changes what an organisation has of its own, and with it its units and places. False: there
    /// is no such organisation.
    pub async fn set_organization(
        &self,
        code: &str,
        settings: Settings,
    ) -> Result<bool, StorageError> {
        let code = code.to_owned();
        let set = move |db: &Connection| {
            let Some(mut now) = own(db, &code)? else {
                return Ok(false);
            };
            apply(&settings.timezone, &mut now.timezone);
            apply(&settings.languages, &mut now.languages);
            apply(&settings.calendar, &mut now.calendar);
            let languages = now.languages.as_ref();
            db.prepare_cached(
                "UPDATE organizations SET timezone = ?2, languages = ?3, default_language = ?4, calendar = ?5 WHERE code = ?1",
            )?
            .execute((
                &code,
                &now.timezone,
                languages.map(|it| serde_json::to_string(&it.offered)).transpose()?,
                languages.map(|it| &it.default),
                &now.calendar,
            ))?;
            stands_below(db, &code)?;
            Ok(true)
        };
        self.sqlite.write(set).await
    }

    /// Changes what a place has of its own. False: there is no such place.
    pub async fn set_place(
        &self,
        code: &PlaceCode,
        settings: Settings,
    ) -> Result<bool, StorageError> {
        let code = code.to_string();
        let set = move |db: &Connection| {
            let found: Option<Option<String>> = db
                .prepare_cached("SELECT calendar FROM places WHERE code = ?1")?
                .query_row([&code], |row| row.get(0))
                .optional()?;
            let Some(mut calendar) = found else {
                return Ok(false);
            };
            apply(&settings.calendar, &mut calendar);
            db.prepare_cached("UPDATE places SET calendar = ?2 WHERE code = ?1")?
                .execute((&code, calendar))?;
            match &settings.timezone {
                Setting::Kept => {}
                Setting::Inherited => own_no_more(db, &code, "own_timezone")?,
                Setting::Own(timezone) => set_timezone(db, &code, timezone, true)?,
            }
            match &settings.languages {
                Setting::Kept => {}
                Setting::Inherited => own_no_more(db, &code, "own_languages")?,
                Setting::Own(languages) => set_languages(db, &code, languages, true)?,
            }
            inherit(db, &code)?;
            hours_changed(db, std::slice::from_ref(&code))?;
            Ok(true)
        };
        self.sqlite.write(set).await
    }
}

fn apply<T: Clone>(change: &Setting<T>, value: &mut Option<T>) {
    match change {
        Setting::Kept => {}
        Setting::Inherited => *value = None,
        Setting::Own(own) => *value = Some(own.clone()),
    }
}

/// Every place of an organisation and of those below it gets what it inherits: they changed, or
/// what stands above them did.
pub(in crate::storage) fn stands_below(
    db: &Connection,
    organization: &str,
) -> Result<(), StorageError> {
    let places = places_below(db, organization)?;
    for place in &places {
        inherit(db, place)?;
    }
    hours_changed(db, &places)
}

/// Gives a place what the organisations above it say of what is not its own. Where none says
/// anything it keeps what it has.
fn inherit(db: &Connection, place: &str) -> Result<(), StorageError> {
    let (organization, own_timezone, own_languages): (String, bool, bool) = db
        .prepare_cached(
            "SELECT organization, own_timezone, own_languages FROM places WHERE code = ?1",
        )?
        .query_row([place], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let (mut timezone, mut languages) = (None, None);
    walk_up(db, &organization, |_, own| {
        timezone = timezone.take().or(own.timezone);
        languages = languages.take().or(own.languages);
        Ok(timezone.is_some() && languages.is_some())
    })?;
    if let Some(timezone) = timezone.filter(|_| !own_timezone) {
        set_timezone(db, place, &timezone, false)?;
    }
    if let Some(languages) = languages.filter(|_| !own_languages) {
        set_languages(db, place, &languages, false)?;
    }
    Ok(())
}

fn usual(db: &Connection, organization: &str) -> Result<Usual, StorageError> {
    let (mut timezone, mut languages, mut has_hours) = (None, None, false);
    walk_up(db, organization, |code, own| {
        has_hours |= own.has_hours;
        timezone = timezone.take().or(own.timezone);
        languages = languages.take().or(own.languages);
        if timezone.is_none() || languages.is_none() {
            let neighbour = neighbour(db, code)?;
            timezone = timezone.take().or(neighbour.timezone);
            languages = languages.take().or(neighbour.languages);
        }
        Ok(false)
    })?;
    Ok(Usual {
        timezone: timezone.unwrap_or_else(|| DEFAULT_TIMEZONE.to_owned()),
        languages: languages.unwrap_or_else(|| Languages {
            offered: DEFAULT_LANGUAGES.map(str::to_owned).to_vec(),
            default: DEFAULT_LANGUAGES[0].to_owned(),
        }),
        has_hours,
    })
}

/// Looks at an organisation and those above it, the nearest first, until `look` has seen enough.
fn walk_up(
    db: &Connection,
    organization: &str,
    mut look: impl FnMut(&str, OwnSettings) -> Result<bool, StorageError>,
) -> Result<(), StorageError> {
    let mut above = Some(organization.to_owned());
    for _ in 0..MAX_DEPTH {
        let Some(code) = above else { break };
        let Some(mut found) = own(db, &code)? else {
            break;
        };
        above = found.parent.take();
        if look(&code, found)? {
            break;
        }
    }
    Ok(())
}

fn own(db: &Connection, code: &str) -> Result<Option<OwnSettings>, StorageError> {
    read_settings(
        db,
        "SELECT timezone, languages, default_language, calendar, parent, hours <> '' FROM organizations WHERE code = ?1",
        code,
    )
}

/// What the first place of an organisation has.
fn neighbour(db: &Connection, organization: &str) -> Result<OwnSettings, StorageError> {
    let found = read_settings(
        db,
        "SELECT timezone, languages, default_language, NULL, NULL, 0 FROM places WHERE organization = ?1
         ORDER BY name, code LIMIT 1",
        organization,
    )?;
    Ok(found.unwrap_or_default())
}

fn read_settings(
    db: &Connection,
    sql: &str,
    of: &str,
) -> Result<Option<OwnSettings>, StorageError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([of])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let (offered, default): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
    let languages = match offered.zip(default) {
        Some((offered, default)) => Some(Languages {
            offered: serde_json::from_str(&offered)?,
            default,
        }),
        None => None,
    };
    Ok(Some(OwnSettings {
        timezone: row.get(0)?,
        languages,
        calendar: row.get(3)?,
        parent: row.get(4)?,
        has_hours: row.get(5)?,
    }))
}

fn set_timezone(
    db: &Connection,
    place: &str,
    timezone: &str,
    own: bool,
) -> Result<(), StorageError> {
    db.prepare_cached("UPDATE places SET timezone = ?2, own_timezone = ?3 WHERE code = ?1")?
        .execute((place, timezone, own))?;
    Ok(())
}

fn set_languages(
    db: &Connection,
    place: &str,
    languages: &Languages,
    own: bool,
) -> Result<(), StorageError> {
    let Languages { offered, default } = languages;
    db.prepare_cached(
        "UPDATE places SET languages = ?2, default_language = ?3, own_languages = ?4 WHERE code = ?1",
    )?
    .execute((place, serde_json::to_string(offered)?, default, own))?;
    Ok(())
}

fn own_no_more(db: &Connection, place: &str, column: &str) -> Result<(), StorageError> {
    db.execute(
        &format!("UPDATE places SET {column} = 0 WHERE code = ?1"),
        [place],
    )?;
    Ok(())
}
