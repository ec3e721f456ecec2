//! The phone page for everybody: by keyboard, without scripts, on the narrowest screen, at twice
//! the size, in every colour.

use std::path::Path;

use anyhow::{Result, ensure};
use pikir_tests::browser::{Browser, Fonts, JavaScript, Key};
use pikir_tests::records;
use pikir_tests::scene::{ORGANIZATION, Scene};
use pikir_tests::skip::not_tested;
use serde_json::json;

/// The narrowest phone, CSS pixels (WCAG 2.2, success criterion 1.4.10).
const NARROW: (u32, u32) = (320, 568);
/// The same at a zoom of 200 %: half as many CSS pixels.
const ZOOMED: (u32, u32) = (160, 284);
/// A desk.
const WIDE: (u32, u32) = (1280, 800);
/// Everything that comes over the network for the page, bytes.
const MAX_BYTES: u64 = 50_000;
const LANGUAGES: [&str; 5] = ["ky", "ru", "en", "be", "kk"];
/// Every choice of the panel that changes the colours.
const COLOURS: [&str; 5] = [
    "standard",
    "black-on-white",
    "white-on-black",
    "blue",
    "contrast",
];

/// A scene whose organisation asks what the demonstration's service centre asks.
fn scene() -> Result<Scene> {
    let scene = Scene::new()?;
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/questionnaires.json");
    let text = std::fs::read_to_string(sample)?;
    let mut centre = serde_json::from_str::<serde_json::Value>(&text)?["organizations"][0].take();
    centre["code"] = json!(ORGANIZATION);
    let file = scene.dir().join("questionnaire.json");
    std::fs::write(&file, json!({"organizations": [centre]}).to_string())?;
    scene.portal.import_organizations(&file)?;
    Ok(scene)
}

fn page(scene: &Scene, query: &str) -> String {
    format!("{}/q/{}?{query}", scene.portal.url(), scene.place)
}

#[test]
fn the_whole_questionnaire_is_filled_in_by_keyboard_alone_without_scripts() -> Result<()> {
    let scene = scene()?;
    let phone = Browser::start_sized(scene.dir(), "ru", JavaScript::Off, NARROW)?;
    phone.open(&page(&scene, "lang=ru"))?;

    // The second face; the reasons of a low score appear.
    phone.tab_to("id", "score-1")?;
    phone.key(Key::Right)?;
    phone.wait_for_text("Долгое ожидание")?;
    ensure!(
        !phone.text()?.contains("Быстро"),
        "only reasons that fit the score are offered"
    );
    phone.tab_to("value", "waiting")?;
    phone.keys(" ")?;
    phone.tab_to("id", "comment")?;
    phone.keys("Кезек узун")?;

    // "Rate in more detail": a service, and the first criterion.
    phone.key(Key::Tab)?;
    phone.key(Key::Return)?;
    phone.tab_to("id", "service")?;
    phone.key(Key::Down)?;
    phone.tab_to("name", "c-courtesy")?;
    phone.key(Key::Left)?;
    // To the end, past every further question, and out.
    phone.tab_to("class", "btn full")?;
    phone.key(Key::Return)?;
    phone.wait_for_text("Спасибо. Ваш отзыв получен.")?;

    let reviews = records::wait_for_reviews(&scene.portal, 1)?;
    assert_eq!(
        (reviews[0].score, reviews[0].comment.as_deref()),
        (2, Some("Кезек узун"))
    );
    // The printed code proves nothing of where the phone was.
    let summary = &scene.portal.summary(ORGANIZATION)?["unverified"];
    let questionnaire = &summary["questionnaire"];
    assert_eq!(questionnaire["criteria"][0]["key"], "courtesy");
    assert_eq!(questionnaire["criteria"][0]["counts"]["5"], 1, "{summary}");
    assert_eq!(questionnaire["reasons"][0]["count"], 1, "{summary}");
    assert_eq!(summary["services"][0]["counts"]["2"], 1, "{summary}");
    Ok(())
}

