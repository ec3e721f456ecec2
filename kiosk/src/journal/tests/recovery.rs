//! What a journal that is damaged or gone becomes.

use std::fs;

use super::*;

/// Overwrites the page that holds this text, all of it, in the database file.
fn destroy_page_with(desk: &Desk, text: &str) {
    let mut bytes = fs::read(desk.path()).unwrap();
    let at = bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .unwrap();
    let page = at / 4096 * 4096;
    bytes[page..page + 4096].fill(0xa5);
    fs::write(desk.path(), bytes).unwrap();
}

fn id_of(event: &pikir_contract::Event) -> String {
    event.body["id"].as_str().unwrap().to_owned()
}

fn notice(event: &pikir_contract::Event) -> &str {
    assert_eq!(event.body["what"], "journal-recovered");
    event.body["detail"].as_str().unwrap()
}

#[test]
fn a_destroyed_page_costs_its_events_alone_and_the_terminal_goes_on_where_it_stood() {
    let desk = Desk::new();
    let mut keeper = desk.kept(60);
    let before = all(&mut keeper);
    keeper.close();
    destroy_page_with(&desk, &id_of(&before[29]));
    let mut keeper = desk.keeper();
    let published = keeper.published();
    assert_eq!(published.fault, None);
    assert_eq!(keeper.append(desk.rating()).unwrap().seq, 62);
    let after = all(&mut keeper);
    assert_sealed(&after);
    let lost = before.len() + 2 - after.len();
    assert!((1..30).contains(&lost), "{lost} lost");
    assert!(before.iter().filter(|event| after.contains(event)).count() == before.len() - lost);
    let detail = notice(&after[after.len() - 2]);
    assert!(
        detail.starts_with(&format!("{lost} of 60 events could not be read (seq ")),
        "{detail}"
    );
    assert!(
        detail.ends_with("the damaged files are in damaged/1"),
        "{detail}"
    );
    assert_eq!(published.recovered.as_deref(), Some(detail));
    assert!(desk.dir.path().join("damaged/1/journal.db").exists());
    keeper.close();
    let report = verify(&desk.path()).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.stated.len(), 1, "{:?}", report.stated);
}

#[test]
fn a_gap_that_was_stated_is_not_stated_again_by_the_next_recovery() {
    let desk = Desk::new();
    let mut keeper = desk.kept(60);
    let before = all(&mut keeper);
    keeper.close();
    destroy_page_with(&desk, &id_of(&before[29]));
    desk.keeper().close();
    // The root of the events' tree: SQLite finds nothing below it, the scan finds all.
    fs::OpenOptions::new()
        .write(true)
        .open(desk.path())
        .unwrap()
        .set_len(0)
        .unwrap();
    fs::copy(desk.dir.path().join("damaged/1/journal.db"), desk.path()).unwrap();
    let mut keeper = desk.keeper();
    assert_eq!(keeper.published().fault, None);
    assert!(desk.dir.path().join("damaged/2").exists());
    assert_eq!(keeper.append(desk.rating()).unwrap().seq, 62);
}

#[test]
fn a_deleted_journal_goes_on_at_the_spare_key_and_its_seals_verify() {
    let desk = Desk::new();
    desk.kept(5).close();
    fs::remove_file(desk.path()).unwrap();
    let mut keeper = desk.keeper();
    assert_eq!(keeper.published().fault, None);
    let events = all(&mut keeper);
    assert_sealed(&events);
    assert_eq!(numbers(&events), [1_001]);
    assert_eq!(
        notice(&events[0]),
        "no event could be read; numbering goes on at 1001; journal.db was missing"
    );
    assert_eq!(keeper.append(desk.rating()).unwrap().seq, 1_002);
    assert_eq!(keeper.published().state.pending, 2);
}

#[test]
fn a_journal_that_is_deleted_while_the_terminal_runs_loses_nothing() {
    let desk = Desk::new();
    let mut keeper = desk.kept(5);
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        fs::remove_file(desk.dir.path().join(name)).unwrap();
    }
    assert_eq!(keeper.append(desk.rating()).unwrap().seq, 7);
    drop(keeper);
    let mut keeper = desk.keeper();
    let events = all(&mut keeper);
    assert_eq!(numbers(&events), (1..=7).collect::<Vec<_>>());
    assert_sealed(&events);
    assert!(notice(&events[5]).contains("no event is missing"));
    assert!(keeper.published().recovered.is_some());
}

