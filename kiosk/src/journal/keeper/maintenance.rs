//! What the keeper does beside appending: room before an append, the spare key, old events, the
//! emptied log.

use std::path::Path;

use pikir_contract::EventsAnswer;

use super::repair::notice;
use super::{Keeper, storage_fault};
use crate::journal::error::JournalError;
use crate::journal::export::exported_through;
use crate::journal::spare_key::Spare;
use crate::limits::{
    DISK_FLOOR_MB, MAX_LEAP, MAX_PENDING_EVENTS, SIZE_CHECK_APPENDS, SPARE_MARGIN,
};
use crate::platform::files;
use crate::view::{Fault, FaultView};

impl Keeper {
    /// Refuses before the disk is really full: SQLite, the log and an update must still fit.
    pub(in crate::journal) fn room(&mut self) -> Result<(), FaultView> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let free = files::free_mb(directory).map_err(|error| FaultView {
            fault: Fault::Storage,
            detail: format!("disk: {error}"),
        })?;
        if free < DISK_FLOOR_MB {
            return Err(disk_full(format!(
                "disk: {free} MB free, {DISK_FLOOR_MB} MB needed. Free some space; ratings are safe"
            )));
        }
        let pending = self.publish.borrow().state.pending;
        if pending >= MAX_PENDING_EVENTS {
            return Err(disk_full(format!(
                "journal: {pending} events wait for the portal. Connect the network: only the portal's answer makes room"
            )));
        }
        if self.size_is_over().map_err(|error| storage_fault(&error))? {
            let mib = self.max_bytes / (1024 * 1024);
            return Err(disk_full(format!(
                "journal: it holds {mib} MB that wait for the portal. Connect the network: only the portal's answer makes room"
            )));
        }
        Ok(())
    }

    /// Whether the journal is at its largest and nothing in it may go. Acknowledged events go
    /// before their time.
    fn size_is_over(&mut self) -> Result<bool, JournalError> {
        let Some(journal) = &mut self.journal else {
            return Ok(false);
        };
        let (used, appends) = &mut self.used;
        *appends = appends.saturating_sub(1);
        if *appends == 0 || *used >= self.max_bytes {
            (*used, *appends) = (journal.used_bytes()?, SIZE_CHECK_APPENDS);
        }
        if *used < self.max_bytes {
            return Ok(false);
        }
        let removed = journal.remove_step(journal.settled, true)?;
        *used = journal.used_bytes()?;
        Ok(removed == 0 && *used >= self.max_bytes)
    }

    /// Writes the cursor and empties the log, and with it the used keys; makes a new spare key in
    /// good time.
    pub(in crate::journal) fn tidy(&mut self) -> Result<(), JournalError> {
        self.spare_ahead(SPARE_MARGIN)?;
        let emptied = match &mut self.journal {
            Some(journal) => {
                journal.write_cursor()?;
                journal.checkpoint()?
            }
            None => true,
        };
        self.dirty = !emptied;
        Ok(())
    }

    pub(in crate::journal) fn remove_old(&mut self) -> Result<(), JournalError> {
        let (Some(offset_ms), Some(journal)) = (self.offset_ms, &mut self.journal) else {
            self.look_for_old = false;
            return Ok(());
        };
        let now_ms = self.clock.up_ms() as i64 + offset_ms;
        let Some(through) = journal.over(now_ms)? else {
            self.look_for_old = false;
            return Ok(());
        };
        if journal.remove_step(through, false)? == 0 {
            journal.forget_marks(now_ms)?;
            self.look_for_old = false;
            self.dirty = true;
        }
        Ok(())
    }

    /// Whether the structure of the open journal was not checked yet.
    pub(in crate::journal) fn check_is_due(&self) -> bool {
        self.journal
            .as_ref()
            .is_some_and(|journal| !journal.is_checked)
    }

    pub(in crate::journal) fn check(&mut self) -> Result<(), JournalError> {
        if let Some(journal) = &mut self.journal
            && !journal.is_checked
            && journal.check(&self.waiting)?
        {
            tracing::info!("the structure of the journal is sound");
        }
        Ok(())
    }

    /// Makes a new spare key where the present one is `margin` events ahead or less.
    pub(in crate::journal) fn spare_ahead(&mut self, margin: u64) -> Result<(), JournalError> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        let next = journal.state().last_seq + 1;
        if self.spare_seq > next + margin {
            return Ok(());
        }
        let (next, key) = match journal.chain() {
            Err(JournalError::KeyLost) => return Ok(()),
            chain => chain?,
        };
        let spare = Spare::ahead_of(next, &key);
        match spare.save(&self.path, self.terminal) {
            Ok(()) => self.spare_seq = spare.seq,
            // The present one still serves.
            Err(error) if self.spare_seq > next + 1 => {
                tracing::warn!(%error, "the spare key cannot be renewed");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether the portal's answer shows that the disk lost the journal's end
    /// ([`crate::journal::file::lost_end`]).
    pub(in crate::journal) fn lost_its_end(&self, answer: &EventsAnswer) -> bool {
        let through = answer.received_through;
        let is_in_doubt = !self.is_confirmed && through > self.in_doubt_after;
        through > self.publish.borrow().state.last_seq
            || (is_in_doubt && through > exported_through(&self.path))
    }

    /// Believes the portal, within reason, that it holds other events behind those that are not in
    /// doubt.
    pub(in crate::journal) fn go_on_behind(
        &mut self,
        answer: &EventsAnswer,
    ) -> Result<(), JournalError> {
        let (through, last) = (
            answer.received_through,
            self.publish.borrow().state.last_seq,
        );
        // An answer to a question without events has nothing else to say.
        let knows_ours = self.is_asking || answer.results.iter().any(|result| result.seq <= last);
        let first = if self.is_confirmed {
            last + 1
        } else {
            self.in_doubt_after + 1
        };
        let Some(journal) = &mut self.journal else {
            return Err(JournalError::Busy);
        };
        if !knows_ours || through > last + MAX_LEAP {
            return Err(JournalError::Unbelievable { through, last });
        }
        let count = journal.count_in(&(first..=through))?;
        let (next, key) = journal.chain()?;
        let goes_on = next.max(through + 1);
        let detail = format!(
            "the disk lost events that the portal holds (seq {first} to {through}); numbering goes on at {goes_on}; {count} events were given new numbers"
        );
        tracing::error!(%detail, "the journal lost its end");
        // The spare key must be ahead of every seq in use, so it goes first.
        let behind = goes_on + count + 1;
        let spare = Spare::ahead_of(behind, &key.advance(behind - next));
        spare.save(&self.path, self.terminal)?;
        self.spare_seq = spare.seq;
        let notice = notice(&self.clock, &self.entropy, detail.clone());
        journal.go_on_behind(first, through, notice, &detail)
    }
}

fn disk_full(detail: String) -> FaultView {
    FaultView {
        fault: Fault::DiskFull,
        detail,
    }
}
