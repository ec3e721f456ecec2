//! The file itself: what a transaction reads and writes.

use std::time::Duration;

use pikir_contract::{BootId, BootOffset, Event, Id, SealKey, canonical_value};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::boots;
use super::rows::{
    NEWEST_EVENTS, read_chain, read_event, read_recovered, read_state, set_cursor, skip_settled,
};
use crate::journal::error::JournalError;
use crate::journal::event::NewEvent;
use crate::journal::state::{Appended, Batch, JournalState};
use crate::limits::MAX_UNWRITTEN_ANSWERS;

/// How long to wait for another process that holds the file (`pikir-kiosk journal …` reading it).
pub(in crate::journal) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open journal.
pub struct Journal {
    pub(in crate::journal) connection: Connection,
    pub(in crate::journal) state: JournalState,
    /// The boot of the newest event this process appended: its row in `boots` is there.
    boot: Option<BootId>,
    /// Where the chain stands after the newest append, so that the next one need not read it.
    next: Option<(u64, SealKey)>,
    /// Everything up to here needs no sending: acknowledged, held, set aside, or not there.
    pub(in crate::journal) settled: u64,
    /// Answers that moved the cursor in `state` since it was written.
    pub(in crate::journal) unwritten: u32,
    /// When the newest mark was made (Unix milliseconds), once an answer needed one.
    pub(in crate::journal) marked_at: Option<i64>,
    /// What the newest recovery says of itself.
    recovered: Option<String>,
    /// The structure of the file was checked since it was opened.
    pub(in crate::journal) is_checked: bool,
}

impl Journal {
    pub(in crate::journal) fn with(
        connection: Connection,
        state: JournalState,
        recovered: Option<String>,
    ) -> Self {
        Self {
            connection,
            state,
            boot: None,
            next: None,
            settled: state.received_through,
            unwritten: 0,
            marked_at: None,
            recovered,
            is_checked: false,
        }
    }

    /// Where the journal stands.
    #[must_use]
    pub fn state(&self) -> JournalState {
        self.state
    }

    /// What the newest recovery from damage says of itself.
    #[must_use]
    pub fn recovered(&self) -> Option<&str> {
        self.recovered.as_deref()
    }

    /// Where the chain stands: the next seq and its key.
    ///
    /// # Errors
    /// The file cannot be read, or the key is lost.
    pub(in crate::journal) fn chain(&self) -> Result<(u64, SealKey), JournalError> {
        read_chain(&self.connection)
    }

    /// Appends an event: one transaction, one fsync. When it returns, the event survives a power
    /// cut.
    ///
    /// # Errors
    /// Nothing was appended.
    pub fn append(&mut self, event: NewEvent) -> Result<Appended, JournalError> {
        let (id, boot) = (event.id, event.at.boot);
        let body = event.into_body();
        let (kind, value) = (body.kind().to_owned(), body.to_value());
        let rating = match &body {
            pikir_contract::EventBody::Rating(rating) => {
                Some((rating.head.boot, rating.head.up_ms))
            }
            _ => None,
        };
        let text = canonical_value(&value)?;
        let write = Write::begin(&self.connection)?;
        // Whatever fails from here on, the file tells where the chain stands.
        let (seq, key) = match self.next.take() {
            Some(next) => next,
            None => read_chain(&self.connection)?,
        };
        let next_key = write_event(&self.connection, seq, &key, &kind, &text)?;
        if self.boot != Some(boot) {
            boots::note_first_event(&self.connection, boot, seq)?;
        }
        if self.unwritten > 0 {
            // The row is being written anyway.
            set_cursor(&self.connection, self.state.received_through)?;
        }
        write.commit()?;
        self.boot = Some(boot);
        self.next = Some((seq + 1, next_key));
        self.unwritten = 0;
        self.state.last_seq = seq;
        self.state.pending += 1;
        self.state.last_rating = rating.or(self.state.last_rating);
        Ok(Appended { seq, id })
    }

