//! Whatever is wrong at the start, a terminal gets to its journal, its uploads and its status, and
//! takes ratings as soon as somebody can give one.

use std::path::Path;

use anyhow::{Context, Result};
use pikir_tests::kiosk::{Kiosk, can_mount, face, inner_faces, number};
use pikir_tests::scene::Scene;
use pikir_tests::skip::not_tested;
use pikir_tests::xvfb::Display;
use pikir_tests::{preload, qr, records, wait};
use serde_json::{Value, json};

fn has_problem(status: &Value, key: &str) -> bool {
    let problems = status["problems"].as_array();
    problems.is_some_and(|problems| problems.contains(&json!(key)))
}

/// The scores in the terminal's journal, whether anybody answers for it or not.
fn scores(kiosk: &Kiosk) -> Result<Vec<u64>> {
    Ok(records::scores(&records::in_journal(kiosk)?))
}

/// Rates by touch, and waits until the rating is in the journal beside those before.
fn rate_unseen(kiosk: &Kiosk, display: &Display, score: u8) -> Result<()> {
    let before = scores(kiosk)?.len();
    let (x, y) = face(display, score)?;
    display.tap(x, y)?;
    wait::until("the rating in the journal", || {
        let taken = scores(kiosk)?;
        Ok((taken.len() > before && taken.last() == Some(&u64::from(score))).then_some(()))
    })
}

#[test]
fn without_a_display_everything_else_runs_and_the_screen_joins_when_one_appears() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let to_come = Display::number_to_come();
    kiosk.start_for(&format!(":{to_come}"))?;
    let status = kiosk.wait_for("everything but the screen", |status| {
        status["portal"] == "ok" && status["last_seq"] != 0 && status["pending"] == 0
    })?;
    assert!(has_problem(&status, "no-display"), "{status}");
    assert_eq!(status["screen"], "none");
    assert_eq!(status["displays"], 0);
    let terminal = kiosk.terminal_id()?;
    let report = wait::until("a status report", || {
        Ok(records::status_report(&scene.portal, &terminal).ok())
    })?;
    assert!(has_problem(&report, "no-display"), "{report}");
    assert!(report["uptime_s"].is_u64(), "{report}");

    let display = Display::start_as(to_come, scene.dir(), 800, 480)?;
    let status = kiosk.wait_for_screen("rate")?;
    assert!(!has_problem(&status, "no-display"), "{status}");
    assert_eq!(status["displays"], 1);
    kiosk.rate_by_touch(&display, 4)?;
    kiosk.wait_until_delivered()?;
    assert!(kiosk.stop()?, "{}", kiosk.log()?);
    Ok(())
}

#[test]
fn a_terminal_that_never_sees_a_display_ends_in_order_when_told_to() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    kiosk.start_for(&format!(":{}", Display::number_to_come()))?;
    kiosk.wait_for("the first event", |status| status["last_seq"] != 0)?;
    assert!(kiosk.stop()?, "{}", kiosk.log()?);
    let notices = records::in_journal(&kiosk)?;
    let last = notices.last().context("the journal is empty")?;
    assert_eq!(last.body["what"], "shutdown");
    Ok(())
}

#[test]
fn without_certificate_authorities_ratings_go_on_and_the_reason_is_told() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let display = scene.display()?;
    // Enrolled at a portal that is from now on behind TLS.
    settings(&kiosk, "portal = \"https://127.0.0.1:9\"\n")?;
    kiosk.set_environment("SSL_CERT_FILE", "/nonexistent/ca.pem");
    kiosk.set_environment("SSL_CERT_DIR", "/nonexistent");
    kiosk.start(&display)?;
    let status = kiosk.wait_for("the reason", |status| {
        status["portal"] == "unreachable" && has_problem(status, "no-authorities")
    })?;
    let reason = status["portal_reason"].as_str().unwrap_or_default();
    assert!(reason.contains("TLS cannot be prepared"), "{reason}");
    kiosk.rate_by_touch(&display, 5)?;
    assert!(kiosk.is_running()?);
    Ok(())
}

