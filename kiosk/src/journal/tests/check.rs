//! Damage that no opening stumbles over, and the check that finds it.

use std::fs;
use std::sync::atomic::Ordering;

use super::*;
use crate::limits::CHECK_AT_OPEN_BYTES;

const PAGE: usize = 4_096;

/// A journal of this many ratings that was closed in order, and `padding` bytes more.
fn closed(count: u64, padding: u64) -> Desk {
    let desk = Desk::new();
    let keeper = desk.kept(count);
    let connection = keeper.journal.as_ref().unwrap().connection();
    connection
        .execute_batch(&format!(
            "CREATE TABLE padding (bytes BLOB);
             WITH RECURSIVE rows(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n < {padding} / 3000)
             INSERT INTO padding SELECT zeroblob(3000) FROM rows"
        ))
        .unwrap();
    keeper.close();
    desk
}

/// Puts two pages of events in each other's place: each of them is sound.
fn swap_pages_of_events(desk: &Desk) {
    let mut content = fs::read(desk.path()).unwrap();
    let leaves: Vec<usize> = (1..content.len() / PAGE)
        .filter(|page| {
            let page = &content[page * PAGE..(page + 1) * PAGE];
            page[0] == 0x0d && page.windows(8).any(|bytes| bytes == b"\"score\":")
        })
        .collect();
    let (one, other) = (leaves[1], leaves[2]);
    let kept = content[one * PAGE..(one + 1) * PAGE].to_vec();
    content.copy_within(other * PAGE..(other + 1) * PAGE, one * PAGE);
    content[other * PAGE..(other + 1) * PAGE].copy_from_slice(&kept);
    fs::write(desk.path(), content).unwrap();
}

fn recovered(keeper: &Keeper) -> Option<String> {
    keeper.published().recovered
}

#[test]
fn swapped_pages_are_noticed_at_the_next_opening_although_the_end_was_clean() {
    let desk = closed(60, 0);
    swap_pages_of_events(&desk);
    let mut keeper = desk.keeper();
    let said = recovered(&keeper).unwrap();
    assert!(
        said.contains("every event up to 60 could be read"),
        "{said}"
    );
    assert_eq!(all(&mut keeper).len(), 61, "all of them, and the notice");
}

#[test]
fn a_large_journal_opens_at_once_and_is_checked_when_nobody_waits_for_it() {
    let desk = closed(60, CHECK_AT_OPEN_BYTES);
    swap_pages_of_events(&desk);
    let mut keeper = desk.keeper();
    assert_eq!(recovered(&keeper), None);
    keeper.idle();
    assert!(keeper.patience().is_some(), "a check is due");
    keeper.waiting.fetch_add(1, Ordering::SeqCst);
    for _ in 0..3 {
        keeper.idle();
    }
    assert_eq!(recovered(&keeper), None, "whoever waits goes first");
    keeper.waiting.fetch_sub(1, Ordering::SeqCst);
    keeper.idle();
    let said = recovered(&keeper).unwrap();
    assert!(
        said.contains("every event up to 60 could be read"),
        "{said}"
    );
}

#[test]
fn a_sound_journal_is_checked_once_and_nothing_more_is_due() {
    let desk = closed(3, CHECK_AT_OPEN_BYTES);
    let mut keeper = desk.keeper();
    for _ in 0..2 {
        assert!(keeper.patience().is_some());
        keeper.idle();
    }
    assert_eq!((keeper.patience(), recovered(&keeper)), (None, None));
}

#[test]
fn a_table_that_reads_as_empty_is_noticed() {
    let desk = closed(3, 0);
    rusqlite::Connection::open(desk.path())
        .unwrap()
        .execute("DELETE FROM events WHERE seq = 2", [])
        .unwrap();
    let said = recovered(&desk.keeper()).unwrap();
    assert!(
        said.contains("1 of 3 events could not be read (seq 2)"),
        "{said}"
    );
}

#[test]
fn a_bit_that_flips_in_what_is_known_of_a_clock_makes_it_unknown_and_not_another_time() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    let offset_ms = 1_795_312_800_123_i64;
    let offset = BootOffset {
        boot: desk.clock.boot(),
        offset_ms,
        quality: OffsetQuality::Synced,
    };
    keeper.learn_offset(offset).unwrap();
    keeper.close();
    let mut content = fs::read(desk.path()).unwrap();
    let written = &offset_ms.to_be_bytes()[2..];
    let places: Vec<usize> = (0..content.len() - 6)
        .filter(|at| content[*at..].starts_with(written))
        .collect();
    let [at] = places[..] else {
        panic!("it is written once as it is: {places:?}")
    };
    content[at + 2] ^= 1;
    fs::write(desk.path(), content).unwrap();
    let mut keeper = desk.keeper();
    assert!(recovered(&keeper).is_some());
    assert_eq!(keeper.batch(10, usize::MAX).unwrap().boots, []);
}

#[test]
fn a_journal_that_cannot_be_opened_is_not_taken_for_a_delivered_one() {
    let desk = Desk::new();
    let published = desk.keeper().published();
    assert_eq!(published.state.pending, 0, "it knows of none");
    assert!(!published.is_delivered());
    let mut keeper = desk.kept(2);
    assert!(!keeper.published().is_delivered());
    all(&mut keeper);
    keeper.acknowledge(answer(2, vec![])).unwrap();
    assert!(keeper.published().is_delivered());
}
