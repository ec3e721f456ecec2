//! A network that fails in every way networks fail: nothing lost, nothing doubled.

use anyhow::Result;
use pikir_tests::peer::EVENTS;
use pikir_tests::proxy::{Fault, Proxy};
use pikir_tests::records;
use pikir_tests::scene::{ORGANIZATION, Scene};

/// Three ratings before, while and after the network does `faults` to the requests that hand them
/// in.
fn every_rating_arrives_once_through(faults: &[Fault]) -> Result<()> {
    let scene = Scene::new()?;
    let proxy = Proxy::start(&scene.portal.url(), EVENTS)?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal_through(&proxy.url())?;
    kiosk.start(&display)?;
    kiosk.rate_by_touch(&display, 3)?;
    kiosk.wait_until_delivered()?;
    let before = proxy.happened().len();

    proxy.script(faults);
    for score in [1, 5] {
        kiosk.rate_by_touch(&display, score)?;
    }
    kiosk.wait_until_delivered()?;

    assert!(
        proxy.happened()[before..].starts_with(faults),
        "all of it happened: {:?}",
        proxy.happened()
    );
    let terminal = kiosk.terminal_id()?;
    let held = records::in_portal(&scene.portal, &terminal)?;
    assert_eq!(held, records::in_journal(&kiosk)?);
    assert_eq!(records::scores(&held), [3, 1, 5]);
    records::check_seals(&scene.portal, &terminal)?;
    scene.portal.wait_for_counted(ORGANIZATION, "terminal", 3)?;
    Ok(())
}

#[test]
fn an_answer_that_is_lost_after_the_portal_has_committed_doubles_nothing() -> Result<()> {
    every_rating_arrives_once_through(&[Fault::LoseAnswer, Fault::LoseAnswer])
}

#[test]
fn an_answer_that_breaks_off_in_the_middle_doubles_nothing() -> Result<()> {
    every_rating_arrives_once_through(&[Fault::HalfAnswer])
}

#[test]
fn a_portal_that_is_broken_for_a_while_gets_everything_later() -> Result<()> {
    every_rating_arrives_once_through(&[Fault::ServerError, Fault::ServerError])
}

#[test]
fn a_portal_that_asks_for_patience_is_given_it() -> Result<()> {
    every_rating_arrives_once_through(&[Fault::Unavailable { retry_after_s: 2 }])
}

#[test]
fn a_log_in_page_of_a_wi_fi_network_is_not_taken_for_the_portal() -> Result<()> {
    every_rating_arrives_once_through(&[Fault::RedirectToLogin, Fault::LoginPage])
}
