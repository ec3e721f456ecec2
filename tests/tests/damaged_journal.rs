//! A journal that is damaged or gone: set aside, everything readable salvaged, the loss stated, and
//! ratings go on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use pikir_tests::kiosk::Kiosk;
use pikir_tests::records::{self, Record};
use pikir_tests::scene::Scene;
use pikir_tests::xvfb::Display;
use pikir_tests::{provision, wait};
use rusqlite::{Connection, OpenFlags};

/// SQLite's page (bytes).
const PAGE: usize = 4_096;

fn journal(kiosk: &Kiosk) -> PathBuf {
    kiosk.data_dir().join("journal.db")
}

/// An enrolled terminal that took these ratings while the portal was away, and was stopped.
fn stopped_with(scene: &mut Scene, display: &Display, scores: &[u8]) -> Result<(Kiosk, String)> {
    let mut kiosk = scene.terminal()?;
    kiosk.start(display)?;
    let terminal = kiosk.terminal_id()?;
    scene.portal.stop()?;
    kiosk.rate_in_a_row(display, scores)?;
    ensure!(kiosk.stop()?, "it ends well");
    Ok((kiosk, terminal))
}

/// What the terminal says of its newest recovery, in the status and in a notice that the portal
/// has.
fn stated(kiosk: &Kiosk, held: &[Record]) -> Result<String> {
    let status = kiosk.status()?;
    let detail = status["recovered"]
        .as_str()
        .with_context(|| format!("the status says nothing of it: {status}"))?;
    let notices = held
        .iter()
        .filter(|record| record.body["what"] == "journal-recovered");
    let noticed: Vec<&str> = notices
        .filter_map(|notice| notice.body["detail"].as_str())
        .collect();
    ensure!(
        noticed == [detail],
        "status: {detail}; notices: {noticed:?}"
    );
    Ok(detail.to_owned())
}

fn set_aside(kiosk: &Kiosk) -> PathBuf {
    kiosk.data_dir().join("damaged/1/journal.db")
}

fn overwrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
    let mut content = fs::read(path)?;
    change(&mut content);
    Ok(fs::write(path, content)?)
}

#[test]
fn a_journal_that_is_gone_is_begun_anew_with_numbers_never_used_before() -> Result<()> {
    let scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    kiosk.start(&display)?;
    kiosk.rate_in_a_row(&display, &[5, 4, 3])?;
    let before = kiosk.wait_until_delivered()?;
    kiosk.kill()?;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = journal(&kiosk).into_os_string();
        name.push(suffix);
        if Path::new(&name).exists() {
            fs::remove_file(&name)?;
        }
    }

    kiosk.start(&display)?;
    kiosk.rate_in_a_row(&display, &[2])?;
    kiosk.wait_until_delivered()?;
    let terminal = kiosk.terminal_id()?;
    let held = records::in_portal(&scene.portal, &terminal)?;
    assert_eq!(records::scores(&held), [5, 4, 3, 2]);
    let new = records::in_journal(&kiosk)?;
    assert!(new[0].seq > before["last_seq"].as_u64().unwrap_or(u64::MAX));
    assert!(held.ends_with(&new));
    records::check_seals_with_gaps(&scene.portal, &terminal)?;
    let detail = stated(&kiosk, &held)?;
    println!("stated: {detail}");
    Ok(())
}

#[test]
fn a_journal_whose_first_page_is_nonsense_loses_not_one_rating() -> Result<()> {
    let mut scene = Scene::new()?;
    let display = scene.display()?;
    let (mut kiosk, terminal) = stopped_with(&mut scene, &display, &[1, 2, 3, 4, 5])?;
    overwrite(&journal(&kiosk), |content| content[..100].fill(0x5a))?;

    kiosk.start(&display)?;
    kiosk.rate_in_a_row(&display, &[3])?;
    scene.portal.restart()?;
    kiosk.wait_until_delivered()?;
    let held = records::in_portal(&scene.portal, &terminal)?;
    assert_eq!(records::scores(&held), [1, 2, 3, 4, 5, 3]);
    records::check_seals_with_gaps(&scene.portal, &terminal)?;
    println!("stated: {}", stated(&kiosk, &held)?);
    assert!(set_aside(&kiosk).is_file(), "never deleted");
    Ok(())
}

