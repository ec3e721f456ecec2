//! The terminal on an X server that has no window manager, and whatever is plugged into it.

use anyhow::Result;
use pikir_tests::kiosk::{Kiosk, number, press_key};
use pikir_tests::scene::Scene;
use pikir_tests::wait;
use pikir_tests::xvfb::{Display, symbols};

/// Waits until the only window is as large as the screen.
fn see_whole_window(display: &Display) -> Result<()> {
    let (width, height) = display.size();
    wait::until("a window as large as the screen", || {
        let windows = display.windows()?;
        let is_whole = matches!(windows[..], [(_, w, h)] if (w, h) == (width, height));
        Ok(is_whole.then_some(()))
    })
}

fn last_seq(kiosk: &Kiosk) -> Result<u64> {
    number(&kiosk.status()?, "last_seq")
}

#[test]
fn no_pointer_stands_on_the_screen_and_the_window_follows_its_size() -> Result<()> {
    let scene = Scene::new()?;
    let mut display = Display::start(scene.dir(), 1024, 800)?;
    let mut kiosk = scene.terminal()?;
    kiosk.start_alone(&display.name())?;
    kiosk.wait_for_screen("rate")?;
    see_whole_window(&display)?;
    assert!(!display.shows_pointer()?, "at the start");

    for (width, height) in [(800, 480), (480, 800), (1024, 800)] {
        display.resize(width, height)?;
        see_whole_window(&display)?;
        display.point(width / 2, height / 3)?;
        assert!(!display.shows_pointer()?, "{width}×{height}");
    }
    Ok(())
}

#[test]
fn a_barcode_scanner_rates_nothing_and_a_hand_on_the_same_keys_does() -> Result<()> {
    let scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    kiosk.start_alone(&display.name())?;
    let before = number(&kiosk.wait_for_screen("rate")?, "last_seq")?;
    wait::until("the keyboard", || Ok(display.has_focus()?.then_some(())))?;
    let code: Vec<u32> = "4870012345678".chars().map(u32::from).collect();
    for (prefix, suffix) in [
        (None, None),
        (None, Some(symbols::RETURN)),
        (None, Some(symbols::TAB)),
        (Some(symbols::RETURN), Some(symbols::RETURN)),
    ] {
        let whole: Vec<u32> = prefix
            .into_iter()
            .chain(code.clone())
            .chain(suffix)
            .collect();
        display.burst(&whole)?;
        kiosk.wait_ms(1_000)?;
        let status = kiosk.wait_for_screen("rate")?;
        assert_eq!(
            number(&status, "last_seq")?,
            before,
            "{prefix:?} {suffix:?}"
        );
    }
    press_key(&display, 2)?;
    let thanked = kiosk.wait_for_screen("thanks")?;
    assert_eq!(number(&thanked, "last_seq")?, before + 1);
    // Not taken back, in the time in which it can be.
    kiosk.wait_ms(pikir_kiosk::limits::THANKS_GUARD_MS)?;
    let ended: Vec<u32> = code
        .iter()
        .copied()
        .chain([symbols::TAB, symbols::RETURN])
        .collect();
    display.burst(&ended)?;
    kiosk.wait_ms(500)?;
    assert_eq!(last_seq(&kiosk)?, before + 1);
    Ok(())
}
