//! What is measured with: ratings as a busy terminal takes them, and journals full of them.

use std::path::Path;

use anyhow::{Context, Result};
use pikir_contract::{
    BootId, ClockReading, Event, EventBody, Id, InputKind, Score, SealKey, Time, canonical_json,
};
use pikir_kiosk::journal::{Content, Journal, NewEvent};
use pikir_kiosk::platform::clock::{SharedClock, TestClock};
use pikir_kiosk::platform::entropy::{Entropy, SharedEntropy, TestEntropy};
use rusqlite::{Connection, params};

/// Longest time between two visitors (ms); the shortest is [`LEAST_GAP_MS`].
const MOST_GAP_MS: f64 = 20_000.0;
/// Far enough apart that no rule for doubtful ratings sees a repetition.
const LEAST_GAP_MS: f64 = 8_000.0;
/// 2026-03-02T03:00:00Z: a Monday morning in Bishkek.
const FIRST_WALL_MS: i64 = 1_772_420_400_000;
/// Languages that visitors choose.
const LANGUAGES: [&str; 3] = ["ky", "ru", "en"];

/// Visitors of one boot of one terminal, one after the other, the same ones for the same seed.
pub struct Visitors {
    entropy: SharedEntropy,
    boot: BootId,
    up_ms: u64,
    gap_ms: Option<u64>,
}

impl Visitors {
    /// The first visitor comes a minute after the boot.
    pub fn new(seed: u64) -> Self {
        let entropy = TestEntropy::new(seed);
        let mut boot = [0; 16];
        entropy.fill(&mut boot);
        Self {
            boot: BootId::from_uuid(uuid::Builder::from_random_bytes(boot).into_uuid()),
            entropy,
            up_ms: 60_000,
            gap_ms: None,
        }
    }

    /// The next rating: now and then without a place on the screen, because it was a key.
    pub fn rate(&mut self) -> NewEvent {
        let share = || self.entropy.fraction();
        let wall_ms = FIRST_WALL_MS + self.up_ms as i64;
        let per_mille = || (share() * 1_000.0) as u16;
        let touched = (share() < 0.9).then(|| (per_mille(), per_mille()));
        let event = NewEvent {
            id: self.entropy.id(wall_ms),
            at: self.reading(),
            content: Content::Rating {
                score: Score::ALL[(share() * 5.0) as usize],
                lang: LANGUAGES[(share() * 3.0) as usize].to_owned(),
                input: touched.map_or(InputKind::Keypad, |_| InputKind::Touch),
                gap_ms: self.gap_ms,
                flags: Vec::new(),
                touched,
            },
        };
        let gap_ms = (LEAST_GAP_MS + share() * (MOST_GAP_MS - LEAST_GAP_MS)) as u64;
        self.up_ms += gap_ms;
        self.gap_ms = Some(gap_ms);
        event
    }

    /// What the terminal's clocks show when the next visitor comes.
    pub fn reading(&self) -> ClockReading {
        let wall_ms = FIRST_WALL_MS + self.up_ms as i64;
        ClockReading {
            boot: self.boot,
            up_ms: self.up_ms,
            wall: Time::from_unix_ms(wall_ms).unwrap_or_else(|_| unreachable_year()),
            synced: false,
        }
    }

    /// A clock that stands where the next visitor comes.
    pub fn clock(&self) -> SharedClock {
        let clock = TestClock::new(self.boot, FIRST_WALL_MS);
        clock.advance_ms(self.up_ms);
        clock
    }
}

/// Visitors of ten thousand years would be needed to come here.
fn unreachable_year() -> Time {
    Time::from_unix_ms(0).expect("1970 can be written")
}

/// A journal's chain in memory: seals events as a journal does, without a file.
pub struct Chain {
    seq: u64,
    key: SealKey,
}

impl Chain {
    /// Begins at K1.
    pub fn new(first_key: SealKey) -> Self {
        Self {
            seq: 1,
            key: first_key,
        }
    }

    /// The event as it travels, sealed with the next key.
    pub fn seal(&mut self, event: NewEvent) -> Result<Event> {
        let body: EventBody = event.into_body();
        let (kind, value) = (body.kind().to_owned(), body.to_value());
        let event = Event {
            seq: self.seq,
            seal: self.key.seal(self.seq, &kind, &value)?,
            kind,
            body: value,
        };
        self.seq += 1;
        self.key = self.key.next();
        Ok(event)
    }
}

/// Makes a journal with `count` pending ratings, rightly sealed.
///
/// The rows go into the schema that the kiosk made, in one transaction without fsync, because a
/// million appends would take an hour. What is in the file afterwards is what those appends would
/// have left.
pub fn journal(
    path: &Path,
    first_key: SealKey,
    terminal: Id,
    visitors: &mut Visitors,
    count: u64,
) -> Result<()> {
    let mut made = Journal::create(path, &first_key)?;
    made.set_terminal(terminal)?;
    made.checkpoint()?;
    drop(made);
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let mut chain = Chain::new(first_key);
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction
            .prepare("INSERT INTO events (seq, kind, body, seal) VALUES (?1, ?2, ?3, ?4)")?;
        for _ in 0..count {
            let event = chain.seal(visitors.rate())?;
            let body = canonical_json(&event.body)?;
            insert.execute(params![
                event.seq as i64,
                event.kind,
                body,
                event.seal.as_bytes().as_slice()
            ])?;
        }
    }
    transaction.execute(
        "UPDATE chain SET next_seq = ?1, ratchet = ?2 WHERE id = 1",
        params![chain.seq as i64, chain.key.as_bytes().as_slice()],
    )?;
    // An append notes where its boot begins.
    transaction.execute(
        "INSERT INTO boots (boot, first_seq) VALUES (?1, 1)",
        [visitors.boot.to_string()],
    )?;
    transaction.commit()?;
    connection
        .close()
        .map_err(|(_, error)| error)
        .context("the filled journal cannot be closed")?;
    std::fs::File::open(path)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_journal_is_one_that_the_kiosk_could_have_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        let (key, terminal) = (SealKey::from_bytes([7; 32]), Id::from_parts(1, [1; 10]));
        let mut visitors = Visitors::new(1);
        journal(&path, key.clone(), terminal, &mut visitors, 30).unwrap();

        let mut filled = Journal::open(&path).unwrap();
        assert_eq!(filled.state().pending, 30);
        assert_eq!(filled.append(visitors.rate()).unwrap().seq, 31);
        for event in filled.batch(100, usize::MAX).unwrap().events {
            let expected = key.advance(event.seq - 1);
            assert!(
                expected
                    .verify(event.seq, &event.kind, &event.body, &event.seal)
                    .unwrap(),
                "seal {}",
                event.seq
            );
            EventBody::parse(&event.kind, &event.body).unwrap();
        }
    }
}
