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

fn duplicates(seqs: std::ops::RangeInclusive<u64>) -> Vec<EventResult> {
    seqs.map(|seq| result(seq, EventStatus::Duplicate))
        .collect()
}

#[test]
fn the_chain_goes_on_behind_what_the_portal_holds_and_events_with_taken_numbers_get_new_ones() {
    let (_desk, mut keeper) = forgetful();
    assert_eq!(
        numbers(&offered(&mut keeper)),
        (1..=5).collect::<Vec<_>>(),
        "nothing taken since the start is offered before the portal has answered"
    );
    assert_eq!(
        keeper.acknowledge(answer(8, duplicates(1..=5))).unwrap(),
        Taken::Moved
    );
    let state = keeper.published().state;
    assert_eq!(
        (state.received_through, state.last_seq, state.pending),
        (8, 11, 3)
    );
    let again = all(&mut keeper);
    assert_eq!(numbers(&again), [9, 10, 11]);
    assert_sealed(&again);
    assert_eq!(again[0].body["what"], "journal-recovered");
    let journal = keeper.journal.as_ref().unwrap();
    for (old, new) in [(6, &again[1]), (7, &again[2])] {
        assert_eq!(journal.event(old).unwrap().unwrap().body, new.body);
    }
    assert!(keeper.published().recovered.unwrap().contains("seq 6 to 8"));
    let path = keeper.path.clone();
    keeper.close();
    assert_eq!(verify(&path).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_loss_shows_also_when_more_was_taken_since_than_was_lost() {
    let (_desk, mut keeper) = forgetful();
    offered(&mut keeper);
    assert_eq!(
        keeper.acknowledge(answer(6, duplicates(1..=5))).unwrap(),
        Taken::Moved
    );
    let sent = all(&mut keeper);
    assert_eq!(numbers(&sent), [7, 8, 9], "6 is taken, 7 is free");
    assert_sealed(&sent);
    let journal = keeper.journal.as_ref().unwrap();
    assert_eq!(journal.event(6).unwrap().unwrap().body, sent[2].body);
}

#[test]
fn a_terminal_that_has_delivered_everything_asks_about_its_newest_event_before_it_sends_more() {
    let desk = Desk::new();
    let mut keeper = desk.kept(5);
    keeper.acknowledge(answer(5, vec![])).unwrap();
    keeper.close();
    let mut keeper = desk.keeper();
    assert_eq!(
        offered(&mut keeper),
        vec![],
        "nothing to say, nothing to ask"
    );
    keeper.append(desk.rating()).unwrap();
    assert_eq!(numbers(&offered(&mut keeper)), [5]);
    assert_eq!(
        keeper.acknowledge(answer(5, duplicates(5..=5))).unwrap(),
        Taken::Moved
    );
    assert_eq!(numbers(&offered(&mut keeper)), [6]);
}

#[test]
fn a_portal_that_refuses_the_question_is_sent_what_is_new() {
    let desk = Desk::new();
    let mut keeper = desk.kept(5);
    keeper.acknowledge(answer(5, vec![])).unwrap();
    keeper.close();
    let mut keeper = desk.keeper();
    keeper.append(desk.rating()).unwrap();
    keeper.refuse(5, "no").unwrap();
    assert_eq!(numbers(&offered(&mut keeper)), [6]);
    assert_eq!(keeper.published().state.rejected, 0);
}

#[test]
fn what_came_to_the_portal_on_a_stick_is_not_taken_for_a_loss() {
    let desk = Desk::new();
    desk.kept(5).close();
    let mut keeper = desk.keeper();
    keeper.append(desk.rating()).unwrap();
    let file = desk.dir.path().join("journal.jsonl");
    export(&keeper.path, &file, desk.clock.reading()).unwrap();
    offered(&mut keeper);
    assert_eq!(
        keeper.acknowledge(answer(6, duplicates(1..=5))).unwrap(),
        Taken::Moved
    );
    let published = keeper.published();
    assert_eq!((published.state.last_seq, published.state.pending), (6, 0));
    assert_eq!(published.recovered, None);
}

#[test]
fn a_portal_that_acknowledges_what_cannot_be_is_not_believed() {
    let (_desk, mut keeper) = forgetful();
    offered(&mut keeper);
    assert!(
        keeper
            .acknowledge(answer(1_000_000_000_000_000, duplicates(1..=5)))
            .is_err()
    );
    assert!(
        keeper.acknowledge(answer(9, vec![])).is_err(),
        "it knows nothing of what was sent"
    );
    assert_eq!(keeper.published().state.last_seq, 7);
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
    assert_eq!(
        keeper.acknowledge(accepted(1_001..=1_002)).unwrap(),
        Taken::Moved
    );
    assert_eq!(
        (keeper.published().state.pending, all(&mut keeper).len()),
        (0, 0)
    );
    keeper.append(desk.rating()).unwrap();
    assert_eq!(numbers(&all(&mut keeper)), [1_003]);
    assert_eq!(
        keeper.acknowledge(accepted(1_003..=1_003)).unwrap(),
        Taken::Moved
    );
    assert_eq!(keeper.published().state.pending, 0);
}
