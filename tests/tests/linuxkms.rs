//! The terminal as it stands in a lobby: no window system, the picture drawn straight to the
//! screen.

use anyhow::{Context, Result};
use image::RgbImage;
use image::imageops::rotate270;
use pikir_tests::framebuffer::{Framebuffer, Input};
use pikir_tests::kiosk::{Kiosk, inner_faces, number};
use pikir_tests::scene::Scene;
use pikir_tests::skip::not_tested;
use pikir_tests::{qr, wait};

/// Waits until the rate screen with its code and its faces is on the screen, seen through `turn`,
/// and returns the picture.
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

/// Where face 1 and face 5 are.
fn outer_faces(picture: &RgbImage) -> Result<[(u16, u16); 2]> {
    let [two, three, four] = inner_faces(picture).context("the faces went")?;
    let apart = three.0 - two.0;
    let face = |x: i32| Ok((u16::try_from(x)?, u16::try_from(three.1)?));
    let faces: Result<Vec<_>> = [two.0 - apart, four.0 + apart]
        .into_iter()
        .map(face)
        .collect();
    faces?.try_into().ok().context("two faces")
}

#[test]
fn a_finger_beside_a_palm_rates_nothing_and_alone_it_does() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let screen = Framebuffer::new(scene.dir(), 800, 480)?;
    kiosk.start_on(&screen)?;
    let before = number(&kiosk.wait_for_screen("rate")?, "last_seq")?;
    let picture = see_rate_screen(&screen, &scene.place, |picture| picture)?;
    let [palm, finger] = outer_faces(&picture)?;
    let touch = |input, slot, at| screen.happen(input, slot, false, at);

    for (first, second) in [(0, 1), (1, 0)] {
        touch(Input::Down, 0, palm)?;
        touch(Input::Down, 1, finger)?;
        touch(Input::Move, 1, finger)?;
        touch(Input::Up, first, palm)?;
        // The slot is used again, beside the one that stayed.
        touch(Input::Down, first, finger)?;
        touch(Input::Up, first, finger)?;
        touch(Input::Up, second, palm)?;
    }
    // What the panel takes back, and a mouse beside a palm.
    touch(Input::Down, 0, finger)?;
    touch(Input::Cancel, 0, finger)?;
    touch(Input::Down, 0, palm)?;
    for pressed in [true, false] {
        screen.happen(Input::Button, 0x110, pressed, (0, 0))?;
    }
    touch(Input::Up, 0, palm)?;
    kiosk.wait_ms(500)?;
    let status = kiosk.wait_for_screen("rate")?;
    assert_eq!(number(&status, "last_seq")?, before);

    touch(Input::Down, 3, finger)?;
    touch(Input::Up, 3, finger)?;
    let thanked = kiosk.wait_for_screen("thanks")?;
    assert_eq!(number(&thanked, "last_seq")?, before + 1);
    Ok(())
}

#[test]
fn a_barcode_scanner_rates_nothing_on_any_of_its_keys_and_a_hand_does() -> Result<()> {
    // Key codes of 4870012345678 above the letters and on a number block.
    let above = [5, 9, 8, 11, 11, 2, 3, 4, 5, 6, 7, 8, 9];
    let block = [75, 72, 71, 82, 82, 79, 80, 81, 75, 76, 77, 71, 72];
    let (enter, tab) = (28, 15);
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let screen = Framebuffer::new(scene.dir(), 800, 480)?;
    kiosk.start_on(&screen)?;
    let mut last = number(&kiosk.wait_for_screen("rate")?, "last_seq")?;
    see_rate_screen(&screen, &scene.place, |picture| picture)?;
    for code in [above, block] {
        for end in [&[][..], &[enter], &[tab], &[tab, enter]] {
            for key in code.iter().chain(end) {
                screen.key(*key)?;
            }
            kiosk.wait_ms(500)?;
            let status = kiosk.wait_for_screen("rate")?;
            assert_eq!(number(&status, "last_seq")?, last, "{code:?} {end:?}");
        }
    }
    for key in [above[0], block[0]] {
        screen.key(key)?;
        let taken = kiosk.wait_for("a rating", |status| {
            status["last_seq"].as_u64().is_some_and(|seq| seq > last)
        })?;
        last = number(&taken, "last_seq")?;
        kiosk.wait_ms(1_000)?;
    }
    Ok(())
}

#[test]
fn a_mouse_draws_no_pointer_on_the_screen() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let screen = Framebuffer::new(scene.dir(), 800, 480)?;
    kiosk.start_on(&screen)?;
    kiosk.wait_for_screen("rate")?;
    let before = see_rate_screen(&screen, &scene.place, |picture| picture)?;
    for _ in 0..20 {
        screen.happen(Input::Motion, 0, false, (7, 3))?;
    }
    kiosk.wait_ms(1_000)?;
    let after = screen.picture()?;
    // The code may be a new one meanwhile; the faces' side stays as it is.
    let side = |picture: &RgbImage| image::imageops::crop_imm(picture, 0, 0, 500, 480).to_image();
    assert!(
        side(&before) == side(&after),
        "something was drawn where the mouse went"
    );
    Ok(())
}
