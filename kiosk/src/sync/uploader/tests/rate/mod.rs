//! When the uploader sends and how often, whatever is answered; in virtual time, with a journal
//! that has no thread.

mod ahead;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pikir_contract::{BootId, MAX_BATCH_EVENTS, OffsetQuality, SealKey};
use proptest::prelude::*;

use super::rating;
use crate::journal::{Batch, Journal, JournalError, Keeper, Taken};
use crate::limits::{MAX_REQUESTS_PER_MINUTE, START_SPREAD};
use crate::platform::clock::{Clock, TestClock};
use crate::platform::entropy::{Entropy, TestEntropy};
use crate::platform::network;
use crate::portal::Reply;
use crate::portal::scripted::{ScriptedPortal, Turn};
use crate::sync::uploader::*;
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);
/// When the terminal's first boot began.
const FIRST_BOOT: i64 = 1_799_000_000_000;
/// Events waiting at the start.
const WAITING: u64 = 40;

/// The journal in the uploader's own thread, so that virtual time never runs while it works.
#[derive(Clone)]
struct Direct {
    keeper: Arc<Mutex<Keeper>>,
    /// What the portal acknowledged, as it was passed on.
    acknowledged: Arc<Mutex<Vec<u64>>>,
    /// How often what is learnt of the clock cannot be kept yet.
    forgets: Arc<Mutex<u32>>,
    /// How often it was asked what is to be sent.
    asked: Arc<AtomicUsize>,
}

impl Direct {
    fn keeper(&self) -> std::sync::MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> JournalState {
        self.keeper().published().state
    }
}

impl Queue for Direct {
    fn subscribe(&self) -> watch::Receiver<Published> {
        self.keeper().subscribe()
    }
    async fn batch(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.keeper().batch(limit, max_bytes)
    }
    async fn batch_ahead(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.keeper().batch_ahead(limit, max_bytes)
    }
    async fn acknowledge(&self, answer: EventsAnswer) -> Result<Taken, JournalError> {
        let mut acknowledged = self.acknowledged.lock().unwrap();
        acknowledged.push(answer.received_through);
        self.keeper().acknowledge(answer)
    }
    async fn refuse(&self, seq: u64, reason: String) -> Result<(), JournalError> {
        self.keeper().refuse(seq, &reason)
    }
    async fn learn_offset(&self, offset: BootOffset) -> Result<(), JournalError> {
        let mut forgets = self.forgets.lock().unwrap();
        if let Some(rest) = forgets.checked_sub(1) {
            *forgets = rest;
            return Err(std::io::Error::other("the device fails").into());
        }
        self.keeper().learn_offset(offset)
    }
}

/// A terminal that starts with ratings waiting.
struct Terminal {
    queue: Direct,
    clock: Arc<TestClock>,
    entropy: Arc<TestEntropy>,
    network: NetworkChanges,
    _dir: tempfile::TempDir,
}

fn boot(number: u8) -> BootId {
    format!("7c1d6f0e-1111-4222-8333-{number:012}")
        .parse()
        .unwrap()
}

impl Terminal {
    /// With this many ratings of each of these boots; the last one is the present.
    fn with(boots: &[u8], ratings: u64, seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        let entropy = TestEntropy::new(seed);
        let id = entropy.id(0);
        let mut journal = Journal::create(&path, &SealKey::from_bytes([1; 32])).unwrap();
        journal.set_terminal(id).unwrap();
        let mut clock = TestClock::new(boot(0), 0);
        for number in boots {
            clock = TestClock::new(boot(*number), 0);
            for _ in 0..ratings {
                journal.append(rating(&clock, &entropy)).unwrap();
            }
        }
        drop(journal);
        let keeper = Keeper::open(path, id, clock.clone(), entropy.clone());
        Self {
            queue: Direct {
                keeper: Arc::new(Mutex::new(keeper)),
                acknowledged: Arc::default(),
                forgets: Arc::default(),
                asked: Arc::default(),
            },
            clock,
            entropy,
            network: NetworkChanges::none(),
            _dir: dir,
        }
    }

