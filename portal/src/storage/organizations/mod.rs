//! Organisations, the units below them, and their places.

pub(super) mod content;
pub(super) mod index;
pub(super) mod listing;
pub(super) mod schedules;
pub(super) mod settings;

use std::str::FromStr;

use pikir_contract::{PlaceCode, Texts};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::Serialize;

use self::content::change_content;
use self::index::{index_organization, index_place};
use self::settings::stands_below;
use super::{ContentChange, Storage, StorageError};
use crate::domain::hours::{NightHours, OpeningHours};

/// An organisation, or a unit below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRecord {
    /// Its short name in addresses and on the wire.
    pub code: String,
    /// The organisation it belongs to.
    pub parent: Option<String>,
    /// Its name by language, at least one.
    pub names: Texts,
    /// Raised by every change.
    pub version: i64,
}

/// The time zone of a place for which none is given.
pub const DEFAULT_TIMEZONE: &str = "Asia/Bishkek";

/// Where a terminal stands or a poster hangs.
#[derive(Clone, Debug)]
pub struct PlaceRecord {
    /// The short code in the QR address.
    pub code: PlaceCode,
    /// The code of its organisation.
    pub organization: String,
    /// The office or window within the organisation.
    pub unit: Option<String>,
    /// What the place is called.
    pub name: String,
    /// The question asked there, by language; empty for the portal's own.
    pub question: Texts,
    /// The languages offered, in this order.
    pub languages: Vec<String>,
    /// The language shown first; one of `languages`.
    pub default_language: String,
    /// The secret that proves presence, shared with the place's terminals.
    pub presence_key: Vec<u8>,
    /// The time zone in which its days are counted (IANA).
    pub timezone: String,
    /// When it is open, as far as that is its own.
    pub hours: OpeningHours,
    /// When the screens of its terminals are dimmed.
    pub night: NightHours,
    /// What is not its own.
    pub inherits: Inherits,
    /// Raised by every change.
    pub version: i64,
}

/// What a place has from the organisations above it, and follows when they change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inherits {
    /// Its time zone.
    pub timezone: bool,
    /// Its languages.
    pub languages: bool,
}

/// What an import of organisations did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportedOrganizations {
    /// New ones.
    pub added: u64,
    /// Known ones whose parent or names are different now.
    pub changed: u64,
    /// Known ones that were the same already.
    pub unchanged: u64,
    /// Those whose services, questionnaire, announcements, colour or times are different now.
    pub content_changed: u64,
}

/// What became of a new place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddedPlace {
    /// It is there now.
    Added,
    /// Its code is in use.
    CodeTaken,
    /// There is no such organisation.
    UnknownOrganization,
}

impl Storage {
    /// Adds organisations, and changes those whose code is known; then changes what visitors of
    /// these or of known ones are offered. Parents stand before their units. Either all of it is
    /// taken or, with an error, nothing.
    pub async fn put_organizations(
        &self,
        organizations: Vec<OrganizationRecord>,
        content: Vec<ContentChange>,
    ) -> Result<ImportedOrganizations, StorageError> {
        let put_all = move |db: &Connection| {
            let mut done = ImportedOrganizations::default();
            for organization in &organizations {
                put_organization(db, organization, &mut done)?;
            }
            for change in &content {
                done.content_changed += u64::from(change_content(db, change)?);
            }
            Ok(done)
        };
        self.sqlite.write(put_all).await
    }

    /// The organisation with this code.
    pub async fn organization(
        &self,
        code: &str,
    ) -> Result<Option<OrganizationRecord>, StorageError> {
        let code = code.to_owned();
        self.sqlite
            .read(move |db| find_organization(db, &code))
            .await
    }

