//! The uploader against a portal in memory, with a real journal and paused time.

mod rate;

use pikir_contract::{InputKind, MAX_BATCH_EVENTS, Score, SealKey};

use super::*;
use crate::journal::{Content, Journal, JournalHandle, NewEvent};
use crate::platform::clock::{Clock, TestClock};
use crate::platform::entropy::{Entropy, TestEntropy};
use crate::portal::scripted::{ScriptedPortal, Turn};
use crate::portal::{PortalState, Reply};

struct Terminal {
    journal: JournalHandle,
    clock: Arc<TestClock>,
    entropy: Arc<TestEntropy>,
    health: watch::Receiver<PortalHealth>,
    _batch: watch::Sender<usize>,
    dir: tempfile::TempDir,
}

impl Terminal {
    /// A terminal with this many ratings waiting, and its uploader at work.
    fn with_ratings(count: u64, portal: &ScriptedPortal) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        let clock = TestClock::new(
            "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(),
            1_800_000_000_000,
        );
        let entropy = TestEntropy::new(11);
        let id = entropy.id(clock.wall_ms());
        let mut journal = Journal::create(&path, &SealKey::from_bytes([1; 32])).unwrap();
        journal.set_terminal(id).unwrap();
        for _ in 0..count {
            journal.append(rating(&clock, &entropy)).unwrap();
        }
        drop(journal);
        let (terminal, uploader) = Self::start(dir, clock, entropy, portal, id);
        tokio::spawn(uploader.run());
        terminal
    }

    fn start(
        dir: tempfile::TempDir,
        clock: Arc<TestClock>,
        entropy: Arc<TestEntropy>,
        portal: &ScriptedPortal,
        id: Id,
    ) -> (Self, Uploader<ScriptedPortal, JournalHandle>) {
        let journal = JournalHandle::start(
            dir.path().join("journal.db"),
            id,
            clock.clone(),
            entropy.clone(),
        )
        .unwrap();
        let (health, watched) = watch::channel(PortalHealth::unknown());
        let (batch_sender, batch) = watch::channel(MAX_BATCH_EVENTS);
        let uploader = Uploader {
            portal: portal.clone(),
            terminal: id,
            queue: journal.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            true_time: Arc::new(TrueTime::new(clock.clone())),
            health,
            batch,
            network: NetworkChanges::none(),
            start_spread: Duration::ZERO,
        };
        (
            Self {
                journal,
                clock,
                entropy,
                health: watched,
                _batch: batch_sender,
                dir,
            },
            uploader,
        )
    }

    /// Waits until nothing is pending.
    async fn drained(&self) {
        let mut state = self.journal.subscribe();
        // No time limit: it would run out at once, because paused time jumps ahead while the
        // journal's thread works.
        state
            .wait_for(|published| published.state.pending == 0)
            .await
            .unwrap();
    }

    async fn reaches(&self, wanted: PortalState) {
        let mut health = self.health.clone();
        health
            .wait_for(|health| health.state == wanted)
            .await
            .unwrap();
    }
}

pub(super) fn rating(clock: &TestClock, entropy: &TestEntropy) -> NewEvent {
    clock.advance_ms(1_000);
    let content = Content::Rating {
        score: Score::new(4).unwrap(),
        lang: "ky".into(),
        input: InputKind::Touch,
        gap_ms: None,
        flags: Vec::new(),
        touched: None,
    };
    NewEvent {
        id: entropy.id(clock.wall_ms()),
        at: clock.reading(),
        content,
    }
}

#[tokio::test(start_paused = true)]
async fn everything_arrives_once_and_in_order() {
    let portal = ScriptedPortal::default();
    let terminal = Terminal::with_ratings(1_201, &portal);
    terminal.drained().await;
    assert_eq!(portal.held(), (1..=1_201).collect::<Vec<_>>());
    assert_eq!(portal.batch_sizes(), [500, 500, 201]);
    assert_eq!(terminal.journal.published().state.received_through, 1_201);
}

