//! Notices a screen or a touch panel that hangs, and ends the program with a notice, so that systemd starts it anew.
//!
//! | what hangs | how it is known |
//! | --- | --- |
//! | the window's thread: a lock, a driver that never answers, a page flip that never comes | its sign of life fails to come ([`HEARTBEAT`]) |
//! | the display: a frame is asked for and none is painted | the same sign of life asks for a frame and looks for the last one |
//! | the touch panel: its device is gone and does not come back | libinput says so ([`PANEL_PATIENCE`]) |
//!
//! A panel that is there and silent cannot be told from one that nobody touches. Where even this thread does not run any more,
//! systemd's watchdog remains.

use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;

use slint::{Timer, TimerMode};
use tokio::sync::{mpsc, watch};

use crate::limits::{HEARTBEAT, MISSED_HEARTBEATS, PANEL_PATIENCE};
use crate::screen::Screen;

/// Takes signs of life of the window's thread, and what it finds wrong itself.
#[derive(Clone)]
pub struct Vitals {
    beats: watch::Sender<u32>,
    faults: mpsc::UnboundedSender<String>,
}

/// Hears both.
pub struct Watched {
    beats: watch::Receiver<u32>,
    faults: mpsc::UnboundedReceiver<String>,
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
    /// A sign of life every [`HEARTBEAT`] on this thread, and to systemd as often as it asks. `paints`: also looks whether
    /// frames are painted; in a window among others nobody may see them. The timer ends when dropped.
    pub fn keep_beating(&self, screen: &Screen, paints: bool) -> Timer {
        let allowed = sd_notify::watchdog_enabled();
        let every = allowed.map_or(HEARTBEAT, |allowed| HEARTBEAT.min(allowed / 2));
        let (vitals, screen) = (self.clone(), screen.clone());
        let mut frames = Frames::default();
        let timer = Timer::default();
        // The first one as soon as the thread turns: from then on it is watched.
        let turns = self.clone();
        Timer::single_shot(Duration::ZERO, move || turns.beat());
        timer.start(TimerMode::Repeated, every, move || {
            vitals.beat();
            if paints {
                match frames.next(screen.painted_beat()) {
                    Some(frame) => screen.ask_for_frame(frame),
                    None => vitals.fault("the screen paints no frames"),
                }
            }
            if allowed.is_some() {
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
        });
        timer
    }

    /// The number of touch panels is now this. To be called on the window's thread.
    pub fn panels(&self, count: u32) {
        thread_local! {
            static GONE: RefCell<Option<Timer>> = const { RefCell::new(None) };
        }
        let vitals = self.clone();
        let gone = (count == 0).then(|| {
            let timer = Timer::default();
            timer.start(TimerMode::SingleShot, PANEL_PATIENCE, move || {
                vitals.fault("the touch panel is gone");
            });
            timer
        });
        GONE.set(gone);
    }

    fn beat(&self) {
        self.beats
            .send_modify(|beats| *beats = beats.wrapping_add(1));
    }

    fn fault(&self, what: &str) {
        // Nobody listens only while the program ends.
        let _ = self.faults.send(what.to_owned());
    }
}

impl Watched {
    /// Waits until something hangs; says what. `None`: the window is gone, the program ends.
    pub async fn hangs(mut self) -> Option<String> {
        // Before the first sign of life the program is starting, which takes as long as it takes.
        if self.beats.changed().await.is_err() {
            return None;
        }
        loop {
            tokio::select! {
                fault = self.faults.recv() => return fault,
                beat = missing(self.beats.changed()) => match beat {
                    Beat::Came => {}
                    Beat::Missing => return Some("the window's thread does not answer".into()),
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
}

impl Frames {
    /// The next frame to ask for; `None`: [`MISSED_HEARTBEATS`] in a row did not come.
    fn next(&mut self, painted: i32) -> Option<i32> {
        self.missed = if painted == self.asked {
            0
        } else {
            self.missed + 1
        };
        self.asked = self.asked.wrapping_add(1);
        (self.missed < MISSED_HEARTBEATS).then_some(self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_stops_beating_hangs_and_one_that_has_not_begun_does_not() {
        let (vitals, watched) = vitals();
        let hangs = tokio::spawn(watched.hangs());
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(!hangs.is_finished(), "a slow start");
        for _ in 0..100 {
            vitals.beat();
            tokio::time::sleep(HEARTBEAT).await;
        }
        assert!(!hangs.is_finished(), "it beats");
        tokio::time::sleep(HEARTBEAT * (MISSED_HEARTBEATS + 1)).await;
        let what = hangs.await.unwrap().unwrap();
        assert!(what.contains("window's thread"), "{what}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_thread_finds_itself_is_told_and_an_ending_program_is_no_fault() {
        let (vitals, watched) = vitals();
        let hangs = tokio::spawn(watched.hangs());
        vitals.beat();
        vitals.fault("the touch panel is gone");
        assert_eq!(
            hangs.await.unwrap().as_deref(),
            Some("the touch panel is gone")
        );

        let (vitals, watched) = super::vitals();
        drop(vitals);
        assert_eq!(watched.hangs().await, None);
    }

    #[test]
    fn frames_that_do_not_come_several_times_in_a_row_mean_that_nothing_is_painted() {
        let mut frames = Frames::default();
        let mut painted = 0;
        for _ in 0..5 {
            painted = frames.next(painted).unwrap();
        }
        let late = painted;
        assert!((1..MISSED_HEARTBEATS).all(|_| {
            // Asked anew each time, and never painted.
            frames.next(late - 1).is_some()
        }));
        assert_eq!(frames.next(late - 1), None);
        let mut frames = Frames::default();
        frames.next(0);
        for _ in 0..10 {
            // Every second frame comes too late for one look.
            let asked = frames.asked;
            assert!(frames.next(asked - 1).is_some());
            let asked = frames.asked;
            assert!(frames.next(asked).is_some());
        }
    }
}
