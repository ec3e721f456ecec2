//! Content-Digest (RFC 9530), sha-256 only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sfv::{BareItem, Dictionary, Item, ListEntry, Parser};
use sha2::{Digest as _, Sha256};

use super::{SignatureError, key_ref};

/// The algorithm's key in the field (RFC 9530 §5).
const ALGORITHM: &str = "sha-256";

/// The `Content-Digest` of content as sent, that is after `Content-Encoding`: `sha-256=:…:`.
#[must_use]
pub fn content_digest(content: &[u8]) -> String {
    format!("{ALGORITHM}={}", byte_sequence(&Sha256::digest(content)))
}

/// A structured-field byte sequence (RFC 9651 §3.3.5): base64 with padding between colons.
pub(super) fn byte_sequence(bytes: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(bytes))
}

/// The field's value as it stands in a signature base: without white space around it (RFC 9421
/// §2.1).
pub(super) fn as_signed(field: &str) -> &str {
    field.trim_matches([' ', '\t'])
}

/// Checks the field's sha-256 against the content; digests by other algorithms are ignored.
pub(super) fn check(field: &str, content: &[u8]) -> Result<(), SignatureError> {
    let members: Dictionary = Parser::new(field)
        .parse()
        .map_err(|_| SignatureError::Unreadable("Content-Digest"))?;
    match members.get(key_ref(ALGORITHM)) {
        Some(ListEntry::Item(Item {
            bare_item: BareItem::ByteSequence(digest),
            ..
        })) if digest.as_slice() == &Sha256::digest(content)[..] => Ok(()),
        _ => Err(SignatureError::Digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_rfc_9530_appendix_b_1_is_reproduced() {
        let content = b"{\"hello\": \"world\"}\n";
        let expected = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(content_digest(content), expected);
        assert_eq!(check(expected, content), Ok(()));
    }

    #[test]
    fn digests_by_other_algorithms_are_ignored_but_do_not_replace_sha_256() {
        let content = b"{\"hello\": \"world\"}";
        let both = format!("sha-512=:AAAA:, {}", content_digest(content));
        assert_eq!(check(&both, content), Ok(()));
        assert_eq!(
            check("sha-512=:AAAA:", content),
            Err(SignatureError::Digest)
        );
        assert_eq!(
            check("sha-256=\"text\"", content),
            Err(SignatureError::Digest)
        );
        assert_eq!(
            check("sha-256=:AAAA", content),
            Err(SignatureError::Unreadable("Content-Digest"))
        );
    }
}
