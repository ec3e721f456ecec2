//! The portal over HTTP: signed, bounded in time and size, never redirected.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use flate2::read::GzDecoder;
use pikir_contract::{SigningKey, check_portal_url, sign_request};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, HeaderMap, IF_NONE_MATCH,
    RETRY_AFTER, USER_AGENT,
};
use reqwest::{Client, Method, Url};

use super::tls::{self, Trust};
use super::{Portal, Reply, Request, RequestBody};
use crate::clock::SharedClock;
use crate::limits::{CONNECT_TIMEOUT, MAX_ANSWER_BYTES, POOL_IDLE, READ_TIMEOUT, REQUEST_TIMEOUT};
use crate::true_time::TrueTime;

/// Why an answer was not read to its end.
const TOO_LARGE: &str = "the answer is larger than any answer of the portal";

/// How long each stage of a request may take, so that no half-open connection holds it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// To reach the portal: name, TCP and TLS.
    pub connect: Duration,
    /// Silence while the request is sent, before the answer begins, and within it.
    pub silence: Duration,
    /// The whole request, whoever trickles.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: CONNECT_TIMEOUT,
            silence: READ_TIMEOUT,
            whole: REQUEST_TIMEOUT,
        }
    }
}

/// Where the portal is and whom to trust there. Clones share their connections.
#[derive(Debug, Clone)]
pub struct PortalAddress {
    base: Url,
    road: Arc<Road>,
}

/// How the portal is reached.
#[derive(Debug)]
struct Road {
    /// `None`: no TLS, on loopback. A machine without any authority must still reach that.
    trust: Option<Trust>,
    patience: Patience,
    /// With the connections that are open.
    http: Mutex<Client>,
}

impl PortalAddress {
    /// Checks the address and prepares TLS. `ca_file` (PEM) replaces the system's authorities.
    ///
    /// # Errors
    /// The address is neither `https://` nor loopback, or no authority can be read.
    pub fn new(portal: &str, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        Self::with_patience(portal, ca_file, Patience::default())
    }

    /// The same, with other time limits.
    ///
    /// # Errors
    /// As [`PortalAddress::new`].
    pub fn with_patience(
        portal: &str,
        ca_file: Option<&Path>,
        patience: Patience,
    ) -> anyhow::Result<Self> {
        check_portal_url(portal).with_context(|| format!("portal address {portal}"))?;
        let base = Url::parse(portal).with_context(|| format!("portal address {portal}"))?;
        // A second provider would be an error of the program; the first one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let trust = match (ca_file, base.scheme()) {
            (None, "http") => None,
            _ => Some(Trust::new(ca_file)?),
        };
        let road = Road::new(trust, patience)?;
        Ok(Self {
            base,
            road: Arc::new(road),
        })
    }

    /// The same portal, whose certificate's dates are judged by what is known of the time, and leniently while nothing is
    /// ([`tls`] says at which price). For what an enrolled terminal sends; shares no connection with this one.
    #[must_use]
    pub fn judging_dates_by(&self, true_time: Arc<TrueTime>) -> Self {
        let Some(trust) = self.road.trust.clone() else {
            return self.clone();
        };
        match Road::new(Some(trust.judging_dates_by(true_time)), self.road.patience) {
            Ok(road) => Self {
                base: self.base.clone(),
                road: Arc::new(road),
            },
            Err(error) => {
                let detail = format!("{error:#}");
                tracing::warn!(%detail, "certificates are judged by the wall clock alone");
                self.clone()
            }
        }
    }

    /// Another portal by its address, over the same kind of road; this one where no other is named, or it cannot be used.
    #[must_use]
    pub fn or_of(&self, portal: Option<&str>, ca_file: Option<&Path>) -> Self {
        let Some(portal) = portal.filter(|portal| *portal != self.as_str()) else {
            return self.clone();
        };
        let true_time = self.road.trust.as_ref().and_then(Trust::true_time);
        let other = Self::new(portal, ca_file).map(|other| match true_time {
            Some(true_time) => other.judging_dates_by(true_time),
            None => other,
        });
        other.unwrap_or_else(|error| {
            let detail = format!("{error:#}");
            tracing::warn!(portal, %detail, "the portal cannot be used; the present one is asked instead");
            self.clone()
        })
    }

    fn http(&self) -> Client {
        self.road.lock().clone()
    }

    /// Leaves every open connection behind; requests under way are not touched.
    fn forget_connections(&self) {
        match client(self.road.trust.as_ref(), self.road.patience) {
            Ok(http) => *self.road.lock() = http,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(
                    error,
                    "connections could not be given up; they are within seconds"
                );
            }
        }
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Host (and port), for people to read.
    #[must_use]
    pub fn host(&self) -> String {
        self.as_str()
            .split_once("://")
            .map_or_else(|| self.as_str().to_owned(), |(_, rest)| rest.to_owned())
    }
}

impl Road {
    fn new(trust: Option<Trust>, patience: Patience) -> anyhow::Result<Self> {
        let http = client(trust.as_ref(), patience)
            .context("TLS cannot be prepared. Install ca-certificates, or name a ca_file")?;
        Ok(Self {
            trust,
            patience,
            http: Mutex::new(http),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Client> {
        self.http.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(trust: Option<&Trust>, patience: Patience) -> anyhow::Result<Client> {
    let builder = Client::builder()
        .connect_timeout(patience.connect)
        .read_timeout(patience.silence)
        .timeout(patience.whole)
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(POOL_IDLE)
        // The kernel gives up at the same time as the program, so that no dead socket stays behind.
        .tcp_user_timeout(patience.silence)
        .tcp_keepalive(patience.silence);
    let builder = match trust {
        Some(trust) => builder.tls_backend_preconfigured(trust.config()?),
        None => builder.tls_certs_only([]),
    };
    Ok(builder.build()?)
}

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
        let http = self.address.http();
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

/// The whole chain of causes in one line: a technician needs the last of them ("certificate has expired").
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

/// RFC 9110 §10.2.3: seconds, or a date. A date counts from the sender's own `Date`, since the terminal's clock
/// may be wrong.
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
    use crate::files;
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

    #[test]
    fn plain_http_to_another_machine_is_refused() {
        assert!(PortalAddress::new("http://otzyv.example", None).is_err());
        assert!(PortalAddress::new("http://127.0.0.1:8080", None).is_ok());
    }

    #[test]
    fn a_former_identity_is_delivered_to_its_own_portal_where_that_can_be() {
        let present = PortalAddress::new("http://127.0.0.1:8080", None).unwrap();
        let of = |portal| present.or_of(portal, None).as_str().to_owned();
        assert_eq!(of(Some("http://127.0.0.1:9090")), "http://127.0.0.1:9090");
        assert_eq!(of(None), present.as_str());
        assert_eq!(of(Some("http://otzyv.example")), present.as_str());
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        files::replace(&path, b"not a certificate", 0o644).unwrap();
        let message = PortalAddress::new("https://otzyv.example", Some(&path))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("ca.pem holds no PEM certificate"),
            "{message}"
        );
    }
}
