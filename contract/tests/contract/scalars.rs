//! Bytes, identifiers, times and language tags have one written form each.

use pikir_contract::{
    BootId, Bytes, Id, Seal, Time, base64url_decode, base64url_encode, is_language_tag,
};

#[test]
fn bytes_are_base64url_without_padding_and_nothing_else() {
    assert_eq!(base64url_encode(&[0xfb, 0xff, 0xfe, 0]), "-__-AA");
    assert_eq!(base64url_decode("-__-AA").unwrap(), [0xfb, 0xff, 0xfe, 0]);
    assert!(base64url_decode("").unwrap().is_empty());
    for wrong in [
        "-__-AA==", "+//+AA", "-__-AB", "A", " AA", "AA\n", "AA AA", "é",
    ] {
        assert!(base64url_decode(wrong).is_err(), "{wrong:?}");
    }
    assert!(serde_json::from_str::<Bytes>("[1,2]").is_err());
    assert_eq!(serde_json::to_string(&Bytes(vec![0xff])).unwrap(), "\"_w\"");
}

#[test]
fn a_seal_has_16_bytes() {
    let text = base64url_encode(&[3; 16]);
    assert_eq!(text.parse::<Seal>().unwrap(), Seal::from_bytes([3; 16]));
    assert_eq!(Seal::from_bytes([3; 16]).to_string(), text);
    assert!(base64url_encode(&[3; 15]).parse::<Seal>().is_err());
    assert!(base64url_encode(&[3; 17]).parse::<Seal>().is_err());
}

#[test]
fn an_id_is_a_uuid_of_version_7_in_lower_case() {
    let text = "019c0e05-ff40-7e68-aaf7-bdcc5ae005a2";
    assert_eq!(text.parse::<Id>().unwrap().to_string(), text);
    for wrong in [
        "019C0E05-FF40-7E68-AAF7-BDCC5AE005A2",
        "019c0e05ff407e68aaf7bdcc5ae005a2",
        "{019c0e05-ff40-7e68-aaf7-bdcc5ae005a2}",
        "urn:uuid:019c0e05-ff40-7e68-aaf7-bdcc5ae005a2",
        "019c0e05-ff40-4e68-aaf7-bdcc5ae005a2",
        "019c0e05-ff40-7e68-caf7-bdcc5ae005a2",
        "00000000-0000-0000-0000-000000000000",
        "",
    ] {
        assert!(wrong.parse::<Id>().is_err(), "{wrong}");
        assert!(
            serde_json::from_value::<Id>(wrong.into()).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn ids_made_later_sort_later() {
    let (earlier, later) = (
        Id::from_parts(1_769_848_200_000, [255; 10]),
        Id::from_parts(1_769_848_200_001, [0; 10]),
    );
    assert!(earlier < later && earlier.to_string() < later.to_string());
    assert_eq!(earlier.to_string().parse::<Id>().unwrap(), earlier);
    assert_eq!(Id::from_uuid(*later.as_uuid()).unwrap(), later);
    assert!(earlier.to_string().starts_with("019c132c-5b40-7"));
}

#[test]
fn a_boot_is_any_uuid_in_lower_case() {
    for text in [
        "6f1c9b0e-5d0a-4f7e-9d53-0b6c2a1e8f44",
        "00000000-0000-0000-0000-000000000000",
    ] {
        assert_eq!(text.parse::<BootId>().unwrap().to_string(), text);
    }
    assert!(
        "6F1C9B0E-5D0A-4F7E-9D53-0B6C2A1E8F44"
            .parse::<BootId>()
            .is_err()
    );
}

#[test]
fn a_time_is_rfc_3339_in_utc_with_z() {
    for (read, written) in [
        ("2026-01-31T08:30:00Z", "2026-01-31T08:30:00.000Z"),
        ("2026-01-31T08:30:00.5Z", "2026-01-31T08:30:00.500Z"),
        ("2026-01-31T08:30:00.123999999Z", "2026-01-31T08:30:00.123Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
    ] {
        assert_eq!(read.parse::<Time>().unwrap().to_string(), written);
        assert_eq!(
            written.parse::<Time>().unwrap(),
            read.parse::<Time>().unwrap()
        );
    }
    for wrong in [
        "2026-01-31T08:30:00+00:00",
        "2026-01-31T08:30:00",
        "2026-01-31 08:30:00Z",
        "2026-01-31t08:30:00z",
        "2026-01-31T08:30Z",
        "2026-01-31T08:30:00.Z",
        "2026-01-31T08:30:00,5Z",
        "2026-02-30T08:30:00Z",
        "2026-01-31T25:30:00Z",
        "2026-01-31T08:30:00Z[UTC]",
        "+002026-01-31T08:30:00Z",
        "",
    ] {
        assert!(wrong.parse::<Time>().is_err(), "{wrong}");
    }
}

#[test]
fn a_time_is_whole_milliseconds_within_four_digit_years() {
    assert_eq!(
        Time::from_unix_ms(1_769_848_200_001).unwrap().to_string(),
        "2026-01-31T08:30:00.001Z"
    );
    assert_eq!(
        "2026-01-31T08:30:00.001Z"
            .parse::<Time>()
            .unwrap()
            .unix_ms(),
        1_769_848_200_001
    );
    for outside in [i64::MIN, -62_167_219_200_001, 253_402_300_800_000, i64::MAX] {
        assert!(Time::from_unix_ms(outside).is_err(), "{outside}");
    }
}

#[test]
fn language_tags_have_the_form_of_bcp_47() {
    for tag in [
        "ky",
        "ru",
        "be-tarask",
        "kk-Cyrl-KZ",
        "x-klingon",
        "sr-Latn",
        "en-a-bbb-x-a-ccc",
    ] {
        assert!(is_language_tag(tag), "{tag}");
    }
    for wrong in [
        "",
        "-",
        "k",
        "ky-",
        "-ky",
        "ky_KG",
        "кы",
        "123",
        "x",
        "x-",
        "verylongtag",
        "en-verylongtag",
    ] {
        assert!(!is_language_tag(wrong), "{wrong}");
    }
}
