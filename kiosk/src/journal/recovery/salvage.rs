//! What a row found in a damaged file means, if it is one of the journal's.

use pikir_contract::{
    EventBody, Id, KEY_BYTES, MAX_SAFE_INTEGER, OffsetQuality, SEAL_BYTES, SealKey, canonical_value,
};

use crate::journal::sqlite::format::varint;
use crate::journal::sqlite::pages::Cell;

/// A row of the journal.
pub(in crate::journal) enum Found {
    Event(FoundEvent),
    Chain(FoundChain),
    /// A boot whose clock is known.
    Boot {
        boot: String,
        offset_ms: i64,
        quality: String,
    },
    Recovery {
        id: i64,
        detail: String,
    },
    /// Seqs that were stated to be missing.
    Gap {
        first_seq: u64,
        last_seq: u64,
    },
}

/// An event that is whole: its body is canonical, valid and of a kind this program writes.
pub(in crate::journal) struct FoundEvent {
    pub(in crate::journal) seq: i64,
    pub(in crate::journal) kind: String,
    pub(in crate::journal) body: String,
    pub(in crate::journal) seal: [u8; SEAL_BYTES],
    /// Why the portal rejected it, if it did.
    pub(in crate::journal) rejected: Option<String>,
}

/// Where the chain stood when the row was written.
#[derive(Clone)]
pub(in crate::journal) struct FoundChain {
    pub(in crate::journal) terminal: Option<Id>,
    pub(in crate::journal) next_seq: u64,
    pub(in crate::journal) key: SealKey,
    pub(in crate::journal) received_through: u64,
    pub(in crate::journal) removed_through: u64,
    pub(in crate::journal) in_doubt_after: Option<u64>,
}

/// Columns of the widest table.
const MAX_COLUMNS: usize = 8;

#[derive(Clone, Copy)]
enum Column<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

use Column::{Blob, Integer, Null, Text};

/// Reads a row; `None` where it is not one of the journal's, or not whole.
pub(in crate::journal) fn read(cell: &Cell) -> Option<Found> {
    let columns = columns(&cell.record)?;
    match *columns.as_slice() {
        [Null, Text(kind), Text(body), Blob(seal), fate, reason] => {
            event(cell.rowid, kind, body, seal, fate, reason).map(Found::Event)
        }
        [
            Null,
            terminal,
            Integer(next),
            Blob(key),
            Integer(through),
            ref rest @ ..,
        ] => {
            let (removed, doubt) = match *rest {
                [] => (0, Null),
                [Integer(removed)] => (removed, Null),
                [Integer(removed), doubt] => (removed, doubt),
                _ => return None,
            };
            chain(terminal, next, key, (through, removed), doubt).map(Found::Chain)
        }
        [Text(boot), Integer(offset_ms), Text(quality)]
        | [Text(boot), _, Integer(offset_ms), Text(quality)] => {
            found_boot(boot, offset_ms, quality)
        }
        [
            Text(boot),
            first,
            Integer(offset_ms),
            Text(quality),
            Integer(twice),
        ] => {
            let first = match first {
                Null => 0,
                Integer(first) => first,
                _ => return None,
            };
            let agree = offset_ms.checked_add(first).map(|sum| !sum) == Some(twice);
            found_boot(boot, offset_ms, quality).filter(|_| agree)
        }
        [Null, Text(detail)] => Some(Found::Recovery {
            id: cell.rowid,
            detail: detail.to_owned(),
        }),
        // A row of `marks` has the same shape, with a number below zero at its end.
        [Null, Integer(last_seq), Integer(recovery)] if recovery > 0 => {
            let sane = cell.rowid > 0 && (cell.rowid..=MAX_SAFE_INTEGER).contains(&last_seq);
            sane.then_some(Found::Gap {
                first_seq: cell.rowid as u64,
                last_seq: last_seq as u64,
            })
        }
        _ => None,
    }
}

fn event(
    seq: i64,
    kind: &str,
    body: &str,
    seal: &[u8],
    fate: Column<'_>,
    reason: Column<'_>,
) -> Option<FoundEvent> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    let parsed = EventBody::parse(kind, &value).ok()?;
    let whole = (1..=MAX_SAFE_INTEGER).contains(&seq)
        && parsed.head().is_some()
        && canonical_value(&value).ok()? == body;
    let rejected = match (fate, reason) {
        (Text("rejected"), Text(reason)) => Some(reason.to_owned()),
        (Text("rejected"), _) => Some("unknown".to_owned()),
        _ => None,
    };
    whole.then_some(FoundEvent {
        seq,
        kind: kind.to_owned(),
        body: body.to_owned(),
        seal: seal.try_into().ok()?,
        rejected,
    })
}

fn found_boot(boot: &str, offset_ms: i64, quality: &str) -> Option<Found> {
    let known = OffsetQuality::from_name(quality).is_some();
    let sane = offset_ms
        .checked_abs()
        .is_some_and(|ms| ms <= MAX_SAFE_INTEGER);
    (known && sane && boot.parse::<pikir_contract::BootId>().is_ok()).then(|| Found::Boot {
        boot: boot.to_owned(),
        offset_ms,
        quality: quality.to_owned(),
    })
}

fn chain(
    terminal: Column<'_>,
    next: i64,
    key: &[u8],
    (through, removed): (i64, i64),
    doubt: Column<'_>,
) -> Option<FoundChain> {
    let doubt = match doubt {
        Null => None,
        Integer(after) if (0..next).contains(&after) => Some(after as u64),
        _ => return None,
    };
    let terminal = match terminal {
        Null => None,
        Text(text) => Some(text.parse().ok()?),
        Integer(_) | Blob(_) => return None,
    };
    let sane = key.len() == KEY_BYTES
        && (1..=MAX_SAFE_INTEGER).contains(&next)
        && (0..next).contains(&through)
        && (0..next).contains(&removed);
    Some(FoundChain {
        terminal,
        next_seq: u64::try_from(next).ok()?,
        key: SealKey::from_slice(key).filter(|_| sane)?,
        received_through: u64::try_from(through).ok()?,
        removed_through: u64::try_from(removed).ok()?,
        in_doubt_after: doubt,
    })
}

/// The columns of a record, none of them a floating-point number: the journal has no such column.
fn columns(record: &[u8]) -> Option<Vec<Column<'_>>> {
    let (header_bytes, mut at) = varint(record)?;
    let header = record.get(..usize::try_from(header_bytes).ok()?)?;
    let mut body = &record[header.len()..];
    let mut columns = Vec::new();
    while at < header.len() {
        let (kind, bytes) = varint(&header[at..])?;
        at += bytes;
        let size = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 => 8,
            12.. => (kind - 12) / 2,
            _ => return None,
        };
        let size = usize::try_from(size).ok()?;
        let (value, rest) = (body.get(..size)?, &body[size..]);
        body = rest;
        columns.push(match kind {
            0 => Null,
            8 | 9 => Integer(kind as i64 - 8),
            1..=6 => Integer(integer(value)),
            _ if kind % 2 == 0 => Blob(value),
            _ => Text(std::str::from_utf8(value).ok()?),
        });
        if columns.len() > MAX_COLUMNS {
            return None;
        }
    }
    Some(columns)
}

/// A big-endian number in two's complement of one to eight bytes.
fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        -1
    } else {
        0
    };
    bytes
        .iter()
        .fold(sign, |value, byte| value << 8 | i64::from(*byte))
}
