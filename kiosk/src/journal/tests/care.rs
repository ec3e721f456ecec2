//! What the keeper does for its file while the terminal runs.

use super::*;

fn log_bytes(desk: &Desk) -> u64 {
    let log = desk.dir.path().join("journal.db-wal");
    std::fs::metadata(log).map_or(0, |meta| meta.len())
}

#[test]
fn a_probe_is_written_and_says_nothing() {
    let desk = Desk::new();
    let journal = desk.filled(2);
    assert!(journal.checkpoint().unwrap());
    assert_eq!(log_bytes(&desk), 0);
    journal.probe().unwrap();
    assert!(
        log_bytes(&desk) > 0,
        "a disk that takes no write is not noticed"
    );
    drop(journal);
    let journal = Journal::open(&desk.path()).unwrap();
    assert_eq!(journal.state().last_seq, 2);
}

#[test]
fn a_log_that_somebody_reads_is_emptied_later() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    let reader = Journal::open_to_read(&desk.path()).unwrap();
    keeper.append(desk.rating()).unwrap();
    keeper.tidy().unwrap();
    assert!(keeper.dirty, "used keys are still in the log");
    drop(reader);
    keeper.tidy().unwrap();
    assert!(!keeper.dirty);
    assert_eq!(log_bytes(&desk), 0);
}

#[test]
fn what_is_read_beside_the_terminal_is_of_one_moment() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    let reader = Journal::open_to_read(&desk.path()).unwrap();
    keeper.append(desk.rating()).unwrap();
    let mut seqs = Vec::new();
    let each = |event: pikir_contract::Event| {
        seqs.push(event.seq);
        Ok(())
    };
    reader.for_each_event(1, each).unwrap();
    assert_eq!(reader.state().last_seq, 3);
    assert_eq!(seqs, [1, 2, 3]);
}

#[test]
fn a_removed_file_is_kept_in_hand_until_it_can_be_written_anew() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    keeper.tidy().unwrap();
    std::fs::remove_file(desk.path()).unwrap();
    // The place where it is built is taken.
    let beside = crate::journal::paths::building_place(&desk.path());
    std::fs::create_dir_all(beside.join("in the way")).unwrap();
    for _ in 0..2 {
        assert!(keeper.append(desk.rating()).is_err());
        keeper.idle();
        assert!(keeper.published().fault.is_some(), "nothing can be kept");
    }
    std::fs::remove_dir_all(beside).unwrap();
    keeper.idle();
    assert_eq!(keeper.published().fault, None);
    let appended = keeper.append(desk.rating()).unwrap();
    assert_eq!(
        appended.seq, 5,
        "three ratings, what happened, and this one"
    );
    drop(keeper);
    assert!(verify(&desk.path()).unwrap().problems.is_empty());
}

#[test]
fn whoever_asks_for_the_oldest_event_disturbs_no_delivery() {
    let desk = Desk::new();
    let mut keeper = desk.kept(5);
    // The first answer of a day is written down.
    keeper.batch(1, 10_000).unwrap();
    keeper.acknowledge(answer(1, Vec::new())).unwrap();
    keeper.batch(2, 10_000).unwrap();
    keeper.batch_ahead(2, 10_000).unwrap();
    assert_eq!(keeper.oldest().unwrap().events[0].seq, 2);
    let taken = keeper.acknowledge(answer(3, Vec::new())).unwrap();
    assert_eq!(taken, crate::journal::file::cursor::Taken::AsOffered);
}

#[test]
fn another_file_in_the_place_of_the_open_journal_is_set_aside_and_no_event_is_missing() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    let other = desk.dir.path().join("other.db");
    let stranger = Journal::create(&other, &SealKey::from_bytes([9; 32])).unwrap();
    stranger.checkpoint().unwrap();
    drop(stranger);
    std::fs::rename(&other, desk.path()).unwrap();
    let appended = keeper.append(desk.rating()).unwrap();
    let recovered = keeper.published().recovered.unwrap_or_default();
    assert!(recovered.contains("another file"), "{recovered}");
    keeper.close();
    assert_eq!(verify(&desk.path()).unwrap().problems, Vec::<String>::new());
    let mut again = desk.keeper();
    let numbers = numbers(&all(&mut again));
    assert!(
        numbers.starts_with(&[1, 2, 3]) && numbers.contains(&appended.seq),
        "{numbers:?}"
    );
    let aside = desk.dir.path().join("damaged/1/journal.db");
    assert!(aside.is_file(), "the other file is kept");
}
