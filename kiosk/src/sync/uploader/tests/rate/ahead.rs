//! What is packed while a delivery is under way, and when it must not be sent.

use std::collections::BTreeSet;

use pikir_contract::EventsRequest;

use super::*;
use crate::portal::RequestBody;

/// Events in a delivery, as the portal wants it.
const BATCH: usize = 3;

/// A portal that knows what every request must carry: what comes next after all that it has
/// answered so far.
#[derive(Clone)]
struct Strict {
    portal: ScriptedPortal,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    through: u64,
    /// Refused alone, or held beyond one that was.
    aside: BTreeSet<u64>,
    wrong: Vec<String>,
}

impl Known {
    fn look(&mut self, sent: &[u64]) {
        let due: Vec<u64> = (self.through + 1..=WAITING)
            .filter(|seq| !self.aside.contains(seq))
            .take(sent.len())
            .collect();
        if sent != due {
            self.wrong
                .push(format!("{sent:?} was sent, {due:?} was due"));
        }
    }

    fn hear(&mut self, sent: &[u64], reply: &Reply) {
        if let (413 | 422, [alone]) = (reply.status, sent) {
            self.aside.insert(*alone);
        }
        let Ok(answer) = reply::read::<EventsAnswer>(Ok(reply.clone())) else {
            return;
        };
        if answer.received_through > WAITING {
            return;
        }
        if answer.received_through < self.through {
            self.aside.retain(|seq| *seq <= answer.received_through);
        }
        self.through = answer.received_through;
        if self.aside.contains(&(self.through + 1)) {
            let held = answer.results.iter().map(|result| result.seq);
            self.aside
                .extend(held.filter(|seq| *seq > answer.received_through));
        }
    }
}

impl Portal for Strict {
    async fn send(&self, request: Request) -> Result<Reply, String> {
        let RequestBody::Post(content) = &request.body else {
            return Err("the uploader only posts".into());
        };
        let message: EventsRequest = serde_json::from_slice(&content.json().unwrap()).unwrap();
        let sent: Vec<u64> = message.events.iter().map(|event| event.seq).collect();
        self.known.lock().unwrap().look(&sent);
        // The answer takes its time, as any: what comes next is packed meanwhile.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let reply = self.portal.send(request).await;
        if let Ok(reply) = &reply {
            self.known.lock().unwrap().hear(&sent, reply);
        }
        reply
    }
}

/// Runs an uploader of small deliveries for ten minutes against these answers; says what was wrong.
async fn deliver(terminal: &Terminal, portal: ScriptedPortal) -> Vec<String> {
    let plain = terminal.uploader(&portal, Duration::ZERO);
    let strict = Strict {
        portal,
        known: Arc::default(),
    };
    let uploader = Uploader {
        portal: strict.clone(),
        terminal: plain.terminal,
        queue: plain.queue,
        clock: plain.clock,
        entropy: plain.entropy,
        true_time: plain.true_time,
        health: plain.health,
        batch: watch::Sender::new(BATCH).subscribe(),
        network: plain.network,
        start_spread: Duration::ZERO,
    };
    let ended = tokio::time::timeout(10 * MINUTE, uploader.run()).await;
    assert!(ended.is_err(), "the uploader ended by itself");
    std::mem::take(&mut strict.known.lock().unwrap().wrong)
}

#[tokio::test(start_paused = true)]
async fn a_backlog_is_read_and_packed_while_the_delivery_before_is_under_way() {
    let terminal = Terminal::with(&[0], WAITING, 4);
    let portal = ScriptedPortal::default();
    assert_eq!(
        deliver(&terminal, portal.clone()).await,
        Vec::<String>::new()
    );
    assert_eq!(portal.held(), (1..=WAITING).collect::<Vec<_>>());
    assert_eq!(portal.requests(), (WAITING as usize).div_ceil(BATCH));
    // Twice in the beginning, because the first answer after a start may say anything; and for news
    // of clocks in the end.
    assert_eq!(terminal.queue.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn every_request_says_when_it_is_sent_however_early_it_was_packed() {
    let terminal = Terminal::with(&[0], WAITING, 4);
    let clock = terminal.clock.clone();
    let portal = ScriptedPortal::default();
    let ticking = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            clock.advance_ms(1);
        }
    });
    let begun = terminal.clock.reading().up_ms;
    assert_eq!(
        deliver(&terminal, portal.clone()).await,
        Vec::<String>::new()
    );
    ticking.abort();
    let sent: Vec<u64> = portal
        .clocks()
        .iter()
        .map(|clock| clock.up_ms - begun)
        .collect();
    let due: Vec<u64> = (0..sent.len() as u64).map(|one| one * 20).collect();
    for (sent, due) in sent.iter().zip(due) {
        assert!(sent.abs_diff(due) <= 2, "sent at {sent}, due at {due}");
    }
}

fn runs(answers: Vec<Turn>, seed: u64) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let terminal = Terminal::with(&[0], WAITING, seed);
        deliver(&terminal, ScriptedPortal::new(answers)).await
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_answered_what_is_sent_is_what_comes_next(
        answers in proptest::collection::vec(any_answer(), 1..40), seed in any::<u64>()
    ) {
        // An answer of more than was written gives numbers anew, which is another matter.
        let believed = |turn: &Turn| !matches!(turn, Turn::Instead(reply)
            if reply::read::<EventsAnswer>(Ok(reply.clone())).is_ok_and(|answer| answer.received_through > WAITING));
        let answers = answers.into_iter().filter(believed).collect();
        prop_assert_eq!(runs(answers, seed), Vec::<String>::new());
    }
}
