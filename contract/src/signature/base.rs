//! The signature base of RFC 9421 §2.5, for any components. What may be covered is decided by the
//! profile, not here.

use sfv::{InnerList, ListSerializer};

/// A covered component without parameters: its name and its value (RFC 9421 §2.1 for a field, §2.2
/// for a derived one).
#[derive(Debug, Clone, Copy)]
pub(super) struct Component<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// The text that is signed. `params` is the serialised value of `@signature-params`. No value may
/// hold a line break.
pub(super) fn signature_base(components: &[Component<'_>], params: &str) -> String {
    let mut base = String::new();
    for Component { name, value } in components {
        base.extend(["\"", name, "\": ", value, "\n"]);
    }
    base.extend(["\"@signature-params\": ", params]);
    base
}

/// The value of `@signature-params` for a parsed signature input: items and parameters in the order
/// received (RFC 9421 §2.3).
pub(super) fn serialize_params(params: &InnerList) -> String {
    let mut list = ListSerializer::new();
    let mut inner = list.inner_list();
    inner.items(&params.items);
    inner.finish().parameters(&params.params);
    list.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
    use sfv::{Dictionary, ListEntry, Parser};

    use super::*;

    /// RFC 9421 appendix B.1.4: PKCS #8 and SubjectPublicKeyInfo, each ending in the 32 bytes of
    /// the key.
    const PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF";
    const PUBLIC: &str = "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";

    /// RFC 9421 appendix B.2.6.
    const INPUT: &str = "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
        ;created=1618884473;keyid=\"test-key-ed25519\"";
    const SIGNATURE: &str =
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
    const BASE: &str = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\
        \"@method\": POST\n\
        \"@path\": /foo\n\
        \"@authority\": example.com\n\
        \"content-type\": application/json\n\
        \"content-length\": 18\n\
        \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
        ;created=1618884473;keyid=\"test-key-ed25519\"";

    fn last_32_bytes(der: &str) -> [u8; 32] {
        let der = STANDARD.decode(der).unwrap();
        der[der.len() - 32..].try_into().unwrap()
    }

    fn example_base() -> String {
        let input: Dictionary = Parser::new(INPUT).parse().unwrap();
        let Some(ListEntry::InnerList(params)) = input.values().next() else {
            panic!("not an inner list")
        };
        let components = [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ];
        signature_base(
            &components.map(|(name, value)| Component { name, value }),
            &serialize_params(params),
        )
    }

    #[test]
    fn the_base_of_rfc_9421_b_2_6_is_built_to_the_letter() {
        assert_eq!(example_base(), BASE);
    }

    #[test]
    fn signing_the_example_of_rfc_9421_b_2_6_gives_the_signature_printed_there() {
        let key = SigningKey::from_bytes(&last_32_bytes(PRIVATE));
        assert_eq!(key.verifying_key().to_bytes(), last_32_bytes(PUBLIC));
        assert_eq!(
            STANDARD.encode(key.sign(example_base().as_bytes()).to_bytes()),
            SIGNATURE
        );
    }

    #[test]
    fn the_signature_of_rfc_9421_b_2_6_verifies_and_not_over_another_base() {
        let key = VerifyingKey::from_bytes(&last_32_bytes(PUBLIC)).unwrap();
        let signature = Signature::from_slice(&STANDARD.decode(SIGNATURE).unwrap()).unwrap();
        assert!(
            key.verify_strict(example_base().as_bytes(), &signature)
                .is_ok()
        );
        assert!(
            key.verify_strict(example_base().replace("POST", "PUT").as_bytes(), &signature)
                .is_err()
        );
    }
}
