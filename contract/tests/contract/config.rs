//! The terminal's configuration: defaults, validation, texts by language.

use pikir_contract::{
    Bytes, Limits, Organization, Place, QrConfig, Score, TerminalConfig, Texts, TimeOfDay, Updates,
    Weekday,
};
use serde_json::{Value, json};

fn smallest() -> Value {
    json!({
        "version": 1,
        "organization": {"code": "cso", "name": {"ru": "Центр"}},
        "place": {"code": "7K3QF2"},
        "languages": ["ky", "ru"],
        "default_language": "ky",
        "qr": {"base_url": "https://pikir.example"},
    })
}

/// The smallest configuration with what stands at a pointer (RFC 6901) replaced, or taken out for
/// `null`.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = smallest();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    document
}

fn refusal(document: &Value) -> String {
    TerminalConfig::from_value(document)
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn the_smallest_configuration_has_every_default_of_the_contract() {
    let config = TerminalConfig::from_value(&smallest()).unwrap();
    assert_eq!(
        (config.idle_timeout_s, config.undo_s, config.qr.step_s),
        (30, 5, 300)
    );
    assert_eq!(
        config.limits,
        Limits {
            batch: 500,
            status_s: 300
        }
    );
    assert_eq!(config.updates, Updates::default());
    assert!(config.qr.presence_key.is_none() && config.unit.is_none() && config.hours.is_none());
    assert!(config.question.is_empty() && config.scale.is_empty() && config.services.is_empty());
    assert!(!config.questionnaire.comment && config.questionnaire.criteria.is_empty());
    assert_eq!(config.place.name, "");
}

#[test]
fn defaults_written_out_make_no_difference_and_are_omitted_on_writing() {
    let mut explicit = smallest();
    explicit["qr"]["step_s"] = json!(300);
    explicit["idle_timeout_s"] = json!(30);
    explicit["undo_s"] = json!(5);
    explicit["limits"] = json!({"batch": 500, "status_s": 300});
    explicit["questionnaire"] = json!({"criteria": [], "reasons": [], "comment": false});
    explicit["technician_pin"] = Value::Null;
    let config = TerminalConfig::from_value(&explicit).unwrap();
    assert_eq!(config, TerminalConfig::from_value(&smallest()).unwrap());
    assert_eq!(serde_json::to_value(&config).unwrap(), smallest());
}

#[test]
fn a_configuration_can_be_built_from_its_required_members() {
    let organization = Organization {
        code: "cso".to_owned(),
        name: Texts::from([("ru", "Центр")]),
    };
    let place = Place {
        code: "7K3QF2".parse().unwrap(),
        name: String::new(),
    };
    let qr = QrConfig {
        base_url: "https://pikir.example".to_owned(),
        presence_key: None,
        valid_from: None,
        step_s: 300,
    };
    let mut config = TerminalConfig::new(1, organization, place, "ky", qr);
    config.languages.push("ru".to_owned());
    assert_eq!(serde_json::to_value(&config).unwrap(), smallest());
}

#[test]
fn every_required_member_must_be_there_and_is_named() {
    for (pointer, path) in [
        ("/version", "version"),
        ("/organization", "organization"),
        ("/organization/code", "organization.code"),
        ("/organization/name", "organization.name"),
        ("/place", "place"),
        ("/place/code", "place.code"),
        ("/languages", "languages"),
        ("/default_language", "default_language"),
        ("/qr", "qr"),
        ("/qr/base_url", "qr.base_url"),
    ] {
        assert_eq!(
            refusal(&with(pointer, Value::Null)),
            format!("{path}: is missing")
        );
    }
    assert_eq!(refusal(&json!([])), "is not an object");
}

#[test]
fn unknown_members_are_ignored_at_every_level() {
    let mut newer = smallest();
    newer["screensaver"] = json!({"kind": "waves"});
    newer["qr"]["colour"] = json!("black");
    newer["scale"] = json!({"6": {"ru": "?"}});
    assert_eq!(
        TerminalConfig::from_value(&newer).unwrap(),
        TerminalConfig::from_value(&smallest()).unwrap()
    );
}

#[test]
fn what_breaks_the_contract_is_refused_with_its_path() {
    for (pointer, value, expected) in [
        ("/version", json!("1"), "version: is not an integer"),
        ("/version", json!(1.5), "version: is not an integer"),
        (
            "/version",
            json!(1_u64 << 53),
            "version: lies outside ±(2^53 − 1)",
        ),
        ("/extra", json!([0.5]), "extra[0]: is not an integer"),
        (
            "/organization/code",
            json!(""),
            "organization.code: is empty",
        ),
        (
            "/organization/name",
            json!({}),
            "organization.name: has no text in any language",
        ),
        (
            "/organization/name",
            json!({"ru": 1}),
            "organization.name.ru: is not text",
        ),
        (
            "/organization/name",
            json!("Центр"),
            "organization.name: is not an object",
        ),
        (
            "/place/code",
            json!(""),
            "place.code: is not 1 to 32 symbols long",
        ),
        (
            "/languages",
            json!([]),
            "default_language: is not one of the languages",
        ),
        (
            "/languages",
            json!(["ky", "ky"]),
            "languages: names a language twice",
        ),
        (
            "/languages",
            json!(["ky", "r"]),
            "languages[1]: is not a language tag (BCP 47)",
        ),
        (
            "/default_language",
            json!("be"),
            "default_language: is not one of the languages",
        ),
        (
            "/qr/presence_key",
            json!("a+b/"),
            "qr.presence_key: is not base64url without padding",
        ),
        ("/qr/presence_key", json!(""), "qr.presence_key: is empty"),
        (
            "/qr/step_s",
            json!(0),
            "qr.step_s: lies outside the integers of the contract",
        ),
        (
            "/question",
            json!({"not a tag": "?"}),
            "question.not a tag: is not under a language tag (BCP 47)",
        ),
        (
            "/scale",
            json!({"5": "отлично"}),
            "scale.5: is not an object",
        ),
        (
            "/services",
            json!([{"name": {}}]),
            "services[0].key: is missing",
        ),
        (
            "/services",
            json!([{"key": "a"}, {"key": "a"}]),
            "services: has the key \"a\" twice",
        ),
        (
            "/questionnaire",
            json!({"reasons": [{"key": "a", "scores": [0]}]}),
            "questionnaire.reasons[0].scores[0]: is not within 1–5",
        ),
        (
            "/questionnaire",
            json!({"comment": "yes"}),
            "questionnaire.comment: is neither true nor false",
        ),
        (
            "/theme",
            json!({"accent": "green"}),
            "theme.accent: is not a colour of the form #rrggbb",
        ),
        (
            "/theme",
            json!({"logo": {"url": "http://a.example/logo.png"}}),
            "theme.logo.url: uses http:// for another machine; use https:// (http:// is for a loopback address only)",
        ),
        (
            "/theme",
            json!({"logo": {"url": "https://a.example", "sha256": "AAAA"}}),
            "theme.logo.sha256: is not a SHA-256 (32 bytes)",
        ),
        (
            "/announcements",
            json!([{"kind": "joke"}]),
            "announcements[0].kind: is not answer or news",
        ),
        (
            "/announcements",
            json!([{"until": "soon"}]),
            "announcements[0].until: is not an RFC 3339 time in UTC with Z",
        ),
        (
            "/hours",
            json!({"timezone": "../etc"}),
            "hours.timezone: is not the name of a time zone",
        ),
        (
            "/hours",
            json!({"open": [{"days": [], "from": "08:00", "to": "09:00"}]}),
            "hours.open[0].days: names no day",
        ),
        (
            "/hours",
            json!({"open": [{"days": ["Mon"], "from": "08:00", "to": "09:00"}]}),
            "hours.open[0].days[0]: is not mon, tue, wed, thu, fri, sat or sun",
        ),
        (
            "/hours",
            json!({"night": {"from": "20:60", "to": "07:00"}}),
            "hours.night.from: is not a time of day of the form HH:MM",
        ),
        (
            "/hours",
            json!({"night": {"from": "20:00"}}),
            "hours.night.to: is missing",
        ),
        (
            "/hours",
            json!({"exceptions": [{"date": "2026-12-31", "open": []}, {"date": "2026-12-31", "open": []}]}),
            "hours.exceptions: names a day twice",
        ),
        (
            "/hours",
            json!({"exceptions": [{"date": "20261231", "open": []}]}),
            "hours.exceptions[0].date: is not a date of the form YYYY-MM-DD",
        ),
        (
            "/hours",
            json!({"exceptions": [{"date": "2026-02-29", "open": []}]}),
            "hours.exceptions[0].date: is not a date of the form YYYY-MM-DD",
        ),
        (
            "/hours",
            json!({"exceptions": [{"date": "2026-12-31"}]}),
            "hours.exceptions[0].open: is missing",
        ),
        (
            "/hours",
            json!({"exceptions": [{"date": "2026-12-31", "open": [{"from": "09:00"}]}]}),
            "hours.exceptions[0].open[0].to: is missing",
        ),
        (
            "/hours",
            json!({"offsets": [{"from": "2026-01-01T00:00:00Z", "minutes": 1081}]}),
            "hours.offsets[0].minutes: is not within -1080–1080",
        ),
        (
            "/hours",
            json!({"offsets": [{"from": "2026-01-01T00:00:00+06:00", "minutes": 360}]}),
            "hours.offsets[0].from: is not an RFC 3339 time in UTC with Z",
        ),
        (
            "/hours",
            json!({"offsets": [{"from": "2026-01-01T00:00:00Z", "minutes": 360}, {"from": "2026-01-01T00:00:00Z", "minutes": 300}]}),
            "hours.offsets: is not in ascending order",
        ),
        (
            "/idle_timeout_s",
            json!(0),
            "idle_timeout_s: lies outside the integers of the contract",
        ),
        (
            "/undo_s",
            json!(-1),
            "undo_s: lies outside the integers of the contract",
        ),
        (
            "/technician_pin",
            json!("1234"),
            "technician_pin: is not an argon2 hash in PHC form ($argon2id$…)",
        ),
        (
            "/limits",
            json!({"batch": 501}),
            "limits.batch: is not within 1–500",
        ),
        (
            "/limits",
            json!({"batch": 0}),
            "limits.batch: is not within 1–500",
        ),
        (
            "/updates",
            json!({"share_percent": 101}),
            "updates.share_percent: is not within 0–100",
        ),
    ] {
        assert_eq!(refusal(&with(pointer, value)), expected);
    }
}

#[test]
fn a_portal_over_plain_http_is_refused_unless_it_is_this_machine() {
    let refused = refusal(&with("/qr/base_url", json!("http://pikir.example")));
    assert!(
        refused.starts_with("qr.base_url: uses http:// for another machine"),
        "{refused}"
    );
    TerminalConfig::from_value(&with("/qr/base_url", json!("http://127.0.0.1:8080"))).unwrap();
}

#[test]
fn a_missing_language_falls_back_to_the_default_and_then_to_any() {
    let texts = Texts::from([("ru", "да"), ("ky", "ооба")]);
    assert_eq!(texts.get("ru", "ky"), Some("да"));
    assert_eq!(texts.get("en", "ru"), Some("да"));
    assert_eq!(texts.get("en", "be"), Some("ооба"));
    assert_eq!(Texts::default().get("ru", "ky"), None);
    assert_eq!(texts.exact("en"), None);
    let config = TerminalConfig::from_value(&smallest()).unwrap();
    assert_eq!(config.text(&config.organization.name, "en"), Some("Центр"));
}

#[test]
fn a_reason_without_scores_is_offered_with_all_of_them() {
    let config =
        TerminalConfig::from_value(&with("/questionnaire", json!({"reasons": [{"key": "a"}]})))
            .unwrap();
    assert_eq!(config.questionnaire.reasons[0].scores, Score::ALL);
}

#[test]
fn hours_are_read_to_the_minute() {
    let hours = json!({"open": [{"days": ["mon", "sun"], "from": "08:30", "to": "24:00"}]});
    let config = TerminalConfig::from_value(&with("/hours", hours)).unwrap();
    let hours = config.hours.unwrap();
    assert_eq!(
        (hours.timezone.as_str(), &hours.open[0].days),
        ("UTC", &vec![Weekday::Mon, Weekday::Sun])
    );
    assert_eq!(
        (hours.open[0].from.minutes(), hours.open[0].to.minutes()),
        (510, 1440)
    );
    for wrong in [
        "8:30",
        "24:01",
        "25:00",
        "08-30",
        "0830",
        "08:3",
        "08:300",
        "аб:вг",
    ] {
        assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
    }
}

#[test]
fn the_debug_form_of_a_key_tells_only_its_length() {
    let config = TerminalConfig::from_value(&with("/qr/presence_key", json!("AQID"))).unwrap();
    assert_eq!(config.qr.presence_key, Some(Bytes(vec![1, 2, 3])));
    assert!(format!("{:?}", config.qr).contains("Bytes(3 bytes)"));
}

#[test]
fn a_units_name_may_be_one_text_and_a_checksum_hexadecimal() {
    let unit = with("/unit", json!({"code": "2", "name": "Отдел 2"}));
    let config = TerminalConfig::from_value(&unit).unwrap();
    assert_eq!(config.unit.unwrap().name.get("ky", "ky"), Some("Отдел 2"));
    let logo =
        json!({"logo": {"url": "https://otzyv.example/logo.png", "sha256": "00ff".repeat(16)}});
    let config = TerminalConfig::from_value(&with("/theme", logo)).unwrap();
    assert_eq!(
        config.theme.logo.unwrap().sha256.unwrap().0,
        [0, 255].repeat(16)
    );
}

#[test]
fn what_the_contract_does_not_require_may_be_missing() {
    for (pointer, value) in [
        ("/unit", json!({})),
        ("/unit", json!({"code": "W4"})),
        ("/unit", json!({"name": {"ky": "4-терезе"}})),
        (
            "/theme",
            json!({"logo": {"url": "https://p.example/logo@2x.png?v=3"}}),
        ),
        ("/place", json!({"code": "K7M", "name": "1"})),
    ] {
        if let Err(error) = TerminalConfig::from_value(&with(pointer, value.clone())) {
            panic!("{pointer} {value}: {error}");
        }
    }
}

#[test]
fn a_configuration_names_only_so_many_days_and_offsets() {
    let day = |at: usize| json!({"date": format!("{:04}-01-01", 1000 + at), "open": []});
    let days = |count| json!({"exceptions": (0..count).map(day).collect::<Vec<_>>()});
    assert!(TerminalConfig::from_value(&with("/hours", days(1_000))).is_ok());
    assert_eq!(
        refusal(&with("/hours", days(1_001))),
        "hours.exceptions: holds more than 1000 days"
    );
    let offset =
        |at: usize| json!({"from": format!("{:04}-01-01T00:00:00Z", 1000 + at), "minutes": 0});
    let offsets = |count| json!({"offsets": (0..count).map(offset).collect::<Vec<_>>()});
    assert!(TerminalConfig::from_value(&with("/hours", offsets(100))).is_ok());
    assert_eq!(
        refusal(&with("/hours", offsets(101))),
        "hours.offsets: holds more than 100 offsets"
    );
}