    /// Every organisation, by code.
    pub async fn organizations(&self) -> Result<Vec<OrganizationRecord>, StorageError> {
        let list = |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT code, parent, names, version FROM organizations ORDER BY code",
            )?;
            statement.query_and_then([], read_organization)?.collect()
        };
        self.sqlite.read(list).await
    }

    /// Adds a place. `created_ms` is the present time (milliseconds since 1970).
    pub async fn add_place(
        &self,
        place: PlaceRecord,
        created_ms: i64,
    ) -> Result<AddedPlace, StorageError> {
        self.sqlite
            .write(move |db| insert_place(db, &place, created_ms))
            .await
    }

    /// Sets when the screens of a place are dimmed. False: there is no such place.
    pub async fn set_night(
        &self,
        code: &PlaceCode,
        night: NightHours,
    ) -> Result<bool, StorageError> {
        let set = "UPDATE places SET night = ?2, version = version + 1 WHERE code = ?1";
        self.set_of_place(code, set, stored_night(night)).await
    }

    async fn set_of_place(
        &self,
        code: &PlaceCode,
        set: &'static str,
        value: String,
    ) -> Result<bool, StorageError> {
        let code = code.to_string();
        let set = move |db: &Connection| Ok(db.prepare_cached(set)?.execute((code, value))? == 1);
        self.sqlite.write(set).await
    }

    /// The place with this code, and its organisation.
    pub async fn place(
        &self,
        code: &PlaceCode,
    ) -> Result<Option<(PlaceRecord, OrganizationRecord)>, StorageError> {
        let code = code.to_string();
        self.sqlite.read(move |db| find_place(db, &code)).await
    }

    /// Every place, or those of one organisation, by organisation and name.
    pub async fn places(
        &self,
        organization: Option<&str>,
    ) -> Result<Vec<PlaceRecord>, StorageError> {
        let organization = organization.map(str::to_owned);
        let list = move |db: &Connection| {
            let mut statement = db.prepare_cached(&format!(
                "SELECT {PLACE_COLUMNS} FROM places p WHERE ?1 IS NULL OR p.organization = ?1
                 ORDER BY p.organization, p.name, p.code"
            ))?;
            statement
                .query_and_then([organization], read_place)?
                .collect()
        };
        self.sqlite.read(list).await
    }
}

fn put_organization(
    db: &Connection,
    organization: &OrganizationRecord,
    done: &mut ImportedOrganizations,
) -> Result<(), StorageError> {
    let names = serde_json::to_string(&organization.names)?;
    match find_organization(db, &organization.code)? {
        None => {
            db.prepare_cached(
                "INSERT INTO organizations (code, parent, names) VALUES (?1, ?2, ?3)",
            )?
            .execute((&organization.code, &organization.parent, names))?;
            index_organization(
                db,
                &organization.code,
                organization.parent.as_deref(),
                &organization.names,
            )?;
            done.added += 1;
        }
        Some(known) if known.parent == organization.parent && known.names == organization.names => {
            done.unchanged += 1;
        }
        Some(known) => {
            db.prepare_cached(
                "UPDATE organizations SET parent = ?2, names = ?3, version = version + 1 WHERE code = ?1",
            )?
            .execute((&organization.code, &organization.parent, names))?;
            if known.parent != organization.parent {
                stands_below(db, &organization.code)?;
            }
            index_organization(
                db,
                &organization.code,
                organization.parent.as_deref(),
                &organization.names,
            )?;
            done.changed += 1;
        }
    }
    Ok(())
}

pub(in crate::storage) fn find_organization(
    db: &Connection,
    code: &str,
) -> Result<Option<OrganizationRecord>, StorageError> {
    let mut statement = db
        .prepare_cached("SELECT code, parent, names, version FROM organizations WHERE code = ?1")?;
    statement
        .query_and_then([code], read_organization)?
        .next()
        .transpose()
}

/// The organisation whose code is this one, or this one in another case where there is only one
/// such.
pub(in crate::storage) fn find_in_any_case(
    db: &Connection,
    code: &str,
) -> Result<Option<OrganizationRecord>, StorageError> {
    if let Some(exactly) = find_organization(db, code)? {
        return Ok(Some(exactly));
    }
    let mut statement = db.prepare_cached(
        "SELECT code, parent, names, version FROM organizations WHERE code = ?1 COLLATE NOCASE LIMIT 2",
    )?;
    let mut found: Vec<OrganizationRecord> = statement
        .query_and_then([code], read_organization)?
        .collect::<Result<_, _>>()?;
    Ok(found.pop().filter(|_| found.is_empty()))
}

/// The units directly below an organisation, by code.
pub(in crate::storage) fn units(
    db: &Connection,
    code: &str,
) -> Result<Vec<OrganizationRecord>, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT code, parent, names, version FROM organizations WHERE parent = ?1 ORDER BY code",
    )?;
    statement
        .query_and_then([code], read_organization)?
        .collect()
}

pub(in crate::storage) fn read_organization(
    row: &Row<'_>,
) -> Result<OrganizationRecord, StorageError> {
    Ok(OrganizationRecord {
        code: row.get("code")?,
        parent: row.get("parent")?,
        names: serde_json::from_str(&row.get::<_, String>("names")?)?,
        version: row.get("version")?,
    })
}

