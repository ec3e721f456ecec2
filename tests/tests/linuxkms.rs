//! The terminal as it stands in a lobby: no window system, the picture drawn straight to the screen.

use anyhow::{Context, Result};
use image::RgbImage;
use image::imageops::rotate270;
use pikir_tests::framebuffer::Framebuffer;
use pikir_tests::kiosk::{Kiosk, inner_faces};
use pikir_tests::scene::Scene;
use pikir_tests::skip::not_tested;
use pikir_tests::{qr, wait};

/// Waits until the rate screen with its code and its faces is on the screen, seen through `turn`, and returns the picture.
fn see_rate_screen(
    screen: &Framebuffer,
    place: &str,
    turn: fn(RgbImage) -> RgbImage,
) -> Result<RgbImage> {
    wait::until("code and faces on the screen", || {
        let picture = turn(screen.picture()?);
        let code = qr::decode(&picture).unwrap_or_default();
        let seen = code.contains(place) && inner_faces(&picture).is_some();
        Ok(seen.then_some(picture))
    })
}

fn write_settings(kiosk: &Kiosk, portal: &str, screen: &str) -> Result<()> {
    let settings =
        format!("portal = \"{portal}\"\n\n[screen]\n{screen}\n\n[network]\nstart_spread_s = 0\n");
    std::fs::write(kiosk.config(), settings).context("terminal.toml cannot be written")
}

#[test]
fn the_terminal_draws_to_the_screen_itself_and_leaves_it_when_told_to() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let screen = Framebuffer::new(scene.dir(), 800, 480)?;
    kiosk.start_on(&screen)?;
    kiosk.wait_for_screen("rate")?;
    let picture = see_rate_screen(&screen, &scene.place, |picture| picture)?;
    let faces = inner_faces(&picture).context("the faces went")?;
    assert!(faces.is_sorted_by_key(|(x, _)| *x), "{faces:?}");
    assert!(kiosk.stop()?, "{}", kiosk.log()?);

    // A power cut, and the next start.
    kiosk.start_on(&screen)?;
    kiosk.kill()?;
    screen.darken()?;
    kiosk.start_on(&screen)?;
    see_rate_screen(&screen, &scene.place, |picture| picture)?;
    Ok(())
}

#[test]
fn one_setting_turns_the_picture() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    write_settings(&kiosk, &scene.portal.url(), "rotation = 90")?;
    let screen = Framebuffer::new(scene.dir(), 800, 480)?;
    kiosk.start_on(&screen)?;
    // Turned back by a quarter it is an upright screen whose faces stand from left to right.
    let picture = see_rate_screen(&screen, &scene.place, |picture| rotate270(&picture))?;
    assert_eq!(picture.dimensions(), (480, 800));
    let faces = inner_faces(&picture).context("the faces went")?;
    assert!(faces.is_sorted_by_key(|(x, _)| *x), "{faces:?}");
    assert!(faces[2].0 - faces[0].0 > 100, "{faces:?}");
    Ok(())
}

#[test]
fn the_picture_comes_when_a_display_does_and_everything_else_runs_before() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let screen = Framebuffer::new(scene.dir(), 800, 480)?;
    screen.unplug()?;
    kiosk.start_on(&screen)?;
    let status = kiosk.wait_for("everything but the picture", |status| {
        status["portal"] == "ok" && status["last_seq"] != 0 && status["pending"] == 0
    })?;
    assert_eq!(status["screen"], "none");
    assert!(
        status["problems"].to_string().contains("no-display"),
        "{status}"
    );
    screen.darken()?;
    see_rate_screen(&screen, &scene.place, |picture| picture)?;
    let status = kiosk.wait_for_screen("rate")?;
    assert!(
        !status["problems"].to_string().contains("no-display"),
        "{status}"
    );
    assert!(kiosk.stop()?, "{}", kiosk.log()?);
    Ok(())
}

#[test]
fn a_terminal_without_a_touch_panel_says_so_and_goes_on() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let screen = Framebuffer::new(scene.dir(), 800, 480)?;
    kiosk.start_on(&screen)?;
    let status = kiosk.wait_for_screen("rate")?;
    if status["touch_panels"] != 0 {
        return not_tested("a missing touch panel: this machine has one.");
    }
    let status = kiosk.wait_for("the missing panel", |status| {
        status["problems"].to_string().contains("no-touch-panel")
    })?;
    assert_eq!(status["fault"], serde_json::Value::Null);
    assert_eq!(status["screen"], "rate");
    assert!(kiosk.is_running()?);
    Ok(())
}
