//! The file itself: what a transaction reads and writes.

use std::path::Path;

use pikir_contract::{BootId, BootOffset, Event, EventsAnswer, Id, SealKey, canonical_json};
use rusqlite::{Connection, TransactionBehavior, params};

use super::NewEvent;
use super::boots::note_first_event;
use super::error::JournalError;
use super::rows::{note_results, read_chain, read_event, read_state};
use crate::files;

pub(super) mod migrations {
    #![allow(missing_docs, reason = "made by the macro")]
    refinery::embed_migrations!("migrations");
}

/// How long to wait for another process that holds the file (`pikir-kiosk journal …` reading it).
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// The answer to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the journal.
    pub seq: u64,
    /// Its id.
    pub id: Id,
}

/// Where the journal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalState {
    /// Terminal id; `None` before the enrolment is approved.
    pub terminal: Option<Id>,
    /// Seq of the newest event; 0 before the first.
    pub last_seq: u64,
    /// The portal's acknowledgement.
    pub received_through: u64,
    /// Events that still have to be sent.
    pub pending: u64,
    /// Events that the portal rejected or refuses to take.
    pub rejected: u64,
    /// Boot and uptime (ms) of the newest rating.
    pub last_rating: Option<(BootId, u64)>,
}

/// Events to be sent next, in order, and what is known of their boots' clocks.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Ascending by seq.
    pub events: Vec<Event>,
    /// Known offsets of the boots that occur in `events`, then of the newest other boots.
    pub boots: Vec<BootOffset>,
}

/// An open journal.
pub struct Journal {
    connection: Connection,
    state: JournalState,
    /// The boot of the newest event this process appended: its row in `boots` is there.
    boot: Option<BootId>,
}

