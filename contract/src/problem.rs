//! Problem answers (RFC 9457).

use serde::{Deserialize, Serialize};

use crate::canonical::safe_integer;

/// The media type of a problem answer.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// Why the portal refused a request (RFC 9457 §3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of problem, for programs: [`Problem::TERMINAL_RETIRED`], or
    /// [`Problem::ABOUT_BLANK`] where the HTTP status says it all.
    #[serde(default = "about_blank")]
    pub r#type: String,
    /// What kind of problem, in a few words for a person.
    #[serde(default)]
    pub title: String,
    /// The answer's HTTP status, 100–599; 0 where the problem does not repeat it (RFC 9457 §3.1.2:
    /// it is advisory).
    #[serde(default)]
    pub status: u16,
    /// What went wrong this time and what to do, for a technician.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The seq of the one event at fault.
    #[serde(
        default,
        deserialize_with = "safe_integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub seq: Option<u64>,
}

fn about_blank() -> String {
    Problem::ABOUT_BLANK.to_owned()
}

impl Problem {
    /// The type of a problem that its HTTP status describes (RFC 9457 §4.2.1).
    pub const ABOUT_BLANK: &'static str = "about:blank";
    /// The type of a 403: this terminal was taken out of service.
    pub const TERMINAL_RETIRED: &'static str = "terminal-retired";

    /// A problem without detail.
    #[must_use]
    pub fn new(r#type: &str, status: u16, title: &str) -> Self {
        Self {
            r#type: r#type.to_owned(),
            title: title.to_owned(),
            status,
            detail: None,
            seq: None,
        }
    }

    /// The same problem with a detail.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// The same problem with the seq of the event at fault.
    #[must_use]
    pub fn with_seq(self, seq: u64) -> Self {
        Self {
            seq: Some(seq),
            ..self
        }
    }
}
