//! The simulated disk loses what a real one may lose, and the journal keeps on it what it has
//! acknowledged.

use std::path::Path;

use anyhow::Result;
use pikir_contract::{Id, InputKind, Score, SealKey};
use pikir_kiosk::journal::{Content, Journal, NewEvent};
use pikir_kiosk::platform::clock::{Clock, TestClock};
use pikir_kiosk::platform::entropy::{Entropy, TestEntropy};
use pikir_tests::disk::{Disk, Fault};
use rusqlite::{Connection, TransactionBehavior};

/// Appends tried in one life of the journal.
const APPENDS: i64 = 12;
/// Seeds of the tests that draw by lot.
const SEEDS: u64 = 150;

const KEY: [u8; 32] = [7; 32];

/// A rating as the terminal makes it.
fn rating(seed: u64) -> NewEvent {
    let entropy = TestEntropy::new(seed);
    let boot = "018f1f2e-7c3a-4b6d-9a10-0f2d3c4b5a69"
        .parse()
        .expect("a UUID");
    NewEvent {
        id: entropy.id(1_800_000_000_000),
        at: TestClock::new(boot, 1_800_000_000_000).reading(),
        content: Content::Rating {
            score: Score::new(5).expect("a score"),
            lang: "ky".into(),
            input: InputKind::Touch,
            gap_ms: Some(seed),
            touched: Some((500, 500)),
            flags: Vec::new(),
        },
    }
}

/// The journal's own statements, on its own schema, with another `synchronous`. The terminal always
/// says FULL.
fn append_raw(connection: &mut Connection, seq: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO events (seq, kind, body, seal) VALUES (?1, 'rating', '{}', zeroblob(16))",
        [seq],
    )?;
    transaction.execute("UPDATE chain SET next_seq = ?1 WHERE id = 1", [seq + 1])?;
    transaction.commit()
}

