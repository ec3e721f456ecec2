//! Notices a screen or a touch panel that hangs, and ends the program with a notice, so that
//! systemd starts it anew.
//!
//! | what hangs | how it is known |
//! | --- | --- |
//! | the window's thread: a lock, a driver that never answers, a page flip that never comes | its sign of life fails to come ([`HEARTBEAT`]) |
//! | the display: a frame is asked for and none is painted | the same sign of life asks for a frame and looks for the last one |
//! | the touch panel: its device is gone and does not come back | libinput says so ([`PANEL_PATIENCE`]) |
//!
//! A new start brings a display or a panel back only where a driver was in disorder. So it is tried
//! a few times ([`super::restarts`]); afterwards the terminal goes on as it is, and what is missing
//! is a problem that everybody is told.
//!
//! A panel that is there and silent cannot be told from one that nobody touches. Where even this
//! thread does not run any more, systemd's watchdog remains.

use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;

use slint::{Timer, TimerMode};
use tokio::sync::{mpsc, watch};

use crate::limits::{HEARTBEAT, MISSED_HEARTBEATS, PANEL_PATIENCE, STEADY_FRAMES};
use crate::problems::Problem;
use crate::screen::Screen;

/// Takes signs of life of the window's thread, and what it finds wrong itself.
#[derive(Clone)]
pub struct Vitals {
    beats: watch::Sender<u32>,
    faults: mpsc::UnboundedSender<Sign>,
}

/// What the window's thread finds of a part of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It is in order.
    Well(Part),
    /// It is missing, or does not do its work.
    Ill(Part),
}

/// A part of the machine without which nobody can rate at the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is drawn to.
    Display,
    /// What is touched.
    TouchPanel,
}

impl Part {
    /// What it is where it is [`Sign::Ill`].
    #[must_use]
    pub fn problem(self) -> Problem {
        match self {
            Self::Display => Problem::NoDisplay,
            Self::TouchPanel => Problem::NoTouchPanel,
        }
    }

    /// What is wrong where it is [`Sign::Ill`].
    #[must_use]
    pub fn fault(self) -> &'static str {
        match self {
            Self::Display => "the screen paints no frames",
            Self::TouchPanel => "no touch panel is there",
        }
    }
}

/// Hears both.
pub struct Watched {
    beats: watch::Receiver<u32>,
    faults: mpsc::UnboundedReceiver<Sign>,
}

/// What a watch comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The window's thread does not answer.
    Hangs,
    /// Something is known of a part.
    Of(Sign),
}

/// The two ends.
pub fn vitals() -> (Vitals, Watched) {
    let beats = watch::Sender::new(0);
    let (faults, heard) = mpsc::unbounded_channel();
    let watched = Watched {
        beats: beats.subscribe(),
        faults: heard,
    };
    (Vitals { beats, faults }, watched)
}

impl Vitals {
    /// A sign of life every [`HEARTBEAT`] on this thread, and to systemd as often as it asks.
    /// `paints`: also looks whether frames are painted; in a window among others nobody may see
    /// them. The timer ends when dropped.
    pub fn keep_beating(&self, screen: &Screen, paints: bool) -> Timer {
        let every = period();
        let (vitals, screen) = (self.clone(), screen.clone());
        let mut frames = Frames::default();
        let timer = Timer::default();
        // The first one as soon as the thread turns: from then on it is watched.
        let turns = self.clone();
        Timer::single_shot(Duration::ZERO, move || turns.beat());
        timer.start(TimerMode::Repeated, every, move || {
            vitals.beat();
            if paints {
                let (frame, sign) = frames.next(screen.painted_beat());
                screen.ask_for_frame(frame);
                if let Some(sign) = sign {
                    vitals.tell(sign);
                }
            }
        });
        timer
    }

    /// The number of touch panels is now this. To be called on the window's thread.
    pub fn panels(&self, count: u32) {
        thread_local! {
            static GONE: RefCell<Option<Timer>> = const { RefCell::new(None) };
        }
        if count > 0 {
            self.tell(Sign::Well(Part::TouchPanel));
        }
        let vitals = self.clone();
        let gone = (count == 0).then(|| {
            let timer = Timer::default();
            timer.start(TimerMode::SingleShot, PANEL_PATIENCE, move || {
                vitals.tell(Sign::Ill(Part::TouchPanel));
            });
            timer
        });
        GONE.set(gone);
    }

