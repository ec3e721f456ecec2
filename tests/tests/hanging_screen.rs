//! A display that no longer answers ends the terminal as failed, with a notice, so that systemd
//! starts it anew; pins that cannot be had do not.

use anyhow::{Context, Result};
use pikir_tests::kiosk::{Kiosk, face};
use pikir_tests::process::{self, Running};
use pikir_tests::scene::Scene;
use pikir_tests::xvfb::Display;
use pikir_tests::{bins, records, wait};
use rustix::process::{Pid, Signal, kill_process};

/// The terminal on the whole screen, as it is in a housing.
fn start(kiosk: &Kiosk, display: &Display) -> Result<Running> {
    let mut command = process::command(bins::path("pikir-kiosk")?);
    command
        .args(["run", "--config"])
        .arg(kiosk.config())
        .arg("--data-dir")
        .arg(kiosk.data_dir())
        .env("DISPLAY", display.name());
    Running::start(&command, &kiosk.data_dir().join("log"))
}

fn wait_for_screen(kiosk: &Kiosk, name: &str) -> Result<serde_json::Value> {
    wait::until(&format!("the screen {name:?}"), || {
        // With the first event in the journal everything runs, signals included.
        let is_up = |status: &serde_json::Value| {
            status["screen"] == name && status["last_seq"].as_u64() > Some(0)
        };
        Ok(Some(kiosk.ask()?).filter(is_up))
    })
}

#[test]
fn a_display_that_hangs_ends_the_terminal_with_a_notice_and_it_serves_again() -> Result<()> {
    let scene = Scene::new()?;
    let (kiosk, display) = (scene.terminal()?, scene.display()?);
    let mut running = start(&kiosk, &display)?;
    wait_for_screen(&kiosk, "rate")?;
    // A program that has not painted yet is starting, which takes as long as it takes.
    face(&display, 3)?;
    let server = i32::try_from(display.server_id())?;
    let server = Pid::from_raw(server).context("a process id")?;
    kill_process(server, Signal::STOP)?;
    let ended = running.wait_for_end();
    kill_process(server, Signal::CONT)?;
    assert_eq!(ended?.code(), Some(1));
    let told = records::in_journal(&kiosk)?
        .iter()
        .filter(|event| event.body["what"] == "maintenance")
        .map(|event| event.body["detail"].to_string())
        .collect::<Vec<_>>();
    assert!(
        matches!(&told[..], [detail] if detail.contains("restart: ")),
        "{told:?}"
    );
    let mut again = start(&kiosk, &display)?;
    wait_for_screen(&kiosk, "rate")?;
    assert!(again.stop()?.success());
    Ok(())
}

#[test]
fn pins_that_cannot_be_had_are_told_in_the_status_and_the_screen_serves() -> Result<()> {
    let scene = Scene::new()?;
    let (kiosk, display) = (scene.terminal()?, scene.display()?);
    let mut settings = std::fs::read_to_string(kiosk.config())?;
    settings.push_str("\n[gpio]\nbuttons = [5, 6, 13, 19, 26]\nhousing = 22\nbacklight = 18\n");
    std::fs::write(kiosk.config(), settings)?;
    let mut running = start(&kiosk, &display)?;
    let status = wait_for_screen(&kiosk, "rate")?;
    let problems = status["hardware"]["problems"].to_string();
    // On a Pi the pins are there.
    if !std::path::Path::new("/dev/gpiomem").exists() {
        assert!(
            problems.contains("GPIO: ") && problems.contains("backlight: "),
            "{problems}"
        );
        assert_eq!(status["hardware"]["brightness_by"], "picture");
    }
    assert_eq!(status["fault"], serde_json::Value::Null);
    assert!(running.stop()?.success());
    Ok(())
}