#[test]
fn a_read_only_data_directory_shows_the_reason_and_the_phones_code_and_is_tried_again() -> Result<()>
{
    if !can_mount() {
        return not_tested("a read-only disk. Mounting one needs root (CAP_SYS_ADMIN).");
    }
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let display = scene.display()?;
    kiosk.make_read_only();
    // Its control socket cannot be made either: the screen is all that can be asked.
    kiosk.launch(&display)?;
    wait::until("the code for phones without any faces", || {
        let picture = display.picture()?;
        let code = qr::decode(&picture).unwrap_or_default();
        let seen = code.contains(&scene.place) && inner_faces(&picture).is_none();
        Ok(seen.then_some(()))
    })?;
    let terminal = terminal_id(&kiosk)?;
    wait::until("the portal to be told", || {
        let report = records::status_report(&scene.portal, &terminal)?;
        Ok(has_problem(&report, "read-only").then_some(()))
    })?;
    assert!(inner_faces(&display.picture()?).is_none());
    assert!(kiosk.is_running()?);
    kiosk.make_writable()?;
    kiosk.wait_for_screen("rate")?;
    kiosk.rate_by_touch(&display, 3)?;
    kiosk.wait_until_delivered()?;
    Ok(())
}

#[test]
fn all_start_faults_together_leave_a_terminal_that_takes_a_rating() -> Result<()> {
    let scene = Scene::new()?;
    let mut kiosk = scene.terminal()?;
    let display = scene.display()?;
    let authorities = scene.dir().join("ca.pem");
    std::fs::write(&authorities, "")?;
    // One good life, in which the terminal keeps what it may need.
    settings(
        &kiosk,
        &format!(
            "portal = \"{}\"\nca_file = \"{}\"\n\n[gpio]\nbuttons = [5, 6, 13, 19, 26]\n\n\
             [speech]\nprogram = \"/nonexistent/espeak-ng\"\n",
            scene.portal.url(),
            authorities.display(),
        ),
    )?;
    kiosk.start(&display)?;
    kiosk.wait_for_screen("rate")?;
    assert!(kiosk.stop()?, "{}", kiosk.log()?);

    std::fs::write(kiosk.config(), "")?;
    std::fs::remove_file(&authorities)?;
    std::fs::write(kiosk.data_dir().join("identity.json"), [0; 64])?;
    std::fs::write(kiosk.data_dir().join("config.json"), "{\"etag\"")?;
    let socket = kiosk.data_dir().join("control.sock");
    if socket.exists() {
        std::fs::remove_file(&socket)?;
    }
    std::fs::create_dir_all(socket.join("in the way"))?;
    for (name, value) in [
        ("FONTCONFIG_FILE", "/nonexistent/fonts.conf"),
        ("FONTCONFIG_PATH", "/nonexistent"),
        ("HOME", "/nonexistent"),
    ] {
        kiosk.set_environment(name, value);
    }
    claim_1970(&mut kiosk, scene.dir())?;
    kiosk.launch(&display)?;
    rate_unseen(&kiosk, &display, 4)?;
    assert!(kiosk.is_running()?, "{}", kiosk.log()?);

    std::fs::remove_dir_all(&socket)?;
    let status = kiosk.wait_for("an answer", |_| true)?;
    for key in [
        "configuration",
        "no-authorities",
        "clock-unknown",
        "speech",
        "gpio",
    ] {
        // On a Pi the pins are there.
        let there = key == "gpio" && Path::new("/dev/gpiomem").exists();
        assert!(there || has_problem(&status, key), "{key}: {status}");
    }
    let detail = status["problem_details"]["clock-unknown"].to_string();
    assert!(detail.contains("1970-"), "{detail}");
    assert_eq!(status["clock"], "unknown");
    assert!(number(&status, "pending")? > 0);
    Ok(())
}

fn terminal_id(kiosk: &Kiosk) -> Result<String> {
    let identity = std::fs::read(kiosk.data_dir().join("identity.json"))?;
    let identity: Value = serde_json::from_slice(&identity)?;
    let id = identity["terminal"].as_str();
    Ok(id.context("the terminal is enrolled")?.to_owned())
}

fn settings(kiosk: &Kiosk, text: &str) -> Result<()> {
    let text = format!("{text}\n[network]\nstart_spread_s = 0\n");
    std::fs::write(kiosk.config(), text).context("terminal.toml cannot be written")
}

/// A kernel that says that its clock is synchronised, at 1970.
fn claim_1970(kiosk: &mut Kiosk, dir: &Path) -> Result<()> {
    let synced = preload::compile("synced/synced.c", dir)?;
    let libraries = [preload::libfaketime()?, synced].map(|it| it.display().to_string());
    kiosk.set_environment("LD_PRELOAD", &libraries.join(":"));
    kiosk.set_environment("FAKETIME", "@1970-01-02 00:00:00");
    kiosk.set_environment("DONT_FAKE_MONOTONIC", "1");
    Ok(())
}
