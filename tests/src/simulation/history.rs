//! What happens in one history, drawn from its seed.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use pikir_contract::{BootId, Id, InputKind, Notice, Score};
use pikir_kiosk::journal::{Content, NewEvent};
use pikir_kiosk::limits::{OFFER_AGAIN_MS, TIME_PROOF_MS};
use pikir_kiosk::platform::clock::Clock;
use pikir_kiosk::platform::entropy::{SharedEntropy, TestEntropy};
use uuid::Uuid;

use super::check;
use super::clock::{BEGINNING_MS, SimClock, Truth};
use super::damage;
use super::enrolled::Enrolled;
use super::machine::{Hardware, Life};
use super::portal::{Books, ModelPortal};
use super::road::{Road, Weather};
use super::tally::{Tally, Tap, Temper};
use crate::dice::Dice;
use crate::disk::{Disk, Fault, Forgotten};

/// Backups older than this are not restored: what the portal acknowledged before may have left the
/// terminal (days).
const OLDEST_BACKUP_DAYS: i64 = 20;
const DAY_MS: i64 = 86_400_000;
/// How long it takes until everything behind a gap is offered once more.
const A_DAY: Duration = Duration::from_millis(OFFER_AGAIN_MS);
/// How long the terminal and the portal have to come to rest in the end, when all is well.
const PEACE: Duration = Duration::from_secs(4 * 3_600);
/// Starts in peace, until nothing is set aside any more.
const MOST_STARTS: u32 = 10;
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// How long they are watched at rest.
const WATCH: Duration = Duration::from_secs(3_600);

/// One history.
pub struct History {
    pub(super) dice: Dice,
    pub(super) truth: Truth,
    pub(super) hardware: Arc<Hardware>,
    pub(super) taps: Vec<Tap>,
    pub(super) tally: Tally,
    /// Whether the disk may lie, the files be damaged, the portal lie.
    pub(super) temper: Temper,
    /// The disk may have lost something that it had confirmed.
    pub(super) disk_forgot: bool,
    /// It did so by a lie, which leaves its files in order: nobody can miss that.
    pub(super) broke_promises: bool,
    /// Damage that the terminal cannot see: a log without its end is what a power cut leaves, and a
    /// second witness of each append would cost a second sync of each.
    pub(super) unseen_damage: bool,
    backups: Vec<(i64, Books)>,
    /// When the present life began, and when the portal was last restored (Unix milliseconds).
    life_ms: i64,
    restored_ms: i64,
    /// Since when the portal's clock is days ahead (Unix milliseconds).
    far_ahead_since_ms: Option<i64>,
    /// It was so for as long as it takes a terminal to believe it.
    is_believed: bool,
    story: String,
}

impl History {
    /// The terminal is enrolled; nothing has happened yet.
    ///
    /// # Errors
    /// The simulated disk cannot be had.
    pub fn begin(seed: u64) -> Result<Self> {
        let mut dice = Dice::new(seed);
        let temper = Temper {
            lying_disk: dice.percent(12),
            damage: dice.percent(15),
            lying_portal: dice.percent(6),
            wrong_portal_clock: dice.percent(8),
        };
        let truth = Truth::begins();
        let disk = Disk::new(dice.number())?;
        let entropy: SharedEntropy = TestEntropy::new(dice.number());
        let enrolled = Enrolled::get()?;
        enrolled.put_into(disk.path())?;
        let portal = ModelPortal::new(enrolled.first_key());
        let road = Road::new(truth, Dice::new(dice.number()), portal, temper.lying_portal);
        Ok(Self {
            hardware: Arc::new(Hardware {
                disk,
                terminal: enrolled.terminal,
                entropy,
                road,
            }),
            dice,
            truth,
            taps: Vec::new(),
            tally: Tally::default(),
            temper,
            disk_forgot: false,
            broke_promises: false,
            unseen_damage: false,
            backups: Vec::new(),
            life_ms: BEGINNING_MS,
            restored_ms: 0,
            far_ahead_since_ms: None,
            is_believed: false,
            story: format!("{temper:?}\n"),
        })
    }

    /// What happened so far, for a person.
    #[must_use]
    pub fn story(&self) -> &str {
        &self.story
    }

    pub(super) fn tell(&mut self, what: &str) {
        let seconds = (self.truth.now_ms() - BEGINNING_MS) / 1_000;
        let _ = writeln!(self.story, "{seconds:>8} s  {what}");
    }

