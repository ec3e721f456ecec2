//! Plain HTTP requests whose answers are looked at whatever their status.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;

/// Longer than any answer of a loaded machine should take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// More than any page or message here may have, in bytes.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// `Content-Type` without parameters, empty when absent.
    pub content_type: String,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text)
            .with_context(|| format!("not JSON (status {}): {}", self.status, self.text))
    }

    fn read(response: ureq::http::Response<ureq::Body>) -> Result<Self> {
        let (parts, mut body) = response.into_parts();
        let header = parts
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let content_type = header
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        let text = body
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_string()?;
        Ok(Self {
            status: parts.status.as_u16(),
            content_type,
            text,
        })
    }
}

/// A client that follows no redirect and takes every status for an answer.
fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into()
}

/// `GET url`.
pub fn get(url: &str) -> Result<Answer> {
    Answer::read(
        agent()
            .get(url)
            .call()
            .with_context(|| format!("GET {url}"))?,
    )
}

/// `GET url` with these cookies (`a=b; c=d`).
pub fn get_with_cookies(url: &str, cookies: &str) -> Result<Answer> {
    let request = agent().get(url).header("cookie", cookies);
    Answer::read(request.call().with_context(|| format!("GET {url}"))?)
}

/// `GET url`, which must answer 200 with JSON.
pub fn get_json(url: &str) -> Result<Value> {
    let answer = get(url)?;
    if answer.status != 200 {
        bail!("GET {url} answered {}: {}", answer.status, answer.text);
    }
    answer.json()
}

/// `POST url` with `headers` and `body`.
pub fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    let request = headers
        .iter()
        .fold(agent().post(url), |request, (name, value)| {
            request.header(*name, *value)
        });
    Answer::read(request.send(body).with_context(|| format!("POST {url}"))?)
}