#[test]
fn the_panel_changes_the_page_without_scripts_and_keeps_what_was_typed() -> Result<()> {
    let scene = scene()?;
    let phone = Browser::start_sized(scene.dir(), "ky", JavaScript::Off, NARROW)?;
    phone.open(&page(&scene, "lang=ky"))?;
    phone.type_into("#comment", "Жакшы")?;
    phone.press_return(".panel summary")?;
    phone.press_space("[name=size][value='200']")?;
    phone.press_space("[name=colours][value=white-on-black]")?;
    phone.press_return(".panel button")?;
    phone.wait_for("html.z200.cw")?;
    phone.press_space("#score-5")?;
    phone.press_return("main button")?;
    phone.wait_for("html.z200.cw .done")?;
    let reviews = records::wait_for_reviews(&scene.portal, 1)?;
    assert_eq!(
        (reviews[0].score, reviews[0].comment.as_deref()),
        (5, Some("Жакшы"))
    );
    Ok(())
}

#[test]
fn the_page_and_its_typeface_come_in_three_requests_of_less_than_fifty_kilobytes() -> Result<()> {
    let scene = scene()?;
    for lang in LANGUAGES {
        // Each with an empty cache.
        let dir = scene.dir().join(lang);
        std::fs::create_dir(&dir)?;
        let phone = Browser::start_sized(&dir, "ru", JavaScript::On, NARROW)?;
        phone.open(&page(&scene, &format!("lang={lang}")))?;
        assert_eq!(phone.wait_for_fonts()?, 2, "{lang}: both weights");
        let loaded = phone.evaluate(
            "const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
                 .filter(entry => !entry.name.startsWith('data:'));
             return {requests: entries.length, bytes: entries.reduce((sum, entry) => sum + entry.transferSize, 0)};",
        )?;
        let bytes = loaded["bytes"].as_u64().unwrap_or(u64::MAX);
        assert!(bytes > 10_000 && bytes <= MAX_BYTES, "{lang}: {loaded}");
        assert_eq!(loaded["requests"], 3, "{lang}: {loaded}");
    }
    Ok(())
}

/// The pages a visitor meets: empty, with a fault and everything open, after sending, and the
/// public figures.
fn visit(
    phone: &Browser,
    scene: &Scene,
    query: &str,
    mut look: impl FnMut(&str) -> Result<()>,
) -> Result<()> {
    phone.open(&page(scene, query))?;
    look("the form")?;
    phone.evaluate(
        "document.querySelectorAll('details').forEach(part => part.open = true);
         document.querySelector('#comment').value = 'Д'.repeat(1100);
         document.querySelector('#review').submit()",
    )?;
    phone.wait_for("#errors")?;
    phone.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")?;
    phone.evaluate("document.querySelector('#score-2').checked = true")?;
    look("the form with a fault")?;
    phone.evaluate("document.querySelector('#comment').value = 'Долго'; document.querySelector('#review').submit()")?;
    phone.wait_for("#code")?;
    look("the page after sending")?;
    phone.open(&format!("{}/o/{ORGANIZATION}?{query}", scene.portal.url()))?;
    look("the public page")
}

fn never_sideways(
    size: (u32, u32),
    fonts: Fonts,
    queries: impl Iterator<Item = String>,
) -> Result<()> {
    let (folder, package) = fonts.folder();
    if !Path::new(folder).is_dir() {
        return not_tested(&format!("pages with {fonts:?} alone: {package} is missing"));
    }
    let scene = scene()?;
    let phone = Browser::start_with(scene.dir(), "ru", JavaScript::On, size, fonts)?;
    let mut wrong = Vec::new();
    for query in queries {
        visit(&phone, &scene, &query, |what| {
            phone.wait_for_fonts()?;
            let found = phone.evaluate(&format!(
                "const wide = [...document.querySelectorAll('body *')].filter(part => {{
                     const box = part.getBoundingClientRect();
                     return box.right > {0} + 1 && box.width > 1 && getComputedStyle(part).clipPath === 'none' && !part.closest('.scroll, .skip');
                 }}).map(part => part.tagName + '.' + part.className + ' ' + part.textContent.slice(0, 30));
                 return {{width: document.documentElement.scrollWidth, wide: wide.slice(0, 5)}}",
                size.0
            ))?;
            if found["width"].as_u64() > Some(size.0.into()) {
                wrong.push(format!("{what} at {} px, {query}: {found}", size.0));
            }
            Ok(())
        })?;
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Every language at every size, with wide spacing, in the page's own typeface and, at the largest,
/// in the machine's serifs.
fn sizes() -> impl Iterator<Item = String> {
    let sizes = ["100", "150", "200"];
    LANGUAGES
        .iter()
        .flat_map(move |lang| sizes.map(|size| format!("lang={lang}&size={size}&spacing=wide")))
        .chain(["lang=ky&size=200&spacing=wider&letters=serif".to_owned()])
}

