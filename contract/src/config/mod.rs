//! The terminal's configuration: the document of `GET /api/v1/terminal/config` and of the enrolment
//! result.
//!
//! Few members are required; everything else has a default, so that the smallest portal can serve a
//! terminal. A member that equals its default is omitted on writing.

mod content;
mod hours;
mod manner;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::reader::Node;
use crate::texts::language;
use crate::{
    Bytes, DEFAULT_IDLE_TIMEOUT_S, DEFAULT_SHARE_PERCENT, DEFAULT_STATUS_S, DEFAULT_STEP_S,
    DEFAULT_UNDO_S, DEFAULT_UPDATE_CHANNEL, MAX_BATCH_EVENTS, MAX_SAFE_INTEGER, Malformed,
    PlaceCode, Score, Texts, Time, check_portal_url, require_integers,
};

pub use content::{Announcement, AnnouncementKind, Choice, Content, Questionnaire, Reason};
pub use hours::{
    Hours, HoursException, Night, OpenHours, OpenSpan, TimeOfDay, TimeOfDayError, UtcOffset,
    Weekday,
};
pub use manner::{Logo, Manner, Theme};

/// Why a configuration is refused; names the member and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct ConfigError(#[from] pub Malformed);

/// A terminal's configuration, complete with its defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TerminalConfig {
    /// Which version of the document this is.
    pub version: i64,
    /// The organisation whose terminal it is.
    pub organization: Organization,
    /// The part of the organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Named>,
    /// Where the terminal stands.
    pub place: Place,
    /// The languages a visitor can choose, in their order; at least one.
    pub languages: Vec<String>,
    /// The language of a new visitor; one of `languages`.
    pub default_language: String,
    /// The QR code on the screen.
    pub qr: QrConfig,
    /// What the visitor is asked; without it the terminal's own words.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub question: Texts,
    /// The words of the scale, by score `"1"`–`"5"`; for one that is missing, the terminal's own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scale: BTreeMap<String, Texts>,
    /// The services a visitor can name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Choice>,
    /// What a visitor can add to a rating.
    #[serde(skip_serializing_if = "is_default")]
    pub questionnaire: Questionnaire,
    /// How it looks.
    #[serde(skip_serializing_if = "is_default")]
    pub theme: Theme,
    /// What is told on the news screen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub announcements: Vec<Announcement>,
    /// When the office is open; without it always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Seconds without input until the first screen returns, at least 1.
    #[serde(skip_serializing_if = "is_default_idle_timeout")]
    pub idle_timeout_s: u64,
    /// Seconds in which a rating can be taken back; 0 for not at all.
    #[serde(skip_serializing_if = "is_default_undo")]
    pub undo_s: u64,
    /// The technician's PIN as an argon2 PHC string; without it the technician's screen stays shut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technician_pin: Option<String>,
    /// How much and how often the terminal sends.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// Which software updates it takes.
    #[serde(skip_serializing_if = "is_default")]
    pub updates: Updates,
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Organization {
    /// Its code in the portal, not empty.
    pub code: String,
    /// Its name, in at least one language.
    pub name: Texts,
}

/// A part of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its code in the portal; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Its name; may be empty.
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub name: Texts,
}

/// Where a terminal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The short code in the QR code.
    pub code: PlaceCode,
    /// What people call the place; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// The QR code on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QrConfig {
    /// Where phones find the portal; `https://`, or `http://` for a loopback address.
    pub base_url: String,
    /// The key of the presence tokens, not empty; without it the address carries no token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_key: Option<Bytes>,
    /// From when this key is used; a reader that got it later uses it at once, and until then the
    /// key it had before. Without it at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Time>,
    /// How long one token is shown, in seconds, at least 1.
    #[serde(skip_serializing_if = "is_default_step")]
    pub step_s: u64,
}

/// How much and how often the terminal sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Events in one delivery, 1–500.
    #[serde(skip_serializing_if = "is_default_batch")]
    pub batch: usize,
    /// Seconds between two status reports, at least 1.
    #[serde(skip_serializing_if = "is_default_status")]
    pub status_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch: MAX_BATCH_EVENTS,
            status_s: DEFAULT_STATUS_S,
        }
    }
}

