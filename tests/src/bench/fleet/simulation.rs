//! A fleet and its portal in virtual time: every request of every terminal, one event after the
//! other.
//!
//! # The model
//! Each terminal has an uploader and its upkeep, with the kiosk's own [`Backoff`] and limits. While
//! the portal is away nothing connects two terminals, so each one's tries are followed alone up to
//! the portal's return; from then on all are events in one queue. The portal does one piece of work
//! at a time, in order of arrival, at the cost measured on the real one; deliveries beyond its
//! [`Gate`] it sheds: 503 and `Retry-After`. While it is away, it refuses at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use pikir_kiosk::limits::{MIN_STATUS_S, SMALL_BATCH_EVENTS};
use pikir_kiosk::platform::entropy::{SharedEntropy, TestEntropy};
use pikir_kiosk::portal::backoff::Backoff;

use super::gate::Gate;
use super::terminal::{Terminal, micros};

/// Virtual time: microseconds since the portal went away.
pub type Moment = u64;

/// One second of it.
pub const SECOND: Moment = 1_000_000;
/// Seconds shown before the portal's return.
const SHOWN_BEFORE_S: u64 = 300;
/// Share of the terminals that must have delivered before the drain counts as done.
const DRAINED_SHARE: f64 = 0.99;

/// How terminals try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// As the kiosk does.
    Backoff,
    /// After a fixed time, whatever the portal asks for.
    Fixed(Duration),
}

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// How many terminals there are.
    pub terminals: u32,
    /// Ratings a day at each.
    pub ratings_per_day: f64,
    /// How long the portal is away.
    pub outage: Duration,
    /// How terminals try again.
    pub retry: Retry,
    /// What requests cost the portal.
    pub costs: Costs,
}

/// What one request costs the portal (seconds of its work).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// A delivery, without its events.
    pub delivery_s: f64,
    /// Each event of it.
    pub event_s: f64,
    /// A status report.
    pub status_s: f64,
}

impl Costs {
    fn delivery(&self, events: f64) -> f64 {
        self.delivery_s + self.event_s * events
    }
}

/// One second, as the portal saw it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Second {
    /// Requests that arrived.
    pub requests: u32,
    /// Those that were shed.
    pub shed: u32,
    /// The work they ask for, shed ones included (seconds).
    pub work: f64,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Second by second, beginning [`Outcome::before_s`] seconds before the portal's return.
    pub seconds: Vec<Second>,
    /// How many of them lie before the return.
    pub before_s: u64,
    /// Seconds from the return until 99 % of the terminals had delivered what the outage left;
    /// `None` where that took longer than the time allowed.
    pub drained_s: Option<u64>,
}

impl Outcome {
    /// The seconds between the portal's return and the end of the drain.
    pub fn drain(&self) -> &[Second] {
        let from = self.before_s as usize;
        let length = self
            .drained_s
            .map_or(usize::MAX, |seconds| seconds as usize + 1);
        let to = from.saturating_add(length).min(self.seconds.len());
        &self.seconds[from..to]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The uploader tries.
    Deliver,
    /// Upkeep tries.
    Report,
    /// The portal answered a delivery.
    Delivered,
    /// The portal answered a report.
    Reported,
}

struct Fleet {
    scenario: Scenario,
    entropy: SharedEntropy,
    terminals: Vec<Terminal>,
    queue: BinaryHeap<Reverse<(Moment, u32, Step)>>,
    back: Moment,
    first_shown: Moment,
    seconds: Vec<Second>,
    /// When the portal will have done what it has taken.
    busy_until: Moment,
    gate: Gate,
    drained: u32,
    drained_at: Option<Moment>,
}

/// Simulates the outage and the time after it, at most `after` long.
pub fn simulate(scenario: Scenario, after: Duration, seed: u64) -> Outcome {
    let back = micros(scenario.outage.as_secs_f64());
    let first_shown = back.saturating_sub(SHOWN_BEFORE_S * SECOND);
    let shown_s = (back - first_shown) / SECOND + after.as_secs();
    let mut fleet = Fleet {
        entropy: TestEntropy::new(seed),
        terminals: Vec::with_capacity(scenario.terminals as usize),
        queue: BinaryHeap::new(),
        back,
        first_shown,
        seconds: vec![Second::default(); shown_s as usize],
        busy_until: back,
        gate: Gate::default(),
        drained: 0,
        drained_at: None,
        scenario,
    };
    for number in 0..scenario.terminals {
        fleet.live_through_outage(number);
    }
    let end = back + micros(after.as_secs_f64());
    while let Some(Reverse((now, number, step))) = fleet.queue.pop() {
        if now >= end {
            break;
        }
        fleet.step(now, number, step);
    }
    Outcome {
        before_s: (back - first_shown) / SECOND,
        drained_s: fleet.drained_at.map(|at| (at - back) / SECOND),
        seconds: fleet.seconds,
    }
}

impl Fleet {
    /// Follows one terminal until the portal is back, and queues its first tries after that.
    fn live_through_outage(&mut self, number: u32) {
        let mut tries = self.until_tap();
        let mut terminal = Terminal::new(tries, tries >= self.back);
        while tries < self.back {
            let events = terminal.next_batch(tries, self.scenario.ratings_per_day);
            self.count(tries, self.scenario.costs.delivery(events), false);
            // An uploader that gets no answer sends less the next time.
            let smaller = (terminal.limit / 2).max(SMALL_BATCH_EVENTS);
            terminal.limit = terminal.limit.min(smaller);
            tries += self.wait(&mut terminal.uploader, None, tries);
        }
        self.drained += u32::from(terminal.is_drained);
        let mut reports = micros(self.entropy.fraction() * MIN_STATUS_S as f64);
        while reports < self.back {
            self.count(reports, self.scenario.costs.status_s, false);
            reports += self.wait(&mut terminal.upkeep, None, reports);
        }
        self.queue.push(Reverse((tries, number, Step::Deliver)));
        self.queue.push(Reverse((reports, number, Step::Report)));
        self.terminals.push(terminal);
    }

