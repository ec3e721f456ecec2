//! Enrolment: keys and the codes people type.

use pikir_contract::{
    Bytes, EnrolmentError, EnrolmentRequest, Hardware, PollRequest, SignatureError, SigningKey,
    USER_CODE_ALPHABET, format_user_code, normalize_user_code,
};

fn request(public_key: Vec<u8>, seal_key: Vec<u8>) -> EnrolmentRequest {
    EnrolmentRequest {
        public_key: Bytes(public_key),
        seal_key: Bytes(seal_key),
        hardware: Hardware {
            model: "model".to_owned(),
            serial: "serial".to_owned(),
        },
        software: "software".to_owned(),
        token: Some("very-secret".to_owned()),
    }
}

#[test]
fn both_keys_have_32_bytes() {
    let public = SigningKey::from_bytes(&[1; 32])
        .verifying_key()
        .to_bytes()
        .to_vec();
    let (key, seal) = request(public.clone(), vec![9; 32]).keys().unwrap();
    assert_eq!(
        (key.to_bytes().to_vec(), seal.as_bytes()),
        (public.clone(), &[9; 32])
    );
    assert_eq!(
        request(public, vec![9; 31]).keys().unwrap_err(),
        EnrolmentError::SealKey
    );
    let short = request(vec![1; 31], vec![9; 32]).keys().unwrap_err();
    assert_eq!(short, EnrolmentError::PublicKey(SignatureError::Key));
}

#[test]
fn debug_forms_leave_secrets_out() {
    let request = request(vec![1; 32], vec![9; 32]);
    let poll = PollRequest {
        device_code: "very-secret".to_owned(),
    };
    let shown = format!("{request:?} {poll:?}");
    assert!(
        !shown.contains("very-secret") && !shown.contains("9, 9"),
        "{shown}"
    );
}

#[test]
fn a_user_code_has_two_groups_of_four_unmistakable_symbols() {
    for random in [[0; 8], [255; 8], [1, 2, 3, 4, 5, 6, 7, 8]] {
        let code = format_user_code(&random);
        let (left, right) = code.split_once('-').unwrap();
        assert_eq!((left.len(), right.len()), (4, 4), "{code}");
        assert!(
            (left.bytes().chain(right.bytes())).all(|symbol| USER_CODE_ALPHABET.contains(&symbol)),
            "{code}"
        );
        assert_eq!(normalize_user_code(&code), Some(code));
    }
    for mistakable in b"0O1IL2Z5S8B6UAE" {
        assert!(!USER_CODE_ALPHABET.contains(mistakable));
    }
    assert_ne!(
        format_user_code(&[0, 0, 0, 0, 0, 0, 0, 1]),
        format_user_code(&[0; 8])
    );
}

#[test]
fn a_typed_user_code_is_forgiven_case_spaces_and_hyphens_and_nothing_else() {
    for typed in [
        "4cdf-hjk7",
        "4CDFHJK7",
        " 4cdf hjk7 ",
        "4CDF–HJK7",
        "4-c-d-f-h-j-k-7",
    ] {
        assert_eq!(
            normalize_user_code(typed).as_deref(),
            Some("4CDF-HJK7"),
            "{typed}"
        );
    }
    for wrong in [
        "",
        "4CDF-HJK",
        "4CDF-HJK77",
        "4CDF-HJKO",
        "4CDF_HJK7",
        "4CDF-HJKЖ",
    ] {
        assert_eq!(normalize_user_code(wrong), None, "{wrong}");
    }
}