    /// A sign of life of the UI thread, also to systemd.
    pub fn beat(&self) {
        self.beats
            .send_modify(|beats| *beats = beats.wrapping_add(1));
        if sd_notify::watchdog_enabled().is_some() {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
    }

    fn tell(&self, sign: Sign) {
        // Nobody listens only while the program ends.
        let _ = self.faults.send(sign);
    }
}

/// How often the UI thread gives a sign of life: also as often as systemd asks.
#[must_use]
pub fn period() -> Duration {
    let allowed = sd_notify::watchdog_enabled();
    allowed.map_or(HEARTBEAT, |allowed| HEARTBEAT.min(allowed / 2))
}

impl Watched {
    /// Waits until there is something to tell. `None`: the UI thread is gone, the program ends.
    pub async fn next(&mut self) -> Option<Finding> {
        // Before the first sign of life the program is starting, which takes as long as it takes.
        if *self.beats.borrow() == 0 && self.beats.changed().await.is_err() {
            return None;
        }
        loop {
            tokio::select! {
                sign = self.faults.recv() => return sign.map(Finding::Of),
                beat = missing(self.beats.changed()) => match beat {
                    Beat::Came => {}
                    Beat::Missing => return Some(Finding::Hangs),
                    Beat::Over => return None,
                },
            }
        }
    }
}

enum Beat {
    Came,
    Missing,
    Over,
}

async fn missing(changed: impl Future<Output = Result<(), watch::error::RecvError>>) -> Beat {
    match tokio::time::timeout(HEARTBEAT * MISSED_HEARTBEATS, changed).await {
        Ok(Ok(())) => Beat::Came,
        Ok(Err(_)) => Beat::Over,
        Err(_) => Beat::Missing,
    }
}

/// Frames that were asked for, and those that came.
#[derive(Default)]
struct Frames {
    asked: i32,
    missed: u32,
    came: u32,
}

impl Frames {
    /// The next frame to ask for, and what the last ones say: [`MISSED_HEARTBEATS`] in a row did
    /// not come, or [`STEADY_FRAMES`] did.
    fn next(&mut self, painted: i32) -> (i32, Option<Sign>) {
        if painted == self.asked {
            (self.missed, self.came) = (0, self.came + 1);
        } else {
            (self.missed, self.came) = (self.missed + 1, 0);
        }
        self.asked = self.asked.wrapping_add(1);
        let sign = if self.missed >= MISSED_HEARTBEATS {
            Some(Sign::Ill(Part::Display))
        } else if self.came == STEADY_FRAMES {
            Some(Sign::Well(Part::Display))
        } else {
            None
        };
        (self.asked, sign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_stops_beating_hangs_and_one_that_has_not_begun_does_not() {
        let (vitals, mut watched) = vitals();
        let hangs = tokio::spawn(async move { watched.next().await });
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(!hangs.is_finished(), "a slow start");
        for _ in 0..100 {
            vitals.beat();
            tokio::time::sleep(HEARTBEAT).await;
        }
        assert!(!hangs.is_finished(), "it beats");
        tokio::time::sleep(HEARTBEAT * (MISSED_HEARTBEATS + 1)).await;
        assert_eq!(hangs.await.unwrap(), Some(Finding::Hangs));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_thread_finds_itself_is_told_and_an_ending_program_is_no_fault() {
        let (vitals, mut watched) = vitals();
        vitals.beat();
        let gone = Sign::Ill(Part::TouchPanel);
        vitals.tell(gone);
        assert_eq!(watched.next().await, Some(Finding::Of(gone)));
        drop(vitals);
        assert_eq!(watched.next().await, None);
    }

    #[test]
    fn frames_that_do_not_come_several_times_in_a_row_mean_that_nothing_is_painted() {
        let ill = Some(Sign::Ill(Part::Display));
        let mut frames = Frames::default();
        let mut painted = 0;
        for _ in 0..5 {
            let (asked, sign) = frames.next(painted);
            assert_eq!(sign, None);
            painted = asked;
        }
        let late = painted;
        for _ in 1..MISSED_HEARTBEATS {
            // Asked anew each time, and never painted.
            assert_eq!(frames.next(late - 1).1, None);
        }
        assert_eq!(frames.next(late - 1).1, ill);
        let mut frames = Frames::default();
        frames.next(0);
        for _ in 0..10 {
            // Every second frame comes too late for one look.
            let asked = frames.asked;
            assert_ne!(frames.next(asked - 1).1, ill);
            let asked = frames.asked;
            assert_ne!(frames.next(asked).1, ill);
        }
    }

    #[test]
    fn a_display_that_paints_for_a_while_is_well_again() {
        let mut frames = Frames::default();
        let mut painted = 0;
        let mut signs = Vec::new();
        for _ in 0..2 * STEADY_FRAMES {
            let (asked, sign) = frames.next(painted);
            signs.extend(sign);
            painted = asked;
        }
        assert_eq!(signs, [Sign::Well(Part::Display)]);
    }
}