    fn uploader(
        &self,
        portal: &ScriptedPortal,
        start_spread: Duration,
    ) -> Uploader<ScriptedPortal, Direct> {
        Uploader {
            portal: portal.clone(),
            terminal: self.queue.state().terminal.unwrap(),
            queue: self.queue.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            true_time: Arc::new(TrueTime::new(self.clock.clone())),
            health: watch::Sender::new(PortalHealth::unknown()),
            batch: watch::Sender::new(MAX_BATCH_EVENTS).subscribe(),
            network: self.network.clone(),
            start_spread,
        }
    }

    /// Lets the uploader run for so much virtual time.
    async fn run_for(&self, portal: &ScriptedPortal, time: Duration) {
        let uploader = self.uploader(portal, Duration::ZERO);
        let ended = tokio::time::timeout(time, uploader.run()).await;
        assert!(ended.is_err(), "the uploader ended by itself");
    }
}

/// The most requests within any minute.
fn busiest_minute(sent_at: &[Instant]) -> usize {
    let within = |first: &Instant| {
        let end = *first + MINUTE;
        sent_at
            .iter()
            .filter(|at| *at >= first && **at < end)
            .count()
    };
    sent_at.iter().map(within).max().unwrap_or(0)
}

fn reply(status: u16, retry_after_s: Option<u64>, body: &str) -> Turn {
    Turn::Instead(Reply {
        status,
        retry_after: retry_after_s.map(Duration::from_secs),
        body: body.into(),
        ..Reply::default()
    })
}

