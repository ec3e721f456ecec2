//! How many ratings of the day there are, over restarts, midnights and ratings that were taken
//! back.

use super::*;
use crate::journal::Today;

/// When this boot began (Unix milliseconds).
const BEGAN: i64 = 1_800_000_000_000;

impl Desk {
    fn offset(&self, offset_ms: i64) -> BootOffset {
        BootOffset {
            boot: self.clock.boot(),
            offset_ms,
            quality: OffsetQuality::Synced,
        }
    }

    fn withdrawal(&self, rating: Id) -> NewEvent {
        NewEvent {
            content: Content::Withdrawal { rating },
            ..self.rating()
        }
    }

    /// The true time, by this boot's clock.
    fn now(&self) -> i64 {
        BEGAN + self.clock.up_ms() as i64
    }
}

fn rate(keeper: &mut Keeper, desk: &Desk) -> Id {
    keeper.append(desk.rating()).unwrap().id
}

/// What a keeper answers that is asked for the ratings since `since_ms`.
fn counted(keeper: &mut Keeper, desk: &Desk, since_ms: i64) -> Option<u64> {
    keeper.count_since(since_ms, desk.offset(BEGAN));
    let Today {
        since_ms: of,
        ratings,
    } = keeper.published().today.unwrap();
    assert_eq!(of, since_ms);
    ratings
}

fn published(keeper: &Keeper) -> Option<u64> {
    keeper.published().today.unwrap().ratings
}

#[test]
fn ratings_since_midnight_count_and_those_before_do_not() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    assert_eq!(keeper.published().today, None, "nobody asked");
    let midnight = desk.now() + 1;
    for _ in 0..4 {
        rate(&mut keeper, &desk);
    }
    assert_eq!(counted(&mut keeper, &desk, midnight), Some(4));
    rate(&mut keeper, &desk);
    assert_eq!(published(&keeper), Some(5), "it goes on counting");
    let next = desk.now() + 1;
    rate(&mut keeper, &desk);
    assert_eq!(published(&keeper), Some(6), "nobody said that it is a day");
    assert_eq!(counted(&mut keeper, &desk, next), Some(1));
}

#[test]
fn a_rating_that_was_taken_back_does_not_count_before_nor_after_it_is_counted() {
    let desk = Desk::new();
    let mut keeper = desk.kept(2);
    let first = rate(&mut keeper, &desk);
    keeper.append(desk.withdrawal(first)).unwrap();
    assert_eq!(counted(&mut keeper, &desk, BEGAN), Some(2));
    let second = rate(&mut keeper, &desk);
    assert_eq!(published(&keeper), Some(3));
    keeper.append(desk.withdrawal(second)).unwrap();
    assert_eq!(published(&keeper), Some(2));
}

#[test]
fn the_rating_before_midnight_that_is_taken_back_after_it_lessens_neither_day() {
    let desk = Desk::new();
    let mut keeper = desk.kept(0);
    let late = rate(&mut keeper, &desk);
    let midnight = desk.now() + 1;
    rate(&mut keeper, &desk);
    assert_eq!(counted(&mut keeper, &desk, midnight), Some(1));
    keeper.append(desk.withdrawal(late)).unwrap();
    assert_eq!(keeper.published().today, None, "it has to be counted anew");
    assert_eq!(counted(&mut keeper, &desk, midnight), Some(1));
}

#[test]
fn the_count_survives_a_restart_of_the_program() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    let last = rate(&mut keeper, &desk);
    assert_eq!(counted(&mut keeper, &desk, BEGAN), Some(4));
    keeper.close();
    let mut again = desk.keeper();
    assert_eq!(again.published().today, None);
    assert_eq!(counted(&mut again, &desk, BEGAN), Some(4));
    again.append(desk.withdrawal(last)).unwrap();
    assert_eq!(published(&again), Some(3));
}

#[test]
fn ratings_of_an_earlier_boot_count_where_its_clock_was_measured() {
    let earlier = Desk::new();
    let mut keeper = earlier.kept(3);
    keeper.learn_offset(earlier.offset(BEGAN)).unwrap();
    drop(keeper);
    let boot = "7c1d6f0e-2222-4222-8333-444455556666".parse().unwrap();
    let desk = Desk {
        clock: TestClock::new(boot, 0),
        ..earlier
    };
    let mut keeper = desk.keeper();
    keeper.append(desk.rating()).unwrap();
    let began = BEGAN + 60_000;
    keeper.count_since(BEGAN, desk.offset(began));
    assert_eq!(published(&keeper), Some(4));
    keeper.count_since(began, desk.offset(began));
    assert_eq!(published(&keeper), Some(1));
}

