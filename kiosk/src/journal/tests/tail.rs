//! A disk that forgot the journal's end, and a portal that remembers it.

use std::fs;

use super::*;

/// A journal of which the disk kept only the first five of eight events, all eight delivered; two
/// taken since.
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

/// The bodies of the events that have these numbers.
fn bodies(keeper: &Keeper, seqs: std::ops::RangeInclusive<u64>) -> Vec<serde_json::Value> {
    let mut bodies = Vec::new();
    let journal = keeper.journal.as_ref().unwrap();
    journal
        .for_each_event(*seqs.start(), |event| {
            bodies.extend(seqs.contains(&event.seq).then_some(event.body));
            Ok(())
        })
        .unwrap();
    bodies
}

fn duplicates(seqs: std::ops::RangeInclusive<u64>) -> Vec<EventResult> {
    seqs.map(|seq| result(seq, EventStatus::Duplicate))
        .collect()
}

#[test]
fn the_chain_goes_on_behind_what_the_portal_holds_and_events_with_taken_numbers_get_new_ones() {
    let (_desk, mut keeper) = forgetful();
    let taken = bodies(&keeper, 6..=7);
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
    assert_eq!(bodies(&keeper, 10..=11), taken, "they have new numbers");
    assert!(bodies(&keeper, 6..=8).is_empty(), "and the former no more");
    assert!(keeper.published().recovered.unwrap().contains("seq 6 to 8"));
    let path = keeper.path.clone();
    keeper.close();
    assert_eq!(verify(&path).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_loss_shows_also_when_more_was_taken_since_than_was_lost() {
    let (_desk, mut keeper) = forgetful();
    let taken = bodies(&keeper, 6..=7);
    offered(&mut keeper);
    assert_eq!(
        keeper.acknowledge(answer(6, duplicates(1..=5))).unwrap(),
        Taken::Moved
    );
    let sent = all(&mut keeper);
    assert_eq!(numbers(&sent), [7, 8, 9], "6 is taken, 7 is free");
    assert_sealed(&sent);
    assert_eq!([&sent[2].body, &sent[0].body], [&taken[0], &taken[1]]);
    assert!(bodies(&keeper, 6..=6).is_empty());
}

#[test]
fn a_terminal_that_has_delivered_everything_asks_before_it_sends_more() {
    let desk = Desk::new();
    let mut keeper = desk.kept(5);
    keeper.acknowledge(answer(5, vec![])).unwrap();
    keeper.close();
    let mut keeper = desk.keeper();
    let batch = keeper.batch(10, usize::MAX).unwrap();
    assert!(
        batch.events.is_empty() && !batch.is_question,
        "nothing to say, nothing to ask"
    );
    keeper.append(desk.rating()).unwrap();
    let batch = keeper.batch(10, usize::MAX).unwrap();
    assert!(batch.events.is_empty() && batch.is_question);
    assert_eq!(keeper.acknowledge(answer(5, vec![])).unwrap(), Taken::Moved);
    assert_eq!(numbers(&offered(&mut keeper)), [6]);
}

#[test]
fn lives_in_which_the_portal_never_answered_do_not_end_the_doubt() {
    let (desk, keeper) = forgetful();
    drop(keeper);
    let mut keeper = desk.keeper();
    keeper.append(desk.rating()).unwrap();
    keeper.close();
    let mut keeper = desk.keeper();
    assert_eq!(numbers(&offered(&mut keeper)), (1..=5).collect::<Vec<_>>());
    assert_eq!(
        keeper.acknowledge(answer(8, duplicates(1..=5))).unwrap(),
        Taken::Moved
    );
    assert_eq!(numbers(&offered(&mut keeper)), [9, 10, 11, 12]);
    keeper.close();
    let mut keeper = desk.keeper();
    assert_eq!(
        numbers(&offered(&mut keeper)),
        [9, 10, 11, 12],
        "the doubt ended with the answer"
    );
}

#[test]
fn a_journal_that_lost_all_it_had_goes_on_behind_what_the_portal_holds() {
    let desk = Desk::new();
    drop(desk.create());
    let mut keeper = desk.keeper();
    keeper.append(desk.rating()).unwrap();
    let batch = keeper.batch(10, usize::MAX).unwrap();
    assert!(batch.events.is_empty() && batch.is_question);
    assert_eq!(keeper.acknowledge(answer(3, vec![])).unwrap(), Taken::Moved);
    let sent = offered(&mut keeper);
    assert_eq!(numbers(&sent), [4, 5]);
    assert_sealed(&sent);
}

#[test]
fn boots_stay_in_their_order_when_events_get_new_numbers() {
    let desk = Desk::new();
    desk.kept(3).close();
    for boot in [
        "7c1d6f0e-1111-4222-8333-444455557777",
        "7c1d6f0e-1111-4222-8333-444455558888",
    ] {
        let clock = TestClock::new(boot.parse().unwrap(), 0);
        let at = clock.reading();
        let mut keeper = Keeper::open(desk.path(), desk.terminal(), clock, desk.entropy.clone());
        keeper
            .append(NewEvent {
                at,
                ..desk.rating()
            })
            .unwrap();
    }
    let mut keeper = desk.keeper();
    offered(&mut keeper);
    keeper.acknowledge(answer(4, duplicates(1..=3))).unwrap();
    assert_eq!(numbers(&offered(&mut keeper)), [5, 6, 7], "4 is 7 now");
    let firsts: Vec<i64> = keeper
        .journal
        .as_ref()
        .unwrap()
        .connection()
        .prepare("SELECT first_seq FROM boots ORDER BY first_seq")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(firsts, [1, 4, 5]);
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
