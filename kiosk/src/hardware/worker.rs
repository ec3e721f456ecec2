//! The thread that reads the inputs and carries out the outputs. An edge wakes it, and it reads
//! until the levels have settled. Where the kernel tells of no edges, polling alone misses no press
//! that a finger can make.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use pikir_contract::Score;
use tokio::sync::watch;

use super::debounce::Debounce;
use super::{Backlight, Changed, HardwareStatus, Input, Lamp, Line, OpenBacklight, Opened, Pins};
use crate::limits::{BUTTON_POLL, QUIET_POLL, TICK_MS};
use crate::platform::clock::SharedClock;

/// Which of the buttons' lights are on. They are lit or not, so the pressed one is bright by being
/// the only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lights {
    /// No rating is taken.
    #[default]
    Off,
    /// Ratings are taken.
    All,
    /// This one was pressed and is being saved.
    Only(Score),
}

impl Lights {
    fn is_on(self, button: Score) -> bool {
        match self {
            Lights::Off => false,
            Lights::All => true,
            Lights::Only(pressed) => pressed == button,
        }
    }
}

enum Command {
    Lights(Lights),
    Tick,
    Brightness(u8),
    /// An input changed.
    Edge,
    Stop,
}

/// Sends to the outputs; never waits. Clones reach the same ones.
#[derive(Clone, Default)]
pub struct Outputs {
    commands: Option<Sender<Command>>,
    dims: Arc<AtomicBool>,
}

impl Outputs {
    /// Lights the buttons; the status light is on wherever one of them is.
    pub fn lights(&self, lights: Lights) {
        self.send(Command::Lights(lights));
    }

    /// One short tick of the buzzer: a press was accepted. The same for every press.
    pub fn tick(&self) {
        self.send(Command::Tick);
    }

    /// Sets the panel's brightness (0–100 percent).
    pub fn brightness(&self, percent: u8) {
        self.send(Command::Brightness(percent));
    }

    /// Whether the panel's own brightness can be set. Where not, the picture itself has to be
    /// darkened.
    #[must_use]
    pub fn dims(&self) -> bool {
        self.dims.load(Ordering::Relaxed)
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // Gone only while the program ends.
            let _ = commands.send(command);
        }
    }
}

/// The hardware of a running terminal; switched off when dropped.
#[derive(Default)]
pub struct Hardware {
    outputs: Outputs,
    thread: Option<JoinHandle<()>>,
}

impl Hardware {
    /// Reads the inputs from now on and calls `report` for everything that happens, on the thread
    /// that reads. Opens `backlight` on that thread, too: a PWM takes its time. Keeps `status`.
    /// Without pins and backlight no thread is started.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        opened: Option<Opened>,
        backlight: Option<OpenBacklight>,
        clock: SharedClock,
        status: watch::Sender<HardwareStatus>,
        report: impl Fn(Input) + Send + 'static,
    ) -> std::io::Result<Self> {
        if opened.is_none() && backlight.is_none() {
            return Ok(Self::default());
        }
        let (commands, receiver) = channel();
        let dims = Arc::new(AtomicBool::new(backlight.is_some()));
        let outputs = Outputs {
            commands: Some(commands.clone()),
            dims: dims.clone(),
        };
        let (mut pins, lines, lamps) = match opened {
            Some(opened) => (Some(opened.pins), opened.lines, opened.lamps),
            None => (None, Vec::new(), Vec::new()),
        };
        let edge = Arc::new(AtomicBool::new(false));
        let unwatched = match &mut pins {
            Some(pins) => watch_edges(pins, &lines, &edge, &commands),
            None => Vec::new(),
        };
        let worker = Worker {
            debounce: Debounce::new(&lines),
            polls: (!lines.is_empty()).then_some(unwatched),
            edge,
            pins,
            lamps,
            lights: Lights::Off,
            tick_ends_ms: None,
            backlight: None,
            dims,
            clock,
            status,
        };
        let thread = std::thread::Builder::new()
            .name("hardware".into())
            .spawn(move || worker.run(backlight, &receiver, report))?;
        Ok(Self {
            outputs,
            thread: Some(thread),
        })
    }

    /// The way to the outputs.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        self.outputs.clone()
    }
}