#[tokio::test(start_paused = true)]
async fn lost_answers_errors_and_log_in_pages_lose_and_double_nothing() {
    let page = Reply {
        status: 200,
        body: b"<html>Welcome to our Wi-Fi".to_vec(),
        ..Reply::default()
    };
    let portal = ScriptedPortal::new([
        Turn::LostAnswer,
        Turn::Instead(Reply {
            status: 500,
            ..Reply::default()
        }),
        Turn::Instead(Reply {
            status: 302,
            ..Reply::default()
        }),
        Turn::Instead(page),
        Turn::Instead(Reply {
            status: 200,
            body: b"{\"received_through\": 1".to_vec(),
            ..Reply::default()
        }),
    ]);
    let terminal = Terminal::with_ratings(10, &portal);
    terminal.drained().await;
    assert_eq!(portal.held(), (1..=10).collect::<Vec<_>>());
    assert_eq!(terminal.journal.published().state.rejected, 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_taken_while_idle_goes_out_at_once() {
    let portal = ScriptedPortal::default();
    let terminal = Terminal::with_ratings(1, &portal);
    terminal.drained().await;
    let before = tokio::time::Instant::now();
    let (reply, appended) = tokio::sync::oneshot::channel();
    let event = rating(&terminal.clock, &terminal.entropy);
    terminal
        .journal
        .append(event, Box::new(move |result| reply.send(result).unwrap()));
    appended.await.unwrap().unwrap();
    terminal.drained().await;
    assert_eq!(portal.held(), [1, 2]);
    assert_eq!(tokio::time::Instant::now(), before, "no time had to pass");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_kept() {
    let busy = Reply {
        status: 503,
        retry_after: Some(Duration::from_secs(120)),
        ..Reply::default()
    };
    let portal = ScriptedPortal::new([Turn::Instead(busy)]);
    let start = tokio::time::Instant::now();
    let terminal = Terminal::with_ratings(3, &portal);
    terminal.drained().await;
    assert!(start.elapsed() >= Duration::from_secs(120));
    assert_eq!(portal.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_event_at_fault_is_found_by_halving_and_set_aside_and_the_rest_arrives() {
    let portal = ScriptedPortal::default();
    portal.always(Turn::RefuseSeq(7));
    let terminal = Terminal::with_ratings(40, &portal);
    terminal.drained().await;
    let wanted: Vec<u64> = (1..=40).filter(|seq| *seq != 7).collect();
    assert_eq!(portal.held(), wanted);
    let state = terminal.journal.published().state;
    assert_eq!((state.rejected, state.received_through), (1, 6));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_set_aside_because_a_proxys_page_says_so() {
    let page = Turn::Instead(Reply {
        status: 413,
        body: b"<html><h1>413 Request Entity Too Large</h1>".to_vec(),
        ..Reply::default()
    });
    let portal = ScriptedPortal::new([page.clone(), page.clone(), page]);
    let terminal = Terminal::with_ratings(2, &portal);
    terminal.drained().await;
    assert_eq!(portal.held(), [1, 2]);
    let state = terminal.journal.published().state;
    assert_eq!((state.rejected, state.received_through), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_portal_that_acknowledges_what_was_never_written_is_not_believed() {
    let answer =
        r#"{"received_through": 9000000000000000, "results": [], "time": "2027-01-15T08:00:00Z"}"#;
    let portal = ScriptedPortal::default();
    portal.always(Turn::Instead(Reply {
        status: 200,
        body: answer.into(),
        ..Reply::default()
    }));
    let terminal = Terminal::with_ratings(5, &portal);
    terminal.reaches(PortalState::NotThePortal).await;
    assert_eq!(terminal.journal.published().state.received_through, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_acknowledges_more_than_was_offered_and_knows_nothing_of_it_is_not_the_portal() {
    let answer = r#"{"received_through": 9, "results": [], "time": "2027-01-15T08:00:00Z"}"#;
    let portal = ScriptedPortal::default();
    portal.always(Turn::Instead(Reply {
        status: 200,
        body: answer.into(),
        ..Reply::default()
    }));
    let terminal = Terminal::with_ratings(5, &portal);
    terminal.reaches(PortalState::NotThePortal).await;
    let reason = terminal.health.borrow().reason.clone();
    assert!(
        reason.contains("acknowledges event 9, but the newest is 5"),
        "{reason}"
    );
    let state = terminal.journal.published().state;
    assert_eq!(
        (state.received_through, state.last_seq, state.pending),
        (0, 5, 5)
    );
}

#[tokio::test(start_paused = true)]
async fn a_portal_restored_from_a_backup_gets_again_what_it_lost() {
    let portal = ScriptedPortal::default();
    let terminal = Terminal::with_ratings(20, &portal);
    terminal.drained().await;
    portal.restore_to(8);
    terminal
        .journal
        .append(rating(&terminal.clock, &terminal.entropy), Box::new(|_| {}));
    let mut state = terminal.journal.subscribe();
    state
        .wait_for(|published| published.state.received_through == 21)
        .await
        .unwrap();
    let mut held = portal.held();
    held.sort_unstable();
    assert_eq!(held, (1..=21).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_portal_that_answers_but_acknowledges_nothing_is_not_hammered() {
    let answer = r#"{"received_through": 0, "results": [], "time": "2027-01-15T08:00:00Z"}"#;
    let portal = ScriptedPortal::default();
    portal.always(Turn::Instead(Reply {
        status: 200,
        body: answer.into(),
        ..Reply::default()
    }));
    let start = tokio::time::Instant::now();
    let _terminal = Terminal::with_ratings(5, &portal);
    portal.reaches_requests(25).await;
    assert!(
        start.elapsed() >= Duration::from_secs(600),
        "25 requests within {:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_pending_at_the_end_goes_out_after_the_next_start() {
    let portal = ScriptedPortal::default();
    portal.always(Turn::Instead(Reply {
        status: 500,
        ..Reply::default()
    }));
    let first = Terminal::with_ratings(5, &portal);
    first.reaches(PortalState::Error).await;
    let id = first.journal.published().state.terminal.unwrap();
    first.journal.stop();
    let good = ScriptedPortal::default();
    let (second, uploader) = Terminal::start(first.dir, first.clock, first.entropy, &good, id);
    tokio::spawn(uploader.run());
    second.drained().await;
    assert_eq!(good.held(), [1, 2, 3, 4, 5]);
}
