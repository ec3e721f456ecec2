//! The keeper: everything the journal does, one thing after another, in whoever's thread it is
//! called.
//!
//! On a terminal that is the journal's own thread ([`super::JournalHandle`]); a simulation calls it
//! directly.

pub(super) mod delivery;
pub(super) mod maintenance;
pub(super) mod repair;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use pikir_contract::{BootOffset, Id};
use tokio::sync::watch;

use super::error::JournalError;
use super::event::NewEvent;
use super::file::cursor::Offer;
use super::file::day_count::{Change, Tally};
use super::file::store::Journal;
use super::state::{Appended, JournalState, Published};
use crate::limits::{
    JOURNAL_IDLE, JOURNAL_RETRY, MAX_JOURNAL_BYTES, REMOVE_PAUSE, SPARE_LAST, TIME_AGREES_MS,
    TIME_PROOF_MS,
};
use crate::platform::clock::SharedClock;
use crate::platform::entropy::SharedEntropy;
use crate::platform::files;
use crate::view::{Fault, FaultView};

/// The journal with its care: what there must be room for, what is done in idle time, how damage is
/// mended.
pub struct Keeper {
    pub(super) path: PathBuf,
    pub(super) terminal: Id,
    pub(super) clock: SharedClock,
    pub(super) entropy: SharedEntropy,
    /// `None` while it cannot be opened.
    pub(super) journal: Option<Journal>,
    /// Which file the open journal is ([`files::which`]).
    pub(super) file: Option<(u64, u64)>,
    pub(super) publish: watch::Sender<Published>,
    /// Something was written since the last checkpoint.
    pub(super) dirty: bool,
    /// Something new is known of the time, so events may be over theirs.
    pub(super) look_for_old: bool,
    /// Unix time minus uptime (ms), as learnt last.
    pub(super) offset_ms: Option<i64>,
    /// The earliest reading of the time that all later ones agree with.
    agreed: Option<Reading>,
    /// Seq of the spare key; 0: there is none.
    pub(super) spare_seq: u64,
    /// Seq of the newest event when the journal was opened, or when it was opened before the portal
    /// last answered.
    pub(super) in_doubt_after: u64,
    /// The portal has answered since then, so nothing that was taken meanwhile has a number it
    /// knows otherwise.
    pub(super) is_confirmed: bool,
    /// What was handed out last is a question without events.
    pub(super) is_asking: bool,
    /// What was handed out last, and what ahead of its answer. None of it outlives anything else
    /// that happens to the cursor, or the open file.
    pub(super) offered: [Option<Offer>; 2],
    /// When it was last offered what the portal holds ahead of its cursor, or refused (ms of this
    /// boot).
    pub(super) offered_again_up_ms: u64,
    /// Used pages (bytes) when they were last looked at, and appends until they are looked at
    /// again.
    pub(super) used: (u64, u32),
    pub(super) max_bytes: u64,
    /// Ratings of the day; `None` where nobody asked, or where they have to be counted anew.
    pub(super) tally: Option<Tally>,
    /// Requests that wait for it: what can be done later gives way to them.
    pub(super) waiting: Arc<AtomicUsize>,
}

/// What time it was said to be.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Unix time minus uptime (ms).
    offset_ms: i64,
    /// When it was said (uptime, ms).
    up_ms: u64,
}

impl Keeper {
    /// Opens the journal of the terminal `terminal`, mending what is damaged. A journal that cannot
    /// be opened is a fault that everybody sees and that [`Keeper::idle`] tries to mend; it is no
    /// reason not to start.
    #[must_use]
    pub fn open(path: PathBuf, terminal: Id, clock: SharedClock, entropy: SharedEntropy) -> Self {
        let mut keeper = Self::closed(path, terminal, clock, entropy);
        keeper.heal();
        keeper
    }

