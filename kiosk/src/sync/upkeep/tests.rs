//! When upkeep asks the portal, in virtual time.

use std::sync::Mutex;

use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::journal::Journal;
use crate::limits::START_SPREAD;
use crate::platform::clock::TestClock;
use crate::platform::entropy::{Entropy, TestEntropy};
use crate::platform::network;
use pikir_contract::SealKey;

/// A portal nobody reaches; it notes when it was tried.
#[derive(Clone, Default)]
struct Away {
    tried: Arc<Mutex<Vec<(Instant, &'static str)>>>,
    tries: watch::Sender<usize>,
}

impl Portal for Away {
    async fn send(&self, request: Request) -> Result<Reply, String> {
        let mut tried = self.tried.lock().unwrap();
        tried.push((Instant::now(), request.path));
        self.tries.send_replace(tried.len());
        Err("no network".into())
    }
}

struct Terminal {
    upkeep: Upkeep<Away>,
    portal: Away,
    _dir: tempfile::TempDir,
}

fn terminal(seed: u64, network: NetworkChanges) -> Terminal {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::new(Some(dir.path()));
    drop(Journal::create(&data.journal(), &SealKey::from_bytes([1; 32])).unwrap());
    let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
    let (clock, entropy) = (TestClock::new(boot, 0), TestEntropy::new(seed));
    let id = entropy.id(0);
    let journal = JournalHandle::start(data.journal(), id, clock.clone(), entropy.clone()).unwrap();
    let portal = Away::default();
    let upkeep = Upkeep {
        portal: portal.clone(),
        configuration: ConfigurationStore::load(data.clone()),
        data,
        journal,
        true_time: Arc::new(TrueTime::new(clock.clone())),
        clock,
        entropy,
        health: watch::Sender::new(PortalHealth::unknown()),
        network,
        start_spread: START_SPREAD,
        problems: Problems::default(),
        hardware: watch::channel(HardwareStatus::default()).1,
    };
    Terminal {
        upkeep,
        portal,
        _dir: dir,
    }
}

fn configuration() -> Value {
    json!({
        "version": 1,
        "organization": {"code": "bishkek-1", "name": {"ky": "Борбор"}},
        "place": {"code": "7K3M9P", "name": "2-зал"},
        "languages": ["ky"], "default_language": "ky",
        "qr": {"base_url": "https://otzyv.example"},
    })
}

/// Runs it for an hour of virtual time, and says when the portal was tried.
async fn an_hour(terminal: Terminal) -> Vec<(Instant, &'static str)> {
    let hour = Duration::from_secs(3_600);
    assert!(
        tokio::time::timeout(hour, terminal.upkeep.run())
            .await
            .is_err()
    );
    terminal.portal.tried.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_terminal_without_a_configuration_asks_for_it_at_once_and_patiently() {
    let terminal = terminal(1, NetworkChanges::none());
    let start = Instant::now();
    let tried = an_hour(terminal).await;
    assert_eq!(tried[0], (start, "/api/v1/terminal/config"));
    assert!(tried.len() < 60, "{} tries in an hour", tried.len());
}

#[tokio::test(start_paused = true)]
async fn a_network_that_comes_back_is_used_at_once() {
    let (signal, changes) = network::channel();
    let terminal = terminal(1, changes);
    let back = Instant::now() + Duration::from_secs(3_000);
    tokio::spawn(async move {
        tokio::time::sleep_until(back).await;
        signal.changed();
        std::future::pending::<()>().await;
    });
    let tried = an_hour(terminal).await;
    assert!(tried.iter().any(|(at, _)| *at == back));
}

#[tokio::test(start_paused = true)]
async fn the_first_status_after_a_start_waits_for_its_moment() {
    let terminal = terminal(2, NetworkChanges::none());
    terminal
        .upkeep
        .configuration
        .accept(configuration(), None)
        .unwrap();
    let start = Instant::now();
    let (portal, mut tries) = (terminal.portal.clone(), terminal.portal.tries.subscribe());
    tokio::spawn(terminal.upkeep.run());
    // No time limit: it would run out at once, because paused time jumps ahead while the journal's
    // thread works.
    tries.wait_for(|tries| *tries > 0).await.unwrap();
    let (at, path) = portal.tried.lock().unwrap()[0];
    assert_eq!(path, "/api/v1/status");
    assert!(at > start && at < start + START_SPREAD);
}

/// A portal that knows nothing of reports and has a configuration.
#[derive(Clone)]
struct WithoutReports;

impl Portal for WithoutReports {
    async fn send(&self, request: Request) -> Result<Reply, String> {
        Ok(match request.path {
            "/api/v1/terminal/config" => Reply {
                status: 200,
                etag: Some("\"2\"".into()),
                body: serde_json::to_vec(&configuration()).unwrap(),
                ..Reply::default()
            },
            _ => Reply {
                status: 404,
                ..Reply::default()
            },
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_portal_without_an_ear_for_reports_still_gives_its_configuration() {
    let Terminal { upkeep, _dir, .. } = terminal(3, NetworkChanges::none());
    let mut former = configuration();
    former["version"] = json!(0);
    upkeep.configuration.accept(former, None).unwrap();
    let mut configuration = upkeep.configuration.subscribe();
    configuration.mark_unchanged();
    tokio::spawn(
        Upkeep {
            portal: WithoutReports,
            data: upkeep.data,
            journal: upkeep.journal,
            configuration: upkeep.configuration.clone(),
            clock: upkeep.clock,
            entropy: upkeep.entropy,
            true_time: upkeep.true_time,
            health: upkeep.health,
            network: upkeep.network,
            start_spread: upkeep.start_spread,
            problems: upkeep.problems.clone(),
            hardware: upkeep.hardware.clone(),
        }
        .run(),
    );
    configuration.changed().await.unwrap();
    assert_eq!(upkeep.configuration.current().unwrap().document.version, 1);
}