impl Drop for Hardware {
    fn drop(&mut self) {
        self.outputs.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Has every edge of `lines` wake the worker; returns the lines whose edges nobody tells. However
/// many edges come at once, one command at most waits.
fn watch_edges(
    pins: &mut Box<dyn Pins>,
    lines: &[Line],
    edge: &Arc<AtomicBool>,
    commands: &Sender<Command>,
) -> Vec<Line> {
    let mut unwatched = Vec::new();
    for line in lines {
        let (edge, commands) = (edge.clone(), commands.clone());
        let changed: Changed = Box::new(move || {
            if !edge.swap(true, Ordering::AcqRel) {
                // Gone only while the program ends.
                let _ = commands.send(Command::Edge);
            }
        });
        if !pins.watch(*line, changed) {
            unwatched.push(*line);
        }
    }
    unwatched
}

/// Time between two readings where nothing wakes the worker. `unwatched`: the lines without edges.
fn pause(unwatched: &[Line], settling: bool) -> Duration {
    let is_button = |line: &Line| matches!(line, Line::Button(_) | Line::Next | Line::Select);
    if settling || unwatched.iter().any(is_button) {
        BUTTON_POLL
    } else {
        QUIET_POLL
    }
}

struct Worker {
    pins: Option<Box<dyn Pins>>,
    lamps: Vec<Lamp>,
    debounce: Debounce,
    /// The lines without edges; `None` where there is nothing to read at all.
    polls: Option<Vec<Line>>,
    /// An edge was told and nothing was read since.
    edge: Arc<AtomicBool>,
    lights: Lights,
    tick_ends_ms: Option<u64>,
    backlight: Option<Box<dyn Backlight>>,
    dims: Arc<AtomicBool>,
    clock: SharedClock,
    status: watch::Sender<HardwareStatus>,
}

impl Worker {
    fn run(
        mut self,
        backlight: Option<OpenBacklight>,
        commands: &Receiver<Command>,
        report: impl Fn(Input),
    ) {
        self.read(&report);
        if let Some(open) = backlight {
            self.open_backlight(open);
        }
        loop {
            match self.next_command(commands) {
                Ok(Command::Lights(lights)) => self.light(lights),
                Ok(Command::Tick) => self.begin_tick(),
                Ok(Command::Brightness(percent)) => self.set_brightness(percent),
                // Before the reading: an edge that comes during it is told anew.
                Ok(Command::Edge) => self.edge.store(false, Ordering::Release),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.end_tick();
            self.read(&report);
        }
        self.switch(Lamp::Buzzer, false);
        self.light(Lights::Off);
        self.set_brightness(100);
    }

    fn next_command(&self, commands: &Receiver<Command>) -> Result<Command, RecvTimeoutError> {
        let tick = self.tick_ends_ms.map(|_| BUTTON_POLL);
        let settling = self.debounce.is_settling();
        let poll = self.polls.as_ref().map(|lines| pause(lines, settling));
        match tick.into_iter().chain(poll).min() {
            Some(pause) => commands.recv_timeout(pause),
            None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn read(&mut self, report: &impl Fn(Input)) {
        let Some(pins) = &mut self.pins else { return };
        let now_ms = self.clock.up_ms();
        let inputs = self.debounce.sample(|line| pins.is_active(line), now_ms);
        for input in inputs {
            self.status.send_if_modified(|status| keep(status, input));
            report(input);
        }
    }

    fn light(&mut self, lights: Lights) {
        self.lights = lights;
        for lamp in self.lamps.clone() {
            match lamp {
                Lamp::Button(score) => self.switch(lamp, lights.is_on(score)),
                Lamp::Status => self.switch(lamp, lights != Lights::Off),
                Lamp::Buzzer => {}
            }
        }
    }

    fn begin_tick(&mut self) {
        if self.lamps.contains(&Lamp::Buzzer) {
            self.switch(Lamp::Buzzer, true);
            self.tick_ends_ms = Some(self.clock.up_ms() + TICK_MS);
        }
    }

    fn end_tick(&mut self) {
        let is_over = |ends_ms: &mut u64| self.clock.up_ms() >= *ends_ms;
        if self.tick_ends_ms.take_if(is_over).is_some() {
            self.switch(Lamp::Buzzer, false);
        }
    }

    fn switch(&mut self, lamp: Lamp, on: bool) {
        if let Some(pins) = self.pins.as_mut().filter(|_| self.lamps.contains(&lamp)) {
            pins.switch(lamp, on);
        }
    }

    fn open_backlight(&mut self, open: OpenBacklight) {
        match open() {
            Ok(backlight) => {
                let by = backlight.name().to_owned();
                self.status
                    .send_modify(|status| status.brightness_by = Some(by));
                self.backlight = Some(backlight);
            }
            Err(problem) => self.give_up_backlight(problem),
        }
    }

    fn set_brightness(&mut self, percent: u8) {
        let Some(backlight) = &mut self.backlight else {
            return;
        };
        if let Err(problem) = backlight.set(percent) {
            self.give_up_backlight(problem);
        }
    }

    /// A backlight that fails once is given up: the picture is darkened in its place.
    fn give_up_backlight(&mut self, problem: String) {
        tracing::error!(%problem, "the picture is darkened in place of the panel");
        self.backlight = None;
        self.dims.store(false, Ordering::Relaxed);
        self.status.send_modify(|status| {
            status.problems.push(problem);
            status.brightness_by = Some(super::BY_PICTURE.into());
        });
    }
}

/// Keeps how the switches stand.
fn keep(status: &mut HardwareStatus, input: Input) -> bool {
    let (member, value) = match input {
        Input::Housing { open } => (&mut status.housing_open, open),
        Input::Headphones(plugged) => (&mut status.headphones, plugged),
        Input::Presence(present) => (&mut status.presence, present),
        Input::Score(_) | Input::Next | Input::Select => return false,
    };
    member.replace(value) != Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_reads_often_only_while_something_settles_or_a_button_has_no_edges() {
        assert_eq!(pause(&[], false), QUIET_POLL);
        assert_eq!(pause(&[], true), BUTTON_POLL);
        assert_eq!(pause(&[Line::Housing, Line::Presence], false), QUIET_POLL);
        for button in [Line::Button(Score::ALL[0]), Line::Next, Line::Select] {
            assert_eq!(pause(&[Line::Housing, button], false), BUTTON_POLL);
        }
    }
}
