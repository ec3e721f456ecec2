//! Levels that bounce become inputs that do not: a level counts once it has held for the time of
//! its line.

use super::{Input, Line};
use crate::limits::{BUTTON_DEBOUNCE_MS, PRESENCE_DEBOUNCE_MS, SWITCH_DEBOUNCE_MS};

/// The debounced state of some inputs.
#[derive(Debug)]
pub struct Debounce {
    lines: Vec<Debounced>,
}

#[derive(Debug)]
struct Debounced {
    line: Line,
    /// `None`: not known yet. Only switches and sensors begin like that: how they stand at the
    /// start is news.
    stable: Option<bool>,
    /// The level that differs from the stable one, and since when (uptime, ms).
    changing: Option<(bool, u64)>,
}

impl Debounce {
    /// Nothing was read of these lines yet. Buttons count as up, so one that is held at the start
    /// counts once.
    #[must_use]
    pub fn new(lines: &[Line]) -> Self {
        let begin = |line: &Line| Debounced {
            line: *line,
            stable: is_button(*line).then_some(false),
            changing: None,
        };
        Self {
            lines: lines.iter().map(begin).collect(),
        }
    }

    /// Whether a level has changed and does not count yet: the lines have to be read again soon.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        self.lines.iter().any(|line| line.changing.is_some())
    }

    /// Takes the level of every line at uptime `now_ms`; returns what has just happened.
    pub fn sample(&mut self, mut is_active: impl FnMut(Line) -> bool, now_ms: u64) -> Vec<Input> {
        self.lines
            .iter_mut()
            .filter_map(|line| line.sample(is_active(line.line), now_ms))
            .collect()
    }
}

impl Debounced {
    fn sample(&mut self, active: bool, now_ms: u64) -> Option<Input> {
        if self.stable == Some(active) {
            self.changing = None;
            return None;
        }
        let since = match self.changing {
            Some((level, since)) if level == active => since,
            _ => now_ms,
        };
        self.changing = Some((active, since));
        if now_ms.saturating_sub(since) < hold_ms(self.line) {
            return None;
        }
        self.stable = Some(active);
        self.changing = None;
        input(self.line, active)
    }
}

fn is_button(line: Line) -> bool {
    matches!(line, Line::Button(_) | Line::Next | Line::Select)
}

/// How long a level must hold (milliseconds).
fn hold_ms(line: Line) -> u64 {
    match line {
        Line::Button(_) | Line::Next | Line::Select => BUTTON_DEBOUNCE_MS,
        Line::Housing | Line::Headphones => SWITCH_DEBOUNCE_MS,
        Line::Presence => PRESENCE_DEBOUNCE_MS,
    }
}

/// What a debounced level means; that a button goes up means nothing.
fn input(line: Line, active: bool) -> Option<Input> {
    match line {
        Line::Button(score) => active.then_some(Input::Score(score)),
        Line::Next => active.then_some(Input::Next),
        Line::Select => active.then_some(Input::Select),
        Line::Housing => Some(Input::Housing { open: active }),
        Line::Headphones => Some(Input::Headphones(active)),
        Line::Presence => Some(Input::Presence(active)),
    }
}
