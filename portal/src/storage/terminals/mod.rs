//! Terminals: who they are, where they stand, whether what they hand in is intact.

pub(super) mod enrolments;
pub(super) mod presence;
pub(super) mod tokens;

use pikir_contract::{Id, PlaceCode};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use self::presence::{FreshKey, rotate, since};
use super::organizations::content::find_offer;
use super::organizations::schedules::find_schedule;
use super::organizations::{find_place, place_exists};
use super::{Offer, OrganizationRecord, PlaceRecord, Storage, StorageError};
use crate::domain::schedule::Schedule;

/// A terminal as the requests it signs name it.
#[derive(Clone, Debug)]
pub struct TerminalRecord {
    /// The internal name that its events carry.
    pub key: i64,
    /// Its id on the wire.
    pub id: Id,
    /// Its Ed25519 public key, 32 bytes.
    pub public_key: Vec<u8>,
    /// The code of the place it stands at.
    pub place: String,
    /// True if it was taken out of service.
    pub retired: bool,
}

/// A terminal as staff look at it.
#[derive(Clone, Debug)]
pub struct TerminalState {
    /// Its id.
    pub id: Id,
    /// The place it stands at.
    pub place: PlaceCode,
    /// What that place is called.
    pub place_name: String,
    /// The code of the place's organisation.
    pub organization: String,
    /// The machine's model and serial number.
    pub hardware: (String, String),
    /// The version it runs, as last reported.
    pub software: String,
    /// When it was enrolled (milliseconds since 1970).
    pub enrolled_at: i64,
    /// When it was taken out of service.
    pub retired_at: Option<i64>,
    /// The last signed request.
    pub seen_at: Option<i64>,
    /// Every event up to this seq is held or was rejected for good.
    pub received_through: u64,
    /// Events that count as received.
    pub accepted: u64,
    /// Events that were rejected.
    pub rejected: u64,
    /// Withdrawals that came too late or in another boot: kept, and nothing was taken back.
    pub late_withdrawals: u64,
    /// Accepted events of a kind this portal does not know.
    pub unknown_kinds: u64,
    /// Whether its journal is as it was written.
    pub integrity: Integrity,
    /// The terminal this one follows: the same machine under a former id, or the one that stood
    /// here. Its chain of seals began anew with this one.
    pub follows: Option<Id>,
    /// The terminal that follows this one.
    pub followed_by: Option<Id>,
    /// Its latest status report, as it came (JSON).
    pub report: Option<String>,
}

/// What the configuration of a terminal is made from.
#[derive(Clone, Debug)]
pub struct Basis {
    /// The place it stands at.
    pub place: PlaceRecord,
    /// The place's organisation.
    pub organization: OrganizationRecord,
    /// What the organisation offers.
    pub offer: Offer,
    /// When the place is open; `None`: nobody knows.
    pub schedule: Option<Schedule>,
    /// Since when the place has its presence key (milliseconds since 1970).
    pub presence_since: i64,
}

/// How long a terminal must have been silent for one that is set up at its place to be its
/// successor, in milliseconds (a day); one that still speaks has got company.
const SILENT_MS: i64 = 24 * 60 * 60 * 1000;

/// Whether a terminal's journal arrived as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Every seal so far verifies and nothing is missing.
    Intact,
    /// From this seq on it is not.
    Broken {
        /// The first seq that is not as it was.
        seq: u64,
        /// What is wrong with it.
        why: Breach,
    },
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Its seal does not verify.
    Changed,
    /// Its seal is that of another seq: it was moved.
    Reordered,
    /// The terminal sent the seq again with another content.
    Conflict,
    /// Later events are here, this one is not.
    Missing,
}

impl Breach {
    /// How it is written, in the database and for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Reordered => "reordered",
            Self::Conflict => "conflict",
            Self::Missing => "missing",
        }
    }

    fn from_str(text: &str) -> Result<Self, StorageError> {
        match text {
            "changed" => Ok(Self::Changed),
            "reordered" => Ok(Self::Reordered),
            "conflict" => Ok(Self::Conflict),
            "missing" => Ok(Self::Missing),
            _ => Err(StorageError::unreadable(format_args!("breach {text:?}"))),
        }
    }
}

/// What became of a request to retire a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired {
    /// It is out of service now.
    Now,
    /// It was already.
    Before,
    /// There is no such terminal.
    Unknown,
}

impl Storage {
    /// The terminal with this id.
    pub async fn terminal(&self, id: Id) -> Result<Option<TerminalRecord>, StorageError> {
        self.sqlite
            .read(move |db| find_terminal(db, "id", &id.to_string()))
            .await
    }

