//! SIGKILL at random instants while rating and uploading: whatever was thanked for is there, in
//! order, once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pikir_tests::dice::Dice;
use pikir_tests::kiosk::{Kiosk, number};
use pikir_tests::records;
use pikir_tests::scene::Scene;
use pikir_tests::wait;
use pikir_tests::xvfb::Display;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Kills in all, shared out among the terminals.
const KILLS: u64 = 200;
/// Terminals killed side by side; each has a display, because only one window of a display has the
/// keyboard.
const TERMINALS: u64 = 4;
/// Of 100 lives, those that end while the program is still starting.
const EARLY_DEATHS: u64 = 25;
/// Longest life of these, from the start on.
const LONGEST_START: Duration = Duration::from_millis(700);
/// Longest life of the others, from the first rating on.
const LONGEST_RATING: Duration = Duration::from_millis(1_200);
/// How often the status is looked at.
const OFTEN: Duration = Duration::from_millis(4);

/// A terminal that is killed again and again.
struct Victim {
    kiosk: Kiosk,
    display: Display,
    dice: Dice,
    /// The newest event in the journal after the last death.
    last_seq: u64,
    /// Ratings that a status confirmed.
    acknowledged: u64,
    /// Lives in which a rating was confirmed.
    full_lives: u64,
}

/// What was pressed in one life, in order, and how many of these were confirmed: all, or all but
/// the last.
#[derive(Debug, Default)]
struct Pressed {
    scores: Vec<u64>,
    confirmed: usize,
}

impl Victim {
    fn new(scene: &Scene, number: u64) -> Result<Self> {
        let kiosk = scene.terminal_at(&format!("victim-{number}"))?;
        let home = kiosk.data_dir().parent().context("a directory")?.to_owned();
        Ok(Self {
            display: Display::start(&home, 480, 320)?,
            kiosk,
            dice: Dice::new(number),
            last_seq: 0,
            acknowledged: 0,
            full_lives: 0,
        })
    }

    fn live_and_die(&mut self) -> Result<()> {
        let is_early = self.dice.percent(EARLY_DEATHS);
        let longest = if is_early {
            LONGEST_START
        } else {
            LONGEST_RATING
        };
        let life = longest.mul_f64(self.dice.below(1_000) as f64 / 1_000.0);
        let id = self.kiosk.launch(&self.display)?;
        let (is_up, is_dead) = (AtomicBool::new(is_early), AtomicBool::new(false));
        let pressed = std::thread::scope(|scope| {
            let killer = scope.spawn(|| -> Result<()> {
                while !is_up.load(Ordering::SeqCst) {
                    wait::pass(OFTEN);
                }
                wait::pass(life);
                let id = i32::try_from(id).ok().and_then(Pid::from_raw);
                let killed = kill_process(id.context("a process id")?, Signal::KILL);
                is_dead.store(true, Ordering::SeqCst);
                killed.context("the terminal ended by itself")
            });
            let pressed = self.rate_until(&is_dead, &is_up);
            is_up.store(true, Ordering::SeqCst);
            killer.join().expect("the killer does not panic")?;
            pressed
        })?;
        self.kiosk.kill()?;
        self.check(&pressed)
    }

    /// Rates by keys as fast as the terminal thanks, until it is dead.
    fn rate_until(&mut self, is_dead: &AtomicBool, is_up: &AtomicBool) -> Result<Pressed> {
        let mut pressed = Pressed::default();
        // The notice of the start is the first event of a life.
        let mut last = self.last_seq;
        let ready = self.look_until(is_dead, |status| {
            Ok(status["screen"] == "rate" && number(status, "last_seq")? > last)
        })?;
        let Some(ready) = ready else {
            return Ok(pressed);
        };
        if !self.has_keyboard(is_dead)? {
            return Ok(pressed);
        }
        last = number(&ready, "last_seq")?;
        is_up.store(true, Ordering::SeqCst);
        loop {
            let score = 1 + self.dice.below(5);
            pressed.scores.push(score);
            let digit = char::from_digit(score as u32, 10).context("a digit")?;
            self.display.key(digit)?;
            let thanked = self.look_until(is_dead, |status| {
                Ok(status["screen"] == "thanks" && number(status, "last_seq")? > last)
            })?;
            let Some(status) = thanked else {
                return Ok(pressed);
            };
            pressed.confirmed += 1;
            last = number(&status, "last_seq")?;
        }
    }

