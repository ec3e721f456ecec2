//! Addresses as scanners, people and other programs write them: with a slash or a full stop at the
//! end, doubled slashes, in any case. They lead where they were meant to.

use axum::http::Uri;

use super::page::encode;

/// The first parts of addresses that people type or scan.
const FIRST: [&str; 9] = [
    "q", "r", "o", "activate", "rules", "sign-in", "sign-out", "staff", "photo",
];

/// The same address as this portal writes it; `None` if it is that already. What machines send is
/// theirs: it is signed.
pub fn tidied(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if path.starts_with("/api/") || path.starts_with("/font/") {
        return None;
    }
    let mut parts: Vec<String> = path
        .split('/')
        .map(decoded)
        .filter(|part| !part.trim().is_empty())
        .collect();
    if let Some(first) = parts.first_mut() {
        let plain = first.trim_matches(is_stray).to_ascii_lowercase();
        if FIRST.contains(&plain.as_str()) {
            *first = plain;
        }
    }
    match parts.first().map(String::as_str) {
        // Codes and tokens have letters and digits alone.
        Some("q" | "r") => {
            for part in &mut parts[1..] {
                part.retain(|c| c.is_alphanumeric() || c == '-');
            }
            parts.retain(|part| !part.is_empty());
        }
        Some("o") => parts[1..]
            .iter_mut()
            .for_each(|part| *part = part.trim().to_owned()),
        _ => {
            if let Some(last) = parts.last_mut() {
                *last = last.trim_end_matches(is_stray).to_owned();
            }
        }
    }
    let parts: Vec<String> = parts.iter().map(|part| encode(part)).collect();
    let tidy = format!("/{}", parts.join("/"));
    if tidy == path {
        return None;
    }
    let query = uri
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{tidy}{query}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// What stands around an address in a text, and is taken for a part of it.
fn is_stray(c: char) -> bool {
    c.is_whitespace() || c.is_control() || (!c.is_alphanumeric() && c != '-' && c != '_')
}

/// Percent-decoded; what is no UTF-8 shows as U+FFFD.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, behind @ ..] = rest {
        let code = (*first == b'%')
            .then(|| behind.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidy(path: &str) -> Option<String> {
        tidied(&path.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn what_a_scanner_adds_is_left_out() {
        for path in [
            "/Q/A1B2/",
            "//q//A1B2",
            "/q/A1B2.",
            "/q/A1B2,",
            "/q/A1B2%20",
            "/q/%20A1B2%0D%0A",
            "/q/A1B2)",
            "/q/%E2%80%8BA1B2%C2%BB",
            "/Q/A1B2//",
        ] {
            assert_eq!(tidy(path).as_deref(), Some("/q/A1B2"), "{path}");
        }
        assert_eq!(
            tidy("/Q/a1b2/TOKEN/?lang=ky").as_deref(),
            Some("/q/a1b2/TOKEN?lang=ky")
        );
        assert_eq!(
            tidy("/ACTIVATE/?user_code=AB").as_deref(),
            Some("/activate?user_code=AB")
        );
        assert_eq!(tidy("/rules.").as_deref(), Some("/rules"));
        assert_eq!(tidy("/O/kg.1/").as_deref(), Some("/o/kg.1"));
        assert_eq!(tidy("/R/ab-cd.").as_deref(), Some("/r/ab-cd"));
    }

    #[test]
    fn what_is_right_already_stays_and_machines_are_left_alone() {
        for path in [
            "/",
            "/q/A1B2",
            "/o/kg.1.",
            "/staff/reviews?state=new",
            "/api/v1/events/",
            "/font/a_b-.woff2",
        ] {
            assert_eq!(tidy(path), None, "{path}");
        }
    }
}
