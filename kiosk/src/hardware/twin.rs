//! Pins for tests: set and looked at by hand, on any machine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Backlight, Changed, Lamp, Line, OpenBacklight, Opened, Pins};

/// Pins without a machine. Clones are the same pins.
#[derive(Clone, Default)]
pub struct TestPins(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    active: Vec<Line>,
    on: Vec<Lamp>,
    /// Everything that was switched, in order.
    switched: Vec<(Lamp, bool)>,
    /// Every brightness that was set (percent).
    levels: Vec<u8>,
    /// The backlight says no.
    broken: bool,
    /// Edges are not told, as by a kernel without interrupts.
    silent: bool,
    /// Who is told of the edges of which input.
    watched: Vec<(Line, Changed)>,
}

impl TestPins {
    /// Pins that tell of no edges: they have to be polled.
    #[must_use]
    pub fn without_edges() -> Self {
        let pins = Self::default();
        pins.lock().silent = true;
        pins
    }

    /// Makes an input active or not, as a finger does.
    pub fn set(&self, line: Line, active: bool) {
        let mut state = self.lock();
        state.active.retain(|known| *known != line);
        if active {
            state.active.push(line);
        }
        for (watched, changed) in &mut state.watched {
            if *watched == line {
                changed();
            }
        }
    }

    /// These pins' backlight, to be opened by whoever sets it.
    #[must_use]
    pub fn backlight(&self) -> OpenBacklight {
        let pins = self.clone();
        Box::new(move || Ok(Box::new(pins)))
    }

    /// The outputs that are on now, in the order they were switched on.
    #[must_use]
    pub fn on(&self) -> Vec<Lamp> {
        self.lock().on.clone()
    }

    /// Everything that was switched so far.
    #[must_use]
    pub fn switched(&self) -> Vec<(Lamp, bool)> {
        self.lock().switched.clone()
    }

    /// Every brightness that was set so far (percent).
    #[must_use]
    pub fn levels(&self) -> Vec<u8> {
        self.lock().levels.clone()
    }

    /// From now on the backlight cannot be set.
    pub fn break_backlight(&self) {
        self.lock().broken = true;
    }

    /// The pins as a machine would hand them out.
    #[must_use]
    pub fn open(&self, lines: &[Line], lamps: &[Lamp]) -> Opened {
        Opened {
            pins: Box::new(self.clone()),
            lines: lines.to_vec(),
            lamps: lamps.to_vec(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pins for TestPins {
    fn is_active(&mut self, line: Line) -> bool {
        self.lock().active.contains(&line)
    }

    fn watch(&mut self, line: Line, changed: Changed) -> bool {
        let mut state = self.lock();
        let tells = !state.silent;
        if tells {
            state.watched.push((line, changed));
        }
        tells
    }

    fn switch(&mut self, lamp: Lamp, on: bool) {
        let mut state = self.lock();
        state.switched.push((lamp, on));
        state.on.retain(|known| *known != lamp);
        if on {
            state.on.push(lamp);
        }
    }
}

impl Backlight for TestPins {
    fn set(&mut self, percent: u8) -> Result<(), String> {
        let mut state = self.lock();
        if state.broken {
            return Err("backlight: it is broken".into());
        }
        state.levels.push(percent);
        Ok(())
    }

    fn name(&self) -> &'static str {
        "pwm"
    }
}