    /// The first status that satisfies `holds`; `None` once the terminal is dead.
    fn look_until(
        &self,
        is_dead: &AtomicBool,
        holds: impl Fn(&Value) -> Result<bool>,
    ) -> Result<Option<Value>> {
        wait::until_every(OFTEN, "a status", || {
            if is_dead.load(Ordering::SeqCst) {
                return Ok(Some(None));
            }
            let status = self.kiosk.ask()?;
            Ok(holds(&status)?.then_some(Some(status)))
        })
    }

    fn has_keyboard(&self, is_dead: &AtomicBool) -> Result<bool> {
        wait::until_every(OFTEN, "the keyboard", || {
            if is_dead.load(Ordering::SeqCst) {
                return Ok(Some(false));
            }
            Ok(self.display.has_focus()?.then_some(true))
        })
    }

    /// The journal must have grown by exactly what was confirmed, and at most by one that was on
    /// its way.
    fn check(&mut self, pressed: &Pressed) -> Result<()> {
        let grown = records::in_journal_after(&self.kiosk, self.last_seq)?;
        for (expected, record) in (self.last_seq + 1..).zip(&grown) {
            ensure!(record.seq == expected, "event {expected} is missing");
        }
        let written: Vec<u64> = records::ratings(&grown)
            .iter()
            .filter_map(|record| record.body["score"].as_u64())
            .collect();
        ensure!(
            written.len() >= pressed.confirmed && pressed.scores.starts_with(&written),
            "{pressed:?}, but the journal has {written:?}"
        );
        self.last_seq += grown.len() as u64;
        self.acknowledged += pressed.confirmed as u64;
        self.full_lives += u64::from(pressed.confirmed > 0);
        Ok(())
    }

    /// After the last death: everything is at the portal as it is in the journal, and the seals
    /// hold.
    fn rest(&mut self, scene: &Scene) -> Result<()> {
        self.kiosk.start(&self.display)?;
        self.kiosk.wait_until_delivered()?;
        let terminal = self.kiosk.terminal_id()?;
        let held = records::in_portal(&scene.portal, &terminal)?;
        ensure!(
            held == records::in_journal(&self.kiosk)?,
            "portal and journal differ"
        );
        records::check_seals(&scene.portal, &terminal)
    }
}

#[test]
fn two_hundred_sudden_deaths_lose_nothing_that_was_thanked_for_and_double_nothing() -> Result<()> {
    let scene = Scene::new()?;
    let mut victims = (1..=TERMINALS)
        .map(|number| Victim::new(&scene, number))
        .collect::<Result<Vec<_>>>()?;
    std::thread::scope(|scope| {
        let lives: Vec<_> = victims
            .iter_mut()
            .map(|victim| {
                scope.spawn(|| (0..KILLS / TERMINALS).try_for_each(|_| victim.live_and_die()))
            })
            .collect();
        lives
            .into_iter()
            .try_for_each(|lives| lives.join().expect("a victim does not panic"))
    })?;
    for victim in &mut victims {
        victim.rest(&scene)?;
    }
    let sum = |of: fn(&Victim) -> u64| victims.iter().map(of).sum::<u64>();
    let (acknowledged, full_lives) = (sum(|victim| victim.acknowledged), sum(|v| v.full_lives));
    println!(
        "{KILLS} SIGKILLs, {full_lives} of them while rating: {acknowledged} ratings thanked for, none lost"
    );
    ensure!(
        full_lives > KILLS / 4,
        "only {full_lives} lives were long enough to rate: make LONGEST_RATING longer"
    );
    Ok(())
}