    /// Lets everything happen, then peace, then checks.
    ///
    /// # Errors
    /// Something that must hold does not.
    pub async fn unfold(&mut self) -> Result<Tally> {
        let lives = 1 + self.dice.below(5);
        let mut last = None;
        for _ in 0..lives {
            last = self.live_on(last).await?;
        }
        self.come_to_rest(last).await?;
        self.tally.hours = ((self.truth.now_ms() - BEGINNING_MS) / 3_600_000) as u64;
        Ok(self.tally)
    }

    /// Ends this life, if there is one, and lives another.
    async fn live_on(&mut self, last: Option<Life>) -> Result<Option<Life>> {
        let clock = self.end(last).await?;
        let clock = clock.unwrap_or_else(|| self.boot());
        let life = self.live(clock).await;
        Ok(Some(life))
    }

    /// Ends this life; returns its clocks where the machine itself runs on.
    async fn end(&mut self, life: Option<Life>) -> Result<Option<Arc<SimClock>>> {
        let Some(life) = life else {
            return Ok(None);
        };
        let clock = life.clock.clone();
        let runs_on = self.die(life).await?;
        self.between_lives().await?;
        Ok((runs_on && self.dice.percent(50)).then_some(clock))
    }

    /// One life of the program, which may be over at its end.
    async fn live(&mut self, clock: Arc<SimClock>) -> Life {
        let spread = Duration::from_secs(self.dice.pick(&[0, 30]));
        if self.dice.percent(25) {
            self.arm();
        }
        let life = self.begin_life(clock, spread);
        self.tally.lives += 1;
        self.tell(&format!("a life begins: {:?}", life.published()));
        self.notice(&life, Notice::BOOT);
        for _ in 0..self.dice.below(9) {
            if !self.act(&life).await {
                break;
            }
        }
        life
    }

    fn begin_life(&mut self, clock: Arc<SimClock>, spread: Duration) -> Life {
        self.life_ms = self.truth.now_ms();
        Life::begin(self.hardware.clone(), clock, spread)
    }

    fn boot(&mut self) -> Arc<SimClock> {
        let boot =
            Uuid::from_u128(u128::from(self.dice.number()) << 64 | u128::from(self.dice.number()));
        let clock = SimClock::boots(self.truth, BootId::from_uuid(boot));
        if self.dice.percent(30) {
            clock.synchronise();
        } else {
            self.jump(&clock);
        }
        clock
    }

    /// Sets the wall clock wrong, in one of the usual ways.
    fn jump(&mut self, clock: &SimClock) {
        clock.set_ahead(self.wrong_by_ms());
        self.tally.clock_jumps += 1;
    }

    fn wrong_by_ms(&mut self) -> i64 {
        let year = 365 * DAY_MS;
        match self.dice.below(5) {
            0 => -self.truth.now_ms(),
            1 => 10 * year,
            2 => -10 * year,
            3 => -(self.dice.below(100_000_000) as i64),
            _ => self.dice.below(100_000_000) as i64,
        }
    }

    /// The portal's clock jumps, too; sometimes it is set right.
    fn jump_at_the_portal(&mut self) {
        let ms = if self.dice.percent(30) {
            0
        } else {
            self.wrong_by_ms()
        };
        self.look_at_the_portals_clock();
        let is_far = ms > OLDEST_BACKUP_DAYS / 2 * DAY_MS;
        let since_ms = self.far_ahead_since_ms.unwrap_or(self.truth.now_ms());
        self.far_ahead_since_ms = is_far.then_some(since_ms);
        self.hardware.road.portal(|portal| portal.set_ahead(ms));
        self.tally.portal_clock_jumps += 1;
        self.tell(&format!("the portal's clock is {ms} ms ahead"));
    }

    /// Whether the terminal believes by now that what it holds is old: what it removed then, no
    /// backup brings back.
    fn look_at_the_portals_clock(&mut self) {
        let far_ms = self
            .far_ahead_since_ms
            .map_or(0, |since_ms| self.truth.now_ms() - since_ms);
        self.is_believed |= far_ms >= TIME_PROOF_MS as i64;
    }

    /// Prepares a misfortune of the disk for one of its next calls.
    fn arm(&mut self) {
        let calls = 1 + self.dice.below(60);
        let disk = &self.hardware.disk;
        match self.dice.below(4) {
            0 => {
                disk.fail_after(calls, self.dice.pick(&[Fault::Io, Fault::Full]));
                self.tally.device_errors += 1;
                self.tell(&format!("the device will fail {calls} calls from now"));
            }
            1 if self.temper.lying_disk => {
                disk.lie_about(1 + self.dice.below(8));
                self.tell("the disk begins to lie");
            }
            _ => {
                disk.cut_after(calls);
                self.tell(&format!("the power will be cut {calls} calls from now"));
            }
        }
    }

