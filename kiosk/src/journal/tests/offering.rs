//! What is offered to the portal, and what its answers do to that.

use super::*;

#[test]
fn the_cursor_follows_the_portal_backwards_too() {
    let desk = Desk::new();
    let mut journal = desk.filled(10);
    assert!(journal.acknowledge(&answer(8, vec![])).unwrap());
    assert_eq!((journal.state().pending, seqs(&journal)), (2, vec![9, 10]));
    assert!(journal.acknowledge(&answer(3, vec![])).unwrap());
    assert_eq!(
        (journal.state().pending, seqs(&journal)),
        (7, (4..=10).collect())
    );
    assert!(
        !journal.acknowledge(&answer(3, vec![])).unwrap(),
        "nothing moved"
    );
    assert!(
        journal.acknowledge(&answer(11, vec![])).is_err(),
        "what was never written cannot be acknowledged"
    );
    assert_eq!(journal.state().received_through, 3);
}

#[test]
fn a_rejected_event_is_kept_and_set_aside_and_offered_again_only_to_a_restored_portal() {
    let desk = Desk::new();
    let mut journal = desk.filled(4);
    let results = (1..=4).map(|seq| {
        result(
            seq,
            if seq == 2 {
                EventStatus::Rejected
            } else {
                EventStatus::Accepted
            },
        )
    });
    journal.acknowledge(&answer(4, results.collect())).unwrap();
    assert_eq!((journal.state().rejected, journal.state().pending), (1, 0));
    let kept: i64 = journal
        .connection()
        .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 4);
    drop(journal);
    let mut journal = Journal::open(&desk.path()).unwrap();
    assert_eq!(seqs(&journal), Vec::<u64>::new());
    journal.acknowledge(&answer(1, vec![])).unwrap();
    assert_eq!(seqs(&journal), [2, 3, 4]);
}

#[test]
fn a_refused_event_does_not_hold_up_the_others_and_is_offered_again_after_a_restart() {
    let desk = Desk::new();
    let mut journal = desk.filled(5);
    journal.refuse(2, "422").unwrap();
    let results = [1, 3, 4, 5]
        .map(|seq| result(seq, EventStatus::Accepted))
        .to_vec();
    assert!(journal.acknowledge(&answer(1, results)).unwrap());
    assert_eq!((journal.state().pending, journal.state().rejected), (0, 1));
    drop(journal);
    let journal = Journal::open(&desk.path()).unwrap();
    assert_eq!(seqs(&journal), [2, 3, 4, 5]);
}

#[test]
fn accepted_is_not_acknowledged_without_the_portals_cursor() {
    let desk = Desk::new();
    let mut journal = desk.filled(3);
    let results = (1..=3)
        .map(|seq| result(seq, EventStatus::Accepted))
        .collect();
    assert!(!journal.acknowledge(&answer(0, results)).unwrap());
    assert_eq!(journal.state().pending, 3);
}

#[test]
fn a_batch_keeps_to_its_limits_but_has_one_event_in_any_case() {
    let desk = Desk::new();
    let journal = desk.filled(10);
    assert_eq!(journal.batch(4, usize::MAX).unwrap().events.len(), 4);
    assert_eq!(journal.batch(10, 1).unwrap().events.len(), 1);
}
