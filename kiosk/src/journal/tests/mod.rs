//! The journal against its specification (the header of `mod.rs`).

use std::path::PathBuf;

use pikir_contract::{
    BootOffset, EventResult, EventStatus, EventsAnswer, Id, InputKind, OffsetQuality, RejectReason,
    Score, SealKey, Time,
};
use proptest::prelude::*;

use super::*;
use crate::platform::clock::{Clock, TestClock};
use crate::platform::entropy::{Entropy, TestEntropy};

mod care;
mod check;
mod cursor;
mod damage;
mod export;
mod offering;
mod recovery;
mod retention;
mod tail;
mod today;
mod versions;

const FIRST_KEY: [u8; 32] = [42; 32];

struct Desk {
    dir: tempfile::TempDir,
    clock: std::sync::Arc<TestClock>,
    entropy: std::sync::Arc<TestEntropy>,
}

impl Desk {
    fn new() -> Self {
        let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
        Self {
            dir: tempfile::tempdir().unwrap(),
            clock: TestClock::new(boot, 1_800_000_000_000),
            entropy: TestEntropy::new(9),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("journal.db")
    }

    fn create(&self) -> Journal {
        let mut journal = Journal::create(&self.path(), &SealKey::from_bytes(FIRST_KEY)).unwrap();
        journal.set_terminal(self.terminal()).unwrap();
        journal
    }

    fn rating(&self) -> NewEvent {
        self.clock.advance_ms(700);
        let content = Content::Rating {
            score: Score::new(3).unwrap(),
            lang: "ky".into(),
            input: InputKind::Keypad,
            gap_ms: None,
            flags: Vec::new(),
            touched: None,
        };
        NewEvent {
            id: self.entropy.id(self.clock.wall_ms()),
            at: self.clock.reading(),
            content,
        }
    }

    /// The journal as the terminal keeps it; made anew where there is none and no trace of one.
    fn keeper(&self) -> Keeper {
        Keeper::open(
            self.path(),
            self.terminal(),
            self.clock.clone(),
            self.entropy.clone(),
        )
    }

    fn terminal(&self) -> Id {
        TestEntropy::new(1).id(1)
    }

    /// A keeper of a new journal with this many ratings; the portal has been asked about it.
    fn kept(&self, count: u64) -> Keeper {
        drop(self.create());
        let mut keeper = self.keeper();
        keeper.journal.as_mut().unwrap().end_doubt().unwrap();
        keeper.is_confirmed = true;
        for _ in 0..count {
            keeper.append(self.rating()).unwrap();
        }
        keeper
    }

    fn filled(&self, count: u64) -> Journal {
        let mut journal = self.create();
        for _ in 0..count {
            journal.append(self.rating()).unwrap();
        }
        journal
    }
}

fn answer(received_through: u64, results: Vec<EventResult>) -> EventsAnswer {
    EventsAnswer {
        received_through,
        results,
        time: Time::from_unix_ms(0).unwrap(),
    }
}

fn result(seq: u64, status: EventStatus) -> EventResult {
    let reason = (status == EventStatus::Rejected).then_some(RejectReason::Malformed);
    EventResult {
        seq,
        status,
        reason,
    }
}

/// Every event must verify with the chain that began at the first key.
fn assert_sealed(events: &[pikir_contract::Event]) {
    for event in events {
        let key = SealKey::from_bytes(FIRST_KEY).advance(event.seq - 1);
        let sealed = key.verify(event.seq, &event.kind, &event.body, &event.seal);
        assert!(sealed.unwrap(), "seq {}", event.seq);
    }
}

/// Everything that waits, as a portal gets it that has answered before.
fn all(journal: &mut Keeper) -> Vec<pikir_contract::Event> {
    journal.is_confirmed = true;
    offered(journal)
}

/// What is to be sent next.
fn offered(journal: &mut Keeper) -> Vec<pikir_contract::Event> {
    journal.batch(100_000, usize::MAX).unwrap().events
}

fn numbers(events: &[pikir_contract::Event]) -> Vec<u64> {
    events.iter().map(|event| event.seq).collect()
}

fn seqs(journal: &Journal) -> Vec<u64> {
    journal
        .batch(1_000, usize::MAX)
        .unwrap()
        .events
        .iter()
        .map(|event| event.seq)
        .collect()
}

#[test]
fn events_are_numbered_without_gaps_also_across_restarts_and_each_seal_verifies() {
    let desk = Desk::new();
    drop(desk.filled(5));
    let mut journal = Journal::open(&desk.path()).unwrap();
    for _ in 0..5 {
        journal.append(desk.rating()).unwrap();
    }
    let events = journal.batch(1_000, usize::MAX).unwrap().events;
    assert_eq!(
        events.iter().map(|event| event.seq).collect::<Vec<_>>(),
        (1..=10).collect::<Vec<_>>()
    );
    let mut key = SealKey::from_bytes(FIRST_KEY);
    for event in events {
        assert!(
            key.verify(event.seq, &event.kind, &event.body, &event.seal)
                .unwrap(),
            "seq {}",
            event.seq
        );
        key = key.next();
    }
}

#[test]
fn the_body_lies_in_the_file_as_the_canonical_json_that_was_sealed() {
    let desk = Desk::new();
    let journal = desk.filled(1);
    let text: String = journal
        .connection()
        .query_row("SELECT body FROM events", [], |row| row.get(0))
        .unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(pikir_contract::canonical_json(&value).unwrap(), text);
    assert!(text.contains(r#""score":3"#), "{text}");
}

#[test]
fn a_used_ratchet_key_is_nowhere_in_the_files_once_the_terminal_was_quiet() {
    let desk = Desk::new();
    let journal = desk.filled(40);
    journal.checkpoint().unwrap();
    let bytes: Vec<u8> = ["journal.db", "journal.db-wal"]
        .iter()
        .flat_map(|name| std::fs::read(desk.dir.path().join(name)).unwrap_or_default())
        .collect();
    let holds = |key: &SealKey| bytes.windows(32).any(|window| window == key.as_bytes());
    let mut key = SealKey::from_bytes(FIRST_KEY);
    for seq in 1..=40 {
        assert!(!holds(&key), "K_{seq} is still there");
        key = key.next();
    }
    assert!(
        holds(&key),
        "the search finds the key in use, so it can find others"
    );
}

#[test]
fn an_append_that_does_not_commit_leaves_neither_event_nor_ratchet_step() {
    let desk = Desk::new();
    let mut journal = desk.filled(2);
    let locker = rusqlite::Connection::open(desk.path()).unwrap();
    locker
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE UPDATE ON chain BEGIN SELECT RAISE(FAIL, 'disk'); END",
        )
        .unwrap();
    assert!(journal.append(desk.rating()).is_err());
    locker.execute_batch("DROP TRIGGER refuse").unwrap();
    assert_eq!(journal.append(desk.rating()).unwrap().seq, 3);
    assert_eq!(verify(&desk.path()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_better_clock_replaces_a_worse_one_and_travels_with_the_batch() {
    let desk = Desk::new();
    let mut journal = desk.filled(1);
    let offset = |offset_ms, quality| BootOffset {
        boot: desk.clock.boot(),
        offset_ms,
        quality,
    };
    for (known, expected) in [
        (offset(10, OffsetQuality::Portal), 10),
        (offset(20, OffsetQuality::Synced), 20),
        (offset(30, OffsetQuality::Portal), 20),
    ] {
        journal.learn_offset(&known).unwrap();
        assert_eq!(journal.batch(1, 1).unwrap().boots[0].offset_ms, expected);
    }
}

#[test]
fn the_first_event_of_a_boot_is_noted_once() {
    let desk = Desk::new();
    let journal = desk.filled(3);
    drop(journal);
    Journal::open(&desk.path())
        .unwrap()
        .append(desk.rating())
        .unwrap();
    let first: i64 = Journal::open(&desk.path())
        .unwrap()
        .connection()
        .query_row("SELECT first_seq FROM boots", [], |row| row.get(0))
        .unwrap();
    assert_eq!(first, 1);
}

#[test]
fn verify_finds_what_was_changed_by_hand() {
    let desk = Desk::new();
    drop(desk.filled(6));
    assert!(verify(&desk.path()).unwrap().problems.is_empty());
    let connection = rusqlite::Connection::open(desk.path()).unwrap();
    connection
        .execute("DELETE FROM events WHERE seq = 3", [])
        .unwrap();
    connection
        .execute(
            "UPDATE events SET body = replace(body, '\"score\":3', '\"score\":6') WHERE seq = 5",
            [],
        )
        .unwrap();
    drop(connection);
    let problems = verify(&desk.path()).unwrap().problems;
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].contains("events 3 to 3 are missing") && problems[1].starts_with("event 5: "),
        "{problems:?}"
    );
}

#[test]
fn a_thread_without_a_journal_says_so_and_serves_once_there_is_one() {
    let desk = Desk::new();
    let handle = JournalHandle::start(
        desk.path(),
        desk.entropy.id(1),
        desk.clock.clone(),
        desk.entropy.clone(),
    )
    .unwrap();
    assert!(
        handle
            .published()
            .fault
            .unwrap()
            .detail
            .contains("pikir-provision enroll")
    );
    drop(desk.filled(2));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut published = handle.subscribe();
    let healed = runtime
        .block_on(published.wait_for(|published| published.fault.is_none()))
        .unwrap()
        .clone();
    assert_eq!(healed.state.last_seq, 2);
    handle.stop();
}

#[derive(Debug, Clone)]
enum Act {
    Append,
    Acknowledge(u64),
    Refuse(u64),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => Just(Act::Append),
        4 => (0_u64..60).prop_map(Act::Acknowledge),
        1 => (1_u64..60).prop_map(Act::Refuse),
        1 => Just(Act::Restart),
    ]
}

fn check(
    journal: &Journal,
    appended: u64,
    through: u64,
    refused: &std::collections::BTreeSet<u64>,
) {
    let waiting: Vec<u64> = (through + 1..=appended)
        .filter(|seq| !refused.contains(seq))
        .collect();
    assert_eq!(seqs(journal), waiting);
    let state = journal.state();
    assert_eq!(
        (state.last_seq, state.received_through, state.pending),
        (appended, through, waiting.len() as u64)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_journal_agrees_with_a_simple_model(acts in prop::collection::vec(act(), 1..50)) {
        let desk = Desk::new();
        let mut journal = desk.create();
        let (mut appended, mut through) = (0, 0);
        let mut refused = std::collections::BTreeSet::new();
        for act in acts {
            match act {
                Act::Append => {
                    journal.append(desk.rating()).unwrap();
                    appended += 1;
                }
                Act::Acknowledge(to) if to <= appended => {
                    if to < through {
                        refused.retain(|seq| *seq <= to);
                    }
                    journal.acknowledge(&answer(to, vec![])).unwrap();
                    through = to;
                }
                Act::Refuse(seq) if seq <= appended && seq > through => {
                    journal.refuse(seq, "422").unwrap();
                    refused.insert(seq);
                }
                Act::Restart => {
                    drop(journal);
                    journal = Journal::open(&desk.path()).unwrap();
                    refused.clear();
                }
                Act::Acknowledge(_) | Act::Refuse(_) => {}
            }
            check(&journal, appended, through, &refused);
        }
        prop_assert_eq!(verify(&desk.path()).unwrap().problems, Vec::<String>::new());
    }
}
