//! Every limit of the terminal, with its unit and the reason for its size.

use std::time::Duration;

/// Fewest ratings of a day that the idle screen tells: with fewer somebody might know who gave
/// them.
pub const MIN_TOLD_RATINGS: u64 = 5;
/// Events that are looked at to count the ratings of a day: several times what a crowded hall
/// leaves in one, and read in less than a blink.
pub const MAX_COUNTED_EVENTS: usize = 10_000;
/// Free space below which no rating is taken (MiB). SQLite, the log and an update must still fit.
pub const DISK_FLOOR_MB: u64 = 64;
/// Pending events above which no rating is taken: years of a busy lobby, about 500 MB of journal.
pub const MAX_PENDING_EVENTS: u64 = 1_000_000;
/// Commands waiting for the journal thread. A finger cannot fill it while the disk answers at all.
pub const JOURNAL_QUEUE: usize = 256;
/// Quiet time after which the journal is checkpointed, so that used ratchet keys leave the
/// write-ahead log.
pub const JOURNAL_IDLE: Duration = Duration::from_secs(2);
/// Time between two tries to bring a failed journal back.
pub const JOURNAL_RETRY: Duration = Duration::from_secs(5);
/// How long a commit may take before the screen says that saving does not work (milliseconds).
pub const COMMIT_PATIENCE_MS: u64 = 3_000;
/// How long the thanks screen stays at least (milliseconds); longer where the time to undo is
/// longer.
pub const THANKS_MS: u64 = 4_000;
/// How long fresh thanks take nothing but another rating (milliseconds): the second half of a
/// double tap falls in it.
pub const THANKS_GUARD_MS: u64 = 700;
/// How long no score is taken after a screen or the idle warning was left (milliseconds): the
/// second half of a double tap, and a press meant for what has just gone, fall in it.
pub const LEFT_GUARD_MS: u64 = 700;
/// How long a contact with the panel is a finger's: one that stays longer is water, or a bag on the
/// counter, and others count beside it. Longer than a palm rests, and short enough that nobody
/// gives up on a wet panel.
pub const RESTING_CONTACT: Duration = Duration::from_secs(30);
/// Contacts with the screen that are told apart: more than panels report.
pub const MAX_CONTACTS: usize = 64;
/// Two keys within this time are no hand's, so each key is held back for it. A hand does not feel
/// it (120 ms at most), and does not press ten keys a second.
pub const HAND_GAP: Duration = Duration::from_millis(100);
/// After keys that no hand can press nothing counts until none was pressed for this long. A score
/// also counts only so long after any other key.
pub const HAND_QUIET: Duration = Duration::from_millis(250);
/// How long "taken back" or "not saved" stays on the rate screen (milliseconds).
pub const MESSAGE_MS: u64 = 6_000;
/// How long the thanks screen stays where the visitor can say more (milliseconds).
pub const THANKS_WITH_MORE_MS: u64 = 10_000;
/// How long a fresh page of the questionnaire takes neither a choice nor a way on (milliseconds):
/// the second half of a double tap falls in it.
pub const PAGE_GUARD_MS: u64 = 400;
/// How long nobody has to be there before the rate screen tells news (milliseconds).
pub const NEWS_AFTER_MS: u64 = 20_000;
/// How long news are shown, and the question between them (milliseconds): time to read three lines,
/// and no more than one wake-up in ten seconds.
pub const NEWS_TURN_MS: u64 = 12_000;
/// How long "are you still there?" waits for an answer (milliseconds): the least that EN 301 549
/// and WCAG 2.2.1 allow.
pub const IDLE_WARNING_MS: u64 = 20_000;

/// Largest event batch in bytes of JSON before compression; half of what the portal takes.
pub const MAX_BATCH_BYTES: usize = 2 * 1024 * 1024;
/// Bodies shorter than this travel uncompressed: compression would not save a packet.
pub const COMPRESS_FROM_BYTES: usize = 1024;
/// Largest answer read from the portal (bytes). A log-in page or a liar may send more.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// How long a button's level must hold before it counts (milliseconds); cheap switches bounce for
/// up to 20.
pub const BUTTON_DEBOUNCE_MS: u64 = 30;
/// The same for the switches of housing and headphone jack (milliseconds): a lid rattles, a plug is
/// pushed in slowly.
pub const SWITCH_DEBOUNCE_MS: u64 = 200;
/// The same for the presence sensor (milliseconds): its output flickers at the edge of its field.
pub const PRESENCE_DEBOUNCE_MS: u64 = 500;
/// How often the inputs are read while a level settles, and buttons always where the kernel tells
/// of no edges. A press shorter than this and the debounce time together is not one of a finger.
pub const BUTTON_POLL: Duration = Duration::from_millis(10);
/// How often the inputs are read besides: switches and sensors without edges, and edges that were
/// lost.
pub const QUIET_POLL: Duration = Duration::from_secs(1);
/// How long the buzzer sounds for a press (milliseconds).
pub const TICK_MS: u64 = 30;

