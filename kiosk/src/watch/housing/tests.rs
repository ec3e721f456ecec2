use super::*;
use crate::journal::Journal;
use crate::platform::clock::{Clock, TestClock};
use crate::platform::entropy::{Entropy, TestEntropy};
use pikir_contract::{EventsAnswer, SealKey};
use std::sync::Arc;
use std::time::Duration;

/// A terminal with a journal; runs begin and end on it.
struct Terminal {
    dir: tempfile::TempDir,
    clock: Arc<TestClock>,
    entropy: Arc<TestEntropy>,
    journal: JournalHandle,
}

impl Terminal {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = DataDir::new(Some(dir.path())).journal();
        let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
        let (clock, entropy) = (TestClock::new(boot, 0), TestEntropy::new(1));
        drop(Journal::create(&path, &SealKey::from_bytes([1; 32])).unwrap());
        let id = entropy.id(0);
        let journal = JournalHandle::start(path, id, clock.clone(), entropy.clone()).unwrap();
        Self {
            dir,
            clock,
            entropy,
            journal,
        }
    }

    /// One run of the program: the switch tells these states, each after the one before was looked
    /// at.
    async fn run(&self, states: &[bool]) {
        let sender = watch::Sender::new(Housing::default());
        let watch = TamperWatch {
            data: DataDir::new(Some(self.dir.path())),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            journal: self.journal.clone(),
            housing: sender.subscribe(),
        };
        let running = tokio::spawn(watch.run());
        for open in states {
            sender.send_modify(|housing| housing.stands(*open));
            // Time is paused: this lets the watch come to rest.
            tokio::time::sleep(2 * TAMPER_PAUSE_MAX).await;
        }
        drop(sender);
        running.await.unwrap();
    }

    async fn told(&self) -> Vec<String> {
        // As the first answer does after a start: nothing taken since is offered before.
        let nothing_yet = EventsAnswer {
            received_through: 0,
            results: Vec::new(),
            time: self.clock.reading().wall,
        };
        self.journal.batch(500, 1_000_000).await.unwrap();
        self.journal.acknowledge(nothing_yet).await.unwrap();
        let batch = self.journal.batch(500, 1_000_000).await.unwrap();
        let detail = |body: &serde_json::Value| {
            assert_eq!(body["what"], Notice::TAMPER);
            body["detail"].as_str().unwrap().to_owned()
        };
        batch
            .events
            .iter()
            .map(|event| detail(&event.body))
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn opening_and_closing_are_told_and_a_new_terminal_with_a_closed_housing_is_not() {
    let terminal = Terminal::new();
    terminal.run(&[false]).await;
    assert!(terminal.told().await.is_empty());
    terminal.run(&[false, true, false]).await;
    assert_eq!(terminal.told().await, ["housing opened", "housing closed"]);
}

#[tokio::test(start_paused = true)]
async fn what_happened_while_the_terminal_was_off_is_told_at_the_next_start_once() {
    let terminal = Terminal::new();
    terminal.run(&[false]).await;
    terminal.run(&[true]).await;
    terminal.run(&[true]).await;
    terminal.run(&[false]).await;
    assert_eq!(
        terminal.told().await,
        [
            "housing opened while the terminal was off",
            "housing closed while the terminal was off"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_set_up_open_says_so_and_a_lost_record_is_no_silence() {
    let terminal = Terminal::new();
    terminal.run(&[true]).await;
    std::fs::write(terminal.dir.path().join("housing"), "?").unwrap();
    terminal.run(&[true, false]).await;
    assert_eq!(
        terminal.told().await,
        [
            "housing open at the first start",
            "housing open at the first start",
            "housing closed"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_loose_switch_does_not_fill_the_journal_and_is_not_forgotten() {
    let terminal = Terminal::new();
    let sender = watch::Sender::new(Housing::default());
    let watch = TamperWatch {
        data: DataDir::new(Some(terminal.dir.path())),
        clock: terminal.clock.clone(),
        entropy: terminal.entropy.clone(),
        journal: terminal.journal.clone(),
        housing: sender.subscribe(),
    };
    let running = tokio::spawn(watch.run());
    // Six hours of it, every second.
    for second in 0..6 * 3_600 {
        sender.send_modify(|housing| housing.stands(second % 2 == 1));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let openings = sender.borrow().openings;
    drop(sender);
    running.await.unwrap();
    let told = terminal.told().await;
    // The clock of this test runs on while the disk is waited for, so a slow one sees fewer of
    // them.
    assert!((2..=60).contains(&told.len()), "{} notices", told.len());
    let counted: u64 = told
        .iter()
        .map(|detail| {
            let number = detail.split(' ').find_map(|word| word.parse().ok());
            number.unwrap_or(u64::from(detail.contains("opened")))
        })
        .sum();
    assert!(
        counted <= openings && counted + 700 >= openings,
        "{counted} of {openings}"
    );
}

#[test]
fn an_opening_between_two_looks_is_not_missed() {
    let mut housing = Housing::default();
    let mut told = Told::new(Some(false), housing);
    housing.stands(false);
    told.accept(housing);
    housing.stands(true);
    housing.stands(false);
    assert_eq!(
        told.news(housing),
        News::Tell(false, "housing opened and closed".into())
    );
    housing.stands(true);
    housing.stands(false);
    housing.stands(true);
    assert_eq!(
        told.news(housing),
        News::Tell(true, "housing opened 3 times, now open".into())
    );
}

#[test]
fn what_was_opened_while_the_terminal_was_set_up_is_no_news() {
    let mut housing = Housing::default();
    for open in [false, true, false] {
        housing.stands(open);
    }
    let told = Told::new(None, housing);
    assert_eq!(told.news(housing), News::Record(false));
    housing.stands(true);
    assert_eq!(
        told.news(housing),
        News::Tell(true, "housing opened".into())
    );
}