#[test]
fn a_page_that_is_lost_takes_its_own_ratings_and_no_others_and_the_loss_is_stated() -> Result<()> {
    let mut scene = Scene::new()?;
    let display = scene.display()?;
    let taken: Vec<u8> = (0..24).map(|number| 1 + number % 5).collect();
    let (mut kiosk, terminal) = stopped_with(&mut scene, &display, &taken)?;
    let all = records::in_journal(&kiosk)?;
    let victim = all[all.len() / 2].id().to_owned();
    overwrite(&journal(&kiosk), |content| {
        let at = content
            .windows(victim.len())
            .position(|window| window == victim.as_bytes())
            .expect("the body lies in the file as it is");
        let page = at / PAGE * PAGE;
        content[page..page + PAGE].fill(0);
    })?;

    kiosk.start(&display)?;
    kiosk.rate_in_a_row(&display, &[5])?;
    scene.portal.restart()?;
    kiosk.wait_until_delivered()?;
    let held = records::in_portal(&scene.portal, &terminal)?;
    let lost: Vec<&Record> = all.iter().filter(|event| !held.contains(event)).collect();
    assert!(
        !lost.is_empty() && lost.len() <= PAGE / 200,
        "one page: {}",
        lost.len()
    );
    records::check_seals_with_gaps(&scene.portal, &terminal)?;
    let detail = stated(&kiosk, &held)?;
    println!("stated: {detail}");
    for seq in [lost.first(), lost.last()].into_iter().flatten() {
        assert!(detail.contains(&seq.seq.to_string()), "{detail}");
    }
    Ok(())
}

/// The page that holds the key which seals the next event, and the spare one in its own file, are
/// gone.
fn lose_the_key(kiosk: &Kiosk) -> Result<()> {
    let path = journal(kiosk);
    let ratchet: Vec<u8> = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?
        .query_row("SELECT ratchet FROM chain", [], |row| row.get(0))?;
    overwrite(&path, |content| {
        let at = content
            .windows(ratchet.len())
            .position(|window| window == ratchet)
            .expect("the key lies in the file as it is");
        let page = at / PAGE * PAGE;
        content[page..page + PAGE].fill(0);
    })?;
    Ok(fs::remove_file(kiosk.data_dir().join("spare-key.json"))?)
}

#[test]
fn what_is_owed_under_an_identity_whose_key_is_lost_arrives_under_it_after_a_new_enrolment()
-> Result<()> {
    let mut scene = Scene::new()?;
    let display = scene.display()?;
    let (mut kiosk, former) = stopped_with(&mut scene, &display, &[2, 4])?;
    let owed = records::ratings(&records::in_journal(&kiosk)?);
    lose_the_key(&kiosk)?;
    kiosk.start(&display)?;
    kiosk.wait_for_screen("out-of-service")?;
    ensure!(kiosk.stop()?, "it ends well");

    scene.portal.restart()?;
    let token = scene.portal.create_token(&scene.place)?;
    let url = scene.portal.url();
    provision::enroll(&url, &token, kiosk.data_dir(), kiosk.config())?;
    kiosk.start(&display)?;
    kiosk.wait_for_screen("rate")?;
    kiosk.rate_in_a_row(&display, &[5])?;
    let present = kiosk.terminal_id()?;
    assert_ne!(present, former);

    let held = |terminal: &str| -> Result<Vec<Record>> {
        Ok(records::ratings(&records::in_portal(
            &scene.portal,
            terminal,
        )?))
    };
    wait::until("what the former identity owed", || {
        Ok((held(&former)?.len() == owed.len()).then_some(()))
    })?;
    assert_eq!(held(&former)?, owed);
    records::check_seals_with_gaps(&scene.portal, &former)?;
    kiosk.wait_until_delivered()?;
    assert_eq!(records::scores(&held(&present)?), [5]);
    records::check_seals(&scene.portal, &present)?;
    Ok(())
}
