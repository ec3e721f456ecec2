//! `config.json`: the last good configuration from the portal.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use jiff::tz::TimeZone;
use pikir_contract::{Bytes, Hours, TerminalConfig, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::told_zone;
use crate::config::night_hours::NightHours;
use crate::platform::files;
use crate::platform::files::DataDir;
use crate::visit::doubt::OpeningHours;

/// What lies in the file: the document as it came, so that members this version does not know
/// survive.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    config: Value,
    /// Presence keys of the same place before this one, for as long as this one is not valid yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former_keys: Vec<PresenceKey>,
}

/// Former presence keys that are kept: the portal changes them once a year.
const FORMER_KEYS: usize = 2;

/// A key of the presence tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceKey {
    key: Bytes,
    /// From when it is used; `None`: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_from: Option<Time>,
}

impl PresenceKey {
    fn of(document: &TerminalConfig) -> Option<Self> {
        let qr = &document.qr;
        qr.presence_key.clone().map(|key| Self {
            key,
            valid_from: qr.valid_from,
        })
    }

    fn is_valid(&self, unix_ms: i64) -> bool {
        self.valid_from.is_none_or(|from| from.unix_ms() <= unix_ms)
    }
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// The document.
    pub document: TerminalConfig,
    /// Its entity tag at the portal, where one is known.
    pub etag: Option<String>,
    /// The opening hours in their time zone; `None`: always open, or the system does not know the
    /// zone.
    pub hours: Option<OpeningHours>,
    /// The night hours in their time zone; `None`: never, or the system does not know the zone.
    pub night: Option<NightHours>,
    /// The time zone; `None`: the document names none, or the system does not know it.
    pub zone: Option<TimeZone>,
    /// The presence keys, the present one first.
    pub presence_keys: Vec<PresenceKey>,
}

impl Configuration {
    fn new(document: TerminalConfig, etag: Option<String>, former_keys: &[PresenceKey]) -> Self {
        let (hours, night, zone) = document.hours.as_ref().map_or((None, None, None), |hours| {
            let Ok(zone) = time_zone(hours).inspect_err(|error| {
                tracing::warn!(zone = hours.timezone, %error, "opening and night hours are not used. Is tzdata installed?");
            }) else {
                return (None, None, None);
            };
            let night = hours.night.as_ref().map(|night| NightHours::new(zone.clone(), night));
            (OpeningHours::new(zone.clone(), hours), night, Some(zone))
        });
        let present = PresenceKey::of(&document);
        let presence_keys = present
            .into_iter()
            .chain(former_keys.iter().cloned())
            .collect();
        Self {
            document,
            etag,
            hours,
            night,
            zone,
            presence_keys,
        }
    }

    /// The key of the presence tokens at this true time (Unix milliseconds): the newest that is
    /// valid by then.
    #[must_use]
    pub fn presence_key(&self, unix_ms: i64) -> Option<&[u8]> {
        let mut keys = self.presence_keys.iter();
        keys.find(|key| key.is_valid(unix_ms))
            .map(|key| key.key.0.as_slice())
    }

    /// How long until another presence key is used (milliseconds), where one waits.
    #[must_use]
    pub fn until_next_key_ms(&self, unix_ms: i64) -> Option<u64> {
        let waits = self.presence_keys.first()?.valid_from?.unix_ms() - unix_ms;
        u64::try_from(waits).ok().filter(|ms| *ms > 0)
    }

    /// The keys that are still needed under a document that names `next`: none from another place,
    /// none that `next` replaces at once.
    fn former_keys(&self, next: &TerminalConfig) -> Vec<PresenceKey> {
        if next.place.code != self.document.place.code || next.qr.valid_from.is_none() {
            return Vec::new();
        }
        let next = next.qr.presence_key.as_ref();
        let known = self.presence_keys.iter();
        known
            .filter(|known| Some(&known.key) != next)
            .take(FORMER_KEYS)
            .cloned()
            .collect()
    }
}

/// The zone as the portal tells it; otherwise as the system's database has it, which is newer than
/// the program. The contract lets no `.` into a name.
fn time_zone(hours: &Hours) -> anyhow::Result<TimeZone> {
    let name = hours.timezone.as_str();
    if !hours.offsets.is_empty() {
        return told_zone::of(&hours.offsets);
    }
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    let data =
        files::read_bytes(&Path::new("/usr/share/zoneinfo").join(name.trim_start_matches('/')))?;
    Ok(TimeZone::tzif(name, &data)?)
}

/// Keeps the last good configuration on disk and tells everybody of a new one.
#[derive(Clone)]
pub struct ConfigurationStore {
    data: DataDir,
    current: watch::Sender<Option<Arc<Configuration>>>,
}

