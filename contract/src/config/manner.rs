//! How the terminals of an organisation look and how long they wait.

use serde::Serialize;
use serde_json::Value;

use super::{ConfigError, read_seconds};
use crate::reader::Node;
use crate::{
    Bytes, DEFAULT_IDLE_TIMEOUT_S, DEFAULT_UNDO_S, Malformed, check_file_url, require_integers,
};

/// Bytes of a SHA-256 digest.
const SHA256_BYTES: usize = 32;

/// The members of a configuration that say how a terminal looks and how long it waits. They stand
/// beside each other in the document; on their own they are what a portal keeps for an
/// organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// How it looks.
    pub theme: Theme,
    /// Seconds in which a rating can be taken back; 0 for not at all.
    pub undo_s: u64,
    /// Seconds without input until the first screen returns, at least 1.
    pub idle_timeout_s: u64,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            undo_s: DEFAULT_UNDO_S,
            idle_timeout_s: DEFAULT_IDLE_TIMEOUT_S,
        }
    }
}

impl Manner {
    /// Reads and validates these members of an object; every other member is ignored.
    ///
    /// # Errors
    /// The first breach: which member and what is wrong with it.
    pub fn from_value(document: &Value) -> Result<Self, ConfigError> {
        require_integers(document).map_err(Malformed::from)?;
        Ok(Self::read(&Node::root(document))?)
    }

    pub(super) fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            theme: node.or_default("theme", Theme::read)?,
            undo_s: read_seconds(node, "undo_s", 0, DEFAULT_UNDO_S)?,
            idle_timeout_s: read_seconds(node, "idle_timeout_s", 1, DEFAULT_IDLE_TIMEOUT_S)?,
        })
    }
}

/// How the terminal looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Theme {
    /// The organisation's colour, `#rrggbb`; the terminal's own by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// The organisation's emblem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
}

impl Theme {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            accent: node.maybe("accent", read_colour)?,
            logo: node.maybe("logo", Logo::read)?,
        })
    }
}

fn read_colour(node: &Node<'_>) -> Result<String, Malformed> {
    let colour = node.text()?;
    match colour.strip_prefix('#') {
        Some(digits)
            if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            Ok(colour.to_owned())
        }
        _ => Err(node.wrong("is not a colour of the form #rrggbb")),
    }
}

/// An organisation's emblem, fetched by the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logo {
    /// Where it lies; `https://`, or `http://` for a loopback address. A query may follow.
    pub url: String,
    /// The SHA-256 of the file, 32 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Bytes>,
}

impl Logo {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let url = node.required("url")?;
        check_file_url(url.text()?).map_err(|error| url.wrong(error))?;
        Ok(Self {
            url: url.owned_text()?,
            sha256: node.maybe("sha256", read_sha256)?,
        })
    }
}

fn read_sha256(node: &Node<'_>) -> Result<Bytes, Malformed> {
    let sha256 = match hex(node.text()?) {
        Some(bytes) => Bytes(bytes),
        None => node.parsed()?,
    };
    if sha256.0.len() != SHA256_BYTES {
        return Err(node.wrong("is not a SHA-256 (32 bytes)"));
    }
    Ok(sha256)
}

/// A SHA-256 as 64 hexadecimal digits, as checksum tools print it. As base64url that length is no
/// SHA-256, so the two cannot be confused.
fn hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * SHA256_BYTES || !text.is_ascii() {
        return None;
    }
    let digits = (0..SHA256_BYTES).map(|at| &text[2 * at..2 * at + 2]);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).ok())
        .collect()
}
