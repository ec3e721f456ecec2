//! Signed requests: one strict profile of HTTP Message Signatures (RFC 9421) with Content-Digest
//! (RFC 9530).
//!
//! - Label `sig1`. Other labels are ignored.
//! - Covered components, in this order and without parameters:
//!   `"@method" "@path" "content-digest"`, or `"@method" "@path"` for a request without a body. An
//!   empty body is no body.
//! - Parameters `created`, `keyid` and `alg="ed25519"`, in any order, and no others.
//!
//! Everything else is refused, so a signature either says exactly this or nothing.

mod base;
mod digest;

pub use ed25519_dalek::{SigningKey, VerifyingKey};

use ed25519_dalek::{Signature, Signer as _};
use sfv::{
    BareItem, Dictionary, InnerList, Integer, Item, KeyRef, ListEntry, ListSerializer, Parser,
    StringRef,
};

use crate::{Bytes, KEY_BYTES, base64url_encode};
use base::{Component, serialize_params, signature_base};
pub use digest::content_digest;

/// The label of the profile's signature.
const LABEL: &str = "sig1";
/// The profile's algorithm (RFC 9421 §3.3.6).
const ALGORITHM: &str = "ed25519";
const METHOD: &str = "@method";
const PATH: &str = "@path";
const CONTENT_DIGEST: &str = "content-digest";

/// The three header fields of a signed request, each as one field value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `Content-Digest`; none for a request without a body.
    pub content_digest: Option<String>,
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
}

/// Why a request's signature is refused. The text is for a log or a problem answer; it repeats
/// nothing of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header field is not a structured-field dictionary (RFC 9651).
    #[error("{0} is not a structured-field dictionary")]
    Unreadable(&'static str),
    /// A header field has no member `sig1`, or one of the wrong type.
    #[error("{0} has no usable member sig1")]
    NoSignature(&'static str),
    /// The covered components are not exactly those of the profile.
    #[error(
        "the signature must cover exactly \"@method\" \"@path\", and \"content-digest\" where there is a body"
    )]
    Components,
    /// A parameter is missing, of the wrong type, or not one of the profile's.
    #[error("the signature needs the parameters created, keyid and alg=\"ed25519\", and no others")]
    Parameters,
    /// The method or the path cannot stand in a signature: not visible ASCII, or a path with a
    /// query.
    #[error("the method or the path cannot be signed")]
    Target,
    /// `Content-Digest` has no `sha-256` that fits the content.
    #[error("the content does not fit its Content-Digest (sha-256)")]
    Digest,
    /// The public key is not a usable Ed25519 key.
    #[error("the public key is not a usable Ed25519 key of 32 bytes")]
    Key,
    /// The signature is not that of this key over this request.
    #[error("the signature does not fit the request and the key")]
    Mismatch,
}

/// Signs a request.
///
/// - `keyid`: the terminal's id, or the base64url public key in an enrolment request. A character
///   that a structured-field string cannot hold (outside printable ASCII) becomes `?`; no real key
///   id has one.
/// - `path`: absolute, without query (RFC 9421 §2.2.6).
/// - `content`: as sent, that is after `Content-Encoding`. Empty content counts as none.
/// - `created_unix_s`: seconds since 1970, informative only.
#[must_use]
pub fn sign_request(
    key: &SigningKey,
    keyid: &str,
    method: &str,
    path: &str,
    content: Option<&[u8]>,
    created_unix_s: i64,
) -> SignatureHeaders {
    let digest = content
        .filter(|content| !content.is_empty())
        .map(content_digest);
    let components = covered(method, path, digest.as_deref());
    let params = profile_params(&components, keyid, created_unix_s);
    let signature = key.sign(signature_base(&components, &params).as_bytes());
    SignatureHeaders {
        signature_input: format!("{LABEL}={params}"),
        signature: format!("{LABEL}={}", digest::byte_sequence(&signature.to_bytes())),
        content_digest: digest,
    }
}

