//! Ten thousand histories of a terminal and its portal, in virtual time: never lost, never twice,
//! in order, unbroken.
//!
//! `PIKIR_HISTORIES=n` lives more or fewer, `PIKIR_SEED=n` one, and tells its story. A seed that
//! fails is written to `seeds/simulation.txt`; those are lived first, ever after.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use pikir_tests::simulation;
use pikir_tests::simulation::tally::Tally;

/// Histories of one run, where nothing else is asked for.
const HISTORIES: u64 = 10_000;

fn seeds_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/simulation.txt")
}

/// Seeds that failed once: a number each line, and what it was about.
fn kept_seeds() -> Result<Vec<u64>> {
    let text = fs::read_to_string(seeds_file())?;
    let numbers = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split_whitespace().next().unwrap_or_default());
    numbers
        .map(|number| {
            number
                .parse()
                .with_context(|| format!("{number:?} is no seed"))
        })
        .collect()
}

fn keep_seed(seed: u64) {
    let file = OpenOptions::new().append(true).open(seeds_file());
    // The report names it too: a read-only checkout is no reason to fail differently.
    if let Ok(mut file) = file {
        let _ = writeln!(file, "{seed}");
    }
}

fn from_environment(name: &str) -> Result<Option<u64>> {
    let Some(text) = std::env::var_os(name) else {
        return Ok(None);
    };
    let number = text.to_str().and_then(|text| text.parse().ok());
    number
        .map(Some)
        .with_context(|| format!("{name} is not a number"))
}

/// Lives all of them on every processor; the first that fails ends it.
fn live_all(seeds: &[u64]) -> Result<Tally> {
    let (next, has_failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let sum = Mutex::new(Tally::default());
    let work = || -> Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::SeqCst) as usize;
            let Some(seed) = seeds.get(index) else {
                return Ok(());
            };
            if has_failed.load(Ordering::SeqCst) {
                return Ok(());
            }
            match simulation::run(*seed) {
                Ok((tally, _)) => *sum.lock().expect("no history panics") += tally,
                Err(failure) => {
                    has_failed.store(true, Ordering::SeqCst);
                    keep_seed(*seed);
                    bail!("{failure:?}\nagain: PIKIR_SEED={seed}");
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter()
            .try_for_each(|one| one.join().expect("a history does not panic"))
    })?;
    Ok(sum.into_inner().expect("no history panics"))
}

#[test]
fn ten_thousand_histories_lose_nothing_double_nothing_and_keep_the_order() -> Result<()> {
    if let Some(seed) = from_environment("PIKIR_SEED")? {
        let (tally, story) = simulation::run(seed)?;
        println!("{story}{tally:#?}");
        return Ok(());
    }
    let count = from_environment("PIKIR_HISTORIES")?.unwrap_or(HISTORIES);
    let mut seeds = kept_seeds()?;
    seeds.extend(0..count);
    let tally = live_all(&seeds)?;
    println!("{} histories: {tally:#?}", seeds.len());
    if count >= HISTORIES {
        let happened = [
            tally.power_cuts,
            tally.kills,
            tally.device_errors,
            tally.lies,
            tally.damages,
            tally.restores,
            tally.clock_jumps,
            tally.portal_clock_jumps,
            tally.rested_at_once,
        ];
        assert!(
            happened.iter().all(|times| *times >= 300),
            "some misfortunes hardly happened: {tally:?}"
        );
    }
    Ok(())
}

#[test]
fn a_seed_gives_the_same_history_again() -> Result<()> {
    for seed in 0..20 {
        let (one, two) = (simulation::run(seed)?.1, simulation::run(seed)?.1);
        assert_eq!(one, two, "seed {seed}");
    }
    Ok(())
}
