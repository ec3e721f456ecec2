//! What every page carries inside itself: the style sheet, the faces, the icon. Nothing is loaded from elsewhere.

use std::sync::LazyLock;

use pikir_contract::Score;
use sha2::{Digest, Sha256};

/// The one style sheet.
pub const CSS: &str = include_str!("../../../static/pikir.css");
/// Counts a comment's characters while it is typed; everything works without it.
pub const COMMENT_JS: &str = include_str!("../../../static/comment.js");
/// The icon in the browser's tab, as a `data:` address: no further request.
pub const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%230b5d66'/%3E%3Cg fill='%23fff'%3E%3Ccircle cx='11' cy='12' r='2.5'/%3E%3Ccircle cx='21' cy='12' r='2.5'/%3E%3C/g%3E%3Cpath d='M8 18c2 4 5 6 8 6s6-2 8-6' fill='none' stroke='%23fff' stroke-width='3' stroke-linecap='round'/%3E%3C/svg%3E";

const FACES: [&str; 5] = [
    include_str!("../../../static/face-1.svg"),
    include_str!("../../../static/face-2.svg"),
    include_str!("../../../static/face-3.svg"),
    include_str!("../../../static/face-4.svg"),
    include_str!("../../../static/face-5.svg"),
];

/// The face of a score, as SVG.
pub fn face(score: Score) -> &'static str {
    // A score is 1 to 5 by type.
    FACES[usize::from(score.get()) - 1].trim_end()
}

/// The English word of a score, a key into the translations.
pub fn word(score: Score) -> &'static str {
    ["Very poor", "Poor", "Fair", "Good", "Excellent"][usize::from(score.get()) - 1]
}

/// The content security policy of every page: only what the page carries inside itself.
pub static POLICY: LazyLock<String> = LazyLock::new(|| policy(""));

/// The same for the phone page, which also carries the counter.
pub static PHONE_POLICY: LazyLock<String> =
    LazyLock::new(|| policy(&format!("script-src '{}'; ", source_hash(COMMENT_JS))));

fn policy(scripts: &str) -> String {
    format!(
        "default-src 'none'; style-src '{}'; {scripts}img-src data: 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'",
        source_hash(CSS)
    )
}

/// A hash source of Content Security Policy Level 3 §2.3.1 (standard base64, with padding).
fn source_hash(content: &str) -> String {
    use base64::Engine;
    let digest = Sha256::digest(content.as_bytes());
    format!(
        "sha256-{}",
        base64::engine::general_purpose::STANDARD.encode(digest)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_without_custom_properties_shows_the_chosen_face_in_its_colour() {
        let (_, root) = CSS.split_once(":root{").unwrap();
        let standard = |name: &str| {
            let (_, rest) = root.split_once(&format!("--{name}:")).unwrap();
            rest.split([';', '}']).next().unwrap().to_owned()
        };
        for score in ["s1", "s2", "s3", "s4", "s5"] {
            let colour = standard(score);
            let rule = format!(
                ".{score} input:checked+span{{background:{colour};background:var(--{score});border-color:{colour};"
            );
            assert!(CSS.contains(&rule), "{rule}");
        }
        let on = format!("b{{color:{};color:var(--on)}}", standard("on"));
        assert!(CSS.contains(&on), "{on}");
    }
}