pub(in crate::storage) const PLACE_COLUMNS: &str =
    "p.code, p.organization, p.unit, p.name, p.question, p.languages, p.default_language,
     p.presence_key, p.timezone, p.hours, p.night, p.own_timezone, p.own_languages, p.version";

fn insert_place(
    db: &Connection,
    place: &PlaceRecord,
    created_ms: i64,
) -> Result<AddedPlace, StorageError> {
    if find_organization(db, &place.organization)?.is_none() {
        return Ok(AddedPlace::UnknownOrganization);
    }
    let added = db
        .prepare_cached(
            "INSERT INTO places (code, organization, unit, name, question, languages, default_language, presence_key,
                 timezone, hours, night, own_timezone, own_languages, presence_since, created_at)
             VALUES (:code, :organization, :unit, :name, :question, :languages, :default_language, :presence_key,
                 :timezone, :hours, :night, :own_timezone, :own_languages, :created_at, :created_at)
             ON CONFLICT (code) DO NOTHING",
        )?
        .execute(named_params! {
            ":code": place.code.to_string(),
            ":organization": place.organization,
            ":unit": place.unit,
            ":name": place.name,
            ":question": serde_json::to_string(&place.question)?,
            ":languages": serde_json::to_string(&place.languages)?,
            ":default_language": place.default_language,
            ":presence_key": place.presence_key,
            ":timezone": place.timezone,
            ":hours": place.hours.to_string(),
            ":night": stored_night(place.night),
            ":own_timezone": !place.inherits.timezone,
            ":own_languages": !place.inherits.languages,
            ":created_at": created_ms,
        })?;
    if added == 0 {
        return Ok(AddedPlace::CodeTaken);
    }
    let texts = [
        place.name.as_str(),
        place.unit.as_deref().unwrap_or_default(),
    ];
    index_place(db, &place.code.to_string(), texts)?;
    Ok(AddedPlace::Added)
}

/// The place with this code (as stored: upper case) and its organisation.
pub(in crate::storage) fn find_place(
    db: &Connection,
    code: &str,
) -> Result<Option<(PlaceRecord, OrganizationRecord)>, StorageError> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {PLACE_COLUMNS} FROM places p WHERE p.code = ?1"
    ))?;
    let Some(place) = statement
        .query_and_then([code], read_place)?
        .next()
        .transpose()?
    else {
        return Ok(None);
    };
    let organization = find_organization(db, &place.organization)?.ok_or_else(|| {
        StorageError::unreadable(format_args!("place {code} has no organisation"))
    })?;
    Ok(Some((place, organization)))
}

pub(in crate::storage) fn read_place(row: &Row<'_>) -> Result<PlaceRecord, StorageError> {
    Ok(PlaceRecord {
        code: PlaceCode::from_str(&row.get::<_, String>("code")?)
            .map_err(StorageError::unreadable)?,
        organization: row.get("organization")?,
        unit: row.get("unit")?,
        name: row.get("name")?,
        question: serde_json::from_str(&row.get::<_, String>("question")?)?,
        languages: serde_json::from_str(&row.get::<_, String>("languages")?)?,
        default_language: row.get("default_language")?,
        presence_key: row.get("presence_key")?,
        timezone: row.get("timezone")?,
        hours: read_hours(&row.get::<_, String>("hours")?)?,
        night: read_night(&row.get::<_, String>("night")?)?,
        inherits: Inherits {
            timezone: !row.get::<_, bool>("own_timezone")?,
            languages: !row.get::<_, bool>("own_languages")?,
        },
        version: row.get("version")?,
    })
}

/// Opening hours as they are stored: empty where they are not known.
pub(in crate::storage) fn read_hours(text: &str) -> Result<OpeningHours, StorageError> {
    if text.is_empty() {
        return Ok(OpeningHours::default());
    }
    text.parse()
        .map_err(|_| StorageError::unreadable(format_args!("opening hours {text:?}")))
}

/// A night as it is stored: empty for none.
fn stored_night(night: NightHours) -> String {
    night.0.map_or_else(String::new, |_| night.to_string())
}

fn read_night(text: &str) -> Result<NightHours, StorageError> {
    if text.is_empty() {
        return Ok(NightHours::default());
    }
    text.parse()
        .map_err(|_| StorageError::unreadable(format_args!("a night {text:?}")))
}

pub(in crate::storage) fn place_exists(db: &Connection, code: &str) -> Result<bool, StorageError> {
    let found = db
        .prepare_cached("SELECT 1 FROM places WHERE code = ?1")?
        .query_row([code], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}
