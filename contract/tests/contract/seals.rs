//! Seals and their ratchet.
//!
//! The expected bytes were computed once with Python's `hmac` and `hashlib` from the formulas of
//! the contract, not with this crate.

use pikir_contract::{Seal, SealKey, base64url_encode};
use proptest::prelude::*;
use serde_json::{Value, json};

const K1: [u8; 32] = [
    0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
];
const K2: &str = "f59b8d5ce756dde54b17ef6cd4de8858651992ff7191bfe1cf63d9404f86b05f";
const K1001: &str = "325776018310cf88c1c013eef7fd7d280e32bb8c6a344020c403133a7588ad34";
const SEAL: &str = "5c345165301591331a113b4e41529c19";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn body() -> Value {
    json!({"b": [1, true, null, "ö"], "a": {"z": -9_007_199_254_740_991_i64, "y": 9_007_199_254_740_991_i64}})
}

#[test]
fn a_seal_is_the_first_16_bytes_of_the_hmac_over_the_canonical_event() {
    let seal = SealKey::from_bytes(K1).seal(1, "rating", &body()).unwrap();
    assert_eq!(hex(seal.as_bytes()), SEAL);
}

#[test]
fn the_ratchet_turns_as_computed_independently() {
    let key = SealKey::from_bytes(K1);
    assert_eq!(hex(key.next().as_bytes()), K2);
    assert_eq!(hex(key.advance(1).as_bytes()), K2);
    assert_eq!(hex(key.advance(1000).as_bytes()), K1001);
    assert_eq!(key.advance(0).as_bytes(), &K1);
}

#[test]
fn a_seal_verifies_for_its_own_event_only() {
    let key = SealKey::from_bytes(K1);
    let seal = key.seal(1, "rating", &body()).unwrap();
    assert!(key.verify(1, "rating", &body(), &seal).unwrap());
    assert!(!key.verify(2, "rating", &body(), &seal).unwrap());
    assert!(!key.verify(1, "notice", &body(), &seal).unwrap());
    assert!(
        !key.verify(1, "rating", &json!({"b": [1, true, null, "ö"]}), &seal)
            .unwrap()
    );
    assert!(!key.next().verify(1, "rating", &body(), &seal).unwrap());
    assert!(
        !key.verify(1, "rating", &body(), &Seal::from_bytes([0; 16]))
            .unwrap()
    );
}

#[test]
fn a_seal_verifies_over_the_canonical_body_as_over_the_body() {
    let key = SealKey::from_bytes(K1);
    let canonical = pikir_contract::canonical_json(&body()).unwrap();
    for kind in ["rating", "with \"quotes\" and ö", ""] {
        let seal = key.seal(7, kind, &body()).unwrap();
        assert!(key.verify_canonical(7, kind, &canonical, &seal).unwrap());
        assert!(!key.verify_canonical(8, kind, &canonical, &seal).unwrap());
        assert!(!key.verify_canonical(7, kind, "{}", &seal).unwrap());
    }
    let seal = Seal::from_bytes([0; 16]);
    assert!(
        key.verify_canonical(1 << 53, "rating", "{}", &seal)
            .is_err()
    );
}

#[test]
fn an_event_without_a_canonical_form_is_not_sealed() {
    let key = SealKey::from_bytes(K1);
    assert!(key.seal(1, "rating", &json!({"a": 0.5})).is_err());
    assert!(key.seal(1, "rating", &json!({"a": 1_u64 << 53})).is_err());
    assert!(key.seal(1 << 53, "rating", &json!({})).is_err());
}

#[test]
fn neither_debug_form_shows_the_key() {
    let shown = format!(
        "{:?} {:?}",
        SealKey::from_bytes([0xab; 32]),
        pikir_contract::Bytes(vec![0xab; 32])
    );
    assert!(
        !shown.contains("171") && !shown.to_lowercase().contains("ab, "),
        "{shown}"
    );
    assert!(!shown.contains(&base64url_encode(&[0xab; 32])), "{shown}");
}

#[test]
fn a_key_of_another_length_is_none() {
    assert!(SealKey::from_slice(&[0; 31]).is_none());
    assert!(SealKey::from_slice(&[0; 33]).is_none());
    assert!(SealKey::from_slice(&[0; 32]).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_gap_does_not_stop_what_follows_from_being_verified(k1: [u8; 32], before in 0_u64..20, gap in 0_u64..20) {
        let mut terminal = SealKey::from_bytes(k1);
        for _ in 0..before + gap {
            terminal = terminal.next();
        }
        let seq = before + gap + 1;
        let seal = terminal.seal(seq, "rating", &json!({"seq": seq})).unwrap();
        let portal = SealKey::from_bytes(k1).advance(before).advance(gap);
        let verified = portal.verify(seq, "rating", &json!({"seq": seq}), &seal).unwrap();
        prop_assert!(verified);
    }
}