    /// Something happens; returns whether the terminal is still alive.
    async fn act(&mut self, life: &Life) -> bool {
        match self.dice.below(20) {
            0..=8 => return self.visitors(life).await,
            9 => {
                self.jump(&life.clock);
                self.tell("the clock jumps");
            }
            10 => {
                life.clock.synchronise();
                self.tell("the clock is synchronised");
            }
            11 | 12 => {
                let weather = self.dice.pick(&[
                    Weather::Fair,
                    Weather::Stormy(30),
                    Weather::Stormy(80),
                    Weather::Down,
                ]);
                self.hardware.road.set_weather(weather);
                self.tell(&format!("{weather:?}"));
            }
            13 => life.network_changed(),
            14 | 15 => self.backup_or_restore(),
            16 | 17 => self.arm(),
            18 if self.temper.wrong_portal_clock => self.jump_at_the_portal(),
            _ => {}
        }
        let seconds = match self.dice.below(10) {
            0..=5 => self.dice.below(60),
            6..=8 => self.dice.below(3_600),
            _ => self.dice.below(6 * 3_600),
        };
        life.pass(Duration::from_secs(seconds)).await
    }

    /// A few visitors, one after another.
    async fn visitors(&mut self, life: &Life) -> bool {
        for _ in 0..1 + self.dice.below(6) {
            let rating = self.rate(life);
            if !life
                .pass(Duration::from_millis(self.dice.below(20_000)))
                .await
            {
                return false;
            }
            if let Some(rating) = rating
                && self.dice.percent(10)
            {
                self.append(life, Content::Withdrawal { rating });
            }
        }
        true
    }

    fn rate(&mut self, life: &Life) -> Option<Id> {
        let score = self.dice.pick(&Score::ALL);
        let content = Content::Rating {
            score,
            lang: "ky".into(),
            input: InputKind::Touch,
            gap_ms: None,
            touched: Some((self.dice.below(1_001) as u16, 500)),
            flags: Vec::new(),
        };
        self.append(life, content)
    }

    fn notice(&mut self, life: &Life, what: &'static str) {
        let detail = Some("simulated".to_owned());
        self.append(life, Content::Notice { what, detail });
    }

    /// Appends an event; returns its id where that was acknowledged.
    fn append(&mut self, life: &Life, content: Content) -> Option<Id> {
        let id = self.hardware.entropy.id(life.clock.wall_ms());
        let at = life.clock.reading();
        let (at_ms, boot) = (self.truth.now_ms(), at.boot);
        let outcome = life.append(NewEvent { id, at, content });
        let syncs = self.hardware.disk.syncs();
        let seq = match &outcome {
            Some(Ok(appended)) => Some(appended.seq),
            _ => None,
        };
        self.tell(&match outcome {
            Some(Ok(appended)) => format!("{id} is event {}", appended.seq),
            Some(Err(fault)) => format!("{id} is not taken: {}", fault.detail),
            None => format!("the power goes while {id} is taken"),
        });
        self.tally.acknowledged += u64::from(seq.is_some());
        self.taps.push(Tap {
            id,
            at_ms,
            boot,
            seq,
            syncs,
            life_ms: self.life_ms,
            at_risk: false,
        });
        seq.map(|_| id)
    }

    fn backup_or_restore(&mut self) {
        let now_ms = self.truth.now_ms();
        self.look_at_the_portals_clock();
        let is_believed = self.is_believed;
        self.backups
            .retain(|(at_ms, _)| !is_believed && now_ms - at_ms < OLDEST_BACKUP_DAYS * DAY_MS);
        if self.backups.is_empty() || self.dice.percent(60) {
            let books = self.hardware.road.portal(|portal| portal.books().clone());
            self.backups.push((now_ms, books));
        } else {
            let which = self.dice.index(self.backups.len());
            let books = self.backups[which].1.clone();
            let through = books.through();
            if self.temper.may_renumber() {
                // Whoever goes back to a newer backup afterwards takes up a past in which numbers
                // may have had other events; the answer says nothing of that, so no terminal can
                // know.
                self.backups.truncate(which + 1);
            }
            self.hardware.road.portal(|portal| portal.restore(books));
            self.tally.restores += 1;
            self.restored_ms = now_ms;
            self.tell(&format!("the portal is restored to {through}"));
        }
    }