/// Least time between two notices that the housing was opened or closed; doubles with each.
pub const TAMPER_PAUSE: Duration = Duration::from_secs(1);
/// Longest such time: a switch that came loose must not fill the journal.
pub const TAMPER_PAUSE_MAX: Duration = Duration::from_secs(600);
/// Without news of the housing for this long the next notice comes at once again.
pub const TAMPER_QUIET: Duration = Duration::from_secs(3_600);

/// How often the window's thread gives a sign of life and asks for a frame.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// Heartbeats in a row that mean, when they are missing, that the screen hangs: the program ends,
/// to be started anew. Before systemd's watchdog does it (WatchdogSec=30), because then nothing can
/// be written down.
pub const MISSED_HEARTBEATS: u32 = 2;
/// Frames in a row, one a [`HEARTBEAT`], after which a display counts as steady again: ten minutes.
pub const STEADY_FRAMES: u32 = 60;
/// New starts in a row for one part that is missing; more of them bring nothing.
pub const MAX_RESTARTS: u32 = 3;
/// How often a display is looked for while there is none.
pub const DISPLAY_RETRY: Duration = Duration::from_secs(3);
/// After how long the program ends, to be started anew, where a display was there and failed, or a
/// window system was there and gave no window: neither can be opened twice by one process.
pub const DISPLAY_RENEWAL: Duration = Duration::from_secs(600);
/// How often a data directory or a control socket that cannot be used is tried again.
pub const DATA_RETRY: Duration = Duration::from_secs(5);
/// How long a problem stands before the screen's line for the technician names it: many pass by
/// themselves after a start.
pub const HINT_AFTER: Duration = Duration::from_secs(20);
/// How long a touch panel may be away: a cable that was pulled, a driver that starts anew.
pub const PANEL_PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for the notice that says why the program ends; systemd's watchdog leaves it that
/// long after [`MISSED_HEARTBEATS`].
pub const LAST_NOTICE_PATIENCE: Duration = Duration::from_secs(5);

/// Time to reach the portal, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An open connection serves the next batch of a backlog, and is closed when it was not needed for
/// this long: the next rating is not to find a connection that the network forgot.
pub const POOL_IDLE: Duration = Duration::from_secs(5);
/// Silence on a connection after which it counts as half-open; also for what was sent and never
/// acknowledged.
pub const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Time for one whole request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// First ceiling of the back-off; doubles with each failure.
pub const BACKOFF_BASE: Duration = Duration::from_secs(1);
/// Last ceiling of the back-off. A fleet of 100,000 that finds its portal away all day knocks 670
/// times a second with it: the bench `fleet` shows what twice as often would cost.
pub const BACKOFF_CAP: Duration = Duration::from_secs(600);
/// Requests within any minute that an uploader sends at most, whatever is answered: 300,000 events
/// in full batches.
pub const MAX_REQUESTS_PER_MINUTE: usize = 600;
/// A batch that met no answer is halved down to this (events): a few kilobytes pass over the
/// slowest line in time. Then it is quartered down to one event, which fits into a packet of almost
/// any line.
pub const SMALL_BATCH_EVENTS: usize = 16;
/// The portal's idea of the journal changes once a year, when a backup is restored. Setbacks closer
/// than this together wait longer each time.
pub const SETBACK_MEMORY: Duration = Duration::from_secs(3_600);
/// Answers of the portal in a row that move the cursor in memory only (answers): after a power cut
/// in the middle of a long delivery the portal is asked about no more than these again.
pub const MAX_UNWRITTEN_ANSWERS: u32 = 16;
/// Deliveries in a row after which more is tried than a line let through before.
pub const LARGER_AFTER: u32 = 16;
/// What is known of a boot's clock is written down again when it differs by more than this
/// (milliseconds).
pub const LEARN_STEP_MS: u64 = 1_000;
/// A first try after a start comes at a random moment within this, unless `terminal.toml` says
/// otherwise: power comes back to a whole town at once.
pub const START_SPREAD: Duration = Duration::from_secs(30);
/// Longest start spread that `terminal.toml` may ask for (seconds).
pub const MAX_START_SPREAD_S: u64 = 600;
/// A link that comes up is followed by an address, a route, a second address: they count as one
/// change.
pub const NETWORK_SETTLE: Duration = Duration::from_secs(1);
/// Least time between two changes of the network that are told: a flapping link must not keep the
/// uploader busy.
pub const NETWORK_PAUSE: Duration = Duration::from_secs(10);
/// How often the wall clock is looked at.
pub const CLOCK_CHECK: Duration = Duration::from_secs(10);
/// The wall clock counts as set when it jumped by more than this (milliseconds).
pub const CLOCK_JUMP_MS: u64 = 2_000;
/// Least time between two notices that the clock was set (milliseconds); the next tells what
/// happened meanwhile.
pub const CLOCK_NOTICE_PAUSE_MS: u64 = 10 * 60 * 1_000;
/// How far an uptime clock and the portal's may drift apart (parts in a million); a quartz strays
/// half as far.
pub const CLOCK_DRIFT_PPM: u64 = 100;
/// Longest `Retry-After` that is believed: a portal under repair for a night, not a proxy that says
/// a year.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);
/// Round trip above which the portal's time is too vague to learn from (milliseconds).
pub const MAX_TIME_ROUND_TRIP_MS: u64 = 10_000;
/// It is not earlier than this (Unix seconds): 2026-11-01, when this program was about to be made.
/// A constant and not the time of the build, so that the same source always makes the same program;
/// moved on with each release.
pub const EARLIEST_NOW_S: u64 = 1_793_491_200;
/// How long a time that the portal told decides alone which certificates are valid (milliseconds).
/// After a day without any answer it may be the time that is wrong, and not the certificate.
pub const TOLD_TIME_BINDS_MS: u64 = 24 * 60 * 60 * 1_000;
/// Moments at which a portal's certificates are judged while the time is not known: each
/// certificate of a chain moves it once or twice.
pub const MAX_DATE_TRIES: usize = 8;
/// TLS sessions remembered, so that the next connection is made with less: what rustls keeps for
/// one portal.
pub const TLS_SESSIONS: usize = 8;
/// Least time between two status reports, as the contract asks (seconds).
pub const MIN_STATUS_S: u64 = 300;
/// How long set-up waits at most after a failure, unless the portal asks for more: a technician
/// stands before it.
pub const SETUP_CAP: Duration = Duration::from_secs(15);
/// How often the set-up screen looks whether somebody else enrolled the terminal.
pub const SETUP_POLL: Duration = Duration::from_secs(1);

