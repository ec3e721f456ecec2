//! The thread that polls the inputs and carries out the outputs. Polling needs no interrupts of the kernel and misses no press
//! that a finger can make.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use pikir_contract::Score;
use tokio::sync::watch;

use super::debounce::Debounce;
use super::{Backlight, HardwareStatus, Input, Lamp, Line, Opened, Pins};
use crate::clock::SharedClock;
use crate::limits::{BUTTON_POLL, SWITCH_POLL, TICK_MS};

/// Which of the buttons' lights are on. They are lit or not, so the pressed one is bright by being the only one.
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

    /// Whether the panel's own brightness can be set. Where not, the picture itself has to be darkened.
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
    /// Reads the inputs from now on and calls `report` for everything that happens, on the thread that reads. Keeps `status`.
    /// Without pins and backlight no thread is started.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        opened: Option<Opened>,
        backlight: Option<Box<dyn Backlight>>,
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
            commands: Some(commands),
            dims: dims.clone(),
        };
        let (pins, lines, lamps) = match opened {
            Some(opened) => (Some(opened.pins), opened.lines, opened.lamps),
            None => (None, Vec::new(), Vec::new()),
        };
        let worker = Worker {
            debounce: Debounce::new(&lines),
            pause: pause(&lines),
            pins,
            lamps,
            lights: Lights::Off,
            tick_ends_ms: None,
            backlight,
            dims,
            clock,
            status,
        };
        let thread = std::thread::Builder::new()
            .name("hardware".into())
            .spawn(move || worker.run(&receiver, report))?;
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

/// Time between two readings; `None` where there is nothing to read. Only buttons need the short one.
fn pause(lines: &[Line]) -> Option<Duration> {
    let is_button = |line: &Line| matches!(line, Line::Button(_) | Line::Next | Line::Select);
    if lines.iter().any(is_button) {
        Some(BUTTON_POLL)
    } else {
        (!lines.is_empty()).then_some(SWITCH_POLL)
    }
}

struct Worker {
    pins: Option<Box<dyn Pins>>,
    lamps: Vec<Lamp>,
    debounce: Debounce,
    pause: Option<Duration>,
    lights: Lights,
    tick_ends_ms: Option<u64>,
    backlight: Option<Box<dyn Backlight>>,
    dims: Arc<AtomicBool>,
    clock: SharedClock,
    status: watch::Sender<HardwareStatus>,
}

impl Worker {
    fn run(mut self, commands: &Receiver<Command>, report: impl Fn(Input)) {
        loop {
            match self.next_command(commands) {
                Ok(Command::Lights(lights)) => self.light(lights),
                Ok(Command::Tick) => self.begin_tick(),
                Ok(Command::Brightness(percent)) => self.set_brightness(percent),
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
        match tick.into_iter().chain(self.pause).min() {
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

    /// A backlight that fails once is given up: the picture is darkened in its place.
    fn set_brightness(&mut self, percent: u8) {
        let Some(backlight) = &mut self.backlight else {
            return;
        };
        if let Err(problem) = backlight.set(percent) {
            tracing::error!(%problem, "the picture is darkened in place of the panel");
            self.backlight = None;
            self.dims.store(false, Ordering::Relaxed);
            self.status.send_modify(|status| {
                status.problems.push(problem);
                status.brightness_by = Some(super::BY_PICTURE.into());
            });
        }
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
