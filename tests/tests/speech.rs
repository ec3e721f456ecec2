//! The terminal speaks: a key turns it on, every further action ends what is being said, and the
//! words go to the speech program through a pipe, never into its arguments or into a log.

use anyhow::{Context, Result};
use pikir_tests::scene::Scene;
use pikir_tests::speech::{Heard, Listener};
use pikir_tests::xvfb::symbols;
use pikir_tests::{records, wait};

fn wait_until_silent(heard: &Heard) -> Result<()> {
    let stat = format!("/proc/{}/stat", heard.process);
    wait::until("what was being said to end", || {
        let runs = std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        Ok((!runs).then_some(()))
    })
}

#[test]
fn a_visit_by_keypad_is_heard_as_it_is_shown_and_its_rating_arrives() -> Result<()> {
    let scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    let listener = Listener::new(scene.dir(), kiosk.config(), "headphones")?;
    kiosk.start(&display)?;
    kiosk.wait_for_screen("rate")?;
    wait::until("the keyboard", || Ok(display.has_focus()?.then_some(())))?;

    display.key_symbol(symbols::F3)?;
    let page = listener.hears(0)?;
    assert_eq!(
        page.arguments,
        "-v ky -a 100 -s 150 -d plughw:9,0 -b 1 --stdin"
    );
    assert!(
        page.text.starts_with("Үн менен окуу күйгүзүлдү.")
            && page.text.contains("Тейлөөнү кандай баалайсыз?"),
        "{}",
        page.text
    );

    display.key_symbol(symbols::RIGHT)?;
    let first = listener.hears(1)?;
    assert_eq!(
        first.text,
        "1 – Таптакыр канааттандырарлык эмес. 1-вариант, баары 5."
    );
    wait_until_silent(&page)?;

    display.key_symbol(symbols::F2)?;
    let volume = listener.hears(2)?;
    assert!(volume.arguments.contains("-a 200"), "{}", volume.arguments);
    wait_until_silent(&first)?;

    display.key_symbol(symbols::RETURN)?;
    let thanks = listener.hears(3)?;
    assert!(thanks.text.starts_with("Рахмат"), "{}", thanks.text);
    kiosk.wait_for_screen("thanks")?;
    display.key_symbol(symbols::ESCAPE)?;
    kiosk.wait_for_screen("rate")?;
    wait_until_silent(&thanks)?;

    kiosk.wait_until_delivered()?;
    let held = records::ratings(&records::in_portal(&scene.portal, &kiosk.terminal_id()?)?);
    let [rating] = held.as_slice() else {
        panic!("one rating was given: {held:?}")
    };
    assert_eq!(
        (&rating.body["score"], &rating.body["input"]),
        (&1.into(), &"keypad".into())
    );
    let log = kiosk.log()?;
    assert!(
        !log.contains("Рахмат") && !log.contains("канааттандыр"),
        "{log}"
    );
    assert!(kiosk.status()?["speech"].is_null());
    Ok(())
}

#[test]
fn a_missing_speech_program_is_told_in_status_and_log_and_the_terminal_serves() -> Result<()> {
    let scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    let mut settings = std::fs::read_to_string(kiosk.config())?;
    settings.push_str("\n[speech]\nprogram = \"/nonexistent/espeak-ng\"\n");
    std::fs::write(kiosk.config(), settings)?;
    kiosk.start(&display)?;
    kiosk.wait_for_screen("rate")?;
    let status = kiosk.status()?;
    let problem = status["speech"]
        .as_str()
        .context("the status says nothing of speech")?;
    assert!(
        problem.contains("/nonexistent/espeak-ng") && problem.contains("espeak-ng"),
        "{problem}"
    );
    assert!(
        kiosk
            .log()?
            .contains("/nonexistent/espeak-ng cannot be started")
    );
    display.key_symbol(symbols::F3)?;
    kiosk.rate_by_key(&display, 5)
}