#[test]
fn ratings_of_a_boot_whose_clock_nobody_knew_do_not_count() {
    let earlier = Desk::new();
    drop(earlier.kept(3));
    let boot = "7c1d6f0e-2222-4222-8333-444455556666".parse().unwrap();
    let desk = Desk {
        clock: TestClock::new(boot, 0),
        ..earlier
    };
    let mut keeper = desk.keeper();
    keeper.append(desk.rating()).unwrap();
    // What is learnt of this boot gives the one before an estimate, which is no date.
    keeper.learn_offset(desk.offset(BEGAN)).unwrap();
    keeper.count_since(BEGAN - 86_400_000, desk.offset(BEGAN));
    assert_eq!(published(&keeper), Some(1));
}

#[test]
fn a_day_is_counted_anew_when_the_clock_is_known_better() {
    let desk = Desk::new();
    let mut keeper = desk.kept(3);
    assert_eq!(counted(&mut keeper, &desk, BEGAN), Some(3));
    keeper
        .learn_offset(desk.offset(BEGAN - 86_400_000))
        .unwrap();
    assert_eq!(keeper.published().today, None);
    keeper.count_since(BEGAN, desk.offset(BEGAN - 86_400_000));
    assert_eq!(published(&keeper), Some(0), "they were yesterday's");
}

#[test]
fn a_day_with_more_events_than_are_looked_at_is_not_told() {
    use crate::limits::MAX_COUNTED_EVENTS;
    let desk = Desk::new();
    let journal = desk.create();
    let connection = &journal.connection;
    // Appends would take minutes.
    let begun = connection.unchecked_transaction().unwrap();
    let text = pikir_contract::canonical_value(&desk.rating().into_body().to_value()).unwrap();
    for seq in 1..=MAX_COUNTED_EVENTS {
        begun
            .execute(
                "INSERT INTO events (seq, kind, body, seal) VALUES (?1, 'rating', ?2, zeroblob(16))",
                rusqlite::params![seq as i64, text],
            )
            .unwrap();
    }
    begun.commit().unwrap();
    let tally = journal.ratings_since(BEGAN, desk.offset(BEGAN)).unwrap();
    assert_eq!(tally.today.ratings, None);
    journal
        .connection()
        .execute("DELETE FROM events WHERE seq = 1", [])
        .unwrap();
    let tally = journal.ratings_since(BEGAN, desk.offset(BEGAN)).unwrap();
    assert_eq!(
        tally.today.ratings,
        Some(MAX_COUNTED_EVENTS as u64 - 1),
        "one fewer can be counted"
    );
}

#[test]
fn a_journal_that_was_mended_while_it_was_counted_is_counted_when_somebody_asks_again() {
    let desk = Desk::new();
    let mut keeper = desk.kept(4);
    let journal = keeper.journal.as_ref().unwrap();
    journal
        .connection()
        .execute("UPDATE events SET body = '{' WHERE seq = 2", [])
        .unwrap();
    keeper.count_since(BEGAN, desk.offset(BEGAN));
    assert_eq!(keeper.published().today, None);
    assert_eq!(
        counted(&mut keeper, &desk, BEGAN),
        Some(4),
        "the log still has the page as it was before"
    );
}

#[tokio::test]
async fn whoever_follows_the_journal_hears_of_the_count_that_somebody_asked_for() {
    let desk = Desk::new();
    drop(desk.filled(3));
    let (clock, entropy) = (desk.clock.clone(), desk.entropy.clone());
    let handle = JournalHandle::start(desk.path(), desk.terminal(), clock, entropy).unwrap();
    let mut published = handle.subscribe();
    handle.count_since(BEGAN, desk.offset(BEGAN));
    let counted = |ratings| {
        move |it: &Published| it.today.is_some_and(|today| today.ratings == Some(ratings))
    };
    published.wait_for(counted(3)).await.unwrap();
    assert!(handle.append_durably(desk.rating()).await);
    published.wait_for(counted(4)).await.unwrap();
    handle.stop();
}
