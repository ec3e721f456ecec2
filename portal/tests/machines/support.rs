//! A portal in a directory of its own, and terminals that speak to it.

use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use pikir_contract::{
    BootId, Bytes, Event, Id, PlaceCode, SealKey, SigningKey, Texts, Time, base64url_encode, sign_request,
};
use pikir_portal::app::{AppState, router};
use pikir_portal::clock::ManualClock;
use pikir_portal::entropy::{Entropy, secret_hash};
use pikir_portal::storage::{AddedPlace, OrganizationRecord, PlaceRecord, Storage};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

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
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
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
        let names = Texts::from([("ky", "Калкты тейлөө борбору"), ("ru", "Центр обслуживания населения")]);
        let organization = OrganizationRecord { code: "con".to_owned(), parent: None, names, version: 1 };
        portal.state.storage.put_organizations(vec![organization]).await.unwrap();
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
        Self { dir, clock, router: router(state.clone()), state }
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
            version: 1,
        };
        assert_eq!(self.state.storage.add_place(place, NOW_MS).await.unwrap(), AddedPlace::Added);
    }

    pub async fn token(&self, place: &str) -> String {
        let token = self.state.entropy.token();
        let place: PlaceCode = place.parse().unwrap();
        let expires = self.state.clock.unix_ms() + 86_400_000;
        assert!(self.state.storage.add_token(secret_hash(&token), &place, NOW_MS, expires).await.unwrap());
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
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
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
        self.database().execute("VACUUM INTO ?1", [target.to_str().unwrap()]).unwrap();
    }
}

/// A terminal as the contract describes it.
pub struct Terminal {
    pub key: SigningKey,
    pub seal_key: SealKey,
    pub id: Id,
    pub boot: BootId,
    pub number: u8,
}

impl Terminal {
    pub fn new(number: u8) -> Self {
        Self {
            key: SigningKey::from_bytes(&[number; 32]),
            seal_key: SealKey::from_bytes([number; 32]),
            id: Id::from_parts(0, [0; 10]),
            boot: BootId::from_uuid(uuid::Uuid::from_bytes([number; 16])),
            number,
        }
    }

    pub fn public_key(&self) -> String {
        base64url_encode(self.key.verifying_key().as_bytes())
    }

    pub fn enrolment(&self) -> Value {
        json!({
            "public_key": self.public_key(),
            "seal_key": Bytes::from(*self.seal_key.as_bytes()),
            "hardware": {"model": "Raspberry Pi 4", "serial": format!("serial-{}", self.number)},
            "software": "pikir-kiosk 0.1.0",
        })
    }

    pub async fn enrol_with(&mut self, portal: &Portal, token: &str) {
        let result = self.try_token(portal, token).await.ok();
        self.id = result["terminal"].as_str().unwrap().parse().unwrap();
    }

    pub async fn try_token(&self, portal: &Portal, token: &str) -> Answer {
        let mut request = self.enrolment();
        request["token"] = json!(token);
        self.post_as_machine(portal, ENROLMENTS, &request).await
    }

    pub async fn post_as_machine(&self, portal: &Portal, path: &str, body: &Value) -> Answer {
        let body = body.to_string().into_bytes();
        portal.send(signed(&self.key, &self.public_key(), "POST", path, body, &[])).await
    }

    pub async fn post(&self, portal: &Portal, path: &str, body: &Value) -> Answer {
        self.post_bytes(portal, path, body.to_string().into_bytes(), &[]).await
    }

    pub async fn post_bytes(&self, portal: &Portal, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
        portal.send(signed(&self.key, &self.id.to_string(), "POST", path, body, headers)).await
    }

    pub async fn get(&self, portal: &Portal, path: &str, headers: &[(&str, &str)]) -> Answer {
        portal.send(signed(&self.key, &self.id.to_string(), "GET", path, Vec::new(), headers)).await
    }

    pub async fn deliver(&self, portal: &Portal, events: &[Event]) -> Answer {
        self.post(portal, EVENTS, &self.delivery(events)).await
    }

    /// A delivery sent an hour after this boot.
    pub fn delivery(&self, events: &[Event]) -> Value {
        json!({
            "terminal": self.id,
            "clock": {"boot": self.boot, "up_ms": 3_600_000, "wall": "1970-01-01T01:00:00Z", "synced": false},
            "boots": [],
            "events": events,
        })
    }

    /// The id of the event with this seq.
    pub fn event_id(&self, seq: u64) -> Id {
        let mut random = [self.number; 10];
        random[2..].copy_from_slice(&seq.to_be_bytes());
        Id::from_parts(1_000, random)
    }

    /// What every body begins with; `seq` seconds after the boot.
    pub fn head(&self, seq: u64) -> Value {
        json!({
            "id": self.event_id(seq), "boot": self.boot, "up_ms": seq * 1000,
            "wall": Time::from_unix_ms(1000).unwrap(), "synced": false,
        })
    }

    pub fn rating(&self, seq: u64, score: u8) -> Event {
        self.event(seq, "rating", &rating_members(score))
    }

    pub fn ratings(&self, seqs: std::ops::RangeInclusive<u64>) -> Vec<Event> {
        // Turning the ratchet once for all of them, not from the start for each.
        let mut key = self.seal_key.advance(seqs.start() - 1);
        let rate = |seq| {
            let body = self.body(seq, &rating_members(u8::try_from(seq % 5 + 1).unwrap()));
            let seal = key.seal(seq, "rating", &body).unwrap();
            key = key.next();
            Event { seq, kind: "rating".to_owned(), body, seal }
        };
        seqs.map(rate).collect()
    }

    /// A sealed event with these members behind the head.
    pub fn event(&self, seq: u64, kind: &str, members: &Value) -> Event {
        self.sealed(seq, kind, self.body(seq, members))
    }

    fn body(&self, seq: u64, members: &Value) -> Value {
        let mut body = self.head(seq);
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    }

    pub fn sealed(&self, seq: u64, kind: &str, body: Value) -> Event {
        let seal = self.seal_key.advance(seq - 1).seal(seq, kind, &body).unwrap();
        Event { seq, kind: kind.to_owned(), body, seal }
    }
}

fn rating_members(score: u8) -> Value {
    json!({"score": score, "lang": "ky", "input": "touch", "flags": []})
}

/// A signed request.
pub fn signed(
    key: &SigningKey,
    keyid: &str,
    method: &str,
    path: &str,
    body: Vec<u8>,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let content = (method != "GET").then_some(body.as_slice());
    let signature = sign_request(key, keyid, method, path, content, 1_000);
    let mut request = Request::builder().method(method).uri(path);
    if let Some(digest) = signature.content_digest {
        request = request.header("content-digest", digest);
    }
    request = request.header("signature-input", signature.signature_input).header("signature", signature.signature);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

/// The answers by seq, in short: `accepted`, `duplicate`, `malformed`, `seal`.
pub fn results(answer: &Value) -> Vec<(u64, String)> {
    let short = |result: &Value| {
        let text = result.get("reason").unwrap_or(&result["status"]).as_str().unwrap();
        (result["seq"].as_u64().unwrap(), text.to_owned())
    };
    answer["results"].as_array().unwrap().iter().map(short).collect()
}

/// True if every result is this one.
#[track_caller]
pub fn assert_all(answer: &Value, expected: &str) {
    let results = results(answer);
    assert!(results.iter().all(|(_, result)| result == expected), "{answer}");
}
