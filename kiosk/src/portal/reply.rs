//! What a reply means.

use std::time::Duration;

use pikir_contract::Problem;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{PortalHealth, PortalState, Reply};
use crate::limits::MAX_RETRY_AFTER;

/// Why a request did not do what it should, split by what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No whole reply. Try again later.
    #[error("{0}")]
    Unreachable(String),
    /// 429 or 503. Try again when it says.
    #[error("the portal is busy (status {status})")]
    Busy {
        /// HTTP status.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Any other 5xx. Try again later.
    #[error("the portal has an error (status {0})")]
    Error(u16),
    /// 401. A person has to look.
    #[error("the portal does not accept this terminal's signature: {0}")]
    Unauthorised(String),
    /// 403 `terminal-retired`. A person has to look.
    #[error("the portal took this terminal out of service")]
    Retired,
    /// 413 or 422: what was sent is at fault. Send less of it.
    #[error("the portal refuses the content (status {status}): {detail}")]
    Content {
        /// HTTP status.
        status: u16,
        /// The portal's words.
        detail: String,
        /// Something in between may have said it, such as a proxy with its own page.
        is_hearsay: bool,
    },
    /// Any other 4xx.
    #[error("the portal refuses the request (status {status}): {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The portal's words.
        detail: String,
        /// The content, for answers with a meaning of their own (enrolment polls).
        body: Vec<u8>,
    },
    /// A redirect, a page, or an answer that breaks the contract.
    #[error("something answers that is not the portal: {0}")]
    NotThePortal(String),
}

impl Failure {
    /// How long the portal asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => retry_after.map(|asked| asked.min(MAX_RETRY_AFTER)),
            _ => None,
        }
    }

    /// Whether somebody answered who wants something else, rather than nobody or somebody who wants
    /// to be left alone.
    #[must_use]
    pub fn is_an_answer(&self) -> bool {
        matches!(
            self,
            Self::Content { .. } | Self::Refused { .. } | Self::Error(_) | Self::NotThePortal(_)
        )
    }

    /// What it says of the portal.
    #[must_use]
    pub fn health(&self) -> PortalHealth {
        let state = match self {
            Self::Unreachable(_) => PortalState::Unreachable,
            Self::Busy { .. } => PortalState::Busy,
            Self::Error(_) => PortalState::Error,
            Self::Unauthorised(_) => PortalState::Unauthorised,
            Self::Retired => PortalState::Retired,
            Self::Content { .. } | Self::Refused { .. } => PortalState::Refused,
            Self::NotThePortal(_) => PortalState::NotThePortal,
        };
        PortalHealth {
            state,
            reason: self.to_string(),
        }
    }
}

/// The message of a good reply (200 or 201), or what went wrong.
///
/// # Errors
/// Any other status, or content that is not the message.
pub fn read<T: DeserializeOwned>(reply: Result<Reply, String>) -> Result<T, Failure> {
    let reply = reply.map_err(Failure::Unreachable)?;
    match reply.status {
        200 | 201 => serde_json::from_slice(&reply.body).map_err(|error| {
            Failure::NotThePortal(format!(
                "status {} with unreadable content: {error}",
                reply.status
            ))
        }),
        _ => Err(refusal(reply)),
    }
}

/// What a reply without the expected message means.
#[must_use]
pub fn refusal(reply: Reply) -> Failure {
    let problem: Option<Problem> = serde_json::from_slice(&reply.body).ok();
    let retired = problem
        .as_ref()
        .is_some_and(|problem| is_type(problem, Problem::TERMINAL_RETIRED));
    let said = problem.map(|problem| problem.detail.unwrap_or(problem.title));
    let detail = said
        .filter(|said| !said.is_empty())
        .unwrap_or_else(|| "it says no more".to_owned());
    match reply.status {
        401 => Failure::Unauthorised(detail),
        403 if retired => Failure::Retired,
        413 | 422 => Failure::Content {
            status: reply.status,
            detail,
            is_hearsay: !is_json_or_nothing(&reply.body),
        },
        status @ (429 | 503) => Failure::Busy {
            status,
            retry_after: reply.retry_after,
        },
        300..=399 => Failure::NotThePortal(format!("a redirect (status {})", reply.status)),
        status @ 400..=499 => Failure::Refused {
            status,
            detail,
            body: reply.body,
        },
        status @ 500..=599 => Failure::Error(status),
        status => Failure::NotThePortal(format!("status {status}")),
    }
}

fn is_json_or_nothing(body: &[u8]) -> bool {
    body.trim_ascii().is_empty() || serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// A problem's type may be written as a full URI that ends in the name.
fn is_type(problem: &Problem, name: &str) -> bool {
    problem.r#type.rsplit(['/', ':', '#']).next() == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(status: u16, body: &str) -> Failure {
        read::<serde_json::Value>(Ok(Reply {
            status,
            body: body.into(),
            ..Reply::default()
        }))
        .unwrap_err()
    }

    #[test]
    fn a_log_in_page_is_not_the_portal_whatever_its_status() {
        for (status, body) in [(200, "<html>Wi-Fi"), (302, ""), (200, "{\"half\": ")] {
            assert_eq!(
                meaning(status, body).health().state,
                PortalState::NotThePortal,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_403_of_somebody_else_does_not_retire_the_terminal() {
        assert_eq!(
            meaning(403, "Forbidden by proxy").health().state,
            PortalState::Refused
        );
        let problem = r#"{"type":"terminal-retired","title":"Retired","status":403}"#;
        assert_eq!(meaning(403, problem), Failure::Retired);
    }

    #[test]
    fn only_what_blames_the_content_makes_the_batch_smaller() {
        for status in [413, 422] {
            assert!(matches!(meaning(status, ""), Failure::Content { .. }));
        }
        for status in [400, 401, 404, 429, 500, 503] {
            assert!(!matches!(meaning(status, ""), Failure::Content { .. }));
        }
    }

    #[test]
    fn a_proxys_page_is_hearsay_and_a_problem_is_not() {
        let page = "<html><h1>413 Request Entity Too Large</h1>";
        for (body, expected) in [
            ("", false),
            (r#"{"title":"Too large"}"#, false),
            (page, true),
        ] {
            let Failure::Content { is_hearsay, .. } = meaning(413, body) else {
                panic!("{body}");
            };
            assert_eq!(is_hearsay, expected, "{body}");
        }
    }

    #[test]
    fn an_endless_retry_after_is_not_believed() {
        let reply = Reply {
            status: 503,
            retry_after: Some(Duration::from_secs(1 << 40)),
            ..Reply::default()
        };
        assert_eq!(refusal(reply).retry_after(), Some(MAX_RETRY_AFTER));
    }
}