    /// The life ends, if it has not ended already; returns whether the machine runs on.
    async fn die(&mut self, life: Life) -> Result<bool> {
        let disk = &self.hardware.disk;
        let mut runs_on = false;
        if disk.is_off() {
            self.tally.power_cuts += 1;
        } else {
            match self.dice.below(4) {
                0 => {
                    self.notice(&life, Notice::SHUTDOWN);
                    life.close().await;
                    self.tell("the program ends in order");
                    self.power_back()?;
                    return Ok(true);
                }
                1 => {
                    disk.kill()?;
                    runs_on = true;
                    self.tally.kills += 1;
                    self.tell("SIGKILL");
                }
                _ => {
                    disk.cut()?;
                    self.tally.power_cuts += 1;
                }
            }
        }
        life.end().await;
        self.power_back()?;
        Ok(runs_on)
    }

    fn power_back(&mut self) -> Result<()> {
        if self.hardware.disk.is_off() {
            self.tally.lies += u64::from(self.hardware.disk.has_lied());
            if let Some(forgotten) = self.hardware.disk.forgotten() {
                self.broke_promises = true;
                self.puts_at_risk(forgotten);
                self.tell(&format!(
                    "what the disk lied about may be gone: {forgotten:?}"
                ));
            }
            self.hardware.disk.power_on()?;
            self.tell("the power is back");
        }
        Ok(())
    }

    fn puts_at_risk(&mut self, forgotten: Forgotten) {
        self.disk_forgot = true;
        for tap in &mut self.taps {
            tap.at_risk |= match forgotten {
                Forgotten::Since(sync) => tap.syncs >= sync,
                Forgotten::Anything => true,
            };
        }
    }

    async fn between_lives(&mut self) -> Result<()> {
        if self.temper.damage && self.dice.percent(35) {
            let damage = damage::damage(&self.hardware.journal(), &mut self.dice)?;
            self.puts_at_risk(Forgotten::Anything);
            self.tally.damages += 1;
            self.unseen_damage |= damage.cannot_be_seen;
            self.tell(&damage.what);
        }
        let seconds = match self.dice.below(12) {
            0..=6 => self.dice.below(60),
            7..=9 => self.dice.below(7_200),
            10 => self.dice.below(86_400),
            _ => self.dice.below(15 * 86_400),
        };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        Ok(())
    }

    /// All is well from now on, in the midst of a life or after its end: time, and another start
    /// where something was refused, which offers it again.
    async fn come_to_rest(&mut self, last: Option<Life>) -> Result<()> {
        let goes_on = self.dice.percent(50) && !self.hardware.disk.is_off();
        let mut last = match goes_on {
            true => last,
            false => {
                self.end(last).await?;
                None
            }
        };
        self.hardware.road.calm_down();
        self.hardware.disk.behave();
        let mut was_refused = true;
        let mut starts = 0;
        while was_refused {
            ensure!(
                starts <= MOST_STARTS,
                "after {MOST_STARTS} starts events are still set aside that nobody rejected for good"
            );
            let life = match last.take() {
                Some(life) => life,
                None => {
                    starts += 1;
                    let clock = self.boot();
                    let life = self.begin_life(clock, Duration::ZERO);
                    self.notice(&life, Notice::BOOT);
                    life
                }
            };
            self.tell(&format!("peace: {:?}", life.published()));
            // A terminal that runs on hears of a restored portal by its next rating; behind a gap
            // that nobody can fill, by one of the next day.
            if starts == 0 && self.restored_ms >= self.life_ms {
                ensure!(life.pass(A_DAY).await, "it died in peace");
            }
            let began = self.truth.now_ms();
            let mut is_rated = starts > 0;
            while !is_rated || !check::is_at_rest(self, &life) {
                if !is_rated {
                    is_rated = self.rate(&life).is_some();
                }
                ensure!(
                    self.truth.now_ms() - began < PEACE.as_millis() as i64,
                    "stuck: {:?}, the portal is through to {}",
                    life.published(),
                    self.hardware.road.portal(|portal| portal.books().through())
                );
                ensure!(life.pass(LOOK).await, "it died in peace");
            }
            let requests = self.hardware.road.sent().len();
            ensure!(life.pass(WATCH).await, "it died at rest");
            check::rests_quietly(self, requests)?;
            self.tally.requests = self.hardware.road.sent().len() as u64;
            was_refused = check::is_set_aside(self, &life);
            if !was_refused {
                self.tally.rested_at_once = u64::from(starts == 0);
                check::everything(self, &life)?;
            }
            life.close().await;
        }
        Ok(())
    }
}
