//! What goes, when, and what must not.

use super::*;
use crate::limits::{REMOVE_STEP, RETENTION_DAYS};

const DAY_MS: i64 = 86_400_000;
const NOW: i64 = 1_800_000_000_000;

fn answered(received_through: u64, at_ms: i64, results: Vec<EventResult>) -> EventsAnswer {
    EventsAnswer {
        time: Time::from_unix_ms(at_ms).unwrap(),
        ..answer(received_through, results)
    }
}

fn days_pass(desk: &Desk, days: i64) {
    desk.clock.advance_ms((days * DAY_MS) as u64);
}

fn rows(desk: &Desk) -> Vec<u64> {
    let connection = rusqlite::Connection::open(desk.path()).unwrap();
    let mut statement = connection
        .prepare("SELECT seq FROM events ORDER BY seq")
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    rows.map(|seq| seq.unwrap() as u64).collect()
}

/// Lets the keeper do everything that is due.
fn rest(keeper: &mut Keeper) {
    for _ in 0..1_000 {
        if keeper.patience().is_none() {
            return;
        }
        keeper.idle();
    }
    panic!("the keeper finds no rest");
}

#[test]
fn an_acknowledged_event_stays_thirty_days_and_then_goes_in_small_steps() {
    let desk = Desk::new();
    let mut keeper = desk.kept(200);
    let rejected = vec![result(7, EventStatus::Rejected)];
    keeper.acknowledge(answered(150, NOW, rejected)).unwrap();
    days_pass(&desk, RETENTION_DAYS - 1);
    keeper
        .acknowledge(answered(151, NOW + (RETENTION_DAYS - 1) * DAY_MS, vec![]))
        .unwrap();
    rest(&mut keeper);
    assert_eq!(rows(&desk).len(), 200);
    days_pass(&desk, 2);
    keeper
        .acknowledge(answered(152, NOW + (RETENTION_DAYS + 1) * DAY_MS, vec![]))
        .unwrap();
    let mut steps = 0;
    while keeper.patience().is_some() {
        let before = rows(&desk).len();
        keeper.idle();
        let removed = before - rows(&desk).len();
        assert!(removed as u64 <= REMOVE_STEP);
        steps += usize::from(removed > 0);
    }
    let kept: Vec<u64> = [7].into_iter().chain(151..=200).collect();
    assert_eq!((rows(&desk), steps), (kept, 3));
    assert_eq!(keeper.published().state.pending, 48);
    assert_eq!(numbers(&all(&mut keeper)), (153..=200).collect::<Vec<_>>());
    assert_eq!(keeper.append(desk.rating()).unwrap().seq, 201);
    keeper.close();
    assert_eq!(verify(&desk.path()).unwrap().problems, Vec::<String>::new());
    assert_eq!(desk.keeper().published().state.pending, 49);
}

#[test]
fn a_portal_that_was_restored_behind_what_was_removed_gets_what_is_left() {
    let desk = Desk::new();
    let mut keeper = desk.kept(100);
    keeper.acknowledge(answered(80, NOW, vec![])).unwrap();
    days_pass(&desk, 31);
    keeper
        .acknowledge(answered(81, NOW + 31 * DAY_MS, vec![]))
        .unwrap();
    rest(&mut keeper);
    assert_eq!(rows(&desk), (81..=100).collect::<Vec<_>>());
    keeper
        .acknowledge(answered(10, NOW + 31 * DAY_MS, vec![]))
        .unwrap();
    assert_eq!(keeper.published().state.pending, 20);
    let results: Vec<_> = (81..=100)
        .map(|seq| result(seq, EventStatus::Accepted))
        .collect();
    let taken = keeper.acknowledge(answered(10, NOW + 31 * DAY_MS, results.clone()));
    assert_eq!(taken.unwrap(), Taken::Moved);
    assert_eq!(
        keeper.published().state.pending,
        0,
        "the portal holds what there is"
    );
    let taken = keeper.acknowledge(answered(10, NOW + 31 * DAY_MS, results));
    assert_eq!(taken.unwrap(), Taken::Nothing);
}

#[test]
fn what_waits_for_the_portal_never_goes_whatever_the_clock_says() {
    let desk = Desk::new();
    let mut keeper = desk.kept(70);
    keeper.acknowledge(answered(5, NOW, vec![])).unwrap();
    keeper.refuse(6, "422").unwrap();
    days_pass(&desk, 4_000);
    keeper
        .acknowledge(answered(
            5,
            NOW + 4_000 * DAY_MS,
            vec![result(7, EventStatus::Accepted)],
        ))
        .unwrap();
    rest(&mut keeper);
    let kept: Vec<u64> = [6].into_iter().chain(8..=70).collect();
    let left = rows(&desk);
    assert!(kept.iter().all(|seq| left.contains(seq)), "{left:?}");
}

#[test]
fn at_its_largest_the_journal_gives_up_acknowledged_events_and_then_refuses() {
    let desk = Desk::new();
    let mut keeper = desk.kept(200);
    keeper.acknowledge(answered(150, NOW, vec![])).unwrap();
    keeper.max_bytes = 60 * 1_024;
    let mut taken = 0;
    let fault = loop {
        match keeper.append(desk.rating()) {
            Ok(_) => taken += 1,
            Err(fault) => break fault,
        }
        assert!(taken < 1_000, "there is no end");
    };
    assert_eq!(fault.fault, crate::view::Fault::DiskFull);
    assert!(taken > 0, "room was made");
    let left = rows(&desk);
    assert_eq!(
        left,
        (151..=200 + taken).collect::<Vec<_>>(),
        "nothing that waits was dropped"
    );
    keeper
        .acknowledge(answered(200 + taken, NOW, vec![]))
        .unwrap();
    keeper.idle();
    assert_eq!(
        keeper.published().fault,
        None,
        "it serves again once the portal has taken some"
    );
}

#[test]
fn no_event_goes_by_a_single_reading_of_a_clock_that_is_wrong() {
    let desk = Desk::new();
    let mut keeper = desk.kept(100);
    let wrong = NOW + 4_000 * DAY_MS;
    keeper.acknowledge(answered(80, NOW, vec![])).unwrap();
    // A portal whose clock is ten years ahead, once; and now and then, for days.
    keeper.acknowledge(answered(81, wrong, vec![])).unwrap();
    rest(&mut keeper);
    for day in 1..5 {
        days_pass(&desk, 1);
        let right = NOW + day * DAY_MS;
        keeper.acknowledge(answered(81, wrong, vec![])).unwrap();
        rest(&mut keeper);
        keeper.acknowledge(answered(81, right, vec![])).unwrap();
        rest(&mut keeper);
    }
    assert_eq!(rows(&desk).len(), 100);
    // Two readings that agree, an hour apart.
    days_pass(&desk, 40);
    let right = NOW + 44 * DAY_MS;
    keeper.acknowledge(answered(81, right, vec![])).unwrap();
    rest(&mut keeper);
    assert_eq!(rows(&desk), (81..=100).collect::<Vec<_>>());
    // What was acknowledged at a wrong time alone counts from the next acknowledgement at a right
    // one.
    keeper.acknowledge(answered(82, right, vec![])).unwrap();
    for (day, passed, oldest) in [(73, 29, 81), (74, 1, 83)] {
        days_pass(&desk, passed);
        let right = NOW + day * DAY_MS;
        keeper.acknowledge(answered(82, right, vec![])).unwrap();
        rest(&mut keeper);
        assert_eq!(rows(&desk), (oldest..=100).collect::<Vec<_>>());
    }
}
