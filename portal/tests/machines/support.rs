//! A portal in a directory of its own.

use std::fmt::Write;
use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use pikir_contract::{Event, PlaceCode, Texts};
use pikir_portal::app::AppState;
use pikir_portal::domain::hours::{NightHours, OpeningHours};
use pikir_portal::platform::clock::ManualClock;
use pikir_portal::platform::entropy::{Entropy, secret_hash};
use pikir_portal::server::router;
use pikir_portal::storage::{
    AddedPlace, DEFAULT_TIMEZONE, Inherits, OrganizationRecord, PlaceRecord, Storage,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

pub use crate::terminal::{Terminal, signed};

/// 2026-11-22T02:00:00Z
pub const NOW_MS: i64 = 1_795_312_800_000;
pub const EVENTS: &str = "/api/v1/events";
pub const ENROLMENTS: &str = "/api/v1/enrolments";
pub const POLL: &str = "/api/v1/enrolments/poll";
pub const CONFIG: &str = "/api/v1/terminal/config";
pub const STATUS: &str = "/api/v1/status";
pub const PLACE: &str = "B4XK";
pub const OTHER_PLACE: &str = "C7QM";

/// An answer of the portal.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.json()
    }

    /// The problem's body, after checking that it is one with this status.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(
            problem["title"].is_string() && problem["detail"].is_string(),
            "{problem}"
        );
        problem
    }
}

pub struct Portal {
    pub dir: TempDir,
    pub clock: ManualClock,
    pub state: AppState,
    router: Router,
}

impl Portal {
    /// A portal with one organisation and two places.
    pub async fn start() -> Self {
        let portal = Self::open(tempfile::tempdir().unwrap());
        let names = Texts::from([
            ("ky", "Калкты тейлөө борбору"),
            ("ru", "Центр обслуживания населения"),
        ]);
        let organization = OrganizationRecord {
            code: "con".to_owned(),
            parent: None,
            names,
            version: 1,
        };
        portal
            .state
            .storage
            .put_organizations(vec![organization], Vec::new())
            .await
            .unwrap();
        portal.add_place("con", PLACE).await;
        portal.add_place("con", OTHER_PLACE).await;
        portal
    }

    pub fn open(dir: TempDir) -> Self {
        let clock = ManualClock::at(NOW_MS);
        let state = AppState {
            storage: Storage::open(dir.path()).unwrap(),
            clock: clock.clock(),
            entropy: Entropy::system(),
            public_url: "https://pikir.example".into(),
        };
        Self {
            dir,
            clock,
            router: router(state.clone()),
            state,
        }
    }

    pub async fn retire(&self, terminal: &Terminal) {
        let storage = &self.state.storage;
        storage.retire_terminal(terminal.id, NOW_MS).await.unwrap();
    }

    pub async fn add_place(&self, organization: &str, code: &str) {
        let place = PlaceRecord {
            code: code.parse().unwrap(),
            organization: organization.to_owned(),
            unit: None,
            name: format!("Окно {code}"),
            question: Texts::default(),
            languages: vec!["ky".to_owned(), "ru".to_owned()],
            default_language: "ky".to_owned(),
            presence_key: vec![9; 32],
            timezone: DEFAULT_TIMEZONE.to_owned(),
            hours: OpeningHours::default(),
            night: NightHours::default(),
            inherits: Inherits::default(),
            version: 1,
        };
        assert_eq!(
            self.state.storage.add_place(place, NOW_MS).await.unwrap(),
            AddedPlace::Added
        );
    }

    pub async fn token(&self, place: &str) -> String {
        let token = self.state.entropy.token();
        let place: PlaceCode = place.parse().unwrap();
        let expires = self.state.clock.unix_ms() + 86_400_000;
        assert!(
            self.state
                .storage
                .add_token(secret_hash(&token), &place, NOW_MS, expires)
                .await
                .unwrap()
        );
        token
    }

    /// A terminal enrolled with a token at [`PLACE`].
    pub async fn terminal(&self, number: u8) -> Terminal {
        let mut terminal = Terminal::new(number);
        let token = self.token(PLACE).await;
        terminal.enrol_with(self, &token).await;
        terminal
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// The state of the only terminal, as staff see it.
    pub async fn only_terminal(&self) -> pikir_portal::storage::TerminalState {
        let mut terminals = self.state.storage.terminals().await.unwrap();
        assert_eq!(terminals.len(), 1);
        terminals.remove(0)
    }

    pub async fn summary(&self) -> Value {
        self.get("/api/v1/organizations/con/summary").await.ok()
    }

    /// The database, to look at what no interface shows.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.dir.path().join("portal.db")).unwrap()
    }

    /// A copy of what the portal holds now, as a backup tool takes it.
    pub fn back_up(&self, to: &Path) {
        let target = to.join("portal.db");
        self.database()
            .execute("VACUUM INTO ?1", [target.to_str().unwrap()])
            .unwrap();
    }
}

/// The answers by seq, in short: `accepted`, `duplicate`, `malformed`, `seal`.
pub fn results(answer: &Value) -> Vec<(u64, String)> {
    let short = |result: &Value| {
        let text = result
            .get("reason")
            .unwrap_or(&result["status"])
            .as_str()
            .unwrap();
        (result["seq"].as_u64().unwrap(), text.to_owned())
    };
    answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(short)
        .collect()
}

/// True if every result is this one.
#[track_caller]
pub fn assert_all(answer: &Value, expected: &str) {
    let results = results(answer);
    assert!(
        results.iter().all(|(_, result)| result == expected),
        "{answer}"
    );
}

/// A journal as `pikir-kiosk journal export` writes it.
pub fn journal_file(terminal: &Terminal, events: &[Event]) -> String {
    let mut file = json!({
        "pikir_journal": 1, "terminal": terminal.id,
        "exported": {"boot": terminal.boot, "up_ms": 3_600_000, "wall": "2026-11-22T02:00:00Z", "synced": true},
        "boots": [],
    })
    .to_string();
    for event in events {
        write!(file, "\n{}", serde_json::to_string(event).unwrap()).unwrap();
    }
    file + "\n"
}