    /// Every terminal with its state, by organisation, place and time of enrolment.
    pub async fn terminals(&self) -> Result<Vec<TerminalState>, StorageError> {
        let list = |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT t.*, p.name AS place_name, p.organization, s.report, former.id AS former,
                     (SELECT count(*) FROM withdrawals w WHERE w.terminal = t.key AND w.applied = 0) AS late_withdrawals,
                     (SELECT n.id FROM terminals n WHERE n.follows = t.key ORDER BY n.key DESC LIMIT 1) AS next
                 FROM terminals t JOIN places p ON p.code = t.place
                     LEFT JOIN terminals former ON former.key = t.follows
                     LEFT JOIN status_reports s ON s.terminal = t.key
                 ORDER BY p.organization, p.name, t.enrolled_at, t.key",
            )?;
            statement.query_and_then([], read_state)?.collect()
        };
        self.sqlite.read(list).await
    }

    /// Takes a terminal out of service: from now on its requests are refused.
    pub async fn retire_terminal(&self, id: Id, now_ms: i64) -> Result<Retired, StorageError> {
        let fresh = self.fresh_key();
        let retire = move |db: &Connection| {
            let Some(terminal) = find_terminal(db, "id", &id.to_string())? else {
                return Ok(Retired::Unknown);
            };
            if terminal.retired {
                return Ok(Retired::Before);
            }
            db.prepare_cached("UPDATE terminals SET retired_at = ?2 WHERE key = ?1")?
                .execute((terminal.key, now_ms))?;
            rotate(db, &terminal.place, &fresh, now_ms)?;
            Ok(Retired::Now)
        };
        self.sqlite.write(retire).await
    }

    /// What the configuration of a terminal at this place is made from.
    pub async fn basis(&self, place: &str) -> Result<Basis, StorageError> {
        let code = place.to_owned();
        let find = move |db: &Connection| {
            let (place, organization) = required_place(db, &code)?;
            Ok(Basis {
                offer: find_offer(db, &organization.code)?,
                schedule: find_schedule(db, &code)?,
                presence_since: since(db, &code)?.unwrap_or_default(),
                place,
                organization,
            })
        };
        self.sqlite.read(find).await
    }
}

pub(in crate::storage) fn required_place(
    db: &Connection,
    code: &str,
) -> Result<(PlaceRecord, OrganizationRecord), StorageError> {
    find_place(db, code)?
        .ok_or_else(|| StorageError::unreadable(format_args!("there is no place {code}")))
}

/// Finds a terminal by `column` (`id` or `public_key`).
pub(in crate::storage) fn find_terminal(
    db: &Connection,
    column: &str,
    value: &dyn rusqlite::ToSql,
) -> Result<Option<TerminalRecord>, StorageError> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT key, id, public_key, place, retired_at IS NOT NULL AS retired FROM terminals WHERE {column} = ?1"
    ))?;
    statement
        .query_and_then([value], read_terminal)?
        .next()
        .transpose()
}

fn read_terminal(row: &Row<'_>) -> Result<TerminalRecord, StorageError> {
    Ok(TerminalRecord {
        key: row.get("key")?,
        id: read_id(row)?,
        public_key: row.get("public_key")?,
        place: row.get("place")?,
        retired: row.get("retired")?,
    })
}

fn read_id(row: &Row<'_>) -> Result<Id, StorageError> {
    parse_id(&row.get::<_, String>("id")?)
}

fn parse_id(text: &str) -> Result<Id, StorageError> {
    text.parse().map_err(StorageError::unreadable)
}

fn read_link(row: &Row<'_>, name: &str) -> Result<Option<Id>, StorageError> {
    row.get::<_, Option<String>>(name)?
        .map(|id| parse_id(&id))
        .transpose()
}

fn read_state(row: &Row<'_>) -> Result<TerminalState, StorageError> {
    let received_through: u64 = row.get("received_through")?;
    let gap = (row.get::<_, u64>("held_through")? > received_through)
        .then_some((received_through + 1, Breach::Missing));
    let found = match (
        row.get::<_, Option<u64>>("broken_seq")?,
        row.get::<_, Option<String>>("broken_why")?,
    ) {
        (Some(seq), Some(why)) => Some((seq, Breach::from_str(&why)?)),
        _ => None,
    };
    let first = [gap, found]
        .into_iter()
        .flatten()
        .min_by_key(|(seq, _)| *seq);
    Ok(TerminalState {
        id: read_id(row)?,
        place: row
            .get::<_, String>("place")?
            .parse()
            .map_err(StorageError::unreadable)?,
        place_name: row.get("place_name")?,
        organization: row.get("organization")?,
        hardware: (row.get("model")?, row.get("serial")?),
        software: row.get("software")?,
        enrolled_at: row.get("enrolled_at")?,
        retired_at: row.get("retired_at")?,
        seen_at: row.get("seen_at")?,
        received_through,
        accepted: row.get("accepted")?,
        rejected: row.get("rejected")?,
        late_withdrawals: row.get("late_withdrawals")?,
        unknown_kinds: row.get("unknown_kinds")?,
        integrity: first.map_or(Integrity::Intact, |(seq, why)| Integrity::Broken {
            seq,
            why,
        }),
        follows: read_link(row, "former")?,
        followed_by: read_link(row, "next")?,
        report: row.get("report")?,
    })
}

