//! From the state of the terminal to what the screen shows.

use std::sync::Arc;

use pikir_contract::{
    Choice, Score, TerminalConfig, presence_step, presence_token, qr_address, question, score_word,
};

use super::slides::{self, Telling};
use crate::config::configuration::Configuration;
use crate::view::adaptation::Adaptation;
use crate::view::languages;
use crate::view::{QrView, ScreenView, SetupView, View};
use crate::visit::{Named, Questionnaire, Rules, Texts, Visit};

/// The language of a terminal that has no configuration yet.
const SETUP_LANGUAGE: &str = "en";

/// The view of a terminal in set-up.
#[must_use]
pub fn setup(setup: &SetupView) -> View {
    View {
        screen: ScreenView::Setup(setup.clone()),
        language: SETUP_LANGUAGE.into(),
        default_language: SETUP_LANGUAGE.into(),
        languages: Vec::new(),
        organization: "Pikir".into(),
        unit: None,
        place: crate::SOFTWARE.into(),
        accent: None,
        qr: None,
        adaptation: Adaptation::default(),
        slide: None,
        announced: None,
        ratings_today: None,
        overlay: None,
        visits: 0,
        idle_left_s: None,
        hint: String::new(),
    }
}

/// The view of a terminal that cannot open its journal and knows its configuration: phones still
/// work.
#[must_use]
pub fn blocked(configuration: &Arc<Configuration>, telling: Telling, now_ms: u64) -> View {
    let visit = Visit::new(rules(configuration), None);
    serving(&visit, Some(configuration), telling, now_ms)
}

/// The view of an enrolled terminal.
#[must_use]
pub fn serving(
    visit: &Visit,
    configuration: Option<&Arc<Configuration>>,
    telling: Telling,
    now_ms: u64,
) -> View {
    let Some(configuration) = configuration else {
        return View {
            screen: visit.screen(
                now_ms,
                Texts {
                    question: None,
                    words: Default::default(),
                    name: &|_| String::new(),
                },
            ),
            ..setup(&SetupView::NoPortal)
        };
    };
    let config = &configuration.document;
    let language = visit.language();
    // In whatever language the portal has it: another question than the office asks would be
    // another measurement.
    let said = |texts| config.text(texts, language).map(str::to_owned);
    // Where the portal says nothing, the one table of the contract does.
    let question = said(&config.question).or_else(|| question(language).map(str::to_owned));
    let words = Score::ALL.map(|score| {
        let of_portal = config.scale.get(&score.get().to_string());
        let usual = || score_word(score, language).map(str::to_owned);
        of_portal.and_then(said).or_else(usual)
    });
    let text = |texts| config.text(texts, language).unwrap_or_default().to_owned();
    let texts = Texts {
        question,
        words,
        name: &|named| name(config, named, language),
    };
    View {
        screen: visit.screen(now_ms, texts),
        language: language.to_owned(),
        default_language: config.default_language.clone(),
        languages: config
            .languages
            .iter()
            .map(|code| languages::choice(code))
            .collect(),
        organization: text(&config.organization.name),
        unit: config.unit.as_ref().map(|unit| text(&unit.name)),
        place: config.place.name.clone(),
        accent: config.theme.accent.as_deref().and_then(srgb),
        qr: Some(qr(configuration, telling.unix_ms)),
        adaptation: visit.adaptation(),
        slide: slides::now(visit, config, telling, now_ms),
        announced: slides::first(config, telling.unix_ms, language),
        ratings_today: telling.ratings,
        overlay: visit.overlay(),
        visits: visit.ended(),
        idle_left_s: visit.idle_left_s(now_ms),
        hint: String::new(),
    }
}

/// What the configuration calls it; where it has no name (any more), its key.
fn name(config: &TerminalConfig, named: Named<'_>, language: &str) -> String {
    let choices = |choices: &[Choice], key: &str| {
        let found = choices.iter().find(|choice| choice.key == key);
        found.and_then(|choice| config.text(&choice.name, language).map(str::to_owned))
    };
    let questionnaire = &config.questionnaire;
    let (key, found) = match named {
        Named::Service(key) => (key, choices(&config.services, key)),
        Named::Criterion(key) => (key, choices(&questionnaire.criteria, key)),
        Named::Reason(key) => {
            let found = questionnaire.reasons.iter().find(|it| it.key == key);
            let text = found.and_then(|it| config.text(&it.name, language));
            (key, text.map(str::to_owned))
        }
    };
    found.unwrap_or_else(|| key.to_owned())
}

/// What the configuration says about visits.
#[must_use]
pub fn rules(configuration: &Configuration) -> Rules {
    let config = &configuration.document;
    Rules {
        undo_ms: config.undo_s * 1_000,
        default_language: config.default_language.clone(),
        languages: config.languages.clone(),
        hours: configuration.hours.clone(),
        idle_ms: config.idle_timeout_s * 1_000,
        questionnaire: questionnaire(config),
    }
}

fn questionnaire(config: &TerminalConfig) -> Questionnaire {
    let asked = &config.questionnaire;
    let key = |choice: &Choice| choice.key.clone();
    Questionnaire {
        services: config.services.iter().map(key).collect(),
        criteria: asked.criteria.iter().map(key).collect(),
        reasons: asked
            .reasons
            .iter()
            .map(|reason| (reason.key.clone(), reason.scores.clone()))
            .collect(),
        comment: asked.comment,
    }
}

