//! A terminal of another make: speaks to the portal from contract.md alone, honestly or not.
//!
//! Bodies are written as plain JSON, not through the contract's types, so that they can be wrong.

use anyhow::{Context, Result, ensure};
use pikir_contract::{Id, SealKey, SigningKey, base64url_encode, encode_public_key, sign_request};
use serde_json::{Value, json};

use crate::http::{self, Answer};

/// Where terminals hand in events.
pub const EVENTS: &str = "/api/v1/events";

/// An enrolled terminal with its keys in hand.
pub struct Peer {
    portal: String,
    key: SigningKey,
    seal_key: SealKey,
    boot: String,
    /// The id the portal gave it.
    pub terminal: String,
    /// The enrolment result as it came.
    pub enrolled: Value,
    seq: u64,
}

impl Peer {
    /// Enrols with a one-time token.
    pub fn enroll(portal: &str, token: &str) -> Result<Self> {
        let key = SigningKey::from_bytes(&random()?);
        let seal_key = SealKey::from_bytes(random()?);
        let public = encode_public_key(&key.verifying_key());
        let body = json!({
            "public_key": public,
            "seal_key": base64url_encode(seal_key.as_bytes()),
            "hardware": {"model": "peer", "serial": "0"},
            "software": "peer 1",
            "token": token,
        });
        let answer = post_signed(
            portal,
            "/api/v1/enrolments",
            &key,
            &public,
            &[],
            body.to_string().as_bytes(),
        )?;
        ensure!(
            answer.status == 200,
            "enrolment answered {}: {}",
            answer.status,
            answer.text
        );
        let result = answer.json()?;
        let terminal = result["terminal"]
            .as_str()
            .context("the enrolment result names no terminal")?
            .to_owned();
        let boot = uuid::Uuid::from_bytes(random()?).to_string();
        Ok(Self {
            portal: portal.to_owned(),
            key,
            seal_key,
            boot,
            terminal,
            enrolled: result,
            seq: 0,
        })
    }

    /// The next rating of this terminal, sealed.
    pub fn rating(&mut self, score: u64) -> Result<Value> {
        self.event(
            "rating",
            json!({"score": score, "lang": "ky", "input": "touch", "flags": []}),
        )
    }

    /// The next event of any kind, sealed: `members` and what every body has.
    pub fn event(&mut self, kind: &str, members: Value) -> Result<Value> {
        self.seq += 1;
        let mut body = json!({
            "id": Id::from_parts(unix_ms()?, random()?).to_string(),
            "boot": self.boot,
            "up_ms": self.seq * 6000,
            "wall": "2026-01-01T00:00:00.000Z",
            "synced": false,
        });
        let (Value::Object(body_members), Value::Object(members)) = (&mut body, members) else {
            anyhow::bail!("a body is an object");
        };
        body_members.extend(members);
        let seal = self
            .seal_key
            .advance(self.seq - 1)
            .seal(self.seq, kind, &body)?;
        Ok(
            json!({"seq": self.seq, "kind": kind, "body": body, "seal": base64url_encode(seal.as_bytes())}),
        )
    }

    /// A request with these events, as [`EVENTS`] takes it.
    pub fn batch(&self, events: &[Value]) -> Value {
        json!({
            "terminal": self.terminal,
            "clock": {"boot": self.boot, "up_ms": 1_000_000, "wall": "2026-01-01T00:00:00.000Z", "synced": false},
            "boots": [],
            "events": events,
        })
    }

    /// Hands in events, signed.
    pub fn send(&self, events: &[Value]) -> Result<Answer> {
        self.post(EVENTS, &[], self.batch(events).to_string().as_bytes())
    }

    /// Posts any content to any path, rightly signed.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], content: &[u8]) -> Result<Answer> {
        self.post_as(&self.terminal, path, headers, content)
    }

    /// Posts signed with this terminal's key under another's name.
    pub fn post_as(
        &self,
        keyid: &str,
        path: &str,
        headers: &[(&str, &str)],
        content: &[u8],
    ) -> Result<Answer> {
        post_signed(&self.portal, path, &self.key, keyid, headers, content)
    }

    /// The headers that sign `content` for a POST to `path`, to be changed or kept back.
    pub fn sign(&self, path: &str, content: &[u8]) -> Result<Vec<(&'static str, String)>> {
        signed_headers(&self.key, &self.terminal, path, content)
    }
}

fn post_signed(
    portal: &str,
    path: &str,
    key: &SigningKey,
    keyid: &str,
    headers: &[(&str, &str)],
    content: &[u8],
) -> Result<Answer> {
    let signed = signed_headers(key, keyid, path, content)?;
    let mut all = vec![("content-type", "application/json")];
    all.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
    all.extend(headers);
    http::post(&format!("{portal}{path}"), &all, content)
}

fn signed_headers(
    key: &SigningKey,
    keyid: &str,
    path: &str,
    content: &[u8],
) -> Result<Vec<(&'static str, String)>> {
    let created = i64::try_from(unix_ms()? / 1000)?;
    let signed = sign_request(key, keyid, "POST", path, Some(content), created);
    let mut headers = vec![
        ("signature-input", signed.signature_input),
        ("signature", signed.signature),
    ];
    headers.extend(
        signed
            .content_digest
            .map(|digest| ("content-digest", digest)),
    );
    Ok(headers)
}

fn unix_ms() -> Result<u64> {
    Ok(u64::try_from(jiff::Timestamp::now().as_millisecond())?)
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
    Ok(bytes)
}
