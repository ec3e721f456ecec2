//! A portal that was restored from an older backup gets again what it lost.

use std::fs;
use std::path::Path;

use anyhow::Result;
use pikir_tests::records;
use pikir_tests::scene::{ORGANIZATION, Scene};

/// Makes `to` hold the files of `from` and nothing else.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[test]
fn a_terminal_sends_again_what_a_restored_portal_has_forgotten() -> Result<()> {
    let mut scene = Scene::new()?;
    let backup = scene.dir().join("backup");
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    kiosk.start(&display)?;
    kiosk.rate_by_touch(&display, 5)?;
    kiosk.wait_until_delivered()?;
    let terminal = kiosk.terminal_id()?;

    scene.portal.stop()?;
    copy(scene.portal.data_dir(), &backup)?;
    scene.portal.restart()?;
    for score in [4, 3, 2] {
        kiosk.rate_by_touch(&display, score)?;
    }
    kiosk.wait_until_delivered()?;
    scene.portal.wait_for_counted(ORGANIZATION, "terminal", 4)?;

    scene.portal.stop()?;
    copy(&backup, scene.portal.data_dir())?;
    scene.portal.restart()?;
    assert_eq!(
        records::ratings(&records::in_portal(&scene.portal, &terminal)?).len(),
        1,
        "the rest is forgotten"
    );

    kiosk.rate_by_touch(&display, 1)?;
    scene.portal.wait_for_counted(ORGANIZATION, "terminal", 5)?;
    kiosk.wait_until_delivered()?;
    let held = records::in_portal(&scene.portal, &terminal)?;
    assert_eq!(held, records::in_journal(&kiosk)?);
    let scores: Vec<_> = records::ratings(&held)
        .iter()
        .map(|rating| rating.body["score"].clone())
        .collect();
    assert_eq!(scores, [5, 4, 3, 2, 1]);
    records::check_seals(&scene.portal, &terminal)?;
    Ok(())
}