#[test]
fn nothing_scrolls_sideways_on_the_narrowest_phone_at_any_text_size_in_any_language() -> Result<()>
{
    never_sideways(NARROW, Fonts::DejaVu, sizes())
}

#[test]
fn nothing_scrolls_sideways_on_a_phone_with_other_typefaces() -> Result<()> {
    never_sideways(NARROW, Fonts::Noto, sizes())
}

#[test]
fn nothing_scrolls_sideways_on_the_narrowest_phone_zoomed_to_twice_the_size() -> Result<()> {
    let queries = LANGUAGES.iter().map(|lang| format!("lang={lang}"));
    never_sideways(ZOOMED, Fonts::DejaVu, queries)
}

#[test]
fn no_word_breaks_inside_a_face_but_at_its_hyphens() -> Result<()> {
    let scene = scene()?;
    let phone = Browser::start_sized(scene.dir(), "ru", JavaScript::On, NARROW)?;
    for query in LANGUAGES
        .iter()
        .flat_map(|lang| ["100", "200"].map(|size| format!("lang={lang}&size={size}")))
    {
        phone.open(&page(&scene, &query))?;
        phone.wait_for_fonts()?;
        // A part between two places where a line may end stands on one line.
        let broken = phone.evaluate(
            "return [...document.querySelectorAll('.face > span > span')].flatMap(word => {
                 const text = word.firstChild, found = [];
                 for (const part of text.data.matchAll(/[^ \\u00ad]+/g)) {
                     // The last box of a letter is its own; one before it is the hyphen of the line above.
                     const tops = [...part[0]].map((_, at) => {
                         const range = document.createRange();
                         range.setStart(text, part.index + at);
                         range.setEnd(text, part.index + at + 1);
                         return Math.round([...range.getClientRects()].at(-1).top);
                     });
                     if (new Set(tops).size > 1) found.push(part[0]);
                 }
                 return found;
             })",
        )?;
        assert_eq!(broken, json!([]), "{query}");
    }
    Ok(())
}

#[test]
fn axe_finds_nothing_in_any_language_or_colour() -> Result<()> {
    let scene = scene()?;
    let languages = LANGUAGES.map(|lang| format!("lang={lang}"));
    let colours =
        COLOURS.map(|colours| format!("lang=ru&size=150&letters=serif&colours={colours}"));
    let mut found = Vec::new();
    for (size, queries) in [(NARROW, languages), (WIDE, colours)] {
        let dir = scene.dir().join(size.0.to_string());
        std::fs::create_dir(&dir)?;
        let phone = Browser::start_sized(&dir, "ru", JavaScript::On, size)?;
        for query in queries {
            visit(&phone, &scene, &query, |what| {
                for breach in phone.audit()? {
                    found.push(format!("{what}, {query}: {breach}"));
                }
                Ok(())
            })?;
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));

    // The control: without its label the comment is found.
    let dir = scene.dir().join("control");
    std::fs::create_dir(&dir)?;
    let phone = Browser::start_sized(&dir, "ru", JavaScript::On, NARROW)?;
    phone.open(&page(&scene, "lang=ru"))?;
    phone.evaluate("document.querySelector('label[for=comment]').remove()")?;
    let found = phone.audit()?;
    ensure!(
        found.iter().any(|breach| breach.contains("#comment")),
        "axe-core finds no missing label: {found:?}"
    );
    Ok(())
}