fn acknowledges(through: u64) -> Turn {
    let time = "2027-01-15T08:00:00Z";
    let body = format!(r#"{{"received_through": {through}, "results": [], "time": "{time}"}}"#);
    reply(200, None, &body)
}

/// Answers that take nothing, but do not blame the content.
fn a_failure() -> impl Strategy<Value = Turn> {
    prop_oneof![
        Just(Turn::Slow(0)),
        proptest::sample::select(vec![302, 400, 401, 403, 404, 429, 500, 502, 503])
            .prop_map(|status| reply(status, None, "")),
        Just(reply(503, Some(0), "")),
        Just(reply(200, None, "<html>Welcome")),
        Just(acknowledges(0)),
        Just(acknowledges(9_000_000_000_000_000)),
    ]
}

fn any_answer() -> impl Strategy<Value = Turn> {
    prop_oneof![
        a_failure(),
        Just(Turn::Good),
        Just(Turn::LostAnswer),
        (1..=WAITING).prop_map(Turn::RefuseSeq),
        proptest::sample::select(vec![413, 422]).prop_map(|status| reply(status, None, "")),
        (0..=WAITING + 5).prop_map(acknowledges),
    ]
}

/// What the portal saw within ten virtual minutes, of a terminal that hears these answers over and
/// over.
fn requests(answers: Vec<Turn>, seed: u64) -> Vec<Instant> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let most = 10 * MAX_REQUESTS_PER_MINUTE;
        let portal = ScriptedPortal::new(answers.into_iter().cycle().take(2 * most));
        let terminal = Terminal::with(&[0], WAITING, seed);
        terminal.run_for(&portal, 10 * MINUTE).await;
        portal.sent_at()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_answers_drives_the_uploader_beyond_its_pace(
        answers in proptest::collection::vec(any_answer(), 1..6), seed in any::<u64>()
    ) {
        let sent = requests(answers, seed);
        prop_assert!(!sent.is_empty());
        prop_assert!(busiest_minute(&sent) <= MAX_REQUESTS_PER_MINUTE);
    }

    #[test]
    fn answers_that_take_nothing_are_met_by_fewer_and_fewer_requests(
        answers in proptest::collection::vec(a_failure(), 1..6), seed in any::<u64>()
    ) {
        let sent = requests(answers, seed);
        prop_assert!(busiest_minute(&sent) <= 30, "{} in a minute", busiest_minute(&sent));
        prop_assert!(sent.len() <= 60, "{} in ten minutes", sent.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_portal_that_moves_the_cursor_to_and_fro_is_not_answered_at_once_each_time() {
    let portal = ScriptedPortal::new(
        [acknowledges(0), acknowledges(30)]
            .into_iter()
            .cycle()
            .take(9_999),
    );
    let terminal = Terminal::with(&[0], WAITING, 1);
    terminal.run_for(&portal, 60 * MINUTE).await;
    let count = portal.requests();
    assert!((2..200).contains(&count), "{count} requests in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_backlog_waits_for_its_moment_after_the_start() {
    let mut moments = std::collections::BTreeSet::new();
    for seed in 0..12 {
        let portal = ScriptedPortal::default();
        let terminal = Terminal::with(&[0], 1, seed);
        let start = Instant::now();
        let uploader = terminal.uploader(&portal, START_SPREAD);
        assert!(tokio::time::timeout(MINUTE, uploader.run()).await.is_err());
        let waited = portal.sent_at()[0] - start;
        assert!(waited < START_SPREAD, "{waited:?}");
        moments.insert(waited.as_secs());
    }
    assert!(
        moments.len() > 5,
        "spread over the whole of it: {moments:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rating_ends_the_wait_after_the_start_and_takes_the_backlog_along() {
    for seed in 0..5 {
        let portal = ScriptedPortal::default();
        let terminal = Terminal::with(&[0], 3, seed);
        let (queue, clock, entropy) = (
            terminal.queue.clone(),
            terminal.clock.clone(),
            terminal.entropy.clone(),
        );
        let rated = Instant::now() + Duration::from_millis(10);
        tokio::spawn(async move {
            tokio::time::sleep_until(rated).await;
            queue.keeper().append(rating(&clock, &entropy)).unwrap();
        });
        let uploader = terminal.uploader(&portal, START_SPREAD);
        assert!(tokio::time::timeout(MINUTE, uploader.run()).await.is_err());
        assert!(portal.sent_at()[0] <= rated);
        assert_eq!(portal.held(), [1, 2, 3, 4]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_that_comes_back_wakes_the_uploader_at_once_over_a_new_connection() {
    let portal = ScriptedPortal::default();
    portal.always(Turn::Slow(0));
    let mut terminal = Terminal::with(&[0], WAITING, 4);
    let (signal, changes) = network::channel();
    terminal.network = changes;
    let back = Instant::now() + 47 * MINUTE;
    let other = portal.clone();
    tokio::spawn(async move {
        tokio::time::sleep_until(back).await;
        other.always(Turn::Good);
        signal.changed();
        // The machine goes on telling.
        std::future::pending::<()>().await;
    });
    terminal.run_for(&portal, 48 * MINUTE).await;
    let sent = portal.sent_at();
    assert!(sent.iter().filter(|at| **at < back).count() < 60);
    assert!(sent.contains(&back), "at once");
    assert_eq!(portal.held().len() as u64, WAITING);
    assert_eq!(portal.forgotten(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_line_too_slow_for_a_whole_batch_gets_smaller_ones_until_they_pass() {
    let portal = ScriptedPortal::default();
    portal.always(Turn::Slow(20));
    let terminal = Terminal::with(&[0], 300, 4);
    terminal.run_for(&portal, 60 * MINUTE).await;
    assert_eq!(portal.held(), (1..=300).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_drops_large_packets_gets_single_events_and_whole_batches_when_it_is_mended() {
    let portal = ScriptedPortal::default();
    portal.always(Turn::Slow(1));
    let terminal = Terminal::with(&[0], 60, 4);
    let other = portal.clone();
    let mended = Instant::now() + 120 * MINUTE;
    tokio::spawn(async move {
        tokio::time::sleep_until(mended).await;
        other.always(Turn::Good);
    });
    let queue = terminal.queue.clone();
    let (clock, entropy) = (terminal.clock.clone(), terminal.entropy.clone());
    tokio::spawn(async move {
        tokio::time::sleep_until(mended + MINUTE).await;
        for _ in 0..300 {
            queue.keeper().append(rating(&clock, &entropy)).unwrap();
        }
    });
    terminal.run_for(&portal, 200 * MINUTE).await;
    assert_eq!(portal.held(), (1..=360).collect::<Vec<_>>());
    let before = portal.sent_at().iter().filter(|at| **at < mended).count();
    let sizes = portal.batch_sizes();
    assert!(sizes[..before].contains(&1), "{sizes:?}");
    let lost = sizes[..before].iter().filter(|size| **size > 1).count();
    assert!(lost < 20, "what never passes is seldom tried: {sizes:?}");
    assert!(*sizes.iter().max().unwrap() >= 60, "{sizes:?}");
    assert!(
        sizes[before..].iter().any(|size| *size > 16),
        "it grows again: {sizes:?}"
    );
    assert!(
        sizes.len() - before < 40,
        "whole batches come back soon: {sizes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_line_that_lets_a_few_events_through_gets_a_few_at_a_time_and_hardly_ever_more() {
    for passes in [2, 3, 5, 9, 20] {
        let portal = ScriptedPortal::default();
        portal.always(Turn::Slow(passes));
        let terminal = Terminal::with(&[0], 400, 4);
        terminal.run_for(&portal, 300 * MINUTE).await;
        assert_eq!(portal.held().len(), 400, "{passes} pass");
        let sizes = portal.batch_sizes();
        let lost = sizes.iter().filter(|size| **size > passes).count();
        assert!(lost * 6 < sizes.len() + 60, "{passes} pass: {sizes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_becomes_known_of_an_earlier_boot_is_told_once_although_its_events_are_delivered() {
    let portal = ScriptedPortal::default();
    let terminal = Terminal::with(&[0, 1, 2], 3, 4);
    let first = BootOffset {
        boot: boot(0),
        offset_ms: FIRST_BOOT,
        quality: OffsetQuality::Portal,
    };
    terminal.queue.learn_offset(first).await.unwrap();
    terminal.run_for(&portal, 60 * MINUTE).await;
    // The first answer tells the time of the present boot; only then is there anything to say of
    // the one between.
    assert_eq!(portal.batch_sizes(), [9, 0]);
    let told = portal.boots();
    assert!(told[0].contains(&first) && told[0].iter().all(|known| known.boot != boot(1)));
    let estimate = told[1].iter().find(|known| known.boot == boot(1)).unwrap();
    assert_eq!(estimate.quality, OffsetQuality::Estimated);
    assert!((FIRST_BOOT..1_800_000_000_000).contains(&estimate.offset_ms));
    assert!(!told[1].contains(&first), "it was told already");
}

#[tokio::test(start_paused = true)]
async fn what_is_learnt_of_the_clock_is_tried_again_until_it_is_kept() {
    let portal = ScriptedPortal::default();
    let terminal = Terminal::with(&[0], 3, 4);
    *terminal.queue.forgets.lock().unwrap() = 5;
    terminal.run_for(&portal, 60 * MINUTE).await;
    let kept = terminal.queue.batch(10, 10_000).await.unwrap().boots;
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(
        (kept[0].boot, kept[0].quality),
        (boot(0), OffsetQuality::Portal)
    );
    assert_eq!(portal.requests(), 1, "the portal is not asked for it again");
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_beyond_the_newest_event_is_the_journals_to_judge_and_an_absurd_one_is_not()
 {
    let terminal = Terminal::with(&[0], WAITING, 4);
    let lies = ScriptedPortal::default();
    lies.always(acknowledges(9_000_000_000_000_000));
    terminal.run_for(&lies, MINUTE).await;
    assert!(terminal.queue.acknowledged.lock().unwrap().is_empty());
    let ahead = ScriptedPortal::default();
    ahead.always(acknowledges(WAITING + 7));
    terminal.run_for(&ahead, MINUTE).await;
    assert_eq!(
        terminal.queue.acknowledged.lock().unwrap().first(),
        Some(&(WAITING + 7))
    );
}