impl ConfigurationStore {
    /// Reads what an earlier run kept, in place of a damaged file its copy. Without either it
    /// counts as none: the portal has another.
    #[must_use]
    pub fn load(data: DataDir) -> Self {
        let kept = read(&data).unwrap_or_else(|error| {
            tracing::warn!(%error, "the kept configuration cannot be used; asking the portal for it");
            None
        });
        Self {
            data,
            current: watch::Sender::new(kept.map(Arc::new)),
        }
    }

    /// Reads the file again after an enrolment wrote it.
    pub fn reload(&self) {
        if let Ok(Some(kept)) = read(&self.data) {
            self.current.send_replace(Some(Arc::new(kept)));
        }
    }

    /// The configuration in force.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Configuration>> {
        self.current.borrow().clone()
    }

    /// Follows the configuration in force.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Configuration>>> {
        self.current.subscribe()
    }

    /// Puts a document in force and keeps it, if it validates; otherwise the last good one stays.
    ///
    /// # Errors
    /// The document breaks the contract (the message names the member), or cannot be kept.
    pub fn accept(&self, config: Value, etag: Option<String>) -> anyhow::Result<()> {
        let document = TerminalConfig::from_value(&config)?;
        let current = self.current();
        let former_keys = current.map_or_else(Vec::new, |current| current.former_keys(&document));
        let text = serde_json::to_string_pretty(&Kept {
            etag: etag.clone(),
            config,
            former_keys: former_keys.clone(),
        })?;
        for path in [self.data.configuration(), self.data.configuration_copy()] {
            files::replace(&path, text.as_bytes(), 0o600)
                .context("the configuration cannot be kept")?;
        }
        let configuration = Configuration::new(document, etag, &former_keys);
        self.current.send_replace(Some(Arc::new(configuration)));
        Ok(())
    }
}

