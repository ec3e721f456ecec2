//! How bright the screen is, as a pure state machine.
//!
//! | when | brightness |
//! | --- | --- |
//! | somebody touches, presses, is in the middle of a visit, or is seen by the presence sensor | full |
//! | with a sensor: nobody for [`ABSENCE_MS`] | dark, or `min_brightness` |
//! | without: no touch for [`IDLE_MS`] | [`IDLE_PERCENT`] |
//! | without, in the night hours of the configuration: no touch for [`NIGHT_AWAKE_MS`] | [`NIGHT_PERCENT`], or `min_brightness` |
//!
//! Below [`READABLE_PERCENT`] nobody can read the screen: the touch that wakes it then only wakes
//! it. On a dimmed screen a touch counts as what it hit. Buttons and keys count always: they are
//! what they are in the dark, too.

/// Full brightness (percent).
pub const FULL_PERCENT: u8 = 100;
/// Brightness of an idle screen by day (percent): inviting from afar, and easy to read.
pub const IDLE_PERCENT: u8 = 50;
/// Brightness of an idle screen at night (percent), unless `min_brightness` says otherwise.
pub const NIGHT_PERCENT: u8 = 10;
/// Brightness with nobody in front of the sensor (percent), unless `min_brightness` says otherwise.
pub const ABSENT_PERCENT: u8 = 0;
/// Below this a screen counts as dark (percent).
pub const READABLE_PERCENT: u8 = 5;
/// Without any input for this long the screen is dimmed by day (milliseconds).
pub const IDLE_MS: u64 = 10 * 60 * 1_000;
/// Without any input for this long it is dimmed at night (milliseconds).
pub const NIGHT_AWAKE_MS: u64 = 60 * 1_000;
/// So long after the sensor saw somebody last, and after the last input, nobody is there
/// (milliseconds). Sensors of body heat do not see who stands still.
pub const ABSENCE_MS: u64 = 60 * 1_000;

/// How bright the screen is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brightness {
    /// `min_brightness` of the settings (percent).
    least: Option<u8>,
    /// Uptime of the last input (ms).
    awake_ms: u64,
    presence: Option<Presence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    There,
    /// Since this uptime (ms).
    Gone(u64),
}

/// What else the brightness depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// A visit is going on.
    pub visiting: bool,
    /// It is night by the configuration, as far as the time is known.
    pub night: bool,
}

impl Brightness {
    /// A screen that has just been switched on. `least`: the lowest brightness allowed (percent).
    #[must_use]
    pub fn new(least: Option<u8>, now_ms: u64) -> Self {
        Self {
            least: least.map(|percent| percent.min(FULL_PERCENT)),
            awake_ms: now_ms,
            presence: None,
        }
    }

    /// Somebody touched the screen, or pressed a button or key.
    pub fn touched(&mut self, now_ms: u64) {
        self.awake_ms = now_ms;
    }

    /// Uptime of the last input (ms).
    #[must_use]
    pub fn awake_ms(&self) -> u64 {
        self.awake_ms
    }

    /// The sensor sees somebody, or no longer.
    pub fn presence(&mut self, there: bool, now_ms: u64) {
        self.presence = Some(if there {
            Presence::There
        } else {
            Presence::Gone(now_ms)
        });
    }

    /// The brightness now (percent).
    #[must_use]
    pub fn percent(&self, around: Surroundings, now_ms: u64) -> u8 {
        match self.dims_at(around) {
            Some((at_ms, percent)) if now_ms >= at_ms => percent,
            _ => FULL_PERCENT,
        }
    }

    /// The uptime (ms) at which time alone changes the brightness; `None`: it does not.
    #[must_use]
    pub fn deadline(&self, around: Surroundings, now_ms: u64) -> Option<u64> {
        let (at_ms, percent) = self.dims_at(around)?;
        (now_ms < at_ms && percent < FULL_PERCENT).then_some(at_ms)
    }

    /// When the screen is dimmed if nothing happens, and how far.
    fn dims_at(&self, around: Surroundings) -> Option<(u64, u8)> {
        if around.visiting {
            return None;
        }
        let least = |usual| self.least.unwrap_or(usual);
        Some(match self.presence {
            Some(Presence::There) => return None,
            Some(Presence::Gone(since_ms)) => {
                let last_ms = since_ms.max(self.awake_ms);
                (last_ms + ABSENCE_MS, least(ABSENT_PERCENT))
            }
            None if around.night => (self.awake_ms + NIGHT_AWAKE_MS, least(NIGHT_PERCENT)),
            None => (self.awake_ms + IDLE_MS, IDLE_PERCENT.max(least(0))),
        })
    }
}

/// Whether nobody can read a screen of this brightness (percent).
#[must_use]
pub fn is_dark(percent: u8) -> bool {
    percent < READABLE_PERCENT
}

#[cfg(test)]
mod tests;