/// What is assumed about visits before there is a configuration; none can begin then.
#[must_use]
pub fn rules_before_configuration() -> Rules {
    Rules {
        undo_ms: 5_000,
        default_language: SETUP_LANGUAGE.into(),
        languages: vec![SETUP_LANGUAGE.into()],
        hours: None,
        idle_ms: 30_000,
        questionnaire: Questionnaire::default(),
    }
}

/// How long until the code on the screen has to change (milliseconds); `None`: it does not.
#[must_use]
pub fn until_next_code_ms(configuration: &Configuration, unix_ms: Option<i64>) -> Option<u64> {
    let qr = &configuration.document.qr;
    qr.presence_key.as_ref()?;
    let unix_ms = unix_ms?;
    let step_ms = qr.step_s.max(1) as i64 * 1_000;
    let next_step = (step_ms - unix_ms.rem_euclid(step_ms)) as u64;
    let next_key = configuration.until_next_key_ms(unix_ms);
    Some(next_key.map_or(next_step, |next_key| next_key.min(next_step)))
}

fn qr(configuration: &Configuration, unix_ms: Option<i64>) -> QrView {
    let config = &configuration.document;
    let code = &config.place.code;
    let token = unix_ms.and_then(|unix_ms| {
        let step = presence_step(unix_ms.div_euclid(1_000), config.qr.step_s);
        Some(presence_token(
            configuration.presence_key(unix_ms)?,
            code,
            step,
        ))
    });
    let address = config
        .qr
        .base_url
        .split_once("://")
        .map_or(config.qr.base_url.as_str(), |(_, rest)| rest);
    QrView {
        payload: qr_address(&config.qr.base_url, code, token.as_deref()),
        address: address.trim_end_matches('/').to_lowercase(),
    }
}

/// `#rrggbb` as sRGB.
fn srgb(text: &str) -> Option<[u8; 3]> {
    let hex = text
        .strip_prefix('#')
        .filter(|hex| hex.len() == 6 && hex.is_ascii())?;
    let channel = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).ok();
    Some([channel(0)?, channel(2)?, channel(4)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::configuration::ConfigurationStore;
    use crate::platform::clock::{Clock as _, TestClock};
    use crate::platform::entropy::{Entropy as _, TestEntropy};
    use crate::platform::files::DataDir;
    use crate::view::Room;
    use crate::visit::{Event, Stamp};
    use pikir_contract::check_presence;
    use serde_json::json;

    fn document() -> serde_json::Value {
        json!({
            "version": 1, "organization": {"code": "o", "name": {"ky": "Борбор", "ru": "Центр"}},
            "place": {"code": "7K3M9P", "name": "2-зал"}, "languages": ["ky", "ru"], "default_language": "ky",
            "question": {"ky": "Кандай?"},
            "qr": {"base_url": "https://otzyv.example", "presence_key": "AQIDBAUGBwgJCgsMDQ4PEA", "step_s": 300},
        })
    }

    fn configuration() -> Configuration {
        let dir = tempfile::tempdir().unwrap();
        let store = ConfigurationStore::load(DataDir::new(Some(dir.path())));
        store.accept(document(), None).unwrap();
        (*store.current().unwrap()).clone()
    }

    #[test]
    fn the_code_proves_presence_now_and_is_plain_when_the_time_is_not_known() {
        let configuration = configuration();
        let config = &configuration.document;
        let unix_ms = 1_800_000_123_456;
        let payload = qr(&configuration, Some(unix_ms)).payload;
        let token = payload
            .strip_prefix("HTTPS://OTZYV.EXAMPLE/Q/7K3M9P/")
            .unwrap();
        let key = &config.qr.presence_key.as_ref().unwrap().0;
        assert!(check_presence(
            key,
            &config.place.code,
            token,
            unix_ms / 1_000,
            300
        ));
        assert_eq!(
            qr(&configuration, None).payload,
            "HTTPS://OTZYV.EXAMPLE/Q/7K3M9P"
        );
    }

    #[test]
    fn the_code_changes_at_the_next_step_and_not_while_the_time_is_unknown() {
        assert_eq!(
            until_next_code_ms(&configuration(), Some(300_000 * 7 + 299_000)),
            Some(1_000)
        );
        assert_eq!(until_next_code_ms(&configuration(), None), None);
    }

    #[test]
    fn a_text_missing_in_the_visitors_language_is_the_default_languages_as_the_contract_says() {
        let configuration = Arc::new(configuration());
        let mut visit = Visit::new(rules(&configuration), None);
        let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
        let stamp = Stamp {
            at: clock.reading(),
            id: TestEntropy::new(7).id(0),
        };
        let _ = visit.step(Event::Language("ru".into()), &stamp);
        let telling = Telling {
            room: Room::Whole,
            ratings: None,
            unix_ms: None,
        };
        let view = serving(&visit, Some(&configuration), telling, 0);
        assert_eq!(view.organization, "Центр");
        match view.screen {
            ScreenView::Rate(rate) => assert_eq!(rate.question.as_deref(), Some("Кандай?")),
            other => panic!("{other:?}"),
        }
    }
}
