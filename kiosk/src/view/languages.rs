//! What languages call themselves, for the language bar.

use crate::view::LanguageChoice;

/// Code, three letters, full name; each in its own language.
const KNOWN: [(&str, &str, &str); 6] = [
    ("ky", "КЫР", "Кыргызча"),
    ("ru", "РУС", "Русский"),
    ("be", "БЕЛ", "Беларуская"),
    ("kk", "ҚАЗ", "Қазақша"),
    ("en", "ENG", "English"),
    ("uz", "OʻZ", "Oʻzbekcha"),
];

/// The language alone of a BCP 47 tag, in lower case, without script or region.
#[must_use]
pub fn primary(code: &str) -> String {
    code.split('-').next().unwrap_or(code).to_ascii_lowercase()
}

/// The entry of the language bar for a BCP 47 tag. A language not known here shows its code.
#[must_use]
pub fn choice(code: &str) -> LanguageChoice {
    let primary = primary(code);
    let known = KNOWN.iter().find(|(known, ..)| *known == primary);
    let (label, name) = match known {
        Some((_, label, name)) => ((*label).to_owned(), (*name).to_owned()),
        None => (primary.to_uppercase(), code.to_owned()),
    };
    LanguageChoice {
        code: code.to_owned(),
        label,
        name,
    }
}
