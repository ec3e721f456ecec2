//! One rating, all the way: from a fingertip to the portal, and from the screen to a phone.

use anyhow::Result;
use pikir_tests::browser::{Browser, JavaScript};
use pikir_tests::scene::{ORGANIZATION, Scene};
use pikir_tests::{qr, records, wait};

#[test]
fn a_tap_and_a_key_each_become_exactly_one_rating_in_the_portal() -> Result<()> {
    let scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    kiosk.start(&display)?;

    kiosk.rate_by_touch(&display, 4)?;
    kiosk.rate(&display, |display| display.key('2'))?;
    kiosk.wait_until_delivered()?;

    let terminal = kiosk.terminal_id()?;
    let held = records::ratings(&records::in_portal(&scene.portal, &terminal)?);
    let told: Vec<_> = held
        .iter()
        .map(|rating| (rating.body["score"].clone(), rating.body["input"].clone()))
        .collect();
    assert_eq!(
        told,
        [(4.into(), "touch".into()), (2.into(), "keypad".into())]
    );
    assert_eq!(records::ratings_in_portal(&scene.portal)?, 2);
    assert!(
        held[0].body["x"].is_u64() && held[0].body["y"].is_u64(),
        "a touch says where: {:?}",
        held[0].body
    );
    records::check_seals(&scene.portal, &terminal)?;
    scene.portal.wait_for_counted(ORGANIZATION, "terminal", 2)?;
    assert!(kiosk.journal(&["verify"]).is_ok());
    assert!(kiosk.stop()?, "the terminal ends well when it is asked to");
    Ok(())
}

#[test]
fn the_code_on_the_screen_leads_a_phone_to_a_review_marked_as_written_on_site() -> Result<()> {
    let scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    kiosk.start(&display)?;
    kiosk.wait_for_screen("rate")?;

    let address = wait::until("a code with a token on the screen", || {
        let text = qr::decode(&display.picture()?)?;
        Ok((text.matches('/').count() == 5).then_some(text))
    })?;
    let plain = format!("{}/Q/{}/", scene.portal.url(), scene.place).to_uppercase();
    assert!(
        address.starts_with(&plain),
        "{address} begins with {plain} and ends with the token"
    );

    let phone = Browser::start(scene.dir(), "en", JavaScript::On)?;
    phone.open(&address)?;
    phone.tap("label.s5")?;
    phone.type_into("#comment", "Quick and kind")?;
    phone.tap("main button")?;
    phone.wait_for_text("Your review has arrived")?;
    phone.wait_for_text("A moderator will read the comment")?;
    let status = phone.address()?;

    // Back, another face, and sent again: still one review.
    phone.back()?;
    phone.wait_for("label.s4")?;
    phone.tap("label.s4")?;
    phone.tap("main button")?;
    phone.wait_for_text("Your change has arrived")?;
    let path = |address: &str| address.split('?').next().map(str::to_owned);
    assert_eq!(path(&phone.address()?), path(&status));

    let reviews = records::wait_for_reviews(&scene.portal, 1)?;
    let [review] = reviews.as_slice() else {
        panic!("one review was sent: {reviews:?}")
    };
    assert_eq!((review.assurance.as_str(), review.score), ("on_site", 4));
    assert_eq!(review.comment.as_deref(), Some("Quick and kind"));
    scene.portal.wait_for_counted(ORGANIZATION, "phone", 1)?;
    Ok(())
}

#[test]
fn a_phone_without_javascript_that_scans_a_poster_reviews_in_kyrgyz_and_is_not_marked_as_on_site()
-> Result<()> {
    let scene = Scene::new()?;
    let phone = Browser::start(scene.dir(), "ky", JavaScript::Off)?;
    phone.open(&format!(
        "{}/q/{}",
        scene.portal.url(),
        scene.place.to_lowercase()
    ))?;
    assert_eq!(phone.attribute("html", "lang")?.as_deref(), Some("ky"));
    assert!(phone.source()?.len() < 50 * 1024, "the page is small");

    // Sent without a face: the page says what is missing, and keeps what was written.
    phone.type_into("#comment", "Кезек узун")?;
    phone.press_return("main button")?;
    phone.wait_for("#errors")?;
    assert_eq!(records::reviews(&scene.portal)?, []);

    phone.press_space("#score-2")?;
    phone.press_return("main button")?;
    let reviews = records::wait_for_reviews(&scene.portal, 1)?;
    let [review] = reviews.as_slice() else {
        panic!("one review was sent: {reviews:?}")
    };
    assert_eq!((review.assurance.as_str(), review.score), ("code", 2));
    assert_eq!(
        (review.comment.as_deref(), review.lang.as_str()),
        (Some("Кезек узун"), "ky")
    );
    Ok(())
}
