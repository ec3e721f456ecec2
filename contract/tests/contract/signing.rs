//! The signing profile is strict: exactly this signature or none.

use pikir_contract::{
    Bytes, RequestSignature, SignatureError, SignatureHeaders, SigningKey, content_digest,
    sign_request, verifying_key,
};

const KEYID: &str = "019c0e05-ff40-7e68-aaf7-bdcc5ae005a2";
const CONTENT: &[u8] = b"{\"a\":1}";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn signed(content: Option<&[u8]>) -> SignatureHeaders {
    sign_request(
        &key(),
        KEYID,
        "POST",
        "/api/v1/events",
        content,
        1_769_848_325,
    )
}

/// What the portal makes of these headers over the request that [`signed`] signs.
fn judge(headers: &SignatureHeaders, content: Option<&[u8]>) -> Result<(), SignatureError> {
    RequestSignature::parse(headers)?.verify(
        &key().verifying_key(),
        "POST",
        "/api/v1/events",
        content,
    )
}

/// Signs by hand: any signature input over any lines, as somebody would who does not keep to the
/// profile.
fn forged(lines: &str, params: &str) -> SignatureHeaders {
    use base64::Engine as _;
    use ed25519_dalek::Signer as _;
    let signature = key().sign(format!("{lines}\"@signature-params\": {params}").as_bytes());
    SignatureHeaders {
        content_digest: Some(content_digest(CONTENT)),
        signature_input: format!("sig1={params}"),
        signature: format!(
            "sig1=:{}:",
            base64::engine::general_purpose::STANDARD.encode(signature.to_bytes())
        ),
    }
}

/// The lines of the profile's signature base for [`CONTENT`].
fn lines() -> String {
    let digest = content_digest(CONTENT);
    format!("\"@method\": POST\n\"@path\": /api/v1/events\n\"content-digest\": {digest}\n")
}

const COVERED: &str = "(\"@method\" \"@path\" \"content-digest\")";

#[test]
fn a_signed_request_verifies_and_names_its_key_and_time() {
    for content in [Some(CONTENT), None] {
        let signature = RequestSignature::parse(&signed(content)).unwrap();
        assert_eq!(
            (signature.keyid(), signature.created()),
            (KEYID, 1_769_848_325)
        );
        assert_eq!(judge(&signed(content), content), Ok(()));
    }
}

#[test]
fn empty_content_counts_as_no_body() {
    assert_eq!(signed(Some(b"")), signed(None));
    assert_eq!(judge(&signed(None), Some(b"")), Ok(()));
}