/// The covered components of the profile with their values.
fn covered<'a>(method: &'a str, path: &'a str, digest: Option<&'a str>) -> Vec<Component<'a>> {
    let mut components = vec![
        Component {
            name: METHOD,
            value: method,
        },
        Component {
            name: PATH,
            value: path,
        },
    ];
    components.extend(digest.map(|value| Component {
        name: CONTENT_DIGEST,
        value,
    }));
    components
}

/// The value of `@signature-params` that the signer writes.
fn profile_params(components: &[Component<'_>], keyid: &str, created_unix_s: i64) -> String {
    let printable: String = keyid
        .chars()
        .map(|c| if matches!(c, ' '..='~') { c } else { '?' })
        .collect();
    let created = created_unix_s.clamp(Integer::MIN.into(), Integer::MAX.into());
    let mut list = ListSerializer::new();
    let mut inner = list.inner_list();
    for component in components {
        inner.bare_item(string_ref(component.name));
    }
    inner
        .finish()
        .parameter(
            key_ref("created"),
            Integer::try_from(created).unwrap_or(Integer::ZERO),
        )
        .parameter(key_ref("keyid"), string_ref(&printable))
        .parameter(key_ref("alg"), string_ref(ALGORITHM));
    list.finish().unwrap_or_default()
}

/// A structured-field string of text that is printable ASCII by construction.
fn string_ref(text: &str) -> &StringRef {
    StringRef::from_str(text).expect("only printable ASCII is passed here")
}

/// A structured-field key of this module's own literals.
fn key_ref(text: &str) -> &KeyRef {
    KeyRef::from_str(text).expect("only the profile's own parameter names are passed here")
}

/// The signature of a received request, read and held against the profile, not yet verified.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestSignature {
    params: InnerList,
    keyid: String,
    created: i64,
    signature: Signature,
    content_digest: Option<String>,
}

impl RequestSignature {
    /// Reads the header fields. A field sent in several lines is given as one, joined with `, `
    /// (RFC 9110 §5.2).
    ///
    /// # Errors
    /// When the profile's label, components or parameters are missing or differ.
    pub fn parse(headers: &SignatureHeaders) -> Result<Self, SignatureError> {
        let params = parse_input(&headers.signature_input)?;
        let (keyid, created) = parse_parameters(&params)?;
        let signature = parse_signature(&headers.signature)?;
        let names = component_names(&params)?;
        let content_digest = match names.as_slice() {
            [METHOD, PATH] => None,
            [METHOD, PATH, CONTENT_DIGEST] => Some(
                headers
                    .content_digest
                    .clone()
                    .ok_or(SignatureError::Digest)?,
            ),
            _ => return Err(SignatureError::Components),
        };
        Ok(Self {
            keyid,
            created,
            signature,
            content_digest,
            params,
        })
    }

    /// The key the sender names: a terminal's id, or a base64url public key in an enrolment
    /// request. Not yet verified.
    #[must_use]
    pub fn keyid(&self) -> &str {
        &self.keyid
    }

    /// When the sender says it signed, in seconds since 1970. Informative only: a terminal's clock
    /// may be wrong.
    #[must_use]
    pub fn created(&self) -> i64 {
        self.created
    }

    /// Verifies that the holder of the key sent this method, path and content. Empty content counts
    /// as none.
    ///
    /// # Errors
    /// When anything differs from what was signed, or a body is not covered by the signature.
    pub fn verify(
        &self,
        key: &VerifyingKey,
        method: &str,
        path: &str,
        content: Option<&[u8]>,
    ) -> Result<(), SignatureError> {
        self.check_content(content)?;
        self.verify_head(key, method, path)
    }

