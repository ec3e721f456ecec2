//! Every text of the screen exists in every language, with the same placeholders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pikir_kiosk::view::ScreenView;

use crate::samples::{self, LANGUAGES};
use crate::stage::Stage;

/// Component and source text of every `@tr("…")` in `ui/`.
fn source_texts() -> BTreeSet<(String, String)> {
    let mut texts = BTreeSet::new();
    for folder in ["ui", "ui/widgets", "ui/screens"] {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap()
        {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "slint")
            {
                let source = std::fs::read_to_string(path).unwrap();
                let mut component = String::new();
                for line in source.lines() {
                    let words = line.trim_start().trim_start_matches("export ");
                    if let Some(name) = words
                        .strip_prefix("component ")
                        .or(words.strip_prefix("global "))
                    {
                        component = name.split_whitespace().next().unwrap().to_owned();
                    }
                    for text in line.split("@tr(\"").skip(1) {
                        texts.insert((
                            component.clone(),
                            text.split('"').next().unwrap().to_owned(),
                        ));
                    }
                }
            }
        }
    }
    assert!(texts.len() > 20, "only {} texts found", texts.len());
    texts
}

/// Context and source text of every entry of a language, with its translation.
fn translations(language: &str) -> BTreeMap<(String, String), String> {
    let file = format!("translations/{language}/LC_MESSAGES/pikir-kiosk.po");
    let content =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let mut entries = BTreeMap::new();
    let (mut context, mut source) = (String::new(), String::new());
    for line in content.lines() {
        let quoted = |rest: &str| rest.trim().trim_matches('"').to_owned();
        if let Some(rest) = line.strip_prefix("msgctxt ") {
            context = quoted(rest);
        } else if let Some(rest) = line.strip_prefix("msgid ") {
            source = quoted(rest);
        } else if let Some(rest) = line
            .strip_prefix("msgstr ")
            .or_else(|| line.strip_prefix("msgstr[0] "))
            && !source.is_empty()
        {
            entries.insert((context.clone(), source.clone()), quoted(rest));
        }
    }
    entries
}

#[test]
fn every_text_is_translated_into_every_language_and_none_is_left_over() {
    let sources = source_texts();
    for language in LANGUAGES.into_iter().filter(|&language| language != "en") {
        let translated = translations(language);
        let keys: BTreeSet<_> = translated.keys().cloned().collect();
        assert_eq!(
            sources.difference(&keys).collect::<Vec<_>>(),
            Vec::<&(String, String)>::new(),
            "missing in {language}"
        );
        assert_eq!(
            keys.difference(&sources).collect::<Vec<_>>(),
            Vec::<&(String, String)>::new(),
            "unused in {language}"
        );
        for ((_, source), text) in &translated {
            assert!(!text.is_empty(), "{language}: {source}");
            assert_eq!(
                source.matches("{}").count(),
                text.matches("{}").count(),
                "{language}: {source}"
            );
        }
    }
}

#[test]
fn every_number_has_the_form_its_language_gives_it() {
    let heard = |language: &str, ratings: u32| {
        let stage = Stage::new((480, 320));
        let mut view = samples::view(language, ScreenView::Rate(samples::rate()));
        view.ratings_today = Some(ratings);
        stage.show(&view);
        view.adaptation.speech = true;
        stage.show(&view);
        stage.said().join(" ")
    };
    for (language, forms) in [
        (
            "ru",
            &[
                (21, "поставлена 21 оценка."),
                (102, "поставлены 102 оценки."),
                (11, "поставлено 11 оценок."),
                (12, "поставлено 12 оценок."),
                (5, "поставлено 5 оценок."),
            ][..],
        ),
        (
            "be",
            &[
                (31, "пастаўлена 31 ацэнка."),
                (24, "пастаўлены 24 ацэнкі."),
                (14, "пастаўлена 14 ацэнак."),
            ],
        ),
        (
            "en",
            &[
                (12, "12 ratings were given here today."),
                (1, "1 rating was given here today."),
            ],
        ),
        (
            "ky",
            &[(1, "1 баа коюлду."), (12, "бул жерде 12 баа коюлду.")],
        ),
        (
            "kk",
            &[(1, "1 баға қойылды."), (12, "осы жерде 12 баға қойылды.")],
        ),
    ] {
        for (ratings, form) in forms {
            let said = heard(language, *ratings);
            assert!(said.contains(form), "{form:?} is not in {said:?}");
        }
    }
}

#[test]
fn every_letter_of_every_translation_is_in_the_fonts() {
    // The letters that a font made for Russian alone lacks.
    for letter in "өүңўіәғқұһӨҮҢЎІӘҒҚҰҺ№«»“”–·’×‹›".chars() {
        for font in [
            "Inter-Medium.otf",
            "Inter-SemiBold.otf",
            "Inter-Bold.otf",
            "NotoSerif-Regular.ttf",
            "NotoSerif-Bold.ttf",
        ] {
            let fonts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/fonts");
            let data = std::fs::read(fonts.join(font)).unwrap();
            assert!(has_glyph(&data, letter), "{letter} in {font}");
        }
    }
}

#[test]
fn a_language_named_with_a_region_is_shown_in_its_translation() {
    let stage = Stage::new((800, 480));
    for (tag, language) in [("ky-KG", "ky"), ("RU-ru", "ru"), ("kk-Cyrl-KZ", "kk")] {
        let mut view = samples::view(language, ScreenView::Rate(samples::rate()));
        view.language = tag.into();
        stage.show(&view);
        let asked = (
            "RateScreen".to_owned(),
            "How would you rate the service?".to_owned(),
        );
        stage.labelled(&translations(language)[&asked]);
    }
}

/// Looks `letter` up in the font's character map (`cmap`, formats 4 and 12 of the OpenType
/// specification).
fn has_glyph(font: &[u8], letter: char) -> bool {
    let short = |at: usize| usize::from(u16::from_be_bytes([font[at], font[at + 1]]));
    let long = |at: usize| (short(at) << 16) | short(at + 2);
    let code = letter as usize;
    let cmap = (0..short(4))
        .map(|table| 12 + 16 * table)
        .find(|&at| &font[at..at + 4] == b"cmap")
        .map(|at| long(at + 8))
        .unwrap();
    (0..short(cmap + 2))
        .map(|table| cmap + long(cmap + 4 + 8 * table + 4))
        .any(|map| match short(map) {
            12 => (0..long(map + 12))
                .map(|group| map + 16 + 12 * group)
                .any(|at| (long(at)..=long(at + 4)).contains(&code)),
            4 => {
                let segments = short(map + 6) / 2;
                (0..segments).any(|segment| {
                    let (end, start) = (
                        short(map + 14 + 2 * segment),
                        short(map + 16 + 2 * (segments + segment)),
                    );
                    end != 0xffff && (start..=end).contains(&code)
                })
            }
            _ => false,
        })
}