/// Which software updates a terminal takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Updates {
    /// The channel, not empty.
    #[serde(skip_serializing_if = "is_default_channel")]
    pub channel: String,
    /// The share of terminals that take an update, 0–100 per cent.
    #[serde(skip_serializing_if = "is_default_share")]
    pub share_percent: u8,
}

impl Default for Updates {
    fn default() -> Self {
        Self {
            channel: DEFAULT_UPDATE_CHANNEL.to_owned(),
            share_percent: DEFAULT_SHARE_PERCENT,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_default_idle_timeout(seconds: &u64) -> bool {
    *seconds == DEFAULT_IDLE_TIMEOUT_S
}

fn is_default_undo(seconds: &u64) -> bool {
    *seconds == DEFAULT_UNDO_S
}

fn is_default_step(seconds: &u64) -> bool {
    *seconds == DEFAULT_STEP_S
}

fn is_default_batch(events: &usize) -> bool {
    *events == MAX_BATCH_EVENTS
}

fn is_default_status(seconds: &u64) -> bool {
    *seconds == DEFAULT_STATUS_S
}

fn is_default_channel(channel: &String) -> bool {
    channel == DEFAULT_UPDATE_CHANNEL
}

fn is_default_share(percent: &u8) -> bool {
    *percent == DEFAULT_SHARE_PERCENT
}

impl TerminalConfig {
    /// A configuration of the required members, everything else by default.
    #[must_use]
    pub fn new(
        version: i64,
        organization: Organization,
        place: Place,
        default_language: &str,
        qr: QrConfig,
    ) -> Self {
        Self {
            version,
            organization,
            unit: None,
            place,
            languages: vec![default_language.to_owned()],
            default_language: default_language.to_owned(),
            qr,
            question: Texts::default(),
            scale: BTreeMap::new(),
            services: Vec::new(),
            questionnaire: Questionnaire::default(),
            theme: Theme::default(),
            announcements: Vec::new(),
            hours: None,
            idle_timeout_s: DEFAULT_IDLE_TIMEOUT_S,
            undo_s: DEFAULT_UNDO_S,
            technician_pin: None,
            limits: Limits::default(),
            updates: Updates::default(),
        }
    }

    /// Reads and validates a configuration. Unknown members are ignored, apart from the rule that
    /// every number is an integer within ±(2^53 − 1).
    ///
    /// # Errors
    /// The first breach: which member and what is wrong with it.
    pub fn from_value(document: &Value) -> Result<Self, ConfigError> {
        require_integers(document).map_err(Malformed::from)?;
        Ok(Self::read(&Node::root(document))?)
    }

    /// What the portal calls a text in `lang`, with the fallback rule of this configuration.
    #[must_use]
    pub fn text<'a>(&'a self, texts: &'a Texts, lang: &str) -> Option<&'a str> {
        texts.get(lang, &self.default_language)
    }

    fn read(root: &Node<'_>) -> Result<Self, Malformed> {
        let (languages, default_language) = read_languages(root)?;
        let Content {
            services,
            questionnaire,
            announcements,
        } = Content::read(root)?;
        let Manner {
            theme,
            undo_s,
            idle_timeout_s,
        } = Manner::read(root)?;
        Ok(Self {
            version: root
                .required("version")?
                .integer_in(-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER)?,
            organization: Organization::read(&root.required("organization")?)?,
            unit: root.maybe("unit", Named::read)?,
            place: Place::read(&root.required("place")?)?,
            languages,
            default_language,
            qr: QrConfig::read(&root.required("qr")?)?,
            question: root.or_default("question", Texts::read)?,
            scale: root.or_default("scale", read_scale)?,
            services,
            questionnaire,
            theme,
            announcements,
            hours: root.maybe("hours", Hours::read)?,
            idle_timeout_s,
            undo_s,
            technician_pin: root.maybe("technician_pin", read_pin)?,
            limits: root.or_default("limits", Limits::read)?,
            updates: root.or_default("updates", Updates::read)?,
        })
    }
}

impl<'de> Deserialize<'de> for TerminalConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

fn read_languages(root: &Node<'_>) -> Result<(Vec<String>, String), Malformed> {
    let list = root.required("languages")?;
    let languages = list.items(language)?;
    let default = root.required("default_language")?;
    let default_language = language(&default)?;
    if languages.iter().collect::<BTreeSet<_>>().len() < languages.len() {
        return Err(list.wrong("names a language twice"));
    }
    if !languages.contains(&default_language) {
        return Err(default.wrong("is not one of the languages"));
    }
    Ok((languages, default_language))
}

fn read_scale(node: &Node<'_>) -> Result<BTreeMap<String, Texts>, Malformed> {
    let mut scale = BTreeMap::new();
    for score in Score::ALL {
        let score = score.get().to_string();
        if let Some(texts) = node.maybe(&score, Texts::read)? {
            scale.insert(score, texts);
        }
    }
    Ok(scale)
}

fn read_seconds(parent: &Node<'_>, name: &str, from: u32, default: u64) -> Result<u64, Malformed> {
    Ok(parent
        .maybe(name, |seconds| seconds.unsigned_from(from))?
        .unwrap_or(default))
}

fn read_pin(node: &Node<'_>) -> Result<String, Malformed> {
    match node.text()? {
        hash if hash.starts_with("$argon2") => Ok(hash.to_owned()),
        _ => Err(node.wrong("is not an argon2 hash in PHC form ($argon2id$…)")),
    }
}

/// Reads the address of something on a portal.
fn read_url(node: &Node<'_>) -> Result<String, Malformed> {
    let url = node.owned_text()?;
    check_portal_url(&url).map_err(|error| node.wrong(error))?;
    Ok(url)
}

impl Organization {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            code: node.required("code")?.name()?,
            name: Texts::read_some(&node.required("name")?)?,
        })
    }
}