    /// Verifies that the holder of the key signed this method, path and `Content-Digest`, before
    /// any content has arrived. The content is still to be checked ([`Self::check_content`]).
    ///
    /// # Errors
    /// When anything differs from what was signed.
    pub fn verify_head(
        &self,
        key: &VerifyingKey,
        method: &str,
        path: &str,
    ) -> Result<(), SignatureError> {
        let signable =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !signable(method)
            || !signable(path)
            || !path.starts_with('/')
            || path.contains(['?', '#'])
        {
            return Err(SignatureError::Target);
        }
        let digest = self.content_digest.as_deref().map(digest::as_signed);
        let base = signature_base(
            &covered(method, path, digest),
            &serialize_params(&self.params),
        );
        key.verify_strict(base.as_bytes(), &self.signature)
            .map_err(|_| SignatureError::Mismatch)
    }

    /// Checks that the content is what the signed `Content-Digest` says. Empty content counts as
    /// none.
    ///
    /// # Errors
    /// When it is another, or a body is not covered by the signature.
    pub fn check_content(&self, content: Option<&[u8]>) -> Result<(), SignatureError> {
        match (
            content.filter(|content| !content.is_empty()),
            &self.content_digest,
        ) {
            (None, None) => Ok(()),
            (Some(content), Some(field)) => digest::check(field, content),
            (Some(_), None) | (None, Some(_)) => Err(SignatureError::Components),
        }
    }
}

fn parse_input(field: &str) -> Result<InnerList, SignatureError> {
    const FIELD: &str = "Signature-Input";
    let mut members: Dictionary = Parser::new(field)
        .parse()
        .map_err(|_| SignatureError::Unreadable(FIELD))?;
    match members.swap_remove(key_ref(LABEL)) {
        Some(ListEntry::InnerList(list)) => Ok(list),
        _ => Err(SignatureError::NoSignature(FIELD)),
    }
}

fn parse_signature(field: &str) -> Result<Signature, SignatureError> {
    const FIELD: &str = "Signature";
    let members: Dictionary = Parser::new(field)
        .parse()
        .map_err(|_| SignatureError::Unreadable(FIELD))?;
    match members.get(key_ref(LABEL)) {
        Some(ListEntry::Item(Item {
            bare_item: BareItem::ByteSequence(bytes),
            ..
        })) => Signature::from_slice(bytes).map_err(|_| SignatureError::Mismatch),
        _ => Err(SignatureError::NoSignature(FIELD)),
    }
}

fn parse_parameters(params: &InnerList) -> Result<(String, i64), SignatureError> {
    let (mut created, mut keyid, mut alg) = (None, None, None);
    for (name, value) in &params.params {
        match name.as_str() {
            "created" => created = value.as_integer(),
            "keyid" => keyid = value.as_string(),
            "alg" => alg = value.as_string(),
            _ => return Err(SignatureError::Parameters),
        }
    }
    match (created, keyid, alg) {
        (Some(created), Some(keyid), Some(alg)) if alg.as_str() == ALGORITHM => {
            Ok((keyid.as_str().to_owned(), created.into()))
        }
        _ => Err(SignatureError::Parameters),
    }
}

/// The names of the covered components; one with parameters of its own is not in the profile.
fn component_names(params: &InnerList) -> Result<Vec<&str>, SignatureError> {
    params
        .items
        .iter()
        .map(|item| match &item.bare_item {
            BareItem::String(name) if item.params.is_empty() => Ok(name.as_str()),
            _ => Err(SignatureError::Components),
        })
        .collect()
}

/// Reads a public key of 32 bytes. Keys of small order, under which signatures prove nothing, are
/// refused.
///
/// # Errors
/// [`SignatureError::Key`].
pub fn verifying_key(bytes: &Bytes) -> Result<VerifyingKey, SignatureError> {
    let bytes: &[u8; KEY_BYTES] = bytes
        .0
        .as_slice()
        .try_into()
        .map_err(|_| SignatureError::Key)?;
    match VerifyingKey::from_bytes(bytes) {
        Ok(key) if !key.is_weak() => Ok(key),
        _ => Err(SignatureError::Key),
    }
}

/// Writes a public key as base64url: `public_key` of an enrolment and the `keyid` of its request.
#[must_use]
pub fn encode_public_key(key: &VerifyingKey) -> String {
    base64url_encode(key.as_bytes())
}
