//! How the portal's answers move the cursor, what of it is written when, and what that says of
//! events made ready ahead.

use super::*;
use crate::journal::file::rows::read_state;
use crate::limits::{MAX_UNWRITTEN_ANSWERS, OFFER_AGAIN_MS};

/// A keeper with this many ratings whose portal has answered, holding the first of them.
fn delivering(desk: &Desk, ratings: u64) -> Keeper {
    let mut keeper = desk.kept(ratings);
    keeper.is_confirmed = true;
    keeper.batch(1, usize::MAX).unwrap();
    let first = keeper.acknowledge(answer(1, vec![])).unwrap();
    assert_eq!(first, Taken::Moved, "the day's first answer is noted");
    keeper
}

fn next(keeper: &mut Keeper, limit: usize) -> Vec<u64> {
    numbers(&keeper.batch(limit, usize::MAX).unwrap().events)
}

fn ahead(keeper: &mut Keeper, limit: usize) -> Vec<u64> {
    numbers(&keeper.batch_ahead(limit, usize::MAX).unwrap().events)
}

/// What the file says.
fn written(desk: &Desk) -> u64 {
    let connection = rusqlite::Connection::open(desk.path()).unwrap();
    let sql = "SELECT received_through FROM chain";
    let through: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    through as u64
}