/// A machine that asks to become a terminal.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Machine {
    pub(in crate::storage) public_key: Vec<u8>,
    pub(in crate::storage) seal_key: Vec<u8>,
    pub(in crate::storage) model: String,
    pub(in crate::storage) serial: String,
    pub(in crate::storage) software: String,
}

/// A machine that becomes a terminal, and what is given to it.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) struct Placing<'a> {
    /// The place's code.
    pub(in crate::storage) place: &'a str,
    /// The id it gets, unless it is known.
    pub(in crate::storage) new_id: Id,
    /// The presence key that a place gets whose former terminal holds the present one.
    pub(in crate::storage) fresh_key: &'a FreshKey,
    /// The present time (milliseconds since 1970).
    pub(in crate::storage) now_ms: i64,
}

/// Makes a machine a terminal at `place`, under the id it has already or `new_id`. A known one
/// keeps its K1 once it has handed in events, because those are sealed with it. `None`: it was
/// retired, or there is no such place.
pub(in crate::storage) fn put_terminal(
    db: &Connection,
    machine: &Machine,
    placing: Placing<'_>,
) -> Result<Option<TerminalRecord>, StorageError> {
    let Placing {
        place,
        new_id,
        fresh_key,
        now_ms,
    } = placing;
    if !place_exists(db, place)? {
        return Ok(None);
    }
    let known = find_terminal(db, "public_key", &machine.public_key)?;
    if known.as_ref().is_some_and(|known| known.retired) {
        return Ok(None);
    }
    let sql = if known.is_some() {
        UPDATE_TERMINAL
    } else {
        INSERT_TERMINAL
    };
    if let Some(known) = &known {
        // Where its K1 is replaced below, the keys that follow from the former one are none.
        db.prepare_cached(
            "DELETE FROM ratchet_marks WHERE terminal = (SELECT key FROM terminals WHERE key = ?1 AND held_through = 0)",
        )?
        .execute([known.key])?;
    }
    db.prepare_cached(sql)?.execute(named_params! {
        ":id": known.as_ref().map_or(new_id, |known| known.id).to_string(),
        ":public_key": machine.public_key,
        ":place": place,
        ":model": machine.model,
        ":serial": machine.serial,
        ":software": machine.software,
        ":seal_key": machine.seal_key,
        ":now": now_ms,
    })?;
    let terminal = find_terminal(db, "public_key", &machine.public_key)?
        .ok_or_else(|| StorageError::unreadable("a terminal that was just written is not there"))?;
    if known.is_none() {
        db.prepare_cached(LINK_TERMINAL)?.execute(named_params! {
            ":key": terminal.key,
            ":place": place,
            ":model": machine.model,
            ":serial": machine.serial,
            ":silent_since": now_ms - SILENT_MS,
        })?;
    }
    // A terminal that was moved, or another took its place, takes the key it knows with it.
    let left = match &known {
        Some(known) => Some(known.place.clone()).filter(|left| left != place),
        None => followed(db, terminal.key)?,
    };
    if let Some(left) = left {
        rotate(db, &left, fresh_key, now_ms)?;
    }
    if known.is_none_or(|known| known.place != place) {
        db.prepare_cached(
            "INSERT OR REPLACE INTO placements (terminal, since, place) VALUES (?1, ?2, ?3)",
        )?
        .execute((terminal.key, now_ms, place))?;
    }
    Ok(Some(terminal))
}

/// The place of the terminal that this one follows.
fn followed(db: &Connection, terminal: i64) -> Result<Option<String>, StorageError> {
    Ok(db
        .prepare_cached(
            "SELECT former.place FROM terminals t JOIN terminals former ON former.key = t.follows WHERE t.key = ?1",
        )?
        .query_row([terminal], |row| row.get(0))
        .optional()?)
}

const INSERT_TERMINAL: &str = "INSERT INTO terminals
     (id, public_key, place, model, serial, software, enrolled_at, seal_key, ratchet_key)
     VALUES (:id, :public_key, :place, :model, :serial, :software, :now, :seal_key, :seal_key)";

const UPDATE_TERMINAL: &str = "UPDATE terminals
     SET place = :place, model = :model, serial = :serial, software = :software, enrolled_at = :now,
         ratchet_key = iif(held_through = 0, :seal_key, ratchet_key),
         ratchet_seq = iif(held_through = 0, 1, ratchet_seq),
         seal_key = iif(held_through = 0, :seal_key, seal_key)
     WHERE public_key = :public_key AND id = :id";

/// Which terminal a new one follows: the same machine's latest id, or the one that stood at the
/// place and is gone.
const LINK_TERMINAL: &str = "UPDATE terminals SET follows = coalesce(
         (SELECT max(key) FROM terminals WHERE serial = :serial AND model = :model AND serial <> '' AND key < :key),
         (SELECT max(former.key) FROM terminals former
          WHERE former.place = :place AND former.key < :key
              AND (former.retired_at IS NOT NULL OR max(coalesce(former.seen_at, 0), former.enrolled_at) < :silent_since)
              AND NOT EXISTS (SELECT 1 FROM terminals n WHERE n.follows = former.key)))
     WHERE key = :key";
