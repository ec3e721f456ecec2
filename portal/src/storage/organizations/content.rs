//! What an organisation offers its visitors besides the score: services, questionnaire,
//! announcements; and how its terminals look and wait.
//!
//! Each member is the organisation's own, or else that of the nearest organisation above which has
//! one.

use pikir_contract::{Content, Manner};
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value};

use crate::storage::{Storage, StorageError};

/// The members that an organisation may have of its own.
pub const CONTENT_MEMBERS: [&str; 6] = [
    "services",
    "questionnaire",
    "announcements",
    "theme",
    "undo_s",
    "idle_timeout_s",
];

/// How many organisations may stand above each other; the import refuses circles, so this is only a
/// stop.
const MAX_DEPTH: usize = 64;

/// What visitors of an organisation are offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The members, its own or inherited.
    pub content: Content,
    /// How its terminals look and wait, its own or inherited.
    pub manner: Manner,
    /// False if neither the organisation nor one above it has a questionnaire.
    pub has_questionnaire: bool,
    /// Grows with every change of the content, also above; falls where the organisation comes to
    /// stand below fewer changes.
    pub version: i64,
}

impl Offer {
    /// Whether visitors are asked for a comment: unless a questionnaire says that they are not.
    pub fn asks_comment(&self) -> bool {
        !self.has_questionnaire || self.content.questionnaire.comment
    }
}

/// New content of one organisation. A member that is `null` is inherited from now on, one that is
/// missing stays.
#[derive(Clone, Debug)]
pub struct ContentChange {
    /// The organisation's code.
    pub organization: String,
    /// Some of [`CONTENT_MEMBERS`], in the form of the terminals' configuration.
    pub members: Map<String, Value>,
}

impl Storage {
    /// What visitors of the organisation with this code are offered; nothing where there is no such
    /// organisation.
    pub async fn offer(&self, organization: &str) -> Result<Offer, StorageError> {
        let organization = organization.to_owned();
        self.sqlite
            .read(move |db| find_offer(db, &organization))
            .await
    }

    /// The members that an organisation has of its own; none where there is no such organisation.
    pub async fn own_content(
        &self,
        organization: &str,
    ) -> Result<Map<String, Value>, StorageError> {
        let organization = organization.to_owned();
        let read = move |db: &Connection| {
            let own = own_content(db, &organization)?;
            Ok(own.map(|(_, own)| own.members).unwrap_or_default())
        };
        self.sqlite.read(read).await
    }
}

/// Changes the content of an organisation. False if it was the same already.
pub(in crate::storage) fn change_content(
    db: &Connection,
    change: &ContentChange,
) -> Result<bool, StorageError> {
    let (_, mut own) = own_content(db, &change.organization)?.ok_or_else(|| {
        StorageError::defect(format!("there is no organisation {}", change.organization))
    })?;
    let before = own.members.clone();
    for (name, value) in &change.members {
        match value {
            Value::Null => own.members.remove(name),
            value => own.members.insert(name.clone(), value.clone()),
        };
    }
    if own.members == before {
        return Ok(false);
    }
    db.prepare_cached(
        "UPDATE organizations SET content = ?2, content_version = content_version + 1 WHERE code = ?1",
    )?
    .execute((&change.organization, Value::Object(own.members).to_string()))?;
    Ok(true)
}

struct Own {
    members: Map<String, Value>,
    version: i64,
}

fn own_content(db: &Connection, code: &str) -> Result<Option<(Option<String>, Own)>, StorageError> {
    let row: Option<(Option<String>, String, i64)> = db
        .prepare_cached(
            "SELECT parent, content, content_version FROM organizations WHERE code = ?1",
        )?
        .query_row([code], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    row.map(|(parent, content, version)| {
        let members = serde_json::from_str(&content)?;
        Ok((parent, Own { members, version }))
    })
    .transpose()
}

pub(in crate::storage) fn find_offer(db: &Connection, code: &str) -> Result<Offer, StorageError> {
    let (mut members, mut version) = (Map::new(), 0);
    let mut above = Some(code.to_owned());
    for _ in 0..MAX_DEPTH {
        let Some(code) = above else { break };
        let Some((parent, own)) = own_content(db, &code)? else {
            break;
        };
        for (name, value) in own.members {
            members.entry(name).or_insert(value);
        }
        version += own.version;
        above = parent;
    }
    let has_questionnaire = members.contains_key("questionnaire");
    let members = Value::Object(members);
    Ok(Offer {
        content: Content::from_value(&members).map_err(StorageError::unreadable)?,
        manner: Manner::from_value(&members).map_err(StorageError::unreadable)?,
        has_questionnaire,
        version,
    })
}