#[test]
fn the_usual_answer_writes_nothing_and_the_next_append_keeps_it() {
    let desk = Desk::new();
    let mut keeper = delivering(&desk, 20);
    assert_eq!(next(&mut keeper, 3), [2, 3, 4]);
    assert_eq!(ahead(&mut keeper, 2), [5, 6]);
    assert_eq!(
        keeper.acknowledge(answer(4, vec![])).unwrap(),
        Taken::AsOffered
    );
    let state = keeper.published().state;
    assert_eq!((state.received_through, state.pending), (4, 16));
    assert_eq!(written(&desk), 1);
    keeper.append(desk.rating()).unwrap();
    assert_eq!(written(&desk), 4);
    // What was made ready ahead has become what is offered.
    assert_eq!(
        keeper.acknowledge(answer(6, vec![])).unwrap(),
        Taken::AsOffered
    );
    assert_eq!(next(&mut keeper, 2), [7, 8]);
    assert_eq!(verify(&desk.path()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn the_cursor_is_written_in_idle_time_at_the_end_and_when_many_answers_came() {
    let desk = Desk::new();
    let mut keeper = delivering(&desk, 100);
    let deliver = |keeper: &mut Keeper| {
        let through = next(keeper, 1)[0];
        assert_eq!(
            keeper.acknowledge(answer(through, vec![])).unwrap(),
            Taken::AsOffered
        );
        through
    };
    for _ in 1..MAX_UNWRITTEN_ANSWERS {
        deliver(&mut keeper);
        assert_eq!(written(&desk), 1);
    }
    assert_eq!(deliver(&mut keeper), written(&desk));
    let through = deliver(&mut keeper);
    keeper.idle();
    assert_eq!(written(&desk), through);
    let through = deliver(&mut keeper);
    keeper.close();
    assert_eq!(written(&desk), through);
}

#[test]
fn an_end_without_warning_makes_the_terminal_offer_again_what_was_acknowledged_and_nothing_else() {
    let desk = Desk::new();
    let mut keeper = delivering(&desk, 10);
    next(&mut keeper, 4);
    assert_eq!(
        keeper.acknowledge(answer(5, vec![])).unwrap(),
        Taken::AsOffered
    );
    drop(keeper);
    let mut keeper = desk.keeper();
    assert_eq!(next(&mut keeper, 100), (2..=10).collect::<Vec<_>>());
    // The portal says how far it really is.
    let duplicates = (2..=10).map(|seq| result(seq, EventStatus::Duplicate));
    assert_eq!(
        keeper
            .acknowledge(answer(10, duplicates.collect()))
            .unwrap(),
        Taken::Moved
    );
    assert_eq!(keeper.published().state.pending, 0);
    assert_eq!(keeper.published().recovered, None);
}

#[test]
fn whatever_else_the_portal_says_voids_what_was_made_ready_ahead() {
    let rejects = answer(4, vec![result(3, EventStatus::Rejected)]);
    let holds_more = answer(4, vec![result(6, EventStatus::Duplicate)]);
    let another_day = EventsAnswer {
        time: Time::from_unix_ms(3 * 86_400_000).unwrap(),
        ..answer(4, vec![])
    };
    for (other, then) in [
        (answer(3, vec![]), vec![4, 5]),
        (answer(7, vec![]), vec![8, 9]),
        (answer(0, vec![]), vec![1, 2]),
        (rejects, vec![5, 6]),
        (holds_more, vec![5, 6]),
        (another_day, vec![5, 6]),
    ] {
        let desk = Desk::new();
        let mut keeper = delivering(&desk, 20);
        next(&mut keeper, 3);
        ahead(&mut keeper, 3);
        assert_eq!(
            keeper.acknowledge(other.clone()).unwrap(),
            Taken::Moved,
            "{other:?}"
        );
        assert_eq!(written(&desk), other.received_through);
        assert_eq!(next(&mut keeper, 2), then, "{other:?}");
    }
}

#[test]
fn nothing_is_made_ready_before_the_portal_has_answered_once() {
    let desk = Desk::new();
    desk.kept(5).close();
    let mut keeper = desk.keeper();
    assert_eq!(next(&mut keeper, 2), [1, 2]);
    assert_eq!(ahead(&mut keeper, 2), Vec::<u64>::new());
    assert_eq!(keeper.acknowledge(answer(2, vec![])).unwrap(), Taken::Moved);
    assert_eq!(next(&mut keeper, 2), [3, 4]);
    assert_eq!(ahead(&mut keeper, 2), [5]);
}

#[derive(Debug, Clone)]
enum Step {
    Append,
    Offer(usize),
    OfferAhead(usize),
    /// The answer that is hoped for.
    AcknowledgeOffer,
    /// Any answer; the second number is rejected, where it is one of an event.
    Acknowledge(u64, u64),
    Refuse(u64),
    Idle,
    /// Without warning.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Append),
        4 => (1_usize..6).prop_map(Step::Offer),
        4 => (1_usize..6).prop_map(Step::OfferAhead),
        8 => Just(Step::AcknowledgeOffer),
        2 => (0_u64..30, 0_u64..40).prop_map(|(to, bad)| Step::Acknowledge(to, bad)),
        1 => (1_u64..30).prop_map(Step::Refuse),
        1 => Just(Step::Idle),
        1 => Just(Step::Restart),
    ]
}

/// A keeper, and what was handed out to be sent.
struct Play {
    desk: Desk,
    keeper: Keeper,
    offered: Vec<u64>,
    ahead: Vec<u64>,
}

impl Play {
    fn take(&mut self, answer: EventsAnswer) {
        if answer.received_through > self.keeper.published().state.last_seq {
            return;
        }
        let ahead = std::mem::take(&mut self.ahead);
        let offered = std::mem::take(&mut self.offered);
        if self.keeper.acknowledge(answer).unwrap() == Taken::AsOffered {
            let journal = self.keeper.journal.as_ref().unwrap();
            let due = journal.batch(ahead.len(), usize::MAX).unwrap().events;
            assert_eq!(ahead, numbers(&due), "made ready behind {offered:?}");
            self.offered = ahead;
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Append => drop(self.keeper.append(self.desk.rating()).unwrap()),
            Step::Offer(limit) => {
                self.offered = next(&mut self.keeper, limit);
                self.ahead.clear();
            }
            Step::OfferAhead(limit) => self.ahead = ahead(&mut self.keeper, limit),
            Step::AcknowledgeOffer => {
                if let Some(last) = self.offered.last() {
                    self.take(answer(*last, vec![]));
                }
            }
            Step::Acknowledge(to, bad) => {
                let exists = (1..=self.keeper.published().state.last_seq).contains(&bad);
                let rejected = exists.then(|| result(bad, EventStatus::Rejected));
                self.take(answer(to, rejected.into_iter().collect()));
            }
            Step::Refuse(seq) => {
                self.keeper.refuse(seq, "422").unwrap();
                (self.offered, self.ahead) = (Vec::new(), Vec::new());
            }
            Step::Idle => self.keeper.idle(),
            Step::Restart => {
                self.keeper = self.desk.keeper();
                self.keeper.is_confirmed = true;
                (self.offered, self.ahead) = (Vec::new(), Vec::new());
            }
        }
    }

    /// What is known without reading is what reading would say.
    fn check(&mut self) {
        let journal = self.keeper.journal.as_mut().unwrap();
        let mut read = read_state(&journal.connection).unwrap();
        if journal.unwritten > 0 {
            assert!(read.received_through < journal.state().received_through);
            let through = journal.state().received_through;
            let sql = "SELECT count(*) FROM events WHERE fate IS NULL AND seq > ?1";
            let pending = journal
                .connection
                .query_row(sql, [through as i64], |row| row.get::<_, i64>(0));
            (read.received_through, read.pending) = (through, pending.unwrap() as u64);
        }
        assert_eq!(read, journal.state());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_was_made_ready_ahead_is_what_comes_next_whenever_the_keeper_says_so(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let desk = Desk::new();
        let keeper = delivering(&desk, 12);
        let mut play = Play { desk, keeper, offered: Vec::new(), ahead: Vec::new() };
        for step in &steps {
            play.step(step);
            play.check();
        }
        let path = play.desk.path();
        play.keeper.close();
        prop_assert_eq!(verify(&path).unwrap().problems, Vec::<String>::new());
    }
}

#[test]
fn behind_a_gap_that_nobody_fills_everything_is_offered_once_more_each_day() {
    let desk = Desk::new();
    let mut keeper = delivering(&desk, 6);
    keeper.refuse(2, "a portal's fault").unwrap();
    assert_eq!(next(&mut keeper, 10), [3, 4, 5, 6]);
    let held = |seqs: std::ops::RangeInclusive<u64>| {
        let held = seqs.map(|seq| result(seq, EventStatus::Accepted));
        answer(1, held.collect())
    };
    keeper.acknowledge(held(3..=6)).unwrap();
    assert_eq!(next(&mut keeper, 10), [] as [u64; 0]);

    // The portal is restored to a backup of before 5 and 6: it still says 1.
    desk.clock.advance_ms(OFFER_AGAIN_MS);
    keeper.append(desk.rating()).unwrap();
    assert_eq!(next(&mut keeper, 10), [7]);
    assert_eq!(keeper.acknowledge(held(7..=7)).unwrap(), Taken::Moved);
    assert_eq!(next(&mut keeper, 10), [2, 3, 4, 5, 6, 7]);
    keeper.refuse(2, "a portal's fault").unwrap();
    keeper.acknowledge(held(3..=7)).unwrap();
    keeper.append(desk.rating()).unwrap();
    assert_eq!(next(&mut keeper, 10), [8], "once a day");
}
