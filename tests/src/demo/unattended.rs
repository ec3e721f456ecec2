//! For a machine: the whole way of one rating and one review, proven by the portal's own figures.

use anyhow::{Context, Result, ensure};

use super::stage::{CENTRE, Stage};
use super::{done, pictures};
use crate::browser::{Browser, JavaScript};
use crate::kiosk;
use crate::portal::counted;
use crate::xvfb::Display;
use crate::{qr, wait};

/// The face that is tapped on the terminal, and the one chosen on the phone.
const TAPPED: u8 = 5;
const CHOSEN: u8 = 4;

/// Goes the whole way; an error says where it ended.
pub fn run() -> Result<()> {
    println!("\nPikir, the whole way of one rating and one review\n");
    let folder = pictures()?;
    let mut stage = Stage::set_up()?;
    let display = Display::start(stage.dir(), 800, 480)?;
    stage.kiosk.start(&display)?;
    stage.kiosk.wait_for_screen("rate")?;
    let address = wait::until("a code with a token on the terminal's screen", || {
        let text = qr::decode(&display.picture()?)?;
        let plain = format!("/Q/{}", stage.centre_place);
        Ok((text.contains(&plain) && !text.ends_with(&plain)).then_some(text))
    })?;
    let terminal = folder.join("terminal.png");
    display
        .picture()?
        .save(&terminal)
        .with_context(|| format!("cannot write {}", terminal.display()))?;
    done(&format!("the terminal shows {address}"));

    let (x, y) = kiosk::face(&display, TAPPED)?;
    display.tap(x, y)?;
    stage.kiosk.wait_for_screen("thanks")?;
    done(&format!(
        "a tap at {x}, {y} on the face {TAPPED} is on the disk and thanked for"
    ));
    stage.kiosk.wait_until_delivered()?;
    stage
        .portal
        .wait_for_counted(CENTRE.organization, "terminal", 1)?;
    done("the portal has received it and counts it");

    let phone = Browser::start(stage.dir(), "ky,ru", JavaScript::On)?;
    phone.open(&address)?;
    let screen = folder.join("phone.png");
    std::fs::write(&screen, phone.picture()?)
        .with_context(|| format!("cannot write {}", screen.display()))?;
    done("a phone (Chromium, 390×844) has opened that address");
    phone.tap(&format!("label.s{CHOSEN}"))?;
    phone.type_into("#comment", "Тез жана сылык тейлешти, рахмат!")?;
    phone.tap("main button")?;
    let summary = stage
        .portal
        .wait_for_counted(CENTRE.organization, "phone", 1)?;
    done("its review has arrived; the comment waits for a moderator");

    ensure!(
        counted(&summary, "terminal") == Some(1),
        "the terminal's rating is not counted once: {summary}"
    );
    ensure!(
        counted(&summary, "poster") == Some(0),
        "a poster's review is counted that nobody sent: {summary}"
    );
    println!("\n  Figures of {}: {summary}", CENTRE.organization);
    println!(
        "  Pictures: {} and {}",
        terminal.display(),
        screen.display()
    );
    println!("\nThe whole way works.");
    Ok(())
}