    /// A keeper that has not looked at its journal yet; its first idle time opens it.
    pub(super) fn closed(
        path: PathBuf,
        terminal: Id,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Self {
        let state = JournalState {
            terminal: Some(terminal),
            ..JournalState::default()
        };
        let fault = FaultView {
            fault: Fault::Storage,
            detail: "journal: it is being checked after an unclean end; this may take a minute"
                .into(),
        };
        Self {
            publish: watch::Sender::new(Published {
                state,
                fault: Some(fault),
                recovered: None,
                today: None,
            }),
            path,
            terminal,
            clock,
            entropy,
            journal: None,
            file: None,
            dirty: true,
            look_for_old: false,
            offset_ms: None,
            agreed: None,
            spare_seq: 0,
            in_doubt_after: 0,
            is_confirmed: false,
            is_asking: false,
            offered_again_up_ms: 0,
            offered: [None; 2],
            used: (0, 0),
            max_bytes: MAX_JOURNAL_BYTES,
            tally: None,
            waiting: Arc::default(),
        }
    }

    /// Where the journal stands now.
    #[must_use]
    pub fn published(&self) -> Published {
        self.publish.borrow().clone()
    }

    /// Follows where the journal stands.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Published> {
        self.publish.subscribe()
    }

    /// How long to wait for the next request before [`Keeper::idle`] is called; `None`: for ever,
    /// there is nothing else to do.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        if self.publish.borrow().fault.is_some() {
            Some(JOURNAL_RETRY)
        } else if self.dirty {
            Some(JOURNAL_IDLE)
        } else if self.look_for_old {
            Some(REMOVE_PAUSE)
        } else {
            self.check_is_due().then_some(JOURNAL_IDLE)
        }
    }

    /// Does a small piece of what is due while nobody asks for anything.
    pub fn idle(&mut self) {
        if self.publish.borrow().fault.is_some() {
            self.heal();
            return;
        }
        let (what, result) = if self.dirty {
            ("empty the write-ahead log", self.tidy())
        } else if self.look_for_old {
            ("remove what is over its time", self.remove_old())
        } else {
            ("check the journal", self.check())
        };
        match result {
            Ok(()) => {}
            Err(error) if error.is_damage() => {
                self.mend(&error);
            }
            Err(error) => {
                self.look_for_old = false;
                tracing::warn!(%error, "could not {what}; it is tried again");
            }
        }
        self.publish_state(self.fault());
    }

    /// Appends an event. When it returns `Ok`, the event survives a power cut. See
    /// [`Journal::append`].
    ///
    /// # Errors
    /// Nothing was appended; the fault is published too.
    pub fn append(&mut self, event: NewEvent) -> Result<Appended, FaultView> {
        self.dirty = true;
        let change = Change::of(&event);
        let result = self.append_with_care(event);
        if result.is_ok() {
            self.go_on_counting(change);
        }
        self.publish_state(result.as_ref().err().cloned());
        result
    }

    /// Counts the ratings since `since_ms` (Unix milliseconds), as `offset` dates those of this
    /// boot, and goes on counting: [`Published::today`](crate::journal::Published) says how many
    /// there are.
    pub fn count_since(&mut self, since_ms: i64, offset: BootOffset) {
        if self.tally.is_some_and(|it| it.today.since_ms == since_ms) {
            return;
        }
        let counted = self.with(|journal| journal.ratings_since(since_ms, offset));
        self.tally = match counted {
            Ok(tally) => Some(tally),
            // It was mended meanwhile: whoever asks again has them counted.
            Err(error) if error.is_damage() => None,
            Err(error) => {
                tracing::warn!(%error, "the ratings of the day cannot be counted");
                Some(Tally::uncounted(since_ms))
            }
        };
        self.publish_state(self.fault());
    }

    fn go_on_counting(&mut self, change: Change) {
        self.tally = self.tally.and_then(|tally| tally.after(change));
    }

    /// Writes what is due, empties the write-ahead log and closes the file.
    pub fn close(mut self) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        let emptied = journal.write_cursor().and_then(|()| journal.checkpoint());
        if let Err(error) = emptied {
            tracing::warn!(%error, "the write-ahead log could not be emptied; the next start does it");
        }
    }

    fn append_with_care(&mut self, event: NewEvent) -> Result<Appended, FaultView> {
        self.put_back_if_gone()
            .map_err(|error| storage_fault(&error))?;
        self.room()?;
        self.spare_ahead(SPARE_LAST)
            .map_err(|error| storage_fault(&error))?;
        let again = event.clone();
        let result = match self.journal.as_mut() {
            Some(journal) => journal.append(event),
            None => {
                return Err(self
                    .fault()
                    .unwrap_or_else(|| storage_fault(&JournalError::Busy)));
            }
        };
        match result {
            Err(error) if error.is_damage() && self.mend(&error) => self.append_once(again),
            result => result,
        }
        .map_err(|error| {
            tracing::error!(%error, "an event could not be appended");
            storage_fault(&error)
        })
    }

    /// Appends an event to a rebuilt journal, unless it was salvaged although its append had
    /// failed.
    fn append_once(&mut self, event: NewEvent) -> Result<Appended, JournalError> {
        let id = event.id;
        let missing = || JournalError::Busy;
        let journal = self.journal.as_mut().ok_or_else(missing)?;
        match journal.find_recent(id)? {
            Some(seq) => Ok(Appended { seq, id }),
            None => journal.append(event),
        }
    }

    /// Takes a reading of the time. What its time is over goes only while an earlier reading,
    /// [`TIME_PROOF_MS`] ago or more, says the same: a single clock that is wrong, a terminal's or
    /// a portal's, must not cost an event.
    pub(super) fn learn_time(&mut self, offset_ms: i64) {
        self.offset_ms = Some(offset_ms);
        let up_ms = self.clock.up_ms();
        let agreed = self
            .agreed
            .filter(|earlier| earlier.offset_ms.abs_diff(offset_ms) <= TIME_AGREES_MS)
            .unwrap_or(Reading { offset_ms, up_ms });
        self.agreed = Some(agreed);
        self.look_for_old = up_ms.saturating_sub(agreed.up_ms) >= TIME_PROOF_MS;
    }

    /// Does something with the open journal; damage that shows is mended, and whoever asked asks
    /// again.
    pub(super) fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Journal) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let result = match &mut self.journal {
            Some(journal) => work(journal),
            None => Err(JournalError::Missing(self.path.clone())),
        };
        if let Err(error) = &result
            && error.is_damage()
        {
            self.mend(error);
        }
        self.publish_state(self.fault());
        result
    }

    /// Works with this journal from now on.
    pub(super) fn take(&mut self, journal: Journal, in_doubt_after: u64, spare_seq: u64) {
        self.in_doubt_after = in_doubt_after;
        self.is_confirmed = false;
        self.offered_again_up_ms = self.clock.up_ms();
        self.offered = [None; 2];
        self.used = (0, 0);
        self.spare_seq = spare_seq;
        self.tally = None;
        self.file = files::which(&self.path);
        self.journal = Some(journal);
    }

    pub(super) fn fault(&self) -> Option<FaultView> {
        self.publish.borrow().fault.clone()
    }

    /// Tries to bring a failed journal back and proves that it can be written before ratings are
    /// taken again.
    fn heal(&mut self) {
        // Where there is no room, nothing else needs to be tried; but a journal that is not open
        // yet can be delivered.
        let full = match self.journal {
            Some(_) => self.room().err(),
            None => None,
        };
        let fault = full
            .or_else(|| self.read_only())
            .or_else(|| match self.reopen() {
                Ok(()) => self.room().err(),
                Err(error) => {
                    if self.journal.is_none() {
                        tracing::error!(%error, "the journal cannot be opened");
                    }
                    Some(storage_fault(&error))
                }
            });
        if fault.is_none() {
            tracing::info!("the journal can be written");
        }
        self.publish_state(fault);
    }

    /// SQLite opens a journal that cannot be written without a word.
    fn read_only(&self) -> Option<FaultView> {
        let directory = self.path.parent().filter(|it| files::exists(it))?;
        let detail = files::writable(directory).err()?;
        Some(FaultView {
            fault: Fault::Storage,
            detail,
        })
    }

    pub(super) fn publish_state(&self, fault: Option<FaultView>) {
        let journal = self.journal.as_ref();
        self.publish.send_if_modified(|published| {
            let next = Published {
                state: journal.map_or(published.state, Journal::state),
                fault,
                recovered: match journal {
                    Some(journal) => journal.recovered().map(str::to_owned),
                    None => published.recovered.clone(),
                },
                today: self.tally.map(|tally| tally.today),
            };
            let changed = *published != next;
            *published = next;
            changed
        });
    }
}

pub(super) fn storage_fault(error: &JournalError) -> FaultView {
    FaultView {
        fault: Fault::Storage,
        detail: error.to_string(),
    }
}
