//! Enrolment by a technician: machines that wait to become terminals.

use pikir_contract::{Id, PlaceCode};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{Machine, Placing, find_terminal, put_terminal, required_place};
use crate::storage::organizations::place_exists;
use crate::storage::{OrganizationRecord, PlaceRecord, Storage, StorageError, TerminalRecord};

/// How long a user code can be claimed, in milliseconds (15 minutes).
pub const ENROLMENT_MS: i64 = 15 * 60 * 1000;
/// How long a decided enrolment is kept, so that a terminal whose answer was lost asks again.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// How long one that nobody claimed is kept, so that a technician who comes late is told so.
const KEPT_UNCLAIMED_MS: i64 = 60 * 60 * 1000;
/// Unclaimed enrolments of one client: more terminals than are set up at one address at a time.
pub const MAX_UNCLAIMED_OF_A_CLIENT: u64 = 500;
/// Unclaimed enrolments of all clients. Anyone may ask for one, so there must be an end.
pub const MAX_UNCLAIMED: u64 = 10_000;

/// A request to wait for a technician.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The hash of the code under which the machine polls.
    pub device_hash: [u8; 32],
    /// What the technician types, `XXXX-XXXX`.
    pub user_code: &'a str,
    /// Whoever asks, as a digest.
    pub client: [u8; 16],
    /// When it asks.
    pub now_ms: i64,
}

/// A machine that asks to become a terminal.
#[derive(Clone, Debug)]
pub struct NewEnrolment {
    /// Its Ed25519 public key, 32 bytes.
    pub public_key: Vec<u8>,
    /// The first key of its seals, 32 bytes.
    pub seal_key: Vec<u8>,
    /// The machine's model.
    pub model: String,
    /// The machine's serial number.
    pub serial: String,
    /// The version it runs.
    pub software: String,
}

/// A terminal that waits for a technician, or waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// What the technician types, `XXXX-XXXX`.
    pub user_code: String,
    /// The machine's model.
    pub model: String,
    /// The machine's serial number.
    pub serial: String,
    /// The version it runs.
    pub software: String,
    /// Its Ed25519 public key, 32 bytes.
    pub public_key: Vec<u8>,
    /// When it asked (milliseconds since 1970).
    pub created_at: i64,
    /// Until when it can be approved.
    pub expires_at: i64,
    /// What was decided.
    pub state: EnrolmentState,
    /// The code of the place where this very machine is enrolled already: approving moves it.
    pub stands_at: Option<String>,
}

/// What was decided about an enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolmentState {
    /// Nothing yet.
    Pending,
    /// Nobody decided in time.
    Expired,
    /// A technician approved it.
    Approved,
    /// A technician refused it.
    Denied,
}

/// What became of a new enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It waits under the code given.
    Waiting,
    /// The user code is in use: try another.
    CodeTaken,
    /// This machine was taken out of service.
    Retired,
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It is done.
    Done,
    /// No enrolment waits under this code: it is wrong, expired, or was decided before.
    NotWaiting,
    /// There is no such place.
    UnknownPlace,
    /// This machine was taken out of service.
    Retired,
}

/// A terminal with what its configuration is made from.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The terminal.
    pub terminal: TerminalRecord,
    /// Where it stands.
    pub place: PlaceRecord,
    /// The place's organisation.
    pub organization: OrganizationRecord,
}

/// The answer to a poll.
#[derive(Clone, Debug)]
pub enum Polled {
    /// Approved.
    Enrolled(Box<Enrolled>),
    /// Nobody decided yet.
    Pending,
    /// Nobody decided yet, and the terminal asks too often.
    TooFast,
    /// A technician refused it.
    Denied,
    /// The code expired, or was never given out.
    Expired,
    /// The request is signed with another key than the one the code was given to.
    WrongKey,
    /// The terminal was taken out of service.
    Retired,
}

impl Storage {
    /// Lets a machine wait for a technician. A code it waited under before is void from now on.
    /// Where too many wait, the one of the same client that showed no life for longest gives way.
    pub async fn begin_enrolment(
        &self,
        asked: Asked<'_>,
        machine: NewEnrolment,
    ) -> Result<Begun, StorageError> {
        let user_code = asked.user_code.to_owned();
        let begin = move |db: &Connection| {
            let asked = Asked {
                user_code: &user_code,
                ..asked
            };
            begin(db, &asked, &machine.into())
        };
        self.sqlite.write(begin).await
    }

    /// Answers a poll of the machine with this public key. Asking more often than every
    /// `interval_ms` is too fast.
    pub async fn poll_enrolment(
        &self,
        device_hash: [u8; 32],
        public_key: Vec<u8>,
        now_ms: i64,
        interval_ms: i64,
    ) -> Result<Polled, StorageError> {
        self.sqlite
            .write(move |db| poll(db, &device_hash, &public_key, now_ms, interval_ms))
            .await
    }

