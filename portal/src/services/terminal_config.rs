//! The configuration a terminal gets, made from its place and organisation.

use std::collections::BTreeMap;

use pikir_contract::config::Hours;
use pikir_contract::{
    Bytes, Content, DEFAULT_STEP_S, Named, Organization, Place, QUESTION, QrConfig, SCALE, Score,
    TerminalConfig, Texts, Time, base64url_encode,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::schedule::offsets;
use crate::storage::{Basis, PlaceRecord};

/// Bytes of the digest that make an ETag.
const ETAG_BYTES: usize = 12;

/// The languages this portal has words for, so that a place may offer them without texts of its
/// own.
pub fn languages() -> impl Iterator<Item = &'static str> {
    QUESTION.iter().map(|(language, _)| *language)
}

/// A configuration as it is sent.
#[derive(Clone, Debug)]
pub struct Document {
    /// The document.
    pub value: Value,
    /// Its ETag, in quotation marks.
    pub etag: String,
    /// Since when the place has the presence key in it (milliseconds since 1970).
    pub presence_since: i64,
}

/// The configuration that follows from this at a moment (milliseconds since 1970); the portal is
/// reached under `public_url`.
pub fn document(basis: &Basis, public_url: &str, now_ms: i64) -> Document {
    let config = config(basis, public_url, now_ms);
    // A configuration is text, integers and lists of them, which JSON always holds.
    let value = serde_json::to_value(config).expect("a configuration can be written as JSON");
    let digest = Sha256::digest(value.to_string());
    Document {
        etag: format!("\"{}\"", base64url_encode(&digest[..ETAG_BYTES])),
        value,
        presence_since: basis.presence_since,
    }
}

fn config(basis: &Basis, public_url: &str, now_ms: i64) -> TerminalConfig {
    let Basis {
        place,
        organization,
        offer,
        ..
    } = basis;
    let qr = QrConfig {
        base_url: public_url.to_owned(),
        presence_key: Some(Bytes(place.presence_key.clone())),
        valid_from: Time::from_unix_ms(basis.presence_since).ok(),
        step_s: DEFAULT_STEP_S,
    };
    let mut config = TerminalConfig::new(
        place.version + organization.version + offer.version,
        Organization {
            code: organization.code.clone(),
            name: organization.names.clone(),
        },
        Place {
            code: place.code.clone(),
            name: place.name.clone(),
        },
        &place.default_language,
        qr,
    );
    config.languages.clone_from(&place.languages);
    config.unit = place.unit.as_ref().map(|unit| Named {
        code: unit.clone(),
        name: Texts::from([(place.default_language.as_str(), unit.as_str())]),
    });
    config.question = if place.question.is_empty() {
        offered(place, &QUESTION)
    } else {
        place.question.clone()
    };
    config.scale = scale(place);
    let Content {
        services,
        questionnaire,
        announcements,
    } = offer.content.clone();
    config.services = services;
    config.questionnaire = questionnaire;
    config.announcements = announcements;
    config.theme = offer.manner.theme.clone();
    config.undo_s = offer.manner.undo_s;
    config.idle_timeout_s = offer.manner.idle_timeout_s;
    // Without opening hours it is always open; the terminal counts its days in this time zone all
    // the same.
    let schedule = basis.schedule.as_ref();
    let (open, exceptions) = schedule.map_or_else(Default::default, |it| it.told(now_ms));
    config.hours = Some(Hours {
        timezone: place.timezone.clone(),
        open,
        night: place.night.0,
        exceptions,
        offsets: offsets(&place.timezone, now_ms),
    });
    config
}

/// The texts in the languages the place offers.
fn offered(place: &PlaceRecord, texts: &[(&str, &str)]) -> Texts {
    texts
        .iter()
        .filter(|(language, _)| place.languages.iter().any(|offered| offered == language))
        .copied()
        .collect()
}

