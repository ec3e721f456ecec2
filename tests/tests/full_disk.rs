//! A disk that is full: the terminal says so, drops nothing, and goes on when there is room.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use pikir_tests::kiosk::{can_mount, press_key};
use pikir_tests::records;
use pikir_tests::scene::Scene;
use pikir_tests::skip::not_tested;

/// The disk: the floor (64 MiB), and some room above it.
const SIZE: &str = "72m";

/// Fills the disk with `bytes`, or to the last byte.
fn fill(directory: &Path, bytes: usize) -> Result<PathBuf> {
    let path = directory.join("ballast");
    let mut file = File::create(&path)?;
    let block = [0; 4096];
    for _ in 0..bytes / block.len() {
        if file.write_all(&block).is_err() {
            break;
        }
    }
    Ok(path)
}

#[test]
fn a_full_disk_stops_the_ratings_with_a_plain_word_and_loses_none_of_those_before() -> Result<()> {
    if !can_mount() {
        return not_tested(
            "a full disk. Mounting one needs root (CAP_SYS_ADMIN); run as root to test it.",
        );
    }
    let mut scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    kiosk.give_private_disk(SIZE);
    kiosk.start(&display)?;
    for _ in 0..3 {
        kiosk.rate_by_key(&display, 4)?;
    }
    kiosk.wait_until_delivered()?;
    scene.portal.stop()?;
    kiosk.rate_by_key(&display, 4)?;

    // To the last byte: neither the log nor an acknowledgement fits.
    let ballast = fill(kiosk.data_dir(), usize::MAX)?;
    press_key(&display, 2)?;
    let status = kiosk.wait_for("a fault", |status| !status["fault"].is_null())?;
    let fault = status["fault"].as_str().unwrap_or_default().to_owned();
    assert!(
        fault.contains("free") && fault.contains("ratings are safe"),
        "{fault}"
    );
    kiosk.wait_for_screen("out-of-service")?;
    let before = status["last_seq"].clone();
    scene.portal.restart()?;
    kiosk.wait_for("the portal", |status| status["portal"] == "ok")?;
    assert!(kiosk.is_running()?);

    std::fs::remove_file(ballast)?;
    let healed = kiosk.wait_for("service", |status| {
        status["fault"].is_null() && status["screen"] == "rate"
    })?;
    assert_eq!(healed["last_seq"], before, "what was refused was not taken");
    kiosk.rate_by_key(&display, 4)?;
    kiosk.wait_until_delivered()?;

    let terminal = kiosk.terminal_id()?;
    let held = records::in_portal(&scene.portal, &terminal)?;
    assert_eq!(held, records::in_journal(&kiosk)?);
    assert_eq!(records::scores(&held), [4, 4, 4, 4, 4]);
    records::check_seals(&scene.portal, &terminal)
}
