//! Signatures are understood by, and taken from, an independent implementation of RFC 9421 (the
//! `httpsig` crate).

use httpsig::prelude::message_component::HttpMessageComponent;
use httpsig::prelude::{
    AlgorithmName, HttpSignatureBase, HttpSignatureHeaders, HttpSignatureParams, PublicKey,
    SecretKey, VerifyingKey as _,
};
use pikir_contract::{
    RequestSignature, SignatureHeaders, SigningKey, content_digest, sign_request,
};

const SEED: [u8; 32] = [42; 32];
const KEYID: &str = "019c0e05-ff40-7e68-aaf7-bdcc5ae005a2";
const CONTENT: &[u8] = b"{\"a\":1}";

/// The lines of the signature base, as components of the other implementation.
fn components(method: &str, path: &str, content: Option<&[u8]>) -> Vec<HttpMessageComponent> {
    let mut lines = vec![
        format!("\"@method\": {method}"),
        format!("\"@path\": {path}"),
    ];
    lines.extend(content.map(|content| format!("\"content-digest\": {}", content_digest(content))));
    lines
        .iter()
        .map(|line| HttpMessageComponent::try_from(line.as_str()).unwrap())
        .collect()
}

#[test]
fn what_the_other_implementation_signs_verifies_here() {
    let secret = SecretKey::from_bytes(&AlgorithmName::Ed25519, &SEED).unwrap();
    for (method, path, content) in [
        ("POST", "/api/v1/events", Some(CONTENT)),
        ("GET", "/api/v1/terminal/config", None),
    ] {
        let components = components(method, path, content);
        let ids: Vec<_> = components
            .iter()
            .map(|component| component.id.clone())
            .collect();
        let mut params = HttpSignatureParams::try_new(&ids).unwrap();
        params
            .set_created(1_769_848_325)
            .set_keyid(KEYID)
            .set_alg(&AlgorithmName::Ed25519);
        let base = HttpSignatureBase::try_new(&components, &params).unwrap();
        let theirs = base.build_signature_headers(&secret, Some("sig1")).unwrap();
        let headers = SignatureHeaders {
            content_digest: content.map(content_digest),
            signature_input: theirs.signature_input_header_value(),
            signature: theirs.signature_header_value(),
        };
        let signature = RequestSignature::parse(&headers).unwrap();
        assert_eq!(
            (signature.keyid(), signature.created()),
            (KEYID, 1_769_848_325)
        );
        signature
            .verify(
                &SigningKey::from_bytes(&SEED).verifying_key(),
                method,
                path,
                content,
            )
            .unwrap();
    }
}

#[test]
fn what_is_signed_here_verifies_in_the_other_implementation() {
    let key = SigningKey::from_bytes(&SEED);
    let public =
        PublicKey::from_bytes(&AlgorithmName::Ed25519, key.verifying_key().as_bytes()).unwrap();
    for (method, path, content) in [
        ("POST", "/api/v1/events", Some(CONTENT)),
        ("GET", "/api/v1/terminal/config", None),
    ] {
        let headers = sign_request(&key, KEYID, method, path, content, 1_769_848_325);
        let theirs =
            HttpSignatureHeaders::try_parse(&headers.signature, &headers.signature_input).unwrap();
        let theirs = &theirs["sig1"];
        let params = theirs.signature_params();
        assert_eq!(params.created, Some(1_769_848_325));
        assert_eq!(params.keyid.as_deref(), Some(KEYID));
        assert_eq!(params.alg.as_deref(), Some("ed25519"));

        // It writes the parameters in an order of its own, where RFC 9421 §2.3 keeps the received
        // one: its last line is replaced.
        let base = HttpSignatureBase::try_new(&components(method, path, content), params)
            .unwrap()
            .to_string();
        let (lines, _) = base.rsplit_once('\n').unwrap();
        let received = headers.signature_input.strip_prefix("sig1=").unwrap();
        let base = format!("{lines}\n\"@signature-params\": {received}");
        let signature = headers
            .signature
            .strip_prefix("sig1=:")
            .unwrap()
            .strip_suffix(':')
            .unwrap();
        use base64::Engine as _;
        let signature = base64::engine::general_purpose::STANDARD
            .decode(signature)
            .unwrap();
        public.verify(base.as_bytes(), &signature).unwrap();
        assert!(
            public
                .verify(
                    base.replace("@path\": /", "@path\": /x").as_bytes(),
                    &signature
                )
                .is_err()
        );
    }
}
