//! A disk that forgot the journal's end, and a portal that remembers it.

use std::fs;

use super::*;

/// A journal of which the disk kept only the first five of eight events, all eight delivered; two taken since.
fn forgetful() -> (Desk, Keeper) {
    let desk = Desk::new();
    desk.kept(5).close();
    let kept = fs::read(desk.path()).unwrap();
    let mut keeper = desk.keeper();
    for _ in 0..3 {
        keeper.append(desk.rating()).unwrap();
    }
    keeper.acknowledge(answer(5, vec![])).unwrap();
    keeper.close();
    for name in ["journal.db-wal", "journal.db-shm"] {
        let _ = fs::remove_file(desk.dir.path().join(name));
    }
    fs::write(desk.path(), kept).unwrap();
    let mut keeper = desk.keeper();
    assert_eq!(keeper.published().state.last_seq, 5);
    for seq in [6, 7] {
        assert_eq!(keeper.append(desk.rating()).unwrap().seq, seq);
    }
    (desk, keeper)
}

#[test]
fn the_chain_goes_on_behind_what_the_portal_holds_and_events_with_taken_numbers_get_new_ones() {
    let (_desk, mut keeper) = forgetful();
    let sent = all(&mut keeper);
    assert_eq!(numbers(&sent), (1..=7).collect::<Vec<_>>());
    let results = (1..=7)
        .map(|seq| result(seq, EventStatus::Duplicate))
        .collect();
    assert!(keeper.acknowledge(answer(8, results)).unwrap());
    let state = keeper.published().state;
    assert_eq!(
        (state.received_through, state.last_seq, state.pending),
        (8, 11, 3)
    );
    let again = all(&mut keeper);
    assert_eq!(numbers(&again), [9, 10, 11]);
    assert_sealed(&again);
    assert_eq!(again[0].body["what"], "journal-recovered");
    assert_eq!(
        (&again[1].body, &again[2].body),
        (&sent[5].body, &sent[6].body)
    );
    assert!(keeper.published().recovered.unwrap().contains("seq 8 to 8"));
    let path = keeper.path.clone();
    keeper.close();
    assert_eq!(verify(&path).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_portal_that_acknowledges_what_cannot_be_is_not_believed() {
    let (_desk, mut keeper) = forgetful();
    all(&mut keeper);
    let results: Vec<_> = (1..=7)
        .map(|seq| result(seq, EventStatus::Duplicate))
        .collect();
    assert!(
        keeper
            .acknowledge(answer(1_000_000_000_000_000, results))
            .is_err()
    );
    assert!(
        keeper.acknowledge(answer(9, vec![])).is_err(),
        "it knows nothing of what was sent"
    );
    assert_eq!(keeper.published().state.last_seq, 7);
}

#[test]
fn what_was_sent_before_and_its_answer_lost_keeps_its_number() {
    let (_desk, mut keeper) = forgetful();
    all(&mut keeper);
    all(&mut keeper);
    let results = (1..=7)
        .map(|seq| result(seq, EventStatus::Duplicate))
        .collect();
    keeper.acknowledge(answer(8, results)).unwrap();
    assert_eq!(numbers(&all(&mut keeper)), [9], "the notice alone");
}

#[test]
fn the_cursor_stays_before_a_gap_that_nobody_can_fill_and_nothing_waits_behind_it() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    keeper.acknowledge(answer(3, vec![])).unwrap();
    keeper.close();
    fs::remove_file(desk.path()).unwrap();
    let mut keeper = desk.keeper();
    keeper.append(desk.rating()).unwrap();
    let accepted = |seqs: std::ops::RangeInclusive<u64>| {
        answer(
            3,
            seqs.map(|seq| result(seq, EventStatus::Accepted)).collect(),
        )
    };
    assert_eq!(numbers(&all(&mut keeper)), [1_001, 1_002]);
    assert!(keeper.acknowledge(accepted(1_001..=1_002)).unwrap());
    assert_eq!(
        (keeper.published().state.pending, all(&mut keeper).len()),
        (0, 0)
    );
    keeper.append(desk.rating()).unwrap();
    assert_eq!(numbers(&all(&mut keeper)), [1_003]);
    assert!(keeper.acknowledge(accepted(1_003..=1_003)).unwrap());
    assert_eq!(keeper.published().state.pending, 0);
}
