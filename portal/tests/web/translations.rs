//! Every text of the pages exists in every language.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pikir_portal::i18n::Lang;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn messages(lang: Lang) -> Vec<(String, String)> {
    let path = root().join(format!(
        "translations/{}/LC_MESSAGES/pikir-portal.po",
        lang.tag()
    ));
    let text = fs::read_to_string(&path).unwrap();
    pikir_portal::i18n::po::parse(&text)
        .unwrap_or_else(|(line, why)| panic!("{}:{line}: {why}", path.display()))
}

/// The names in braces.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

/// The texts of all files in a folder and the folders below it.
fn files(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(files(&path));
        } else {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
    texts
}

/// The texts that templates translate: what stands in quotes after `page.l.t(`, `with(` and
/// `with2(`.
fn texts_of_templates() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for template in files(&root().join("templates")) {
        for call in ["page.l.t(\"", "page.l.with(\"", "page.l.with2(\""] {
            let texts = template
                .split(call)
                .skip(1)
                .filter_map(|rest| rest.split('"').next());
            found.extend(texts.map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_language_has_the_same_messages_and_none_is_empty() {
    let english: Vec<String> = messages(Lang::En).into_iter().map(|(id, _)| id).collect();
    assert_eq!(
        english.iter().collect::<BTreeSet<_>>().len(),
        english.len(),
        "a message stands twice"
    );
    for lang in Lang::ALL {
        let messages = messages(lang);
        let ids: Vec<String> = messages.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(ids, english, "{}", lang.tag());
        for (id, text) in messages {
            assert!(
                !text.trim().is_empty(),
                "{}: {id:?} is not translated",
                lang.tag()
            );
        }
    }
}

#[test]
fn placeholders_are_the_same_in_every_language() {
    for lang in Lang::ALL {
        for (id, text) in messages(lang) {
            assert_eq!(
                placeholders(&id),
                placeholders(&text),
                "{}: {id:?}",
                lang.tag()
            );
        }
    }
}

#[test]
fn only_a_few_words_are_the_same_in_two_languages() {
    for lang in [Lang::Ky, Lang::Ru, Lang::Be, Lang::Kk] {
        for (id, text) in messages(lang) {
            assert!(text != id, "{}: {id:?} is still English", lang.tag());
        }
    }
}

#[test]
fn every_text_of_a_template_is_in_the_catalogue() {
    let known: BTreeSet<String> = messages(Lang::En).into_iter().map(|(id, _)| id).collect();
    let used = texts_of_templates();
    assert!(used.len() > 80, "only {} texts were found", used.len());
    let missing: Vec<_> = used.difference(&known).collect();
    assert!(missing.is_empty(), "not in the catalogue: {missing:?}");
}

#[test]
fn every_message_of_the_catalogue_is_used() {
    let sources =
        ["templates", "src/web", "src/i18n"].map(|folder| files(&root().join(folder)).concat());
    let sources = sources.concat();
    for (id, _) in messages(Lang::En) {
        assert!(
            sources.contains(&format!("\"{id}\"")),
            "nothing uses {id:?}"
        );
    }
}