#[test]
fn another_method_path_content_or_key_is_refused() {
    let signature = RequestSignature::parse(&signed(Some(CONTENT))).unwrap();
    let key = key().verifying_key();
    let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
    let path = "/api/v1/events";
    assert_eq!(
        signature.verify(&key, "PUT", path, Some(CONTENT)),
        Err(SignatureError::Mismatch)
    );
    assert_eq!(
        signature.verify(&key, "post", path, Some(CONTENT)),
        Err(SignatureError::Mismatch)
    );
    assert_eq!(
        signature.verify(&key, "POST", "/api/v1/status", Some(CONTENT)),
        Err(SignatureError::Mismatch)
    );
    assert_eq!(
        signature.verify(&key, "POST", path, Some(b"{\"a\":2}")),
        Err(SignatureError::Digest)
    );
    assert_eq!(
        signature.verify(&other, "POST", path, Some(CONTENT)),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn a_body_that_the_signature_does_not_cover_is_refused_and_so_is_a_covered_body_that_is_gone() {
    assert_eq!(
        judge(&signed(None), Some(CONTENT)),
        Err(SignatureError::Components)
    );
    assert_eq!(
        judge(&signed(Some(CONTENT)), None),
        Err(SignatureError::Components)
    );
    let mut headers = signed(None);
    headers.content_digest = Some(content_digest(CONTENT));
    assert_eq!(
        judge(&headers, Some(CONTENT)),
        Err(SignatureError::Components)
    );
}

#[test]
fn a_digest_replaced_along_with_the_content_is_refused() {
    let mut headers = signed(Some(CONTENT));
    headers.content_digest = Some(content_digest(b"other"));
    assert_eq!(
        judge(&headers, Some(b"other")),
        Err(SignatureError::Mismatch)
    );
    headers.content_digest = None;
    assert_eq!(judge(&headers, Some(CONTENT)), Err(SignatureError::Digest));
}

#[test]
fn the_parameters_are_taken_in_any_order() {
    let [created, keyid, alg] = [";created=1", ";keyid=\"k\"", ";alg=\"ed25519\""];
    for order in [
        [created, keyid, alg],
        [created, alg, keyid],
        [keyid, created, alg],
        [keyid, alg, created],
        [alg, created, keyid],
        [alg, keyid, created],
    ] {
        let headers = forged(&lines(), &format!("{COVERED}{}", order.concat()));
        assert_eq!(judge(&headers, Some(CONTENT)), Ok(()), "{order:?}");
    }
}

#[test]
fn missing_wrong_and_further_parameters_are_refused() {
    for params in [
        ";keyid=\"k\";alg=\"ed25519\"",
        ";created=1;alg=\"ed25519\"",
        ";created=1;keyid=\"k\"",
        ";created=1;keyid=\"k\";alg=\"hmac-sha256\"",
        ";created=1;keyid=\"k\";alg=ed25519",
        ";created=\"1\";keyid=\"k\";alg=\"ed25519\"",
        ";created=1.5;keyid=\"k\";alg=\"ed25519\"",
        ";created=1;keyid=k;alg=\"ed25519\"",
        ";created=1;keyid=\"k\";alg=\"ed25519\";expires=2",
        ";created=1;keyid=\"k\";alg=\"ed25519\";nonce=\"n\"",
    ] {
        let headers = forged(&lines(), &format!("{COVERED}{params}"));
        assert_eq!(
            judge(&headers, Some(CONTENT)),
            Err(SignatureError::Parameters),
            "{params}"
        );
    }
}

#[test]
fn covered_components_other_than_the_profiles_are_refused() {
    let digest = content_digest(CONTENT);
    let (method, path) = ("\"@method\": POST\n", "\"@path\": /api/v1/events\n");
    let digest = format!("\"content-digest\": {digest}\n");
    for (lines, covered) in [
        (String::new(), "()".to_owned()),
        (method.to_owned(), "(\"@method\")".to_owned()),
        (path.to_owned(), "(\"@path\")".to_owned()),
        (
            format!("{path}{digest}"),
            "(\"@path\" \"content-digest\")".to_owned(),
        ),
        (
            format!("{method}{digest}"),
            "(\"@method\" \"content-digest\")".to_owned(),
        ),
        (
            format!("{path}{method}{digest}"),
            "(\"@path\" \"@method\" \"content-digest\")".to_owned(),
        ),
        (
            format!("{}\"date\": now\n", self::lines()),
            "(\"@method\" \"@path\" \"content-digest\" \"date\")".to_owned(),
        ),
        (
            format!("{method}{}", self::lines()),
            "(\"@method\" \"@method\" \"@path\" \"content-digest\")".to_owned(),
        ),
        (
            self::lines(),
            "(\"@method\" \"@path\" \"content-digest\";sf)".to_owned(),
        ),
        (
            self::lines(),
            "(\"@method\";req \"@path\" \"content-digest\")".to_owned(),
        ),
        (
            self::lines(),
            "(\"@method\" \"@path\" content-digest)".to_owned(),
        ),
    ] {
        let headers = forged(
            &lines,
            &format!("{covered};created=1;keyid=\"k\";alg=\"ed25519\""),
        );
        assert_eq!(
            judge(&headers, Some(CONTENT)),
            Err(SignatureError::Components),
            "{covered}"
        );
    }
}

#[test]
fn only_the_label_sig1_counts_and_other_labels_beside_it_are_ignored() {
    let good = signed(Some(CONTENT));
    let renamed = SignatureHeaders {
        signature_input: good.signature_input.replace("sig1=", "sig2="),
        signature: good.signature.replace("sig1=", "sig2="),
        ..good.clone()
    };
    assert_eq!(
        judge(&renamed, Some(CONTENT)),
        Err(SignatureError::NoSignature("Signature-Input"))
    );
    let half = SignatureHeaders {
        signature: renamed.signature.clone(),
        ..good.clone()
    };
    assert_eq!(
        judge(&half, Some(CONTENT)),
        Err(SignatureError::NoSignature("Signature"))
    );
    let beside = SignatureHeaders {
        signature_input: format!(
            "other=(\"@authority\");created=1, {}, last=token",
            good.signature_input
        ),
        signature: format!("{}, other=:AAAA:", good.signature),
        content_digest: good.content_digest.clone(),
    };
    assert_eq!(judge(&beside, Some(CONTENT)), Ok(()));
}

#[test]
fn fields_that_are_no_structured_fields_are_refused() {
    let good = signed(Some(CONTENT));
    for (input, signature, expected) in [
        (
            "",
            good.signature.as_str(),
            SignatureError::NoSignature("Signature-Input"),
        ),
        (
            "sig1=(",
            &good.signature,
            SignatureError::Unreadable("Signature-Input"),
        ),
        (
            "sig1=\"text\"",
            &good.signature,
            SignatureError::NoSignature("Signature-Input"),
        ),
        (
            &good.signature_input,
            "sig1=:AAAA",
            SignatureError::Unreadable("Signature"),
        ),
        (
            &good.signature_input,
            "sig1=\"text\"",
            SignatureError::NoSignature("Signature"),
        ),
        (
            &good.signature_input,
            "sig1=:AAAA:",
            SignatureError::Mismatch,
        ),
    ] {
        let headers = SignatureHeaders {
            content_digest: good.content_digest.clone(),
            signature_input: input.to_owned(),
            signature: signature.to_owned(),
        };
        assert_eq!(
            judge(&headers, Some(CONTENT)),
            Err(expected),
            "{input} {signature}"
        );
    }
}

#[test]
fn white_space_in_the_input_does_not_matter_because_it_is_serialised_anew() {
    let good = signed(Some(CONTENT));
    let spaced = SignatureHeaders {
        signature_input: format!(
            "  {}  ",
            good.signature_input
                .replace("(\"", "(  \"")
                .replace(";keyid", ";  keyid")
        ),
        content_digest: good
            .content_digest
            .as_ref()
            .map(|digest| format!(" {digest} ")),
        ..good
    };
    assert_eq!(judge(&spaced, Some(CONTENT)), Ok(()));
}

#[test]
fn a_target_that_could_be_read_in_two_ways_is_refused() {
    for (method, path) in [
        ("POST", "/api/v1/events?x=1"),
        ("POST", "/api/v1/events#x"),
        ("POST", "api/v1/events"),
        ("POST", ""),
        ("POST", "/a\n\"@path\": /b"),
        ("POST", "/é"),
        ("", "/api/v1/events"),
        ("PO ST", "/api/v1/events"),
    ] {
        let headers = sign_request(&key(), KEYID, method, path, None, 1);
        let signature = RequestSignature::parse(&headers).unwrap();
        let verdict = signature.verify(&key().verifying_key(), method, path, None);
        assert_eq!(verdict, Err(SignatureError::Target), "{method} {path}");
    }
}

#[test]
fn times_and_key_ids_that_do_not_fit_a_structured_field_do_not_break_the_signer() {
    for created in [i64::MIN, -1, 0, i64::MAX] {
        let headers = sign_request(&key(), "a \"quoted\\\" id é\n", "GET", "/", None, created);
        let signature = RequestSignature::parse(&headers).unwrap();
        assert_eq!(signature.keyid(), "a \"quoted\\\" id ??");
        signature
            .verify(&key().verifying_key(), "GET", "/", None)
            .unwrap();
    }
}

#[test]
fn public_keys_of_another_length_or_of_small_order_are_refused() {
    assert!(verifying_key(&Bytes(key().verifying_key().as_bytes().to_vec())).is_ok());
    assert_eq!(verifying_key(&Bytes(vec![0; 31])), Err(SignatureError::Key));
    assert_eq!(verifying_key(&Bytes(vec![0; 32])), Err(SignatureError::Key));
    let mut identity = vec![0; 32];
    identity[0] = 1;
    assert_eq!(verifying_key(&Bytes(identity)), Err(SignatureError::Key));
}
