//! What holds for every input, checked on many.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pikir_contract::*;
use proptest::collection::{btree_map, hash_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// Any JSON, integers and floats of every size included.
fn any_json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| Number::from_f64(float).map_or(Value::Null, Value::Number)),
    ];
    json_of(number)
}

/// JSON whose numbers are integers of the contract.
fn wire_json() -> impl Strategy<Value = Value> {
    json_of((-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).prop_map(Value::from))
}

fn json_of(number: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Members with the contract's names and any values: gets further into the readers than any JSON
/// would.
fn near_body() -> impl Strategy<Value = Value> {
    let names = [
        "id", "boot", "up_ms", "wall", "synced", "score", "lang", "input", "service", "gap_ms",
        "flags", "x", "y", "rating", "criteria", "reasons", "comment", "what", "detail",
    ];
    let value = prop_oneof![
        any_json(),
        Just(Value::from("019c132c-5fe2-7afe-85be-dd02a9a3a6ab")),
        Just(Value::from("2026-01-31T08:30:01.250Z")),
        Just(Value::from("touch")),
        (0..7).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ];
    hash_map(
        proptest::sample::select(names.to_vec()),
        value,
        0..names.len(),
    )
    .prop_map(|members| {
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>()
            .into()
    })
}

fn head() -> impl Strategy<Value = EventHead> {
    (
        any::<[u8; 10]>(),
        any::<u128>(),
        0..=MAX_SAFE_INTEGER,
        0..=253_370_764_800_000_i64,
        any::<bool>(),
    )
        .prop_map(|(random, boot, up_ms, wall, synced)| EventHead {
            id: Id::from_parts(wall.unsigned_abs(), random),
            boot: boot_id(boot),
            up_ms: up_ms.unsigned_abs(),
            wall: Time::from_unix_ms(wall).unwrap(),
            synced,
        })
}

fn boot_id(number: u128) -> BootId {
    let digits = format!("{number:032x}");
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    parts.join("-").parse().unwrap()
}

fn id() -> impl Strategy<Value = Id> {
    (any::<u64>(), any::<[u8; 10]>()).prop_map(|(time, random)| Id::from_parts(time, random))
}

fn score() -> impl Strategy<Value = Score> {
    proptest::sample::select(Score::ALL.to_vec())
}

fn input() -> impl Strategy<Value = InputKind> {
    proptest::sample::select(vec![InputKind::Touch, InputKind::Keypad, InputKind::Button])
}

fn rating() -> impl Strategy<Value = EventBody> {
    let lang = proptest::sample::select(vec!["ky", "ru", "be", "en-GB"]);
    let gap = option::of((0..=MAX_SAFE_INTEGER).prop_map(i64::unsigned_abs));
    let point = (option::of(0..=MAX_PER_MILLE), option::of(0..=MAX_PER_MILLE));
    let rest = (
        option::of(any::<String>()),
        gap,
        vec(any::<String>(), 0..3),
        point,
    );
    (head(), score(), lang, input(), rest).prop_map(
        |(head, score, lang, input, (service, gap_ms, flags, (x, y)))| {
            EventBody::Rating(Rating {
                head,
                score,
                lang: lang.to_owned(),
                input,
                service,
                gap_ms,
                flags,
                x,
                y,
            })
        },
    )
}

fn answer() -> impl Strategy<Value = EventBody> {
    let criteria = btree_map(any::<String>(), score(), 0..3);
    (
        head(),
        id(),
        criteria,
        option::of(vec(any::<String>(), 0..3)),
        option::of(".{0,80}"),
        option::of(any::<String>()),
    )
        .prop_map(|(head, rating, criteria, reasons, comment, service)| {
            EventBody::Answer(Answer {
                head,
                rating,
                criteria,
                reasons,
                comment,
                service,
            })
        })
}

fn body() -> impl Strategy<Value = EventBody> {
    let withdrawal = (head(), id())
        .prop_map(|(head, rating)| EventBody::Withdrawal(Withdrawal { head, rating }));
    let notice = (head(), ".{1,20}", option::of(any::<String>()))
        .prop_map(|(head, what, detail)| EventBody::Notice(Notice { head, what, detail }));
    prop_oneof![rating(), answer(), withdrawal, notice]
}

/// The text with one bit of one byte flipped, where it is still text.
fn flip(text: &str, index: usize, bit: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let index = index % bytes.len();
    bytes[index] ^= 1 << bit;
    String::from_utf8(bytes).ok()
}

proptest! {
    #[test]
    fn the_short_way_writes_the_same_canonical_json_as_the_long_one(
        any in any_json(), wire in wire_json(), body in near_body()
    ) {
        for value in [any, wire, body] {
            let long = require_integers(&value).and_then(|()| canonical_json(&value));
            prop_assert_eq!(canonical_value(&value), long);
        }
    }

    #[test]
    fn no_reader_panics_on_any_json(value in prop_oneof![any_json(), near_body()]) {
        for kind in ["rating", "answer", "withdrawal", "notice", "other"] {
            let _ = EventBody::parse(kind, &value);
        }
        let _ = TerminalConfig::from_value(&value);
        let _ = require_integers(&value);
        let _ = canonical_json(&value);
        let _ = SealKey::from_bytes([0; 32]).seal(1, "rating", &value);
        let _ = serde_json::from_value::<EventsRequest>(value.clone());
        let _ = serde_json::from_value::<EnrolmentRequest>(value.clone());
        let _ = serde_json::from_value::<StatusReport>(value.clone());
        let _ = serde_json::from_value::<Problem>(value);
    }

    #[test]
    fn a_configuration_with_any_member_replaced_does_not_panic(name in "(version|organization|unit|place|languages|default_language|qr|question|scale|services|questionnaire|theme|announcements|hours|idle_timeout_s|undo_s|technician_pin|limits|updates)", value in any_json()) {
        let mut document: Value = serde_json::from_str(include_str!("../golden/config-full.json")).unwrap();
        document[name.as_str()] = value;
        if let Ok(config) = TerminalConfig::from_value(&document) {
            let written = serde_json::to_value(&config).unwrap();
            prop_assert_eq!(TerminalConfig::from_value(&written).unwrap(), config);
        }
    }

    #[test]
    fn no_parser_panics_on_any_text(text in prop_oneof![any::<String>(), "[ -~]{0,80}", "(https?://)?[-a-z0-9.:\\[\\]/@]{0,30}", "[0-9T:.Z-]{0,30}"]) {
        let _ = text.parse::<Id>();
        let _ = text.parse::<BootId>();
        let _ = text.parse::<Time>();
        let _ = text.parse::<Seal>();
        let _ = text.parse::<PlaceCode>();
        let _ = text.parse::<TimeOfDay>();
        let _ = base64url_decode(&text);
        let _ = check_portal_url(&text);
        let _ = normalize_user_code(&text);
        let _ = is_language_tag(&text);
        let _ = serde_json::from_str::<EventsRequest>(&text);
        let code: PlaceCode = "7K3QF2".parse().unwrap();
        let _ = check_presence(&[1], &code, &text, 0, 300);
        let _ = qr_address(&text, &code, Some(&text));
    }

    #[test]
    fn no_parser_panics_on_any_header_fields(input in "(sig1=)?[ -~]{0,120}", signature in "(sig1=:)?[ -~]{0,90}", digest in option::of(any::<String>())) {
        let headers = SignatureHeaders { content_digest: digest, signature_input: input, signature };
        if let Ok(signature) = RequestSignature::parse(&headers) {
            let key = SigningKey::from_bytes(&[1; 32]).verifying_key();
            prop_assert!(signature.verify(&key, "POST", "/", Some(b"x")).is_err());
        }
    }

    #[test]
    fn no_parser_panics_on_any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        let _ = serde_json::from_slice::<EventsRequest>(&bytes);
        let _ = serde_json::from_slice::<EventsAnswer>(&bytes);
        let _ = serde_json::from_slice::<TerminalConfig>(&bytes);
        let _ = verifying_key(&Bytes(bytes.clone()));
        let _ = SealKey::from_slice(&bytes);
    }

    #[test]
    fn canonical_json_read_again_is_written_the_same(value in any_json()) {
        let once = canonical_json(&value).unwrap();
        let read: Value = serde_json::from_str(&once).unwrap();
        prop_assert_eq!(canonical_json(&read).unwrap(), once);
    }

    #[test]
    fn canonical_json_of_integers_loses_nothing(value in wire_json()) {
        prop_assert!(require_integers(&value).is_ok());
        let read: Value = serde_json::from_str(&canonical_json(&value).unwrap()).unwrap();
        prop_assert_eq!(read, value);
    }

    #[test]
    fn a_body_written_is_read_as_the_same_body(body in body()) {
        let written = body.to_value();
        prop_assert_eq!(EventBody::parse(body.kind(), &written).unwrap(), body);
    }

    #[test]
    fn bytes_written_are_read_as_the_same_bytes(bytes in vec(any::<u8>(), 0..100)) {
        let text = base64url_encode(&bytes);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        prop_assert_eq!(base64url_decode(&text).unwrap(), bytes);
    }

    #[test]
    fn text_read_as_bytes_is_written_as_the_same_text(text in "[-_A-Za-z0-9]{0,20}") {
        if let Ok(bytes) = base64url_decode(&text) {
            prop_assert_eq!(base64url_encode(&bytes), text);
        }
    }

    #[test]
    fn place_codes_written_are_read_as_the_same_code_in_any_case(text in "[0-9A-TV-Za-tv-z]{1,32}") {
        let code: PlaceCode = text.parse().unwrap();
        prop_assert_eq!(code.to_string().parse::<PlaceCode>().unwrap(), code.clone());
        prop_assert_eq!(text.to_lowercase().parse::<PlaceCode>().unwrap(), code.clone());
        prop_assert_eq!(text.to_uppercase().parse::<PlaceCode>().unwrap(), code);
    }

    #[test]
    fn times_written_are_read_as_the_same_time(unix_ms in -62_167_219_200_000_i64..=253_370_764_800_000) {
        let time = Time::from_unix_ms(unix_ms).unwrap();
        prop_assert_eq!(time.to_string().parse::<Time>().unwrap(), time);
        prop_assert_eq!(time.unix_ms(), unix_ms);
    }

    #[test]
    fn ids_written_are_read_as_the_same_id(id in id()) {
        prop_assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
    }

    #[test]
    fn user_codes_typed_carelessly_are_recognised(random: [u8; 8]) {
        let code = format_user_code(&random);
        prop_assert_eq!(normalize_user_code(&code.to_lowercase().replace('-', " ")), Some(code));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_signed_request_verifies_and_no_flipped_bit_does(
        seed: [u8; 32],
        keyid in "[ -~]{1,50}",
        path in "/[a-z0-9/]{0,30}",
        content in vec(any::<u8>(), 1..200),
        created: i64,
        index: usize,
        bit in 0_u8..8,
    ) {
        let key = SigningKey::from_bytes(&seed);
        let public = key.verifying_key();
        let headers = sign_request(&key, &keyid, "POST", &path, Some(&content), created);
        let signature = RequestSignature::parse(&headers).unwrap();
        prop_assert_eq!(signature.keyid(), keyid);
        prop_assert_eq!(signature.verify(&public, "POST", &path, Some(&content)), Ok(()));

        let mut changed = content.clone();
        changed[index % content.len()] ^= 1 << bit;
        prop_assert!(signature.verify(&public, "POST", &path, Some(&changed)).is_err());
        if let Some(method) = flip("POST", index, bit) {
            prop_assert!(signature.verify(&public, &method, &path, Some(&content)).is_err());
        }
        if let Some(path) = flip(&path, index, bit) {
            prop_assert!(signature.verify(&public, "POST", &path, Some(&content)).is_err());
        }
        let mut bytes = STANDARD.decode(&headers.signature["sig1=:".len()..headers.signature.len() - 1]).unwrap();
        bytes[index % 64] ^= 1 << bit;
        let forged = SignatureHeaders { signature: format!("sig1=:{}:", STANDARD.encode(bytes)), ..headers };
        let forged = RequestSignature::parse(&forged).unwrap();
        prop_assert_eq!(forged.verify(&public, "POST", &path, Some(&content)), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_sealed_event_verifies_and_not_with_a_member_changed(k1: [u8; 32], body in body(), seq in 1..=MAX_SAFE_INTEGER) {
        let (key, seq, kind) = (SealKey::from_bytes(k1), seq.unsigned_abs(), body.kind());
        let mut value = body.to_value();
        let seal = key.seal(seq, kind, &value).unwrap();
        prop_assert!(key.verify(seq, kind, &value, &seal).unwrap());
        value["up_ms"] = Value::from(value["up_ms"].as_u64().unwrap() ^ 1);
        prop_assert!(!key.verify(seq, kind, &value, &seal).unwrap());
    }
}
