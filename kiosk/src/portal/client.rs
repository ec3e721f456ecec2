//! The portal over HTTP: signed, bounded in time and size, never redirected.

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use pikir_contract::{SigningKey, sign_request};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, HeaderMap, IF_NONE_MATCH,
    RETRY_AFTER, USER_AGENT,
};
use reqwest::{Client, Method, Url};

use super::address::PortalAddress;
use super::{Portal, Reply, Request, RequestBody, tls};
use crate::limits::MAX_ANSWER_BYTES;
use crate::platform::clock::SharedClock;

/// Why an answer was not read to its end.
const TOO_LARGE: &str = "the answer is larger than any answer of the portal";

/// The portal over HTTP, for one identity.
#[derive(Clone)]
pub struct HttpPortal {
    address: PortalAddress,
    key: SigningKey,
    keyid: String,
    clock: SharedClock,
}

impl HttpPortal {
    /// `keyid` is the terminal id, or the base64url public key in an enrolment.
    #[must_use]
    pub fn new(address: PortalAddress, key: SigningKey, keyid: String, clock: SharedClock) -> Self {
        Self {
            address,
            key,
            keyid,
            clock,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &PortalAddress {
        &self.address
    }

    fn prepare(&self, http: &Client, request: Request) -> anyhow::Result<reqwest::Request> {
        let url: Url = format!("{}{}", self.address.as_str(), request.path).parse()?;
        let (method, content, known_etag) = match request.body {
            RequestBody::Get { known_etag } => (Method::GET, None, known_etag),
            RequestBody::Post(content) => (Method::POST, Some(content.into_sent()?), None),
        };
        let (content, zipped) =
            content.map_or((None, false), |(sent, zipped)| (Some(sent), zipped));
        let created = self.clock.wall_ms().div_euclid(1_000);
        let signed = sign_request(
            &self.key,
            &self.keyid,
            method.as_str(),
            url.path(),
            content.as_deref(),
            created,
        );
        let mut builder = http
            .request(method, url)
            .header(USER_AGENT, crate::SOFTWARE)
            .header(ACCEPT_ENCODING, "gzip")
            .header("signature-input", signed.signature_input)
            .header("signature", signed.signature);
        if let Some(digest) = signed.content_digest {
            builder = builder.header("content-digest", digest);
        }
        if let Some(etag) = known_etag {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        if zipped {
            builder = builder.header(CONTENT_ENCODING, "gzip");
        }
        if let Some(content) = content {
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .body(content);
        }
        Ok(builder.build()?)
    }
}

impl Portal for HttpPortal {
    async fn send(&self, request: Request) -> Result<Reply, String> {
        let http = self.address.http().map_err(|error| format!("{error:#}"))?;
        let request = self
            .prepare(&http, request)
            .map_err(|error| plain(error.as_ref()))?;
        let mut response = http
            .execute(request)
            .await
            .map_err(|error| plain(&error.without_url()))?;
        let zipped = response
            .headers()
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip"));
        let mut reply = Reply {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
            etag: response
                .headers()
                .get(ETAG)
                .and_then(|tag| tag.to_str().ok())
                .map(str::to_owned),
            body: Vec::new(),
        };
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| plain(&error.without_url()))?
        {
            if reply.body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(TOO_LARGE.into());
            }
            reply.body.extend_from_slice(&chunk);
        }
        if zipped {
            reply.body = unpacked(&reply.body)?;
        }
        Ok(reply)
    }

    fn forget_connections(&self) {
        self.address.forget_connections();
    }
}

/// What a packed answer says, which is no more than an answer may be.
fn unpacked(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let most = MAX_ANSWER_BYTES as u64 + 1;
    GzDecoder::new(body)
        .take(most)
        .read_to_end(&mut unpacked)
        .map_err(|error| format!("the answer cannot be unpacked: {error}"))?;
    if unpacked.len() > MAX_ANSWER_BYTES {
        return Err(TOO_LARGE.into());
    }
    Ok(unpacked)
}

/// The whole chain of causes in one line: a technician needs the last of them ("certificate has
/// expired").
fn plain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(fault) = tls::date_fault(error) {
            return fault;
        }
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// RFC 9110 §10.2.3: seconds, or a date. A date counts from the sender's own `Date`, since the
/// terminal's clock may be wrong.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let parse = |text: &str| Some(jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp());
    let until = parse(text)?;
    let now = parse(headers.get(DATE)?.to_str().ok()?)?;
    Duration::try_from(until.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::Content;

    fn headers(pairs: &[(reqwest::header::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date_of_the_senders_clock() {
        assert_eq!(
            retry_after(&headers(&[(RETRY_AFTER, "120")])),
            Some(Duration::from_secs(120))
        );
        let date = headers(&[
            (RETRY_AFTER, "Fri, 20 Nov 2026 10:01:30 GMT"),
            (DATE, "Fri, 20 Nov 2026 10:00:00 GMT"),
        ]);
        assert_eq!(retry_after(&date), Some(Duration::from_secs(90)));
        let past = headers(&[
            (RETRY_AFTER, "Fri, 20 Nov 2026 09:00:00 GMT"),
            (DATE, "Fri, 20 Nov 2026 10:00:00 GMT"),
        ]);
        assert_eq!(retry_after(&past), None);
        assert_eq!(retry_after(&headers(&[(RETRY_AFTER, "soon")])), None);
    }

    #[test]
    fn a_packed_answer_is_unpacked_and_one_that_swells_or_breaks_off_is_none() {
        let packed = |length: usize| {
            let content = Content::from(vec![b' '; length]);
            content.into_sent().unwrap().0
        };
        assert_eq!(unpacked(&packed(5_000)).unwrap(), vec![b' '; 5_000]);
        assert_eq!(
            unpacked(&packed(MAX_ANSWER_BYTES)).unwrap().len(),
            MAX_ANSWER_BYTES
        );
        assert_eq!(
            unpacked(&packed(MAX_ANSWER_BYTES + 1)).unwrap_err(),
            TOO_LARGE
        );
        let half = packed(5_000);
        assert!(unpacked(&half[..half.len() / 2]).is_err());
        assert!(unpacked(b"{}").is_err());
    }
}
