//! What every page carries inside itself: the style sheet, the faces, the icon. Nothing but its
//! typeface is loaded besides, and nothing from elsewhere.

use std::sync::LazyLock;

use pikir_contract::{Score, base64url_encode};
use sha2::{Digest, Sha256};

/// A typeface as it travels.
struct Font {
    family: &'static str,
    weights: &'static str,
    bytes: &'static [u8],
}

macro_rules! font {
    ($family:literal, $weights:literal, $file:literal) => {
        Font {
            family: $family,
            weights: $weights,
            bytes: include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../assets/fonts/",
                $file
            )),
        }
    };
}

/// The first two are on every page; the others travel only where a visitor chose serifs.
static FONTS: [Font; 4] = [
    font!("Inter", "100 500", "Inter-Medium.woff2"),
    font!("Inter", "501 900", "Inter-Bold.woff2"),
    font!("Noto Serif", "100 500", "NotoSerif-Regular.woff2"),
    font!("Noto Serif", "501 900", "NotoSerif-Bold.woff2"),
];

/// Bytes of the digest in a typeface's address.
const FONT_DIGEST_BYTES: usize = 6;

/// The addresses of the typefaces. Each changes with its content, so that it can be kept for ever.
static FONT_ADDRESSES: LazyLock<[String; FONTS.len()]> = LazyLock::new(|| {
    FONTS.each_ref().map(|font| {
        let digest = base64url_encode(&Sha256::digest(font.bytes)[..FONT_DIGEST_BYTES]);
        format!("/font/{digest}.woff2")
    })
});

/// The typefaces of every page, to be fetched while the page is still being read.
pub fn preloads() -> &'static [String] {
    &FONT_ADDRESSES[..2]
}

/// A typeface (WOFF2) by its address.
pub fn font(address: &str) -> Option<&'static [u8]> {
    let mut known = FONT_ADDRESSES.iter().zip(&FONTS);
    known
        .find(|(known, _)| *known == address)
        .map(|(_, font)| font.bytes)
}

/// The one style sheet.
pub static CSS: LazyLock<String> = LazyLock::new(|| {
    let face = |(font, address): (&Font, &String)| {
        format!(
            "@font-face{{font-family:\"{}\";font-weight:{};font-display:swap;src:url({address}) format(\"woff2\")}}\n",
            font.family, font.weights
        )
    };
    let faces: String = FONTS.iter().zip(&*FONT_ADDRESSES).map(face).collect();
    faces + SHEET
});

const SHEET: &str = include_str!("../../../static/pikir.css");
/// Counts a comment's characters while it is typed; everything works without it.
pub const COMMENT_JS: &str = include_str!("../../../static/comment.js");
/// The icon in the browser's tab, as a `data:` address: no further request.
pub const ICON: &str = "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2032%2032'%3E%3Crect%20width='32'%20height='32'%20rx='8'%20fill='%230b5d66'/%3E%3Cg%20fill='%23fff'%3E%3Ccircle%20cx='11'%20cy='12'%20r='2.5'/%3E%3Ccircle%20cx='21'%20cy='12'%20r='2.5'/%3E%3C/g%3E%3Cpath%20d='M8%2018c2%204%205%206%208%206s6-2%208-6'%20fill='none'%20stroke='%23fff'%20stroke-width='3'%20stroke-linecap='round'/%3E%3C/svg%3E";

macro_rules! drawing {
    ($file:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../assets/faces/",
            $file
        ))
    };
}

/// The ink of the drawings; on a page they have the colour of the text around them.
const INK: &str = "#14213d";

static FACES: LazyLock<[String; 5]> = LazyLock::new(|| {
    [
        drawing!("face-1.svg"),
        drawing!("face-2.svg"),
        drawing!("face-3.svg"),
        drawing!("face-4.svg"),
        drawing!("face-5.svg"),
    ]
    .map(inline)
});

/// A drawing as it stands within a page: in the text's colour, without the title that the word
/// beside it says already.
fn inline(drawing: &str) -> String {
    let lines = drawing.lines().map(str::trim);
    let kept: String = lines.filter(|line| !line.starts_with("<title>")).collect();
    kept.replace(INK, "currentColor").replacen(
        " xmlns=\"http://www.w3.org/2000/svg\"",
        " width=\"48\" height=\"48\" aria-hidden=\"true\" focusable=\"false\"",
        1,
    )
}

/// The face of a score, as SVG.
pub fn face(score: Score) -> &'static str {
    // A score is 1 to 5 by type.
    &FACES[usize::from(score.get()) - 1]
}

/// The content security policy of every page: only what the page carries inside itself.
pub static POLICY: LazyLock<String> = LazyLock::new(|| policy(""));

/// The same for the phone page, which also carries the counter.
pub static PHONE_POLICY: LazyLock<String> =
    LazyLock::new(|| policy(&format!("script-src '{}'; ", source_hash(COMMENT_JS))));

fn policy(scripts: &str) -> String {
    format!(
        "default-src 'none'; style-src '{}'; {scripts}img-src data: 'self'; font-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'",
        source_hash(&CSS)
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
    fn a_face_is_the_terminal_s_drawing_in_the_colour_of_the_text() {
        for score in Score::ALL {
            let svg = face(score);
            assert!(
                svg.contains("stroke=\"currentColor\"") && svg.contains("aria-hidden"),
                "{svg}"
            );
            assert!(!svg.contains(INK) && !svg.contains("<title>"), "{svg}");
            assert!(
                svg.starts_with("<svg width=") && svg.ends_with("</svg>"),
                "{svg}"
            );
        }
    }

    #[test]
    fn every_family_that_the_style_sheet_names_first_travels_with_the_page() {
        for family in ["Inter", "Noto Serif"] {
            assert!(CSS.contains(&format!("@font-face{{font-family:\"{family}\"")));
        }
        let named = SHEET.split("font-family:").skip(1);
        for rest in named {
            let first = rest
                .split([',', ';', '}'])
                .next()
                .unwrap()
                .trim_matches('"');
            assert!(FONTS.iter().any(|font| font.family == first), "{first}");
        }
    }

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
