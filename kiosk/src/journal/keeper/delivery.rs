//! What the keeper hands to the uploader, and what it makes of the portal's answers.

use pikir_contract::{BootOffset, EventsAnswer};

use super::Keeper;
use crate::journal::error::JournalError;
use crate::journal::file::cursor::{Offer, Taken};
use crate::journal::file::store::Journal;
use crate::journal::state::Batch;
use crate::limits::OFFER_AGAIN_MS;

impl Keeper {
    /// What is to be sent next ([`Journal::batch`]). Until the portal has answered once, only what
    /// was there when the journal was opened; where that holds nothing to be sent, the portal is
    /// asked with no event (`lost_end.rs` says why).
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn batch(&mut self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        let mut batch = self.with(|journal| {
            let batch = journal.batch(limit, max_bytes)?;
            if batch.events.is_empty() && journal.state().pending > 0 {
                // Pages in each other's place are sound one by one: SQLite reads such a table as
                // empty.
                let missing = "events that wait for the portal cannot be found";
                return Err(JournalError::Damaged(missing.into()));
            }
            Ok(batch)
        })?;
        self.is_asking = false;
        let settled = self.journal.as_ref().map_or(0, |journal| journal.settled);
        self.offered = [Offer::of(&batch, settled), None];
        if self.is_confirmed || batch.events.is_empty() {
            return Ok(batch);
        }
        batch
            .events
            .retain(|event| event.seq <= self.in_doubt_after);
        batch.is_question = batch.events.is_empty();
        self.is_asking = batch.is_question;
        Ok(batch)
    }

    /// What comes after the batch that was handed out last, so that it can be made ready while that
    /// one is under way. It may be sent only if [`Keeper::acknowledge`] then says
    /// [`Taken::AsOffered`]. Empty where nobody can know yet.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn batch_ahead(&mut self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        let [Some(offer), _] = self.offered else {
            return Ok(Batch::default());
        };
        if !self.is_confirmed {
            return Ok(Batch::default());
        }
        let batch = self.with(|journal| journal.batch_after(offer.last, limit, max_bytes))?;
        // Reading may have shown damage, and mending it begins anew.
        self.offered[1] = self.offered[0].and_then(|offer| Offer::of(&batch, offer.last));
        Ok(batch)
    }

    /// The oldest event that waits for the portal, to look at: nothing is offered by it.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn oldest(&mut self) -> Result<Batch, JournalError> {
        self.with(|journal| journal.batch(1, 1))
    }

    /// Takes the portal's answer: moves the cursor and notes what was rejected
    /// ([`Journal::acknowledge`]; in memory only where nothing is to be noted, see `cursor.rs`). A
    /// portal that holds more than the journal shows that the journal lost its end: the chain then
    /// goes on behind what it holds.
    ///
    /// # Errors
    /// The answer is not believed, or cannot be kept: then the portal is sent again what it holds.
    pub fn acknowledge(&mut self, answer: EventsAnswer) -> Result<Taken, JournalError> {
        self.dirty = true;
        self.learn_time(answer.time.unix_ms() - self.clock.up_ms() as i64);
        let [offer, ahead] = std::mem::take(&mut self.offered);
        if let (true, Some(offer), Some(journal)) = (self.is_confirmed, offer, &mut self.journal)
            && journal.take_offered(offer, &answer)
        {
            self.with(Journal::write_cursor_if_due)?;
            self.offered = [ahead, None];
            return Ok(Taken::AsOffered);
        }
        if self.lost_its_end(&answer) {
            self.go_on_behind(&answer)?;
        }
        let was_confirmed = self.is_confirmed;
        if !was_confirmed {
            self.with(Journal::end_doubt)?;
            self.is_confirmed = true;
        }
        let mut moved = self.with(|journal| journal.acknowledge(&answer))?;
        let up_ms = self.clock.up_ms();
        if up_ms.saturating_sub(self.offered_again_up_ms) >= OFFER_AGAIN_MS {
            self.offered_again_up_ms = up_ms;
            moved |= self.with(Journal::offer_again)?;
        }
        Ok(if moved || !was_confirmed {
            Taken::Moved
        } else {
            Taken::Nothing
        })
    }

    /// Sets an event aside that the portal will not take. See [`Journal::refuse`].
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn refuse(&mut self, seq: u64, reason: &str) -> Result<(), JournalError> {
        self.offered = [None; 2];
        self.dirty = true;
        self.with(|journal| journal.refuse(seq, reason))
    }

    /// Keeps what was learnt of a boot's clock. See [`Journal::learn_offset`].
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn learn_offset(&mut self, offset: BootOffset) -> Result<(), JournalError> {
        self.dirty = true;
        if offset.boot == self.clock.boot() {
            self.learn_time(offset.offset_ms);
        }
        // It may date events otherwise than they were counted.
        self.tally = None;
        self.with(|journal| journal.learn_offset(&offset))
    }
}