impl Journal {
    /// Makes a new journal whose chain begins at `first_key`. The file appears whole or not at all.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub fn create(path: &Path, first_key: &SealKey) -> Result<Self, JournalError> {
        if files::exists(path) {
            return Err(JournalError::Damaged(format!(
                "{} is there already",
                path.display()
            )));
        }
        // SQLite gives its log and index the mode of the database.
        files::replace(path, b"", 0o600)?;
        let mut connection = connect(path)?;
        migrate(&mut connection, path)?;
        connection.execute(
            "INSERT INTO chain (id, next_seq, ratchet) VALUES (1, 1, ?1)",
            [first_key.as_bytes().as_slice()],
        )?;
        Self::from_connection(connection)
    }

    /// Opens the journal of an earlier run, bringing its schema up to date.
    ///
    /// # Errors
    /// There is none, it is damaged, or it is from a newer program.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if !files::exists(path) {
            return Err(JournalError::Missing(path.to_owned()));
        }
        let mut connection = connect(path)?;
        migrate(&mut connection, path)?;
        // What the portal held ahead of the cursor, and what it refused, is offered once more after each start:
        // the portal may have been restored or mended meanwhile.
        connection.execute(
            "UPDATE events SET fate = NULL, reason = NULL WHERE fate IN ('held', 'refused')",
            [],
        )?;
        Self::from_connection(connection)
    }

    /// Opens the journal beside the running terminal, to read only; nothing in it changes.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open_to_read(path: &Path) -> Result<Self, JournalError> {
        if !files::exists(path) {
            return Err(JournalError::Missing(path.to_owned()));
        }
        let connection =
            Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Self::from_connection(connection)
    }

    fn from_connection(connection: Connection) -> Result<Self, JournalError> {
        let state = read_state(&connection)?;
        Ok(Self {
            connection,
            state,
            boot: None,
        })
    }

    /// Where the journal stands.
    #[must_use]
    pub fn state(&self) -> JournalState {
        self.state
    }

    /// Appends an event: one transaction, one fsync. When it returns, the event survives a power cut.
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
        let text = canonical_json(&value)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (seq, key) = read_chain(&transaction)?;
        let seal = key.seal(seq, &kind, &value)?;
        transaction
            .prepare_cached("INSERT INTO events (seq, kind, body, seal) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![seq as i64, kind, text, seal.as_bytes().as_slice()])?;
        transaction
            .prepare_cached("UPDATE chain SET next_seq = ?1, ratchet = ?2 WHERE id = 1")?
            .execute(params![seq as i64 + 1, key.next().as_bytes().as_slice()])?;
        if self.boot != Some(boot) {
            note_first_event(&transaction, boot, seq)?;
        }
        transaction.commit()?;
        self.boot = Some(boot);
        self.state.last_seq = seq;
        self.state.pending += 1;
        self.state.last_rating = rating.or(self.state.last_rating);
        Ok(Appended { seq, id })
    }

    /// What is to be sent next: at most `limit` events and `max_bytes` of bodies, but one event in any case.
    ///
    /// # Errors
    /// The file cannot be read, or holds what no append wrote.
    pub fn batch(&self, limit: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, kind, body, seal FROM events WHERE seq > ?1 AND fate IS NULL ORDER BY seq LIMIT ?2",
        )?;
        let mut rows =
            statement.query(params![self.state.received_through as i64, limit as i64])?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            bytes += text.len();
            if bytes > max_bytes && !events.is_empty() {
                break;
            }
            events.push(read_event(row)?);
        }
        let boots = self.offsets_of(&events)?;
        Ok(Batch { events, boots })
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

    /// Takes the portal's answer: moves the cursor to `received_through`, forwards or backwards, and notes what was
    /// rejected. Returns whether anything moved; an answer that moves nothing must not be answered at once.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn acknowledge(&mut self, answer: &EventsAnswer) -> Result<bool, JournalError> {
        let through = answer.received_through;
        if through > self.state.last_seq {
            let last = self.state.last_seq;
            return Err(JournalError::Damaged(format!(
                "the portal acknowledges event {through}, but the newest is {last}"
            )));
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if through < self.state.received_through {
            // The portal was restored from an older backup: it needs again what it lost, its rejections included.
            let sql =
                "UPDATE events SET fate = NULL, reason = NULL WHERE fate IS NOT NULL AND seq > ?1";
            transaction.execute(sql, [through as i64])?;
        }
        let noted = note_results(&transaction, answer)?;
        transaction
            .prepare_cached("UPDATE chain SET received_through = ?1 WHERE id = 1")?
            .execute([through as i64])?;
        transaction.commit()?;
        let moved = through != self.state.received_through || noted;
        self.state = read_state(&self.connection)?;
        Ok(moved)
    }

    /// Sets one event aside because the portal refuses every batch it is in. It stays in the journal and is offered
    /// again after the next start.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn refuse(&mut self, seq: u64, reason: &str) -> Result<(), JournalError> {
        self.connection.execute(
            "UPDATE events SET fate = 'refused', reason = ?2 WHERE seq = ?1 AND fate IS NULL",
            params![seq as i64, reason],
        )?;
        self.state = read_state(&self.connection)?;
        Ok(())
    }

    /// The first ratchet key, as long as no event used it: what an enrolment hands to the portal.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn first_key(&self) -> Result<Option<SealKey>, JournalError> {
        let (seq, key) = read_chain(&self.connection)?;
        Ok((seq == 1).then_some(key))
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

    /// Moves the write-ahead log into the database and empties it, and with it the used ratchet keys.
    ///
    /// # Errors
    /// The log stays as it is, which loses nothing.
    pub fn checkpoint(&self) -> Result<(), JournalError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Proves that the journal can be written, without changing what it says.
    ///
    /// # Errors
    /// It cannot.
    pub fn probe(&self) -> Result<(), JournalError> {
        self.connection
            .execute("UPDATE chain SET next_seq = next_seq WHERE id = 1", [])?;
        Ok(())
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

fn connect(path: &Path) -> Result<Connection, JournalError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // SQLite answers with the mode it is in: an error of the device may leave it in another one without a word, and there
    // FULL does not promise that the last commit survives a power cut.
    let mode = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    if mode != "wal" {
        return Err(JournalError::Io(std::io::Error::other(format!(
            "{} cannot be given a write-ahead log (it has mode {mode})",
            path.display()
        ))));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), JournalError> {
    migrations::migrations::runner()
        .run(connection)
        .map(|_| ())
        .map_err(|error| match error.kind() {
            refinery::error::Kind::MissingVersion(migration)
            | refinery::error::Kind::DivergentVersion(migration, _) => JournalError::Newer {
                path: path.to_owned(),
                detail: migration.to_string(),
            },
            _ => JournalError::Damaged(format!("{} cannot be prepared: {error}", path.display())),
        })
}
