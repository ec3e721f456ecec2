//! Every limit and default of the contract, each with its unit.

/// Events in one delivery, at most.
pub const MAX_BATCH_EVENTS: usize = 500;

/// Length of a visitor's comment in Unicode scalar values (characters), at most.
pub const MAX_COMMENT_CHARS: usize = 1000;

/// The largest integer on the wire, 2^53 − 1; the smallest is its negative. Every JSON reader holds
/// these exactly (RFC 8785, RFC 7493).
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// Where a touch lies on the screen: per mille of its width or height, at most.
pub const MAX_PER_MILLE: u16 = 1000;

/// Length of the seal key and of an Ed25519 public key, in bytes.
pub const KEY_BYTES: usize = 32;

/// Length of a seal, in bytes.
pub const SEAL_BYTES: usize = 16;

/// Symbols of a place's short code, at least.
pub const MIN_PLACE_CODE_SYMBOLS: usize = 1;

/// Symbols of a place's short code, at most.
pub const MAX_PLACE_CODE_SYMBOLS: usize = 32;

/// Bytes of the HMAC that become a presence token.
pub const PRESENCE_TOKEN_BYTES: usize = 10;

/// Symbols of a presence token.
pub const PRESENCE_TOKEN_SYMBOLS: usize = 16;

/// How long one presence token is shown, in seconds, unless the configuration says otherwise.
pub const DEFAULT_STEP_S: u64 = 300;

/// Steps before and after the current one whose presence token still counts.
pub const PRESENCE_WINDOW_STEPS: u64 = 2;

/// Symbols of a user code, its hyphen not counted.
pub const USER_CODE_SYMBOLS: usize = 8;

/// Seconds without input until the terminal returns to its first screen, unless the configuration
/// says otherwise.
pub const DEFAULT_IDLE_TIMEOUT_S: u64 = 30;

/// Seconds in which a visitor can take a rating back, unless the configuration says otherwise.
pub const DEFAULT_UNDO_S: u64 = 5;

/// Seconds between two status reports, unless the configuration says otherwise.
pub const DEFAULT_STATUS_S: u64 = 300;

/// The update channel of a terminal whose configuration names none.
pub const DEFAULT_UPDATE_CHANNEL: &str = "stable";

/// The share of terminals that take an update, in per cent, unless the configuration says
/// otherwise.
pub const DEFAULT_SHARE_PERCENT: u8 = 100;

/// Days with opening hours of their own that one configuration names, at most.
pub const MAX_HOURS_EXCEPTIONS: usize = 1_000;

/// Changes of a zone's offset that one configuration names, at most.
pub const MAX_UTC_OFFSETS: usize = 100;

/// How far a clock on a wall is from UTC, in minutes, at most: 18 hours, more than any zone ever
/// was.
pub const MAX_UTC_OFFSET_MINUTES: i16 = 18 * 60;

/// Problems that one status report names, at most.
pub const MAX_PROBLEMS: usize = 100;

/// Length of a problem's key in characters, at most.
pub const MAX_PROBLEM_CHARS: usize = 64;
