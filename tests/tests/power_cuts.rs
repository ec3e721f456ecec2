//! What the terminal has thanked for survives every power cut: the kiosk's journal in an emulated
//! machine.
//!
//! `PIKIR_POWER_CUTS=n` asks for more than the usual 50. See `tests/src/power/mod.rs` for what this
//! shows and what not.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use pikir_tests::power::{JournalKind, Life, Parts, Preparation, Tally};
use pikir_tests::skip::not_tested;

/// Power cuts in an ordinary run.
const CUTS: u64 = 50;
/// Power cuts that one disk lives through, at most: what is exported and checked at each boot grows
/// with them.
const CUTS_PER_DISK: u64 = 25;
/// Machines that run side by side.
const MACHINES: u64 = 2;
/// Power cuts within which the control has to lose something; it usually does in the first.
const CONTROL_CUTS: u64 = 5;

/// Says something that a passing test shows, too.
fn say(text: &str) {
    // The handle itself is not captured by the test runner; where nobody reads it there is nothing
    // to be done.
    let _ = writeln!(std::io::stderr(), "\nPower cuts: {text}");
}

fn parts() -> Result<Option<Parts>> {
    Ok(match Preparation::look()? {
        Preparation::Ready(parts) => Some(parts),
        Preparation::Absent(why) => {
            not_tested(&format!("power cuts: {why}"))?;
            None
        }
    })
}

fn cuts_asked_for() -> Result<u64> {
    match std::env::var("PIKIR_POWER_CUTS") {
        Ok(number) => number
            .parse()
            .with_context(|| format!("PIKIR_POWER_CUTS={number} is not a number")),
        Err(_) => Ok(CUTS),
    }
}

/// Lives one disk after the other until `left` is used up.
fn live(parts: &Parts, left: &AtomicU64, per_disk: u64) -> Result<Tally> {
    let mut tally = Tally::default();
    loop {
        let take = |left: u64| (left > 0).then(|| left - left.min(per_disk));
        let Ok(before) = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) else {
            return Ok(tally);
        };
        let dir = tempfile::tempdir()?;
        let mut disk = Life::begin(parts, dir.path(), JournalKind::Kiosk)?;
        for _ in 0..before.min(per_disk) {
            disk.rate_and_cut()?;
        }
        tally.add(disk.end()?);
    }
}

#[test]
fn every_acknowledged_rating_is_there_once_after_every_power_cut() -> Result<()> {
    let Some(parts) = parts()? else {
        return Ok(());
    };
    let (cuts, started) = (cuts_asked_for()?, Instant::now());
    let left = AtomicU64::new(cuts);
    let per_disk = cuts.div_ceil(MACHINES).clamp(1, CUTS_PER_DISK);
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let machines: Vec<_> = (0..MACHINES)
            .map(|_| scope.spawn(|| live(&parts, &left, per_disk)))
            .collect();
        for machine in machines {
            tally.add(
                machine
                    .join()
                    .map_err(|_| anyhow!("a machine's thread panicked"))??,
            );
        }
        anyhow::Ok(())
    })?;
    say(&format!(
        "{} cuts ({} of them while recovering from the one before), {} blocks gone from the disk's cache, \
         {} ratings acknowledged, none of them lost; {} s",
        tally.cuts,
        tally.while_starting,
        tally.forgotten_blocks,
        tally.acknowledged,
        started.elapsed().as_secs()
    ));
    assert_eq!(tally.cuts, cuts);
    assert!(
        tally.acknowledged > 0,
        "nothing was rated, so nothing was tested"
    );
    Ok(())
}

#[test]
fn the_control_without_an_fsync_for_each_append_loses_acknowledged_ratings() -> Result<()> {
    let Some(parts) = parts()? else {
        return Ok(());
    };
    for cut in 1..=CONTROL_CUTS {
        let dir = tempfile::tempdir()?;
        let mut disk = Life::begin(&parts, dir.path(), JournalKind::Unsafe)?;
        disk.rate_and_cut()?;
        let tally = disk.end()?;
        if !tally.lost.is_empty() {
            let (lost, all) = (tally.lost.len(), tally.acknowledged);
            say(&format!(
                "the control lost {lost} of {all} acknowledged ratings at cut {cut}"
            ));
            return Ok(());
        }
    }
    bail!(
        "the control lost nothing in {CONTROL_CUTS} cuts: this harness could not see a loss either"
    )
}