fn scale(place: &PlaceRecord) -> BTreeMap<String, Texts> {
    let words = |index: usize| {
        let texts: Vec<_> = SCALE
            .iter()
            .map(|(language, words)| (*language, words[index]))
            .collect();
        offered(place, &texts)
    };
    let scale = Score::ALL
        .into_iter()
        .enumerate()
        .map(|(index, score)| (score.get().to_string(), words(index)));
    scale.filter(|(_, texts)| !texts.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use pikir_contract::config::Night;
    use pikir_contract::score_word;
    use pikir_contract::{Announcement, Choice, Manner, Questionnaire, Theme};

    use super::*;
    use crate::domain::hours::{NightHours, OpeningHours};
    use crate::domain::schedule::Schedule;
    use crate::storage::{DEFAULT_TIMEZONE, Inherits, Offer, OrganizationRecord};

    /// 2026-12-01T00:00:00Z
    const NOW_MS: i64 = 1_796_083_200_000;

    fn basis(place: PlaceRecord) -> Basis {
        let levels = vec![place.hours.clone()];
        Basis {
            schedule: Schedule::new(&place.timezone, levels, Default::default()),
            place,
            organization: organization(),
            offer: Offer::default(),
            presence_since: 1_000,
        }
    }

    fn document_of(place: PlaceRecord) -> Document {
        document(&basis(place), "https://pikir.example", NOW_MS)
    }

    fn config_of(place: PlaceRecord) -> TerminalConfig {
        TerminalConfig::from_value(&document_of(place).value).unwrap()
    }

    fn place() -> PlaceRecord {
        PlaceRecord {
            code: "B4XK".parse().unwrap(),
            organization: "con-bishkek".to_owned(),
            unit: Some("Зал 2".to_owned()),
            name: "Окно 4".to_owned(),
            question: Texts::default(),
            languages: vec!["ky".to_owned(), "ru".to_owned(), "en".to_owned()],
            default_language: "ky".to_owned(),
            presence_key: vec![3; 32],
            timezone: DEFAULT_TIMEZONE.to_owned(),
            hours: OpeningHours::default(),
            night: NightHours::default(),
            inherits: Inherits::default(),
            version: 2,
        }
    }

    fn organization() -> OrganizationRecord {
        let names = Texts::from([
            ("ky", "Калкты тейлөө борбору"),
            ("ru", "Центр обслуживания населения"),
        ]);
        OrganizationRecord {
            code: "con-bishkek".to_owned(),
            parent: None,
            names,
            version: 5,
        }
    }

    #[test]
    fn the_document_keeps_to_the_contract_and_says_what_the_place_says() {
        let config = config_of(place());
        assert_eq!(config.version, 7);
        assert_eq!(config.qr.valid_from.unwrap().unix_ms(), 1_000);
        assert_eq!(config.languages, ["ky", "ru", "en"]);
        assert_eq!(config.qr.presence_key, Some(Bytes(vec![3; 32])));
        assert_eq!(
            config.scale["1"].exact("ru"),
            score_word(Score::ALL[0], "ru")
        );
        assert_eq!(
            config.scale["5"].exact("be"),
            None,
            "Belarusian is not offered at this place"
        );
        assert_eq!(config.unit.unwrap().name.exact("ky"), Some("Зал 2"));
    }

    #[test]
    fn the_opening_hours_of_the_place_are_sent_in_its_time_zone() {
        let place = PlaceRecord {
            hours: "mon-fri 08:30-17:30; 2026-12-31 closed".parse().unwrap(),
            ..place()
        };
        let hours = config_of(place).hours.unwrap();
        assert_eq!(hours.timezone, DEFAULT_TIMEZONE);
        assert_eq!(hours.open[0].to.to_string(), "17:30");
        assert_eq!(hours.exceptions[0].date.to_string(), "2026-12-31");
        assert_eq!(hours.exceptions.len(), 1);
        assert_eq!(hours.offsets[0].minutes, 360);
    }

    #[test]
    fn a_place_without_opening_hours_says_its_time_zone_and_night_and_is_always_open() {
        let hours = config_of(place()).hours.unwrap();
        assert_eq!(hours.timezone, DEFAULT_TIMEZONE);
        assert!(hours.open.is_empty() && hours.night.is_none());
        let dark = PlaceRecord {
            night: "20:00-07:00".parse().unwrap(),
            ..place()
        };
        let expected = Night {
            from: "20:00".parse().unwrap(),
            to: "07:00".parse().unwrap(),
        };
        assert_eq!(config_of(dark).hours.unwrap().night, Some(expected));
    }

    #[test]
    fn a_question_of_the_place_s_own_stands_alone() {
        let question = Texts::from([("ru", "Довольны ли вы приёмом?")]);
        let place = PlaceRecord {
            question: question.clone(),
            ..place()
        };
        assert_eq!(config_of(place).question, question);
    }

    #[test]
    fn what_the_organisation_offers_stands_in_the_document() {
        let content = Content {
            services: vec![Choice {
                key: "passport".to_owned(),
                name: Texts::from([("ky", "Паспорт")]),
            }],
            questionnaire: Questionnaire {
                comment: true,
                ..Questionnaire::default()
            },
            announcements: vec![Announcement {
                title: Texts::from([("ru", "Открыто второе окно")]),
                ..Announcement::default()
            }],
        };
        let offer = Offer {
            content: content.clone(),
            manner: Manner {
                theme: Theme {
                    accent: Some("#0b5d66".to_owned()),
                    logo: None,
                },
                undo_s: 0,
                idle_timeout_s: 45,
            },
            has_questionnaire: true,
            version: 3,
        };
        let basis = Basis {
            offer,
            ..basis(place())
        };
        let document = document(&basis, "https://pikir.example", NOW_MS);
        let config = TerminalConfig::from_value(&document.value).unwrap();
        assert_eq!(config.version, 10);
        assert_eq!(config.theme.accent.as_deref(), Some("#0b5d66"));
        assert_eq!((config.undo_s, config.idle_timeout_s), (0, 45));
        assert_eq!(
            (config.services, config.questionnaire, config.announcements),
            (
                content.services,
                content.questionnaire,
                content.announcements
            )
        );
    }

    #[test]
    fn the_etag_changes_with_the_document_and_only_then() {
        let before = document_of(place()).etag;
        let later = document(
            &basis(place()),
            "https://pikir.example",
            NOW_MS + 86_400_000,
        );
        assert_eq!(before, later.etag, "a day alone changes nothing");
        let renamed = PlaceRecord {
            name: "Окно 5".to_owned(),
            ..place()
        };
        assert_ne!(before, document_of(renamed).etag);
    }
}
