//! The central portal as the terminal sees it: one request, one reply, and what a reply means.

pub mod address;
pub mod backoff;
pub mod client;
pub mod content;
pub mod reply;
#[cfg(test)]
pub mod scripted;
#[cfg(test)]
mod tests;
pub mod tls;
mod tls_sessions;

use std::future::Future;
use std::time::Duration;

pub use address::{Patience, PortalAddress};
pub use client::HttpPortal;
pub use content::{Content, End};
pub use reply::Failure;

/// One request to the portal.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path below the portal's address, beginning with `/api/`.
    pub path: &'static str,
    /// What it carries.
    pub body: RequestBody,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub enum RequestBody {
    /// `GET`, with the entity tag that is known already.
    Get {
        /// For `If-None-Match`.
        known_etag: Option<String>,
    },
    /// `POST` of this JSON.
    Post(Content),
}

impl Request {
    /// A `POST` of a contract message.
    ///
    /// # Panics
    /// Never: the contract's messages have text keys and integers only, which always serialise.
    #[must_use]
    pub fn post(path: &'static str, message: &impl serde::Serialize) -> Self {
        let json = serde_json::to_vec(message).expect("contract messages serialise");
        Self::of(path, json.into())
    }

    /// A `POST` of this content.
    #[must_use]
    pub fn of(path: &'static str, content: Content) -> Self {
        Self {
            path,
            body: RequestBody::Post(content),
        }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(path: &'static str, known_etag: Option<String>) -> Self {
        Self {
            path,
            body: RequestBody::Get { known_etag },
        }
    }
}

/// What came back, whoever sent it: a portal, a log-in page of a Wi-Fi, a broken proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// How long it asks to be left alone (`Retry-After`, as seconds or relative to its own `Date`).
    pub retry_after: Option<Duration>,
    /// Entity tag.
    pub etag: Option<String>,
    /// Content, whole.
    pub body: Vec<u8>,
}

/// The road to the portal: [`HttpPortal`] on a terminal, `scripted::ScriptedPortal` in tests.
pub trait Portal: Send + Sync + 'static {
    /// Sends one request. Signed, within the time limits, without following redirects.
    ///
    /// # Errors
    /// No whole reply came back, with the reason in plain words.
    fn send(&self, request: Request) -> impl Future<Output = Result<Reply, String>> + Send;

    /// The network is another one: connections that lie open belong to the old one and must not be
    /// used again.
    fn forget_connections(&self) {}
}

/// How the portal answered last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalHealth {
    /// One word for programs.
    pub state: PortalState,
    /// Why, in plain words; empty where all is well.
    pub reason: String,
}

/// How the portal answered last, as `status --json` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortalState {
    /// Not tried yet.
    Unknown,
    /// Answers as the contract says.
    Ok,
    /// Cannot be reached: no network, no name, no connection, no TLS, no whole answer.
    Unreachable,
    /// Asks to be left alone (429, 503).
    Busy,
    /// Has an error of its own (5xx).
    Error,
    /// Does not know this terminal or its signature (401).
    Unauthorised,
    /// Took this terminal out of service (403).
    Retired,
    /// Refuses the request (other 4xx).
    Refused,
    /// Something answers that is not the portal: a log-in page, nonsense.
    NotThePortal,
}

impl PortalHealth {
    /// Before the first request.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            state: PortalState::Unknown,
            reason: String::new(),
        }
    }

    /// After a good answer.
    #[must_use]
    pub fn ok() -> Self {
        Self {
            state: PortalState::Ok,
            reason: String::new(),
        }
    }
}
