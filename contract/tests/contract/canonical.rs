//! Canonical JSON is that of RFC 8785, and numbers are integers of the contract.

use pikir_contract::{CanonicalError, MAX_SAFE_INTEGER, canonical_json, require_integers};
use serde_json::{Value, json};

fn canonical(text: &str) -> String {
    canonical_json(&serde_json::from_str::<Value>(text).unwrap()).unwrap()
}

#[test]
fn the_example_of_rfc_8785_section_3_2_2_is_written_as_printed_there() {
    let input = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(canonical(input), expected);
}

#[test]
fn members_are_sorted_as_in_rfc_8785_section_3_2_3() {
    let input = r#"{
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"
    }"#;
    let names = [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ];
    let output = canonical(input);
    let positions: Vec<_> = names
        .iter()
        .map(|name| output.find(name).unwrap())
        .collect();
    assert!(positions.is_sorted(), "{output}");
}

#[test]
fn numbers_are_written_as_in_rfc_8785_appendix_b() {
    let samples: [(u64, &str); 12] = [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
    ];
    for (bits, expected) in samples {
        assert_eq!(canonical_json(&f64::from_bits(bits)).unwrap(), expected);
    }
}

#[test]
fn integers_up_to_2_53_minus_1_either_way_are_taken_and_written_exactly() {
    for integer in [0, 1, -1, MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER] {
        require_integers(&json!({ "n": integer })).unwrap();
        assert_eq!(canonical_json(&integer).unwrap(), integer.to_string());
    }
}

#[test]
fn other_numbers_are_refused_wherever_they_stand_and_the_place_is_named() {
    let refused = |text: &str| require_integers(&serde_json::from_str(text).unwrap()).unwrap_err();
    let not_an_integer = |path: &str| CanonicalError::NotAnInteger {
        path: path.to_owned(),
    };
    let out_of_range = |path: &str| CanonicalError::OutOfRange {
        path: path.to_owned(),
    };
    assert_eq!(refused(r#"{"a":[0,{"b":1.0}]}"#), not_an_integer("a[1].b"));
    assert_eq!(refused(r#"{"a":1e3}"#), not_an_integer("a"));
    assert_eq!(refused("[-0]"), not_an_integer("[0]"));
    assert_eq!(refused("9007199254740992"), out_of_range(""));
    assert_eq!(
        refused(r#"{"a":{"b":-9007199254740992}}"#),
        out_of_range("a.b")
    );
    assert_eq!(refused(r#"{"a":18446744073709551615}"#), out_of_range("a"));
}
