//! Texts by language, and the form of language tags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Malformed;
use crate::reader::Node;

/// One text in several languages, by BCP 47 tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Texts(BTreeMap<String, String>);

impl Texts {
    /// The text in a language; where it is missing, in the default language; where that is missing
    /// too, in any. `None` only where there is no text at all.
    #[must_use]
    pub fn get(&self, lang: &str, default_language: &str) -> Option<&str> {
        let text = self
            .0
            .get(lang)
            .or_else(|| self.0.get(default_language))
            .or_else(|| self.0.values().next());
        text.map(String::as_str)
    }

    /// The text in exactly this language.
    #[must_use]
    pub fn exact(&self, lang: &str) -> Option<&str> {
        self.0.get(lang).map(String::as_str)
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The languages and their texts, in the order of the tags.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(lang, text)| (lang.as_str(), text.as_str()))
    }

    pub(crate) fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let read_text = |lang: &str, text: &Node<'_>| match is_language_tag(lang) {
            true => text.owned_text(),
            false => Err(text.wrong("is not under a language tag (BCP 47)")),
        };
        node.members(read_text).map(Self)
    }

    /// At least one language.
    pub(crate) fn read_some(node: &Node<'_>) -> Result<Self, Malformed> {
        match Self::read(node)? {
            texts if texts.is_empty() => Err(node.wrong("has no text in any language")),
            texts => Ok(texts),
        }
    }
}

impl<L: Into<String>, T: Into<String>> FromIterator<(L, T)> for Texts {
    fn from_iter<I: IntoIterator<Item = (L, T)>>(texts: I) -> Self {
        Self(
            texts
                .into_iter()
                .map(|(lang, text)| (lang.into(), text.into()))
                .collect(),
        )
    }
}

impl<L: Into<String>, T: Into<String>, const N: usize> From<[(L, T); N]> for Texts {
    fn from(texts: [(L, T); N]) -> Self {
        texts.into_iter().collect()
    }
}

/// Whether a text has the form of a language tag (BCP 47, RFC 5646 §2.1): subtags of 1–8 letters
/// and digits joined by hyphens, the first of 2–8 letters, or `x` or `i` with more to follow.
#[must_use]
pub fn is_language_tag(text: &str) -> bool {
    let mut subtags = text.split('-');
    let first = subtags.next().unwrap_or_default();
    let language =
        (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    let private = matches!(first, "x" | "X" | "i" | "I") && text.len() > 2;
    let is_subtag = |tag: &str| {
        (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    (language || private) && subtags.all(is_subtag)
}

/// Reads a language tag.
pub(crate) fn language(node: &Node<'_>) -> Result<String, Malformed> {
    match node.text()? {
        tag if is_language_tag(tag) => Ok(tag.to_owned()),
        _ => Err(node.wrong("is not a language tag (BCP 47)")),
    }
}