/// The contract leaves open whether a unit's name is one text, as a place's, or texts by language,
/// as an organisation's: both are read. One text is of no certain language (`und`).
fn read_name(node: &Node<'_>) -> Result<Texts, Malformed> {
    match node.text() {
        Ok(text) => Ok(Texts::from([("und", text)])),
        Err(_) => Texts::read(node),
    }
}

impl Named {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            code: node.or_default("code", |node| node.owned_text())?,
            name: node.or_default("name", read_name)?,
        })
    }
}

impl Place {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            code: node.required("code")?.parsed()?,
            name: node.or_default("name", |node| node.owned_text())?,
        })
    }
}

impl QrConfig {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let presence_key = node.maybe("presence_key", |key| match key.parsed::<Bytes>()? {
            bytes if bytes.0.is_empty() => Err(key.wrong("is empty")),
            bytes => Ok(bytes),
        })?;
        let base_url = read_url(&node.required("base_url")?)?;
        Ok(Self {
            base_url,
            presence_key,
            valid_from: node.maybe("valid_from", |time| time.parsed())?,
            step_s: read_seconds(node, "step_s", 1, DEFAULT_STEP_S)?,
        })
    }
}

impl Limits {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let batch = node.maybe("batch", |batch| batch.small(1..=MAX_BATCH_EVENTS as u16))?;
        Ok(Self {
            batch: batch.map_or(MAX_BATCH_EVENTS, usize::from),
            status_s: read_seconds(node, "status_s", 1, DEFAULT_STATUS_S)?,
        })
    }
}

impl Updates {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let channel = node.maybe("channel", |node| node.name())?;
        let share_percent = node.maybe("share_percent", |share| share.small(0..=100))?;
        Ok(Self {
            channel: channel.unwrap_or_else(|| DEFAULT_UPDATE_CHANNEL.to_owned()),
            share_percent: share_percent.unwrap_or(DEFAULT_SHARE_PERCENT),
        })
    }
}
