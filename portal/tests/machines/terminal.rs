//! A terminal: its keys, its journal, its signed requests.

use std::ops::RangeInclusive;

use axum::body::Body;
use axum::http::Request;
use pikir_contract::{
    BootId, Bytes, Event, Id, SealKey, SigningKey, Time, base64url_encode, sign_request,
};
use serde_json::{Value, json};

use crate::support::{Answer, ENROLMENTS, EVENTS, Portal};

/// Between two events, in milliseconds: ratings at this pace are no burst.
pub const PACE_MS: u64 = 6_000;

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
        portal
            .send(signed(
                &self.key,
                &self.public_key(),
                "POST",
                path,
                body,
                &[],
            ))
            .await
    }

    pub async fn post(&self, portal: &Portal, path: &str, body: &Value) -> Answer {
        self.post_bytes(portal, path, body.to_string().into_bytes(), &[])
            .await
    }

    pub async fn post_bytes(
        &self,
        portal: &Portal,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Answer {
        portal
            .send(signed(
                &self.key,
                &self.id.to_string(),
                "POST",
                path,
                body,
                headers,
            ))
            .await
    }

    pub async fn get(&self, portal: &Portal, path: &str, headers: &[(&str, &str)]) -> Answer {
        portal
            .send(signed(
                &self.key,
                &self.id.to_string(),
                "GET",
                path,
                Vec::new(),
                headers,
            ))
            .await
    }

    pub async fn deliver(&self, portal: &Portal, events: &[Event]) -> Answer {
        self.post(portal, EVENTS, &self.delivery(events)).await
    }

    /// Delivers these of its ratings.
    pub async fn hand_in(&self, portal: &Portal, seqs: RangeInclusive<u64>) -> Value {
        self.deliver(portal, &self.ratings(seqs)).await.ok()
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

    /// What every body begins with: the first a second after the boot, then one every [`PACE_MS`].
    pub fn head(&self, seq: u64) -> Value {
        json!({
            "id": self.event_id(seq), "boot": self.boot, "up_ms": 1_000 + seq.saturating_sub(1) * PACE_MS,
            "wall": Time::from_unix_ms(1000).unwrap(), "synced": false,
        })
    }

    pub fn rating(&self, seq: u64, score: u8) -> Event {
        self.event(seq, "rating", &rating_members(score))
    }

    pub fn ratings(&self, seqs: RangeInclusive<u64>) -> Vec<Event> {
        // Turning the ratchet once for all of them, not from the start for each.
        let mut key = self.seal_key.advance(seqs.start() - 1);
        let rate = |seq| {
            let body = self.body(seq, &rating_members(u8::try_from(seq % 5 + 1).unwrap()));
            let seal = key.seal(seq, "rating", &body).unwrap();
            key = key.next();
            Event {
                seq,
                kind: "rating".to_owned(),
                body,
                seal,
            }
        };
        seqs.map(rate).collect()
    }

    /// A sealed event with these members behind the head.
    pub fn event(&self, seq: u64, kind: &str, members: &Value) -> Event {
        self.sealed(seq, kind, self.body(seq, members))
    }

    fn body(&self, seq: u64, members: &Value) -> Value {
        let mut body = self.head(seq);
        body.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        body
    }

    pub fn sealed(&self, seq: u64, kind: &str, body: Value) -> Event {
        let seal = self
            .seal_key
            .advance(seq - 1)
            .seal(seq, kind, &body)
            .unwrap();
        Event {
            seq,
            kind: kind.to_owned(),
            body,
            seal,
        }
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
    request = request
        .header("signature-input", signature.signature_input)
        .header("signature", signature.signature);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}