/// Longest request line on the control socket (bytes).
pub const MAX_CONTROL_REQUEST_BYTES: usize = 4_096;
/// Time for one exchange on the control socket.
pub const CONTROL_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest file read whole: settings, identity, configuration, CA file (bytes).
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Used pages of the journal above which no rating is taken (bytes). Acknowledged events go early
/// before that.
pub const MAX_JOURNAL_BYTES: u64 = 1024 * 1024 * 1024;
/// Largest journal whose structure is checked each time it is opened (bytes): 50 ms from an SD
/// card. A larger one that was closed in order is checked in a quiet moment.
pub const CHECK_AT_OPEN_BYTES: u64 = 2 * 1024 * 1024;
/// After how long (ms of uptime) what the portal holds behind a gap is offered once more: well
/// within the time for which it is kept.
pub const OFFER_AGAIN_MS: u64 = 24 * 3_600_000;
/// Appends after which the journal's size is looked at again.
pub const SIZE_CHECK_APPENDS: u32 = 256;
/// How long acknowledged events are kept (days): a portal restored from a backup may need them
/// again.
pub const RETENTION_DAYS: i64 = 30;
/// For how long readings of the time have to agree before an event goes by them (ms of uptime): an
/// hour, well below the day of an office that switches its terminals off.
pub const TIME_PROOF_MS: u64 = 3_600_000;
/// How far two readings of the time may be apart to agree (milliseconds): an hour.
pub const TIME_AGREES_MS: u64 = 3_600_000;
/// Events removed in one transaction: a tap that comes meanwhile waits for this much and no more.
pub const REMOVE_STEP: u64 = 64;
/// Time between two such steps, in which the disk is free for others.
pub const REMOVE_PAUSE: Duration = Duration::from_millis(50);
/// How far ahead of the journal the spare key lies when it is made (events).
pub const SPARE_AHEAD: u64 = 1_000;
/// Distance below which a new spare key is made in idle time (events).
pub const SPARE_MARGIN: u64 = 500;
/// Distance at which a new spare key is made before the next append, idle or not (events).
pub const SPARE_LAST: u64 = 10;
/// Furthest jump of the ratchet that is computed (events), a second or two on a Pi: how far beyond
/// the newest event an acknowledgement may lie to be taken for a journal that lost its end. Beyond
/// it, whoever answers is not the portal.
pub const MAX_LEAP: u64 = 1_000_000;
/// Damaged journals kept beside the present one. More of them means a disk that is to be replaced.
pub const MAX_SET_ASIDE: usize = 20;
/// How long the start waits for the journal to be opened; checking and mending may take longer and
/// goes on beside it.
pub const OPEN_PATIENCE: Duration = Duration::from_secs(3);

/// Longest text that is said at once (characters): a comment and what surrounds it.
pub const MAX_SPOKEN_CHARS: usize = 2_000;
/// How long what is said keeps a visit after the last thing that its visitor did (milliseconds):
/// the longest text takes less than three minutes, and a voice that never ends must not keep the
/// terminal.
pub const SPEECH_KEEPS_MS: u64 = 240_000;
/// How fast speech is. Slower than a speech program's own: the words are official, and heard for
/// the first time.
pub const SPEECH_WORDS_PER_MINUTE: u32 = 150;
/// How often it is looked whether what is being said has come to its end; only while it lasts.
pub const SPEECH_POLL: Duration = Duration::from_millis(200);
/// Longest time within which the same key again is the same key press (milliseconds); EN 301 549
/// asks for 500 at least.
pub const MAX_DOUBLE_STRIKE_MS: u16 = 2_000;