    /// Where an event of this id lies, looked for among the newest events only.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(in crate::journal) fn find_recent(&self, id: Id) -> Result<Option<u64>, JournalError> {
        let seq = self
            .connection
            .prepare_cached(
                "SELECT seq FROM (SELECT seq, body FROM events ORDER BY seq DESC LIMIT ?2)
                 WHERE json_extract(body, '$.id') = ?1",
            )?
            .query_row(params![id.to_string(), NEWEST_EVENTS], |row| {
                row.get::<_, i64>(0)
            })
            .optional()?;
        Ok(seq.map(|seq| seq as u64))
    }

    /// What is to be sent next: at most `limit` events and `max_bytes` of bodies, but one event in
    /// any case.
    ///
    /// # Errors
    /// The file cannot be read, or holds what no append wrote.
    pub fn batch(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        self.batch_after(self.settled, limit, max_bytes)
    }

    /// What waits after event `after`, as [`Journal::batch`].
    ///
    /// # Errors
    /// The file cannot be read, or holds what no append wrote.
    pub(in crate::journal) fn batch_after(
        &self,
        after: u64,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Batch, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, kind, body, seal FROM events WHERE seq > ?1 AND fate IS NULL ORDER BY seq LIMIT ?2",
        )?;
        let mut rows = statement.query(params![after as i64, limit as i64])?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            bytes += text.len();
            if bytes > max_bytes && !events.is_empty() {
                break;
            }
            let event = read_event(row)?;
            if events
                .last()
                .is_some_and(|last: &Event| last.seq >= event.seq)
            {
                return Err(JournalError::Damaged("the events are out of order".into()));
            }
            events.push(event);
        }
        let boots = boots::offsets_of(&self.connection, &events)?;
        Ok(Batch {
            events,
            boots,
            is_question: false,
        })
    }

    /// Every known boot offset, for an export.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn offsets(&self) -> Result<Vec<BootOffset>, JournalError> {
        boots::offsets(&self.connection)
    }

    /// What is known of this boot's clock.
    pub(in crate::journal) fn offset_of(
        &self,
        boot: &str,
    ) -> Result<Option<BootOffset>, JournalError> {
        boots::offset_of(&self.connection, boot)
    }

    /// Keeps what was learnt of this boot's clock, and what follows from it for boots whose clock
    /// nobody knew. A better quality replaces a worse one, never the reverse.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn learn_offset(&mut self, offset: &BootOffset) -> Result<(), JournalError> {
        boots::learn_offset(&mut self.connection, offset)
    }

    /// Calls `each` for every event from `from` on, in order.
    ///
    /// # Errors
    /// The file cannot be read, or `each` failed.
    pub fn for_each_event(
        &self,
        from: u64,
        mut each: impl FnMut(Event) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let mut statement = self
            .connection
            .prepare("SELECT seq, kind, body, seal FROM events WHERE seq >= ?1 ORDER BY seq")?;
        let mut rows = statement.query([from as i64])?;
        while let Some(row) = rows.next()? {
            each(read_event(row)?)?;
        }
        Ok(())
    }

    /// The first ratchet key, as long as no event used it: what an enrolment hands to the portal.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn first_key(&self) -> Result<Option<SealKey>, JournalError> {
        match read_chain(&self.connection) {
            Ok((seq, key)) => Ok((seq == 1).then_some(key)),
            Err(JournalError::KeyLost) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether damage took the ratchet key: nothing can be appended any more.
    #[must_use]
    pub fn key_is_lost(&self) -> bool {
        matches!(self.chain(), Err(JournalError::KeyLost))
    }

    /// Writes the terminal id that the portal gave.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn set_terminal(&mut self, terminal: Id) -> Result<(), JournalError> {
        self.connection.execute(
            "UPDATE chain SET terminal = ?1 WHERE id = 1",
            [terminal.to_string()],
        )?;
        self.state.terminal = Some(terminal);
        Ok(())
    }

    /// Moves the write-ahead log into the database and empties it, and with it the used ratchet
    /// keys. Returns whether the log is empty now: it is not while somebody else reads the journal.
    /// Nobody is waited for; a visitor may come.
    ///
    /// # Errors
    /// The log stays as it is, which loses nothing.
    pub fn checkpoint(&self) -> Result<bool, JournalError> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, bool>(0)
            });
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(!busy?)
    }

    /// Proves that the journal can be written, without changing what it says.
    ///
    /// # Errors
    /// It cannot.
    pub fn probe(&self) -> Result<(), JournalError> {
        self.chain()?;
        // SQLite does not write a row that stays as it was.
        let write = Write::begin(&self.connection)?;
        for _ in 0..2 {
            self.connection
                .execute("UPDATE chain SET next_seq = -next_seq WHERE id = 1", [])?;
        }
        write.commit()
    }

    /// Writes the cursor where enough answers have moved it in memory only.
    ///
    /// # Errors
    /// As [`Journal::write_cursor`].
    pub(in crate::journal) fn write_cursor_if_due(&mut self) -> Result<(), JournalError> {
        match self.unwritten >= MAX_UNWRITTEN_ANSWERS {
            true => self.write_cursor(),
            false => Ok(()),
        }
    }

    /// Writes the cursor where that is due.
    ///
    /// # Errors
    /// It stays in memory; what the file says makes the terminal send some events again.
    pub(in crate::journal) fn write_cursor(&mut self) -> Result<(), JournalError> {
        if self.unwritten > 0 {
            set_cursor(&self.connection, self.state.received_through)?;
            self.unwritten = 0;
        }
        Ok(())
    }

    pub(in crate::journal) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Does `work` as one transaction and reads the state anew.
    pub(in crate::journal) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.next = None;
        self.write_cursor()?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        self.state = read_state(&self.connection)?;
        self.settled = skip_settled(
            &self.connection,
            self.settled.max(self.state.received_through),
        )?;
        self.recovered = read_recovered(&self.connection)?;
        Ok(done)
    }

    /// Gives up the journal for its connection.
    pub(in crate::journal) fn into_connection(self) -> Connection {
        self.connection
    }
}

