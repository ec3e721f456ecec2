//! A terminal is claimed by a technician who stands before it.

use anyhow::{Context, Result};
use pikir_tests::browser::{Browser, JavaScript};
use pikir_tests::kiosk::Kiosk;
use pikir_tests::scene::{Scene, TECHNICIAN};
use pikir_tests::{http, provision, qr, records, wait};

/// Signs in as the technician on the page that asked for it.
fn sign_in(browser: &Browser) -> Result<()> {
    browser.wait_for("#login")?;
    browser.type_into("#login", TECHNICIAN.login)?;
    browser.type_into("#password", TECHNICIAN.password)?;
    browser.tap("main button")
}

/// Approves the terminal on the page that shows it, for the scene's place.
fn approve(browser: &Browser, place: &str) -> Result<()> {
    browser.wait_for("#place")?;
    browser.choose("#place", place)?;
    browser.tap("button[value=approve]")
}

#[test]
fn the_tool_prints_a_code_and_waits_until_a_technician_approves_it_on_the_portal() -> Result<()> {
    let scene = Scene::new()?;
    let kiosk = Kiosk::new(scene.dir(), &scene.portal.url())?;
    let mut tool =
        provision::start_enrolment(&scene.portal.url(), kiosk.data_dir(), kiosk.config())?;
    let code = tool.wait_for_line("a code", |line| {
        line.split_whitespace()
            .find(|word| is_user_code(word))
            .map(str::to_owned)
    })?;
    let address = format!("{}/activate", scene.portal.url());
    tool.wait_for_line("the address", |line| {
        line.to_lowercase().contains(&address).then_some(())
    })?;

    let browser = Browser::start(scene.dir(), "en", JavaScript::On)?;
    browser.open(&address)?;
    sign_in(&browser)?;
    browser.wait_for("#user_code")?;
    browser.type_into("#user_code", &code.to_lowercase())?;
    browser.tap("main button")?;
    assert!(
        tool.is_running()?,
        "it waits as long as nobody has approved"
    );
    approve(&browser, &scene.place)?;
    assert!(tool.wait_for_end()?.success());

    let display = scene.display()?;
    let mut kiosk = kiosk;
    kiosk.start(&display)?;
    let status = kiosk.wait_for_screen("rate")?;
    assert_eq!(status["place"], scene.place.as_str());
    kiosk.rate_by_touch(&display, 5)?;
    kiosk.wait_until_delivered()?;
    assert_eq!(records::ratings_in_portal(&scene.portal)?, 1);
    Ok(())
}

#[test]
fn a_terminal_that_is_not_enrolled_shows_a_code_that_leads_the_technician_to_its_approval()
-> Result<()> {
    let scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = Kiosk::new(scene.dir(), &scene.portal.url())?;
    kiosk.start(&display)?;
    kiosk.wait_for_screen("setup")?;
    let address = wait::until("the claim's code on the screen", || {
        qr::decode(&display.picture()?).map(Some)
    })?;

    let browser = Browser::start(scene.dir(), "en", JavaScript::On)?;
    browser.open(&address)?;
    sign_in(&browser)?;
    approve(&browser, &scene.place)?;
    let status = kiosk.wait_for_screen("rate")?;
    assert_eq!(status["place"], scene.place.as_str());
    Ok(())
}

#[test]
fn a_token_enrols_once_and_an_invented_one_never() -> Result<()> {
    let scene = Scene::new()?;
    let token = scene.portal.create_token(&scene.place)?;
    let url = scene.portal.url();
    let (first, second) = (scene.dir().join("first"), scene.dir().join("second"));
    for dir in [&first, &second] {
        std::fs::create_dir(dir)?;
    }
    let one = Kiosk::new(&first, &url)?;
    let two = Kiosk::new(&second, &url)?;
    provision::enroll(&url, &token, one.data_dir(), one.config())?;
    let spent = provision::enroll(&url, &token, two.data_dir(), two.config());
    assert!(spent.is_err(), "the token is spent");
    let invented = provision::enroll(&url, "NOT-A-TOKEN", two.data_dir(), two.config());
    assert!(invented.is_err(), "nobody made this token");
    assert!(
        !two.data_dir().join("config.json").exists(),
        "a refused terminal has no configuration"
    );
    Ok(())
}

#[test]
fn the_keys_of_a_terminal_are_for_its_owner_alone() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::new()?;
    let kiosk = scene.terminal()?;
    let mode = std::fs::metadata(kiosk.data_dir().join("identity.json"))?
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    Ok(())
}

#[test]
fn nobody_approves_a_terminal_without_signing_in() -> Result<()> {
    let scene = Scene::new()?;
    let activate = http::get(&format!("{}/activate", scene.portal.url()))?;
    let staff = http::get(&format!("{}/staff", scene.portal.url()))?;
    for answer in [activate, staff] {
        assert!(
            (300..400).contains(&answer.status) || answer.text.contains("password"),
            "{}",
            answer.status
        );
    }
    let forged = http::post(
        &format!("{}/activate", scene.portal.url()),
        &[("content-type", "application/x-www-form-urlencoded")],
        format!(
            "user_code=ABCD-EFGH&place={}&action=approve&csrf=",
            scene.place
        )
        .as_bytes(),
    )
    .context("the portal answers a stranger")?;
    assert!(forged.status >= 300, "{}", forged.status);
    Ok(())
}

fn is_user_code(word: &str) -> bool {
    let symbols = |part: &str| {
        part.len() == 4
            && part
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    word.split_once('-')
        .is_some_and(|(first, second)| symbols(first) && symbols(second))
}
