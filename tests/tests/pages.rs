//! Every page for visitors and for staff: valid HTML, without barriers, nothing wider than the
//! narrowest phone.

use anyhow::{Result, ensure};
use pikir_tests::browser::{Browser, JavaScript};
use pikir_tests::html;
use pikir_tests::portal::User;
use pikir_tests::scene::{ORGANIZATION, Scene};

/// The narrowest phone, CSS pixels (WCAG 2.2, success criterion 1.4.10).
const NARROW: (u32, u32) = (320, 568);
/// The smallest screen staff work at.
const DESK: (u32, u32) = (1280, 800);

const ADMIN: User<'static> = User {
    login: "admin",
    name: "Administrator",
    role: "admin",
    password: "correct horse battery staple",
};

const STAFF: [&str; 7] = [
    "/staff",
    "/staff/reconciliation",
    "/staff/reviews",
    "/staff/reviews?state=published",
    "/staff/exclusions",
    "/activate",
    "/activate?user_code=WXYC-9347",
];

/// A scene in which somebody has written a review that is published, and the browser of an
/// administrator.
fn scene(size: (u32, u32)) -> Result<(Scene, Browser)> {
    let scene = Scene::new()?;
    scene.portal.add_user(ADMIN)?;
    let browser = Browser::start_sized(scene.dir(), "ky", JavaScript::On, size)?;
    for comment in ["Кезек узун", "Долго ждали"] {
        browser.open(&format!("{}/q/{}?lang=ky", scene.portal.url(), scene.place))?;
        browser.evaluate(&format!(
            "document.querySelector('#score-2').checked = true;
             document.querySelector('#comment').value = '{comment}';
             document.querySelector('#review').submit()"
        ))?;
        browser.wait_for("#code")?;
    }
    browser.open(&format!("{}/sign-in?lang=ky", scene.portal.url()))?;
    browser.type_into("#login", ADMIN.login)?;
    browser.type_into("#password", ADMIN.password)?;
    browser.tap("main button")?;
    browser.wait_for("nav.staff")?;
    browser.open(&format!("{}/staff/reviews", scene.portal.url()))?;
    browser.tap("button[value=publish]")?;
    browser.wait_for("nav.staff")?;
    Ok((scene, browser))
}

fn visitors(scene: &Scene) -> Vec<String> {
    let place = &scene.place;
    [
        "/?lang=ky".to_owned(),
        "/?lang=kk&q=a".to_owned(),
        format!("/q/{place}?lang=ru&size=150&colours=blue"),
        format!("/o/{ORGANIZATION}?lang=be"),
        "/rules?lang=en".to_owned(),
        "/r?code=x&lang=ru".to_owned(),
        "/sign-in?lang=ru".to_owned(),
        "/nowhere?lang=ky".to_owned(),
    ]
    .into()
}

#[test]
fn every_page_is_valid_html() -> Result<()> {
    let (scene, browser) = scene(DESK)?;
    let mut found = Vec::new();
    for path in visitors(&scene).iter().map(String::as_str).chain(STAFF) {
        browser.open(&format!("{}{path}", scene.portal.url()))?;
        for fault in html::check(&browser.fetched()?)? {
            found.push(format!("{path}: {fault}"));
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    // The control: what is no HTML is found.
    let broken = html::check(
        "<!doctype html><html lang=\"ky\"><head><title>x</title></head><body><ul><p>y</p></ul></body></html>",
    )?;
    ensure!(
        broken
            .iter()
            .any(|fault| fault.contains("element-permitted-content")),
        "html-validate finds no paragraph in a list: {broken:?}"
    );
    Ok(())
}

#[test]
fn axe_finds_nothing_on_any_page_for_staff() -> Result<()> {
    let mut found = Vec::new();
    for size in [DESK, NARROW] {
        let (scene, browser) = scene(size)?;
        for path in STAFF {
            browser.open(&format!("{}{path}", scene.portal.url()))?;
            for breach in browser.audit()? {
                found.push(format!("{path} at {}: {breach}", size.0));
            }
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn no_page_for_staff_scrolls_sideways_on_a_desk_or_a_phone() -> Result<()> {
    let mut found = Vec::new();
    for size in [DESK, NARROW] {
        let (scene, browser) = scene(size)?;
        for path in STAFF {
            for lang in ["ky", "ru"] {
                let mark = if path.contains('?') { '&' } else { '?' };
                browser.open(&format!("{}{path}{mark}lang={lang}", scene.portal.url()))?;
                browser.wait_for_fonts()?;
                let width = browser.evaluate("return document.documentElement.scrollWidth")?;
                if width.as_u64() > Some(size.0.into()) {
                    found.push(format!("{path} in {lang} is {width} wide at {}", size.0));
                }
            }
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}