/// A transaction that is begun and committed by prepared statements: on a fast disk, parsing them
/// anew for every append is felt. Rolled back unless committed.
struct Write<'a>(&'a Connection);

impl<'a> Write<'a> {
    fn begin(connection: &'a Connection) -> Result<Self, JournalError> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(connection))
    }

    fn commit(self) -> Result<(), JournalError> {
        self.0.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        // After a commit, and after an error at which SQLite rolled back by itself, there is none.
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

/// Writes an event whose body is `text` ([`canonical_value`]) where the chain stands, and moves the
/// chain on.
pub(in crate::journal) fn insert(
    connection: &Connection,
    kind: &str,
    text: &str,
) -> Result<(), JournalError> {
    let (seq, key) = read_chain(connection)?;
    write_event(connection, seq, &key, kind, text).map(|_| ())
}

/// Seals the event of this `seq` with its `key`, writes it, and moves the chain on from there.
/// Returns the next key.
fn write_event(
    connection: &Connection,
    seq: u64,
    key: &SealKey,
    kind: &str,
    text: &str,
) -> Result<SealKey, JournalError> {
    let (seal, next) = key.seal_and_turn(seq, kind, text)?;
    connection
        .prepare_cached("INSERT INTO events (seq, kind, body, seal) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![seq as i64, kind, text, seal.as_bytes().as_slice()])?;
    let moved = connection
        .prepare_cached(
            "UPDATE chain SET next_seq = ?1, ratchet = ?2 WHERE id = 1 AND next_seq = ?3 AND ratchet = ?4",
        )?
        .execute(params![
            seq as i64 + 1,
            next.as_bytes().as_slice(),
            seq as i64,
            key.as_bytes().as_slice()
        ])?;
    if moved != 1 {
        read_chain(connection)?;
        return Err(JournalError::Damaged(
            "the chain stands elsewhere than the newest event left it".into(),
        ));
    }
    Ok(next)
}
