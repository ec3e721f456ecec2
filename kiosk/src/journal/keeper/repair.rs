//! How the keeper brings back a journal that failed, is damaged or is gone.

use pikir_contract::Notice;

use super::{Keeper, storage_fault};
use crate::journal::error::JournalError;
use crate::journal::event::NewEvent;
use crate::journal::file::store::Journal;
use crate::journal::recovery;
use crate::journal::recovery::Owner;
use crate::journal::spare_key;
use crate::journal::spare_key::Spare;
use crate::limits::SPARE_MARGIN;
use crate::platform::clock::SharedClock;
use crate::platform::entropy::SharedEntropy;
use crate::platform::files;

/// What is said of a journal whose file was removed under the running terminal.
const PUT_BACK: &str =
    "journal.db was removed while the terminal ran; it was written anew, no event is missing";

/// What is said of one in whose place another file was put.
const REPLACED: &str = "another file was put in the place of journal.db while the terminal ran; it is set aside in damaged/, the journal was written anew, no event is missing";

/// A notice of a recovery, of this moment.
pub(in crate::journal) fn notice(
    clock: &SharedClock,
    entropy: &SharedEntropy,
    detail: String,
) -> NewEvent {
    NewEvent::notice(clock, entropy, Notice::JOURNAL_RECOVERED, detail)
}

impl Keeper {
    /// Makes sure that the journal is open and can be written: probes it, opens it anew, rebuilds
    /// it from damage.
    pub(in crate::journal) fn reopen(&mut self) -> Result<(), JournalError> {
        self.put_back_if_gone()?;
        if let Some(journal) = &self.journal {
            match journal.probe() {
                Ok(()) => return Ok(()),
                // Opening it again would not bring the key back.
                Err(JournalError::KeyLost) => return Err(JournalError::KeyLost),
                Err(error) if error.is_damage() => self.let_go(),
                Err(_) => self.journal = None,
            }
        }
        self.open_anew()
    }

    /// Opens the journal, rebuilding it where that is the answer.
    fn open_anew(&mut self) -> Result<(), JournalError> {
        let interrupted = recovery::pending(&self.path)?;
        let opened = if interrupted {
            Err(JournalError::Damaged("its recovery was interrupted".into()))
        } else {
            Journal::open(&self.path)
        };
        match opened.and_then(|journal| self.prove(journal)) {
            Ok(()) => {}
            Err(error) if self.can_mend(&error) => {
                tracing::error!(%error, "the journal is damaged; it is rebuilt from what can be read");
                self.rebuild()?;
                let journal = Journal::open(&self.path)?;
                self.prove(journal)?;
            }
            Err(error) => return Err(error),
        }
        match &self.journal {
            Some(journal) => journal.probe(),
            None => Err(JournalError::Missing(self.path.clone())),
        }
    }

    /// Rebuilds the journal after damage that showed while it was open. Returns whether events can
    /// be appended again.
    pub(in crate::journal) fn mend(&mut self, error: &JournalError) -> bool {
        tracing::error!(%error, "the journal is damaged");
        self.let_go();
        let mended = self.rebuild().and_then(|()| self.reopen());
        let fault = mended.as_ref().err().map(storage_fault);
        if let Err(error) = &mended {
            tracing::error!(%error, "the journal cannot be rebuilt; it is tried again");
        }
        self.publish_state(fault);
        mended.is_ok()
    }

    /// Writes the journal anew where somebody removed its file or put another in its place; the
    /// open connection still holds everything, and is kept until that has been done: there is no
    /// other copy.
    ///
    /// # Errors
    /// It could not be done, and is to be tried again before anything is appended.
    pub(in crate::journal) fn put_back_if_gone(&mut self) -> Result<(), JournalError> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        let there = files::which(&self.path);
        if there.is_some() && there == self.file {
            return Ok(());
        }
        let said = if there.is_some() {
            recovery::set_stranger_aside(&self.path)?;
            REPLACED
        } else {
            PUT_BACK
        };
        if let Err(error) = recovery::put_back(journal, &self.path) {
            tracing::error!(%error, "the journal's file was removed and cannot be written anew");
            if !error.is_damage() {
                return Err(error);
            }
            self.let_go();
            return self.open_anew();
        }
        self.journal = None;
        self.open_anew()?;
        let event = notice(&self.clock, &self.entropy, said.to_owned());
        match &mut self.journal {
            Some(journal) => journal.state_recovery(said, event),
            None => Ok(()),
        }
    }

    /// Takes an opened journal if the spare key agrees with its chain, and makes a spare key where
    /// one is due.
    fn prove(&mut self, mut journal: Journal) -> Result<(), JournalError> {
        let spare = Spare::load(&self.path, self.terminal).unwrap_or_else(|error| {
            tracing::warn!(%error, "the spare key cannot be read");
            None
        });
        let chain = match journal.chain() {
            Err(JournalError::KeyLost) => None,
            Err(error) => {
                journal.abandon();
                return Err(error);
            }
            Ok(chain) => Some(chain),
        };
        if let (Some((next, key)), Some(spare)) = (&chain, &spare)
            && spare.confirms(*next, key) == Some(false)
        {
            journal.abandon();
            return Err(JournalError::Damaged(
                "the spare key does not agree with the chain".into(),
            ));
        }
        let in_doubt_after = match journal.begin_doubt() {
            Err(error) => {
                journal.abandon();
                return Err(error);
            }
            Ok(after) => after,
        };
        let spare_seq = spare.map_or(0, |spare| spare.seq);
        self.take(journal, in_doubt_after, spare_seq);
        if let Err(error) = self.spare_ahead(SPARE_MARGIN) {
            tracing::warn!(%error, "the spare key cannot be written");
        }
        Ok(())
    }

    /// Whether a new journal is the answer: to damage, and to a file that is gone although this
    /// terminal has a key.
    fn can_mend(&self, error: &JournalError) -> bool {
        let gone = matches!(error, JournalError::Missing(_));
        error.is_damage() || (gone && files::exists(&spare_key::place(&self.path)))
    }

    fn rebuild(&self) -> Result<(), JournalError> {
        let owner = Owner {
            terminal: self.terminal,
            notice: &|detail| notice(&self.clock, &self.entropy, detail),
        };
        recovery::recover(&self.path, &owner)
    }

    /// Closes a damaged journal and leaves its files as they are.
    fn let_go(&mut self) {
        if let Some(journal) = self.journal.take() {
            journal.abandon();
        }
    }
}