fn connect(path: &Path, synchronous: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

/// How many acknowledged rows were lost by cutting the power before call `calls` of a series of
/// appends.
fn lost_rows(seed: u64, calls: u64, synchronous: &str) -> Result<i64> {
    let disk = Disk::new(seed)?;
    let path = disk.path().join("journal.db");
    drop(Journal::create(&path, &SealKey::from_bytes(KEY))?);
    let mut connection = connect(&path, synchronous)?;
    disk.cut_after(calls);
    let acknowledged = (1..=APPENDS)
        .take_while(|seq| append_raw(&mut connection, *seq).is_ok())
        .last()
        .unwrap_or(0);
    drop(connection);
    disk.power_on()?;
    let connection = connect(&path, synchronous)?;
    let kept: i64 = connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    let intact: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    assert_eq!(intact, "ok", "seed {seed}, call {calls}");
    Ok((acknowledged - kept).max(0))
}

/// The control: this disk can make a journal lose rows, so keeping them means something.
#[test]
fn without_a_sync_for_each_append_acknowledged_rows_are_lost_and_with_one_never() -> Result<()> {
    let (mut lost_normal, mut lost_full) = (0, 0);
    for seed in 0..SEEDS {
        let calls = 1 + seed % 40;
        lost_normal += lost_rows(seed, calls, "NORMAL")?;
        lost_full += lost_rows(seed, calls, "FULL")?;
    }
    assert!(
        lost_normal > 0,
        "this test cannot fail: synchronous=NORMAL lost nothing"
    );
    assert_eq!(lost_full, 0);
    println!("{SEEDS} power cuts: NORMAL lost {lost_normal} acknowledged rows, FULL {lost_full}");
    Ok(())
}

/// One life of the terminal's own journal: made, filled, checkpointed, filled again, with the power
/// cut before the given call. Returns the ids of what was acknowledged.
fn live(path: &Path) -> Vec<Id> {
    let mut acknowledged = Vec::new();
    let _ = || -> Result<()> {
        let mut journal = Journal::create(path, &SealKey::from_bytes(KEY))?;
        for round in 0..3 {
            for seed in round * 4..round * 4 + 4 {
                let appended = journal.append(rating(seed as u64))?;
                assert_eq!(appended.seq, seed as u64 + 1);
                acknowledged.push(appended.id);
            }
            journal.checkpoint()?;
        }
        Ok(())
    }();
    acknowledged
}

/// What the journal holds must be everything acknowledged, at most one more, and sealed from the
/// first key on.
fn check(path: &Path, acknowledged: &[Id], what: &str) -> Result<()> {
    let mut journal = match Journal::open(path) {
        // Cut while the journal was being made: the enrolment makes it anew.
        Err(_) if acknowledged.is_empty() => return Ok(()),
        journal => journal?,
    };
    let mut held = Vec::new();
    journal.for_each_event(1, |event| {
        let key = SealKey::from_bytes(KEY).advance(event.seq - 1);
        assert!(
            key.verify(event.seq, &event.kind, &event.body, &event.seal)?,
            "{what}: seal of {}",
            event.seq
        );
        held.push(event.body["id"].as_str().unwrap_or_default().parse::<Id>());
        Ok(())
    })?;
    let held: Vec<Id> = held.into_iter().collect::<Result<_, _>>()?;
    assert!(
        held.starts_with(acknowledged) && held.len() <= acknowledged.len() + 1,
        "{what}: acknowledged {}, held {}",
        acknowledged.len(),
        held.len()
    );
    let next = journal.append(rating(99))?;
    assert_eq!(next.seq, held.len() as u64 + 1, "{what}: the chain goes on");
    Ok(())
}

#[test]
fn a_power_cut_before_any_call_of_a_journals_life_loses_nothing_that_was_acknowledged() -> Result<()>
{
    let whole = Disk::new(0)?;
    assert_eq!(live(&whole.path().join("journal.db")).len(), 12);
    let calls = whole.calls();
    for call in 1..=calls {
        for seed in 0..4 {
            let disk = Disk::new(seed)?;
            let path = disk.path().join("journal.db");
            disk.cut_after(call);
            let acknowledged = live(&path);
            assert!(disk.is_off(), "the cut came");
            disk.power_on()?;
            check(&path, &acknowledged, &format!("call {call}, seed {seed}"))?;
        }
    }
    println!("power cut before each of {calls} calls, four ways each: nothing lost");
    Ok(())
}

#[test]
fn an_error_of_the_device_at_any_call_loses_nothing_that_was_acknowledged() -> Result<()> {
    let whole = Disk::new(0)?;
    live(&whole.path().join("journal.db"));
    for call in 1..=whole.calls() {
        for fault in [Fault::Io, Fault::Full] {
            let disk = Disk::new(call)?;
            let path = disk.path().join("journal.db");
            disk.fail_after(call, fault);
            let acknowledged = live(&path);
            disk.power_on()?;
            let made = whole.trace()[call as usize - 1].clone();
            check(
                &path,
                &acknowledged,
                &format!("call {call} ({made}), {fault:?}"),
            )?;
        }
    }
    Ok(())
}

#[test]
fn a_disk_that_lies_about_its_syncs_does_lose_acknowledged_rows() -> Result<()> {
    let mut lost = 0;
    for seed in 0..20 {
        let disk = Disk::new(seed)?;
        let path = disk.path().join("journal.db");
        drop(Journal::create(&path, &SealKey::from_bytes(KEY))?);
        disk.lie_about(5);
        let mut journal = Journal::open(&path)?;
        for event in 0..10 {
            journal.append(rating(event))?;
        }
        disk.cut()?;
        drop(journal);
        disk.power_on()?;
        match Journal::open(&path) {
            Ok(journal) => {
                let kept = journal.state().last_seq;
                assert!(kept >= 4, "seed {seed}: older than the lie");
                lost += 10 - kept;
            }
            // What SQLite's log does not add up to is seen at once: that is for the keeper to mend.
            Err(error) => assert!(error.is_damage(), "seed {seed}: {error}"),
        }
    }
    assert!(lost > 0);
    Ok(())
}

#[test]
fn with_the_power_off_nothing_can_be_read_or_written() -> Result<()> {
    let disk = Disk::new(1)?;
    let path = disk.path().join("journal.db");
    let mut journal = Journal::create(&path, &SealKey::from_bytes(KEY))?;
    disk.cut()?;
    assert!(journal.append(rating(1)).is_err());
    assert!(Journal::open(&path).is_err());
    assert!(disk.power_on().is_err(), "the journal is still open");
    drop(journal);
    disk.power_on()?;
    assert_eq!(Journal::open(&path)?.append(rating(1))?.seq, 1);
    Ok(())
}

#[test]
fn databases_elsewhere_are_not_touched_by_any_of_this() -> Result<()> {
    let disk = Disk::new(1)?;
    disk.cut()?;
    let elsewhere = tempfile::tempdir()?;
    let connection = connect(&elsewhere.path().join("other.db"), "FULL")?;
    connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)")?;
    Ok(())
}