    /// The enrolment with this user code (as [`pikir_contract::normalize_user_code`] writes it).
    pub async fn enrolment(
        &self,
        user_code: &str,
        now_ms: i64,
    ) -> Result<Option<Enrolment>, StorageError> {
        let user_code = user_code.to_owned();
        let find = move |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT e.*, t.place AS stands_at FROM enrolments e LEFT JOIN terminals t ON t.public_key = e.public_key
                 WHERE e.user_code = ?1",
            )?;
            statement
                .query_and_then([user_code], |row| read_enrolment(row, now_ms))?
                .next()
                .transpose()
        };
        self.sqlite.read(find).await
    }

    /// Approves an enrolment: the machine becomes a terminal at `place`, under `new_id` unless it
    /// is known already. `login` is the technician's.
    pub async fn approve_enrolment(
        &self,
        user_code: &str,
        place: &PlaceCode,
        login: &str,
        new_id: Id,
        now_ms: i64,
    ) -> Result<Decided, StorageError> {
        let (user_code, place, login) = (user_code.to_owned(), place.to_string(), login.to_owned());
        let fresh_key = self.fresh_key();
        let approve = move |db: &Connection| {
            let placing = Placing {
                place: &place,
                new_id,
                fresh_key: &fresh_key,
                now_ms,
            };
            approve(db, &user_code, &login, placing)
        };
        self.sqlite.write(approve).await
    }

    /// Refuses an enrolment. `login` is the technician's.
    pub async fn deny_enrolment(
        &self,
        user_code: &str,
        login: &str,
        now_ms: i64,
    ) -> Result<Decided, StorageError> {
        let (user_code, login) = (user_code.to_owned(), login.to_owned());
        let deny = move |db: &Connection| {
            let changed = db
                .prepare_cached(
                    "UPDATE enrolments SET state = 'denied', decided_by = ?2
                     WHERE user_code = ?1 AND state = 'pending' AND expires_at > ?3",
                )?
                .execute((user_code, login, now_ms))?;
            Ok(if changed == 1 {
                Decided::Done
            } else {
                Decided::NotWaiting
            })
        };
        self.sqlite.write(deny).await
    }
}

impl From<NewEnrolment> for Machine {
    fn from(new: NewEnrolment) -> Self {
        let NewEnrolment {
            public_key,
            seal_key,
            model,
            serial,
            software,
        } = new;
        Self {
            public_key,
            seal_key,
            model,
            serial,
            software,
        }
    }
}

pub(in crate::storage) fn enrolled(
    db: &Connection,
    terminal: TerminalRecord,
) -> Result<Box<Enrolled>, StorageError> {
    let (place, organization) = required_place(db, &terminal.place)?;
    Ok(Box::new(Enrolled {
        terminal,
        place,
        organization,
    }))
}

fn is_retired(db: &Connection, public_key: &[u8]) -> Result<bool, StorageError> {
    Ok(find_terminal(db, "public_key", &public_key)?.is_some_and(|terminal| terminal.retired))
}

fn begin(db: &Connection, asked: &Asked<'_>, machine: &Machine) -> Result<Begun, StorageError> {
    if is_retired(db, &machine.public_key)? {
        return Ok(Begun::Retired);
    }
    let now_ms = asked.now_ms;
    db.prepare_cached(
        "DELETE FROM enrolments WHERE expires_at < ?1
            OR (state = 'pending' AND (expires_at < ?2 OR public_key = ?3))",
    )?
    .execute((
        now_ms - KEPT_MS,
        now_ms - KEPT_UNCLAIMED_MS,
        &machine.public_key,
    ))?;
    make_room(db, asked.client)?;
    let added = db
        .prepare_cached(
            "INSERT INTO enrolments (device_hash, user_code, public_key, seal_key, model, serial, software, created_at,
                 expires_at, state, client)
             VALUES (:device_hash, :user_code, :public_key, :seal_key, :model, :serial, :software, :now, :expires_at,
                 'pending', :client)
             ON CONFLICT (user_code) DO NOTHING",
        )?
        .execute(named_params! {
            ":device_hash": asked.device_hash,
            ":user_code": asked.user_code,
            ":client": asked.client,
            ":public_key": machine.public_key,
            ":seal_key": machine.seal_key,
            ":model": machine.model,
            ":serial": machine.serial,
            ":software": machine.software,
            ":now": now_ms,
            ":expires_at": now_ms + ENROLMENT_MS,
        })?;
    Ok(if added == 1 {
        Begun::Waiting
    } else {
        Begun::CodeTaken
    })
}

