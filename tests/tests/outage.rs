//! The portal away, the power cut: nothing that was thanked for is lost, doubled or reordered.

use anyhow::Result;
use pikir_tests::records;
use pikir_tests::scene::{ORGANIZATION, Scene};

#[test]
fn ten_ratings_taken_while_the_portal_is_away_arrive_once_each_in_order_after_a_power_cut()
-> Result<()> {
    let mut scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    kiosk.start(&display)?;
    kiosk.wait_for_screen("rate")?;
    let terminal = kiosk.terminal_id()?;

    scene.portal.stop()?;
    let scores = [5, 4, 3, 2, 1, 1, 2, 3, 4, 5];
    for score in scores {
        kiosk.rate_by_touch(&display, score)?;
    }
    let status = kiosk.wait_for("an unreachable portal", |status| {
        status["portal"] == "unreachable"
    })?;
    assert!(status["pending"].as_u64() >= Some(10), "{status}");
    kiosk.kill()?;

    let written = records::ratings(&records::in_journal(&kiosk)?);
    assert_eq!(written.len(), 10, "each thanks stood for a row on the disk");
    kiosk.start(&display)?;
    scene.portal.restart()?;
    kiosk.wait_until_delivered()?;

    let held = records::ratings(&records::in_portal(&scene.portal, &terminal)?);
    assert_eq!(held, written);
    assert_eq!(
        held.iter()
            .map(|rating| rating.body["score"].clone())
            .collect::<Vec<_>>(),
        scores
    );
    records::check_seals(&scene.portal, &terminal)?;
    scene
        .portal
        .wait_for_counted(ORGANIZATION, "terminal", 10)?;
    Ok(())
}

#[test]
fn what_a_terminal_without_a_network_exports_is_imported_once() -> Result<()> {
    let mut scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    scene.portal.stop()?;
    kiosk.start(&display)?;
    for score in [1, 3, 5] {
        kiosk.rate_by_touch(&display, score)?;
    }
    let terminal = kiosk.terminal_id()?;
    assert!(kiosk.stop()?);
    let file = scene.dir().join("journal.jsonl");
    kiosk.journal(&["export", &file.to_string_lossy()])?;

    scene.portal.restart()?;
    let first = scene.portal.import(&file)?;
    let again = scene.portal.import(&file)?;
    let events = records::in_journal(&kiosk)?;
    assert_eq!(
        (&first["accepted"], &first["changed"]),
        (&events.len().into(), &0.into()),
        "{first}"
    );
    assert_eq!(
        (&again["accepted"], &again["duplicate"]),
        (&0.into(), &events.len().into()),
        "{again}"
    );
    assert_eq!(records::in_portal(&scene.portal, &terminal)?, events);
    scene.portal.wait_for_counted(ORGANIZATION, "terminal", 3)?;
    Ok(())
}
