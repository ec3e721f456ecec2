//! What a Pikir terminal and the central portal say to each other (version 1), as data.
//!
//! The crate holds the wire messages with their validation, canonical JSON, seals, request
//! signatures, place codes and presence tokens. It does no I/O, reads no clock and draws no
//! randomness: whoever calls it brings all three, so every function gives the same answer to the
//! same arguments.
//!
//! Rules that hold for every message:
//!
//! - Byte strings are base64url without padding, identifiers are UUIDv7 in lower case, times are
//!   RFC 3339 in UTC with `Z`.
//! - Numbers are integers within ±(2^53 − 1).
//! - Unknown members are ignored on reading, so that either side can be upgraded first.
//! - An optional member without a value is omitted on writing; on reading, `null` stands for "not
//!   there".
//!
//! | topic | module |
//! | --- | --- |
//! | limits, each with its unit | [`limits`] |
//! | bytes, identifiers, times on the wire | [`encoding`], [`id`], [`time`] |
//! | canonical JSON (RFC 8785), seals and their ratchet | [`canonical`], [`seal`] |
//! | signed requests (RFC 9421, RFC 9530) | [`signature`] |
//! | problem answers (RFC 9457) | [`problem`] |
//! | enrolment (the shape of RFC 8628) | [`enrolment`] |
//! | events and their delivery | [`event`], [`batch`] |
//! | configuration, texts by language, portal addresses | [`config`], [`texts`], [`url`] |
//! | the question and the words of the scale | [`scale`] |
//! | status reports | [`status`] |
//! | place codes, presence tokens, QR addresses | [`place`] |
//! | the published rules by which ratings are doubted | [`rules`] |

pub mod batch;
pub mod canonical;
pub mod config;
pub mod encoding;
pub mod enrolment;
pub mod event;
pub mod id;
pub mod limits;
mod mac;
pub mod place;
pub mod problem;
mod reader;
pub mod rules;
pub mod scale;
pub mod seal;
pub mod signature;
pub mod status;
pub mod texts;
pub mod time;
pub mod url;

pub use batch::*;
pub use canonical::*;
pub use config::*;
pub use encoding::*;
pub use enrolment::*;
pub use event::*;
pub use id::*;
pub use limits::*;
pub use place::*;
pub use problem::*;
pub use reader::Malformed;
pub use scale::*;
pub use seal::*;
pub use signature::*;
pub use status::*;
pub use texts::*;
pub use time::*;
pub use url::*;