/// Makes room for one more of this client, or where too many of all wait, of the client that has
/// the most.
fn make_room(db: &Connection, client: [u8; 16]) -> Result<(), StorageError> {
    let of_client: u64 = db
        .prepare_cached("SELECT count(*) FROM enrolments WHERE state = 'pending' AND client = ?1")?
        .query_row([client], |row| row.get(0))?;
    if of_client >= MAX_UNCLAIMED_OF_A_CLIENT {
        return drop_oldest(db, Some(client.to_vec()));
    }
    let of_all: u64 = db
        .prepare_cached("SELECT count(*) FROM enrolments WHERE state = 'pending'")?
        .query_row([], |row| row.get(0))?;
    if of_all < MAX_UNCLAIMED {
        return Ok(());
    }
    let largest: Option<Vec<u8>> = db
        .prepare_cached(
            "SELECT client FROM enrolments WHERE state = 'pending' GROUP BY client ORDER BY count(*) DESC LIMIT 1",
        )?
        .query_row([], |row| row.get(0))?;
    drop_oldest(db, largest)
}

fn drop_oldest(db: &Connection, client: Option<Vec<u8>>) -> Result<(), StorageError> {
    db.prepare_cached(
        "DELETE FROM enrolments WHERE device_hash =
             (SELECT device_hash FROM enrolments WHERE state = 'pending' AND client IS ?1
              ORDER BY coalesce(polled_at, created_at) LIMIT 1)",
    )?
    .execute([client])?;
    Ok(())
}

fn poll(
    db: &Connection,
    device_hash: &[u8; 32],
    public_key: &[u8],
    now_ms: i64,
    interval_ms: i64,
) -> Result<Polled, StorageError> {
    type Found = (Vec<u8>, String, i64, Option<i64>, Option<i64>);
    let found: Option<Found> = db
        .prepare_cached(
            "SELECT public_key, state, expires_at, polled_at, terminal FROM enrolments WHERE device_hash = ?1",
        )?
        .query_row([device_hash], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .optional()?;
    let Some((owner, state, expires_at, polled_at, terminal)) = found else {
        return Ok(Polled::Expired);
    };
    if owner != public_key {
        return Ok(Polled::WrongKey);
    }
    match (state.as_str(), terminal) {
        ("approved", Some(key)) => {
            let terminal = find_terminal(db, "key", &key)?.ok_or_else(|| {
                StorageError::unreadable("an approved enrolment names no terminal")
            })?;
            if terminal.retired {
                Ok(Polled::Retired)
            } else {
                Ok(Polled::Enrolled(enrolled(db, terminal)?))
            }
        }
        ("denied", _) => Ok(Polled::Denied),
        _ if expires_at <= now_ms => Ok(Polled::Expired),
        _ => {
            db.prepare_cached("UPDATE enrolments SET polled_at = ?2 WHERE device_hash = ?1")?
                .execute((device_hash, now_ms))?;
            // A tenth less than the interval is forgiven: the network does not carry every request
            // equally fast.
            let too_fast =
                polled_at.is_some_and(|polled_at| now_ms - polled_at < interval_ms * 9 / 10);
            Ok(if too_fast {
                Polled::TooFast
            } else {
                Polled::Pending
            })
        }
    }
}

fn approve(
    db: &Connection,
    user_code: &str,
    login: &str,
    placing: Placing<'_>,
) -> Result<Decided, StorageError> {
    let found = db
        .prepare_cached(
            "SELECT public_key, seal_key, model, serial, software FROM enrolments
             WHERE user_code = ?1 AND state = 'pending' AND expires_at > ?2",
        )?
        .query_row((user_code, placing.now_ms), |row| {
            let [public_key, seal_key] = [row.get(0)?, row.get(1)?];
            Ok(Machine {
                public_key,
                seal_key,
                model: row.get(2)?,
                serial: row.get(3)?,
                software: row.get(4)?,
            })
        })
        .optional()?;
    let Some(machine) = found else {
        return Ok(Decided::NotWaiting);
    };
    if !place_exists(db, placing.place)? {
        return Ok(Decided::UnknownPlace);
    }
    let Some(terminal) = put_terminal(db, &machine, placing)? else {
        return Ok(Decided::Retired);
    };
    db.prepare_cached(
        "UPDATE enrolments SET state = 'approved', decided_by = ?2, terminal = ?3 WHERE user_code = ?1",
    )?
    .execute((user_code, login, terminal.key))?;
    Ok(Decided::Done)
}

fn read_enrolment(row: &Row<'_>, now_ms: i64) -> Result<Enrolment, StorageError> {
    let expires_at = row.get("expires_at")?;
    let state = match row.get::<_, String>("state")?.as_str() {
        "approved" => EnrolmentState::Approved,
        "denied" => EnrolmentState::Denied,
        _ if expires_at <= now_ms => EnrolmentState::Expired,
        _ => EnrolmentState::Pending,
    };
    Ok(Enrolment {
        user_code: row.get("user_code")?,
        model: row.get("model")?,
        serial: row.get("serial")?,
        software: row.get("software")?,
        public_key: row.get("public_key")?,
        created_at: row.get("created_at")?,
        expires_at,
        state,
        stands_at: row.get("stands_at")?,
    })
}
