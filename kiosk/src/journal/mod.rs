//! The journal: an append-only log of what happened at this terminal, in one SQLite file.
//!
//! # What is promised
//! - An append that was answered is on the disk: it survives a power cut at any later instruction
//!   (WAL, `synchronous=FULL`: one sync of the write-ahead log for each append).
//! - Event `seq` and the ratchet step from `K_seq` to `K_(seq+1)` are one transaction: never one
//!   without the other.
//! - `seq` runs 1, 2, 3 … for the life of the enrolment and is never given twice. A gap exists only
//!   where events were lost with the disk, and is stated. An event is never edited, and never
//!   removed while the portal may still need it.
//! - The body lies in the file as the canonical JSON that was sealed; it is sent as it lies there.
//! - A journal of a newer program is refused and not touched.
//!
//! # Files
//! | file | what |
//! | --- | --- |
//! | `journal.db`, `-wal`, `-shm` | the journal (pages of 4096 bytes) |
//! | `spare-key.json` | a key of the ratchet that the journal has not reached (`spare_key.rs`) |
//! | `journal.db.new` | a journal being built; nobody reads it, the next one to build overwrites it |
//! | `exported-through` | seq of the newest event that was ever exported: the portal may hold it though it was never sent |
//! | `damaged/1`, `damaged/2` … | files that were set aside, never deleted; `damaged/new` while they are being read |
//!
//! Tables: `chain` (one row: next seq and key, the portal's cursor), `events`, `boots`, `marks`
//! (when events were acknowledged), `recoveries` and `gaps` (what was lost). Their columns are
//! explained in `migrations/`.
//!
//! # What one append writes
//! The leaf page of `events` and the one page of `chain`, as frames of the write-ahead log; nothing
//! else. No secondary index holds a pending event, and the number of pending events is arithmetic
//! on `chain`. The first event of a boot also writes its row in `boots`. Where fewer than
//! [`SPARE_LAST`](crate::limits::SPARE_LAST) seqs are left to the spare key and there was no idle
//! time to renew it, it is renewed first, which costs a file of its own.
//!
//! An acknowledgement that takes just what was offered writes nothing by itself: the portal can be
//! asked again (`file/cursor.rs`).
//!
//! # When keys go
//! `secure_delete` zeroes what a row leaves behind in the database. Older frames of the log still
//! hold the keys they were written with, so the log is checkpointed and truncated when the terminal
//! has been quiet for a moment ([`crate::limits::JOURNAL_IDLE`]). Files that were set aside hold
//! the keys they held.
//!
//! # Bounds, and when a row goes
//! - No rating is taken with [`MAX_PENDING_EVENTS`](crate::limits::MAX_PENDING_EVENTS) waiting,
//!   with less than [`DISK_FLOOR_MB`](crate::limits::DISK_FLOOR_MB) free, or with
//!   [`MAX_JOURNAL_BYTES`](crate::limits::MAX_JOURNAL_BYTES) of pages in use that nothing can be
//!   removed from.
//! - An event goes [`RETENTION_DAYS`](crate::limits::RETENTION_DAYS) days after its acknowledgement
//!   (up to one more: `marks` has one row a day), by the portal's clock; without a known time
//!   nothing goes, and where that clock was ahead, the days count from the next acknowledgement
//!   that it dates rightly. Earlier only where the journal is at its largest. Never before it is
//!   acknowledged: `seq <= received_through`, or said by the portal to be held where a gap that
//!   nobody can fill stops the cursor.
//! - What the portal rejected stays, unless the journal is at its largest.
//! - Rows go [`REMOVE_STEP`](crate::limits::REMOVE_STEP) at a time, each step its own transaction,
//!   and only while no request waits: a tap waits for one step at most.
//!
//! # What recovery promises
//! Damage is what no append can have written: what SQLite calls corrupt, a body that is not JSON,
//! events that are not there, a number of a clock that disagrees with its second writing, a chain
//! that disagrees with the spare key, a log that breaks off before its end, a file that is gone
//! although the terminal is enrolled. A disk that fails, is full or is slow is not damage; it is
//! tried again.
//! - The whole file is looked through at each opening where it is small
//!   ([`CHECK_AT_OPEN_BYTES`](crate::limits::CHECK_AT_OPEN_BYTES)) or was not closed in order; else
//!   in the first quiet moment, and whoever wants something meanwhile goes first (`file/check.rs`).
//! - The files are set aside, and every event in a page that can be read is in the new journal,
//!   whatever became of the pages above it (`sqlite/`, `recovery/salvage.rs`). Nothing that is not
//!   an event passes for one.
//! - The chain goes on where it stood if its row can be read and nothing speaks against it; else at
//!   the spare key. So no seq is given twice, and the seals that follow verify. What the portal
//!   acknowledged is the newest readable cursor, else 0: it gets some events again and says
//!   `duplicate`.
//! - A notice `journal-recovered` comes first, and `recoveries` keeps what it says.
//! - A crash in the middle loses nothing: it begins again.
//!
//! # What it cannot promise
//! - A digit that was changed by damage inside a body still makes a body. Its seal convicts it at
//!   the portal.
//! - With the chain's row and the spare key both lost nothing can be sealed: the terminal says so,
//!   delivers what it has, and must be enrolled again.
//! - A disk that forgets an end it had confirmed leaves a file in order. So what was taken since
//!   the opening is in doubt and not offered until the portal has answered, in this life or a later
//!   one; a portal that acknowledges more holds what was lost, and what was taken under those
//!   numbers gets new ones (`file/lost_end.rs`). Events that only the disk had are gone.
//! - The last transaction in the log is believed only whole. Damage to it alone looks like the
//!   power cut it may be.
//!
//! # Who touches it
//! One [`Keeper`], on a thread of its own (`handle.rs`) or in a simulation; everybody else sends it
//! commands and never waits for the disk. `pikir-kiosk journal` reads the file while the terminal
//! runs.

mod error;
mod event;
mod export;
mod file;
mod gaps;
mod handle;
mod keeper;
mod paths;
mod recovery;
mod spare_key;
mod sqlite;
mod state;
mod verify;

pub use self::file::cursor::Taken;
pub use self::file::store::Journal;
pub use self::handle::{AppendReply, JournalHandle};
pub use self::spare_key::make_spare_key;
pub use self::state::{Appended, Batch, JournalState, Published, Today};

pub use error::JournalError;
pub use event::{Content, Given, NewEvent};
pub use export::{ExportSummary, export};
pub use keeper::Keeper;
pub use verify::{VerifyReport, verify};

#[cfg(test)]
mod tests;