    fn step(&mut self, now: Moment, number: u32, step: Step) {
        let index = number as usize;
        let (at, next) = match step {
            Step::Deliver => self.deliver(now, index),
            Step::Report => {
                let work = self.scenario.costs.status_s;
                self.count(now, work, false);
                (self.work(now, work), Step::Reported)
            }
            Step::Delivered => {
                self.gate.leave(now);
                (self.delivered(now, index), Step::Deliver)
            }
            Step::Reported => {
                self.terminals[index].upkeep.reset();
                let wait = MIN_STATUS_S as f64 * (1.0 + self.entropy.fraction() / 10.0);
                (now + micros(wait), Step::Report)
            }
        };
        self.queue.push(Reverse((at, number, next)));
    }

    fn deliver(&mut self, now: Moment, index: usize) -> (Moment, Step) {
        let events = self.terminals[index].next_batch(now, self.scenario.ratings_per_day);
        let work = self.scenario.costs.delivery(events);
        let has_entered = self.gate.enter();
        self.count(now, work, !has_entered);
        if has_entered {
            self.terminals[index].under_way = events;
            return (self.work(now, work), Step::Delivered);
        }
        let asked = Duration::from_secs(self.gate.refuse(now, self.entropy.fraction()));
        let mut backoff = std::mem::take(&mut self.terminals[index].uploader);
        let wait = self.wait(&mut backoff, Some(asked), now);
        self.terminals[index].uploader = backoff;
        (now + wait, Step::Deliver)
    }

    /// The portal does `work` after what it has to do already; when it is done.
    fn work(&mut self, now: Moment, work: f64) -> Moment {
        self.busy_until = self.busy_until.max(now) + micros(work);
        self.busy_until
    }

    /// The portal took a delivery: the terminal goes on at once while there is more, else with the
    /// next visitor.
    fn delivered(&mut self, now: Moment, index: usize) -> Moment {
        let tap = now + self.until_tap();
        let terminal = &mut self.terminals[index];
        if terminal.was_delivered() {
            return now;
        }
        if !terminal.is_drained {
            terminal.is_drained = true;
            self.drained += 1;
            let enough = (f64::from(self.scenario.terminals) * DRAINED_SHARE).ceil() as u32;
            if self.drained >= enough && self.drained_at.is_none() {
                self.drained_at = Some(now);
            }
        }
        self.terminals[index].waits_for_tap(tap);
        tap
    }

    fn count(&mut self, now: Moment, work: f64, shed: bool) {
        let Some(shown) = now.checked_sub(self.first_shown) else {
            return;
        };
        if let Some(second) = self.seconds.get_mut((shown / SECOND) as usize) {
            second.requests += 1;
            second.shed += u32::from(shed);
            second.work += work;
        }
    }

    /// How long a terminal waits after a failure at `now`.
    fn wait(&self, backoff: &mut Backoff, asked: Option<Duration>, now: Moment) -> Moment {
        match self.scenario.retry {
            Retry::Backoff => micros(backoff.next(&*self.entropy, asked).as_secs_f64()).max(1),
            Retry::Fixed(period) => {
                let period = micros(period.as_secs_f64());
                // Tries that nobody sees are not followed one by one: their rhythm does not change.
                // The last of them are, so that batches are as small as they would be.
                let shown = self.first_shown.saturating_sub(60 * SECOND);
                let unseen = shown.saturating_sub(now) / period;
                period * unseen.max(1)
            }
        }
    }

    /// Time to the next visitor: visitors do not know of each other.
    fn until_tap(&self) -> Moment {
        let mean_s = 86_400.0 / self.scenario.ratings_per_day;
        micros(-mean_s * (1.0 - self.entropy.fraction()).ln())
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