#[test]
fn a_chain_row_that_cannot_be_read_moves_the_numbering_to_the_spare_key() {
    let desk = Desk::new();
    let keeper = desk.kept(8);
    keeper.close();
    destroy_page_with(&desk, &desk.terminal().to_string());
    let mut keeper = desk.keeper();
    let events = all(&mut keeper);
    assert_eq!(numbers(&events)[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(events[8].seq, 1_001);
    assert_sealed(&events);
    assert!(
        notice(&events[8]).contains("every event up to 8 could be read; numbering goes on at 1001")
    );
}

#[test]
fn a_flipped_bit_in_the_ratchet_key_is_found_and_no_event_is_sealed_with_it() {
    let desk = Desk::new();
    desk.kept(8).close();
    let connection = rusqlite::Connection::open(desk.path()).unwrap();
    connection
        .execute("UPDATE chain SET ratchet = zeroblob(32)", [])
        .unwrap();
    drop(connection);
    let mut keeper = desk.keeper();
    keeper.append(desk.rating()).unwrap();
    let events = all(&mut keeper);
    assert_eq!(numbers(&events)[7..], [8, 1_001, 1_002]);
    assert_sealed(&events);
}

#[test]
fn without_chain_row_and_spare_key_nothing_is_appended_but_what_was_rated_is_delivered() {
    let desk = Desk::new();
    desk.kept(8).close();
    destroy_page_with(&desk, &desk.terminal().to_string());
    fs::remove_file(desk.dir.path().join("spare-key.json")).unwrap();
    let mut keeper = desk.keeper();
    let fault = keeper.append(desk.rating()).unwrap_err();
    assert!(fault.detail.contains("pikir-provision enroll"), "{fault:?}");
    keeper.idle();
    assert_eq!(keeper.published().fault, Some(fault));
    assert_eq!(numbers(&all(&mut keeper)), (1..=8).collect::<Vec<_>>());
    assert_eq!(keeper.acknowledge(answer(8, vec![])).unwrap(), Taken::Moved);
    assert_eq!(keeper.published().state.pending, 0);
}

#[test]
fn damage_in_the_middle_of_the_log_loses_no_event_whose_page_is_whole() {
    let desk = Desk::new();
    let mut keeper = desk.kept(20);
    let before = all(&mut keeper);
    // A killed process leaves its log.
    let (database, log) = (
        fs::read(desk.path()).unwrap(),
        desk.dir.path().join("journal.db-wal"),
    );
    let mut frames = fs::read(&log).unwrap();
    drop(keeper);
    let at = frames.len() / 2;
    frames[at] ^= 1;
    fs::write(desk.path(), database).unwrap();
    fs::write(&log, frames).unwrap();
    let mut keeper = desk.keeper();
    let after = all(&mut keeper);
    assert_eq!(after[..20], before);
    assert_eq!(
        after[20].seq, 1_001,
        "what the log's end was cannot be known"
    );
    assert_sealed(&after);
}

#[test]
fn a_log_that_a_power_cut_left_half_written_is_no_damage() {
    let desk = Desk::new();
    let keeper = desk.kept(6);
    let log = desk.dir.path().join("journal.db-wal");
    let (database, frames) = (fs::read(desk.path()).unwrap(), fs::read(&log).unwrap());
    drop(keeper);
    for cut in [1, 100, 4_000, 4_120] {
        fs::write(desk.path(), &database).unwrap();
        fs::write(&log, &frames[..frames.len() - cut]).unwrap();
        let keeper = desk.keeper();
        assert_eq!(keeper.published().recovered, None);
        assert_eq!(keeper.published().state.last_seq, 5, "cut {cut}");
        drop(keeper);
    }
}

#[test]
fn an_event_larger_than_a_page_is_salvaged_too() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    let mut event = desk.rating();
    event.content = Content::Notice {
        what: "maintenance",
        detail: Some("ы".repeat(9_000)),
    };
    keeper.append(event).unwrap();
    let before = all(&mut keeper);
    keeper.close();
    destroy_page_with(&desk, &desk.terminal().to_string());
    assert_eq!(all(&mut desk.keeper())[..4], before);
}

#[test]
fn a_recovery_that_was_cut_off_anywhere_goes_on_at_the_next_start() {
    let desk = Desk::new();
    let mut keeper = desk.kept(6);
    let before = all(&mut keeper);
    keeper.close();
    destroy_page_with(&desk, &desk.terminal().to_string());
    let damaged = fs::read(desk.path()).unwrap();
    let aside = desk.dir.path().join("damaged/new");
    // Cut off before the first move, after it, while building, and before the number is given.
    for step in 0..4 {
        let _ = fs::remove_dir_all(desk.dir.path().join("damaged"));
        fs::create_dir_all(&aside).unwrap();
        if step < 3 {
            let _ = fs::remove_file(desk.path());
        }
        fs::write(
            if step == 0 {
                desk.path()
            } else {
                aside.join("journal.db")
            },
            &damaged,
        )
        .unwrap();
        if step == 2 {
            fs::write(desk.dir.path().join("journal.db.new"), b"half").unwrap();
        }
        let mut keeper = desk.keeper();
        assert_eq!(keeper.published().fault, None, "step {step}");
        let after = all(&mut keeper);
        assert_eq!(after[..6], before, "step {step}");
        assert_sealed(&after);
        keeper.close();
        assert!(!aside.exists(), "step {step}");
        assert!(
            desk.dir.path().join("damaged/1/journal.db").exists(),
            "step {step}"
        );
    }
}

#[test]
fn a_disk_that_damages_the_journal_again_and_again_is_reported_and_not_filled() {
    let desk = Desk::new();
    desk.kept(2).close();
    for number in 1..=crate::limits::MAX_SET_ASIDE {
        fs::create_dir_all(desk.dir.path().join(format!("damaged/{number}"))).unwrap();
    }
    fs::write(desk.path(), b"not a journal").unwrap();
    let fault = desk.keeper().published().fault.unwrap().detail;
    assert!(fault.contains("Replace the SD card"), "{fault}");
    assert_eq!(fs::read(desk.path()).unwrap(), b"not a journal");
}

#[test]
fn a_disk_that_fails_or_is_full_is_not_damage() {
    let failure = |code| {
        JournalError::Sqlite(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(code),
            None,
        ))
    };
    for code in [
        rusqlite::ffi::SQLITE_FULL,
        rusqlite::ffi::SQLITE_IOERR,
        rusqlite::ffi::SQLITE_IOERR_WRITE,
        rusqlite::ffi::SQLITE_BUSY,
        rusqlite::ffi::SQLITE_READONLY,
        rusqlite::ffi::SQLITE_CANTOPEN,
        rusqlite::ffi::SQLITE_NOMEM,
    ] {
        assert!(!failure(code).is_damage(), "{code}");
    }
    assert!(failure(rusqlite::ffi::SQLITE_CORRUPT).is_damage());
    assert!(failure(rusqlite::ffi::SQLITE_NOTADB).is_damage());
}

#[test]
fn the_spare_key_is_always_ahead_and_opens_no_seal_that_was_made() {
    let desk = Desk::new();
    let mut keeper = desk.kept(0);
    let spare = || {
        let text = fs::read_to_string(desk.dir.path().join("spare-key.json")).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["seq"].as_u64().unwrap()
    };
    assert_eq!(spare(), 1_001);
    for taken in 1..=1_100_u64 {
        keeper.append(desk.rating()).unwrap();
        assert!(spare() > taken + 1, "{} after {taken}", spare());
    }
    keeper.idle();
    assert!(spare() > 1_600, "renewed in idle time");
    keeper.close();
    fs::write(desk.dir.path().join("spare-key.json"), b"{}").unwrap();
    let keeper = desk.keeper();
    assert_eq!(
        (keeper.published().recovered, spare()),
        (None, 2_101),
        "a damaged spare key is made anew"
    );
}
