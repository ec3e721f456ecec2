//! What a history is made of and what is counted in it.

use std::ops::AddAssign;

use pikir_contract::{BootId, Id};

/// An append that was tried.
#[derive(Debug, Clone)]
pub struct Tap {
    /// Id of the event.
    pub id: Id,
    /// When it really was (Unix milliseconds).
    pub at_ms: i64,
    /// In which boot.
    pub boot: BootId,
    /// Its number; `None`: not acknowledged, so it may be there or not.
    pub seq: Option<u64>,
    /// Syncs that the disk had confirmed when it was tried.
    pub syncs: u64,
    /// When the life began in which it was (Unix milliseconds).
    pub life_ms: i64,
    /// The disk lost or damaged what it held after this.
    pub at_risk: bool,
}

/// What happened in a history, for the figures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Appends that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged appends that a lying or damaged disk destroyed, as was stated.
    pub destroyed: u64,
    /// Acknowledged appends whose numbers the portal had given to others by then: to requests that
    /// came late.
    pub collided: u64,
    /// Lives of the program.
    pub lives: u64,
    /// Power cuts.
    pub power_cuts: u64,
    /// SIGKILLs.
    pub kills: u64,
    /// Errors of the device.
    pub device_errors: u64,
    /// Power cuts of a disk that lied about its syncs.
    pub lies: u64,
    /// Damages to the files.
    pub damages: u64,
    /// Restored backups of the portal.
    pub restores: u64,
    /// Clock jumps.
    pub clock_jumps: u64,
    /// Jumps of the portal's clock.
    pub portal_clock_jumps: u64,
    /// Histories that came to rest without another start.
    pub rested_at_once: u64,
    /// Requests sent.
    pub requests: u64,
    /// Events under numbers that the portal held already.
    pub conflicts: u64,
    /// Virtual time (hours).
    pub hours: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, one: Self) {
        self.acknowledged += one.acknowledged;
        self.destroyed += one.destroyed;
        self.collided += one.collided;
        self.lives += one.lives;
        self.power_cuts += one.power_cuts;
        self.kills += one.kills;
        self.device_errors += one.device_errors;
        self.lies += one.lies;
        self.damages += one.damages;
        self.restores += one.restores;
        self.clock_jumps += one.clock_jumps;
        self.portal_clock_jumps += one.portal_clock_jumps;
        self.rested_at_once += one.rested_at_once;
        self.requests += one.requests;
        self.conflicts += one.conflicts;
        self.hours += one.hours;
    }
}

/// What kinds of misfortune a history has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Temper {
    pub(super) lying_disk: bool,
    pub(super) damage: bool,
    pub(super) lying_portal: bool,
    /// The portal's clock is wrong, each time by something else.
    pub(super) wrong_portal_clock: bool,
}

impl Temper {
    /// Whether numbers may have to be given anew: the terminal and the portal may disagree about
    /// who has one.
    pub(super) fn may_renumber(self) -> bool {
        self.lying_disk || self.damage || self.lying_portal
    }
}