fn read(data: &DataDir) -> anyhow::Result<Option<Configuration>> {
    let error = match read_file(&data.configuration()) {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    match read_file(&data.configuration_copy()) {
        Ok(Some(copy)) => {
            tracing::error!(
                error = format!("{error:#}"),
                "the kept configuration is damaged; its copy is used"
            );
            Ok(Some(copy))
        }
        _ => Err(error),
    }
}

fn read_file(path: &Path) -> anyhow::Result<Option<Configuration>> {
    let Some(text) = files::read_text_if_there(path)? else {
        return Ok(None);
    };
    let kept: Kept = serde_json::from_str(&text)?;
    let document = TerminalConfig::from_value(&kept.config)?;
    Ok(Some(Configuration::new(
        document,
        kept.etag,
        &kept.former_keys,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(version: u32) -> Value {
        json!({
            "version": version,
            "organization": {"code": "bishkek-1", "name": {"ky": "Борбор"}},
            "place": {"code": "7K3M9P", "name": "2-зал"},
            "languages": ["ky"], "default_language": "ky",
            "qr": {"base_url": "https://otzyv.example"},
            "member_of_the_future": true,
        })
    }

    #[test]
    fn a_good_configuration_outlives_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        let store = ConfigurationStore::load(data.clone());
        assert!(store.current().is_none());
        store.accept(document(7), Some("\"7\"".into())).unwrap();
        let again = ConfigurationStore::load(data.clone()).current().unwrap();
        assert_eq!(
            (again.document.version, again.etag.as_deref()),
            (7, Some("\"7\""))
        );
        assert!(
            files::read_text(&data.configuration())
                .unwrap()
                .contains("member_of_the_future")
        );
    }

    #[test]
    fn a_bad_configuration_is_refused_and_the_last_good_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = ConfigurationStore::load(DataDir::new(Some(dir.path())));
        store.accept(document(7), None).unwrap();
        let mut bad = document(8);
        bad["languages"] = json!("ky");
        let message = store.accept(bad, None).unwrap_err().to_string();
        assert!(message.contains("languages"), "{message}");
        assert_eq!(store.current().unwrap().document.version, 7);
    }

    #[test]
    fn opening_hours_are_in_the_zone_the_document_names() {
        let dir = tempfile::tempdir().unwrap();
        let store = ConfigurationStore::load(DataDir::new(Some(dir.path())));
        let with_zone = |zone: &str| {
            let mut document = document(7);
            document["hours"] = json!({"timezone": zone, "open": [{"days": ["mon"], "from": "08:30", "to": "17:30"}]});
            store.accept(document, None).unwrap();
            store.current().unwrap().hours.clone()
        };
        // 2027-01-04 is a Monday; 03:00 UTC is 09:00 in Bishkek.
        let monday = 1_799_031_600_000;
        assert!(with_zone("Asia/Bishkek").unwrap().serves(monday));
        assert!(!with_zone("UTC").unwrap().serves(monday));
        assert_eq!(with_zone("Atlantis/Poseidonis"), None);
    }

    #[test]
    fn night_hours_are_in_the_zone_the_document_names_and_need_no_opening_hours() {
        let dir = tempfile::tempdir().unwrap();
        let store = ConfigurationStore::load(DataDir::new(Some(dir.path())));
        let mut document = document(7);
        document["hours"] =
            json!({"timezone": "Asia/Bishkek", "night": {"from": "20:00", "to": "07:00"}});
        store.accept(document, None).unwrap();
        let current = store.current().unwrap();
        assert_eq!(current.hours, None);
        // 2027-01-04, 20:00 and 12:00 in Bishkek.
        let night = current.night.as_ref().unwrap();
        assert!(night.is_night(1_799_071_200_000) && !night.is_night(1_799_042_400_000));
        assert!(current.zone.is_some());
    }

    #[test]
    fn what_the_portal_says_of_the_offset_counts_and_not_the_systems_zone_data() {
        let dir = tempfile::tempdir().unwrap();
        let store = ConfigurationStore::load(DataDir::new(Some(dir.path())));
        let mut document = document(7);
        // No system knows the zone, and none can have told its offset.
        document["hours"] = json!({
            "timezone": "Atlantis/Poseidonis",
            "open": [{"days": ["mon"], "from": "09:00", "to": "18:00"}],
            "offsets": [{"from": "2023-01-01T00:00:00Z", "minutes": 360},
                        {"from": "2024-02-29T18:00:00Z", "minutes": 300}],
        });
        store.accept(document, None).unwrap();
        let hours = store.current().unwrap().hours.clone().unwrap();
        let serves =
            |utc: &str| hours.serves(utc.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        // Monday the 19th of February and the 4th of March 2024, on both sides of the change.
        assert!(serves("2024-02-19T02:50:00Z") && !serves("2024-02-19T12:30:00Z"));
        assert!(!serves("2024-03-04T03:49:00Z") && serves("2024-03-04T13:29:00Z"));
    }

    #[test]
    fn in_place_of_a_damaged_file_its_copy_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        let store = ConfigurationStore::load(data.clone());
        store.accept(document(7), None).unwrap();
        files::replace(&data.configuration(), b"{\"config\":", 0o600).unwrap();
        let again = ConfigurationStore::load(data).current().unwrap();
        assert_eq!(again.document.version, 7);
    }

    #[test]
    fn a_presence_key_is_used_from_its_time_on_or_on_receipt_whichever_is_later() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        let store = ConfigurationStore::load(data.clone());
        let valid_from = 1_800_000_000_000;
        let accept = |place: &str, key: &[u8], from: Option<i64>| {
            let mut document = document(7);
            document["place"]["code"] = json!(place);
            document["qr"]["presence_key"] = json!(Bytes(key.to_vec()));
            document["qr"]["valid_from"] = json!(from.map(|ms| Time::from_unix_ms(ms).unwrap()));
            store.accept(document, None).unwrap();
        };
        let key_at = |unix_ms| {
            // As the program finds it after a restart, too.
            let again = ConfigurationStore::load(data.clone()).current().unwrap();
            assert_eq!(Some(&again), store.current().as_ref());
            again.presence_key(unix_ms).map(<[u8]>::to_vec)
        };
        accept("7K3M9P", &[1], None);
        assert_eq!(key_at(valid_from - 1), Some(vec![1]));
        accept("7K3M9P", &[2], Some(valid_from));
        assert_eq!(key_at(valid_from - 1), Some(vec![1]), "not yet");
        assert_eq!(key_at(valid_from), Some(vec![2]));
        let current = store.current().unwrap();
        assert_eq!(current.until_next_key_ms(valid_from - 5), Some(5));
        assert_eq!(current.until_next_key_ms(valid_from), None);
        // The same document again forgets nothing, and one that comes late holds at once.
        accept("7K3M9P", &[2], Some(valid_from));
        assert_eq!(key_at(valid_from - 1), Some(vec![1]));
        accept("7K3M9P", &[3], Some(valid_from + 9));
        assert_eq!(key_at(valid_from - 1), Some(vec![1]));
        assert_eq!(key_at(valid_from + 8), Some(vec![2]));
        assert_eq!(key_at(valid_from + 9), Some(vec![3]));
        // A key of another place proves nothing here.
        accept("B4XK", &[4], Some(valid_from + 99));
        assert_eq!(key_at(valid_from + 98), None);
        accept("B4XK", &[5], None);
        assert_eq!(key_at(0), Some(vec![5]));
    }

    #[test]
    fn a_damaged_file_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(dir.path()));
        files::replace(&data.configuration(), b"{\"config\":", 0o600).unwrap();
        assert!(ConfigurationStore::load(data).current().is_none());
    }
}
