//! Which pin is what. Numbers are BCM numbers.

use std::collections::BTreeSet;

use pikir_contract::Score;

/// Number of rating buttons, one for each score.
pub const BUTTONS: usize = 5;
/// The pins of the Pi's header that are free for use; 0 and 1 belong to the boards on top.
pub const HEADER_PINS: std::ops::RangeInclusive<u8> = 2..=27;
/// The pins that the Pi's PWM reaches.
pub const PWM_PINS: [u8; 4] = [12, 13, 18, 19];

/// One kind of thing that can be wired, by its key in `[gpio]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Rating buttons; each connects its pin to ground.
    Buttons,
    /// The buttons' lights; lit while the pin is high.
    Lights,
    /// Scanning button "next"; connects to ground.
    Next,
    /// Scanning button "select"; connects to ground.
    Select,
    /// Housing switch; connects to ground while the housing is closed, so that a cut wire counts as
    /// opened.
    Housing,
    /// Switch of the headphone jack; connects to ground while a plug is in.
    Headphones,
    /// Presence sensor; drives its pin high while somebody is there.
    Presence,
    /// Buzzer that sounds by itself while the pin is high.
    Buzzer,
    /// Light that is on while ratings are taken.
    StatusLight,
    /// Brightness of the panel, by PWM.
    Backlight,
}

impl Part {
    /// All of them, in the order of the settings file.
    pub const ALL: [Part; 10] = [
        Part::Buttons,
        Part::Lights,
        Part::Next,
        Part::Select,
        Part::Housing,
        Part::Headphones,
        Part::Presence,
        Part::Buzzer,
        Part::StatusLight,
        Part::Backlight,
    ];

    /// Its key in `[gpio]`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Part::Buttons => "buttons",
            Part::Lights => "lights",
            Part::Next => "next",
            Part::Select => "select",
            Part::Housing => "housing",
            Part::Headphones => "headphones",
            Part::Presence => "presence",
            Part::Buzzer => "buzzer",
            Part::StatusLight => "status_light",
            Part::Backlight => "backlight",
        }
    }
}

/// One input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// The rating button of this score.
    Button(Score),
    /// Scanning button "next".
    Next,
    /// Scanning button "select".
    Select,
    /// Housing switch.
    Housing,
    /// Switch of the headphone jack.
    Headphones,
    /// Presence sensor.
    Presence,
}

impl Line {
    /// What it belongs to.
    #[must_use]
    pub fn part(self) -> Part {
        match self {
            Line::Button(_) => Part::Buttons,
            Line::Next => Part::Next,
            Line::Select => Part::Select,
            Line::Housing => Part::Housing,
            Line::Headphones => Part::Headphones,
            Line::Presence => Part::Presence,
        }
    }
}

/// One output that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lamp {
    /// The light of the rating button of this score.
    Button(Score),
    /// The buzzer.
    Buzzer,
    /// The status light.
    Status,
}

impl Lamp {
    /// What it belongs to.
    #[must_use]
    pub fn part(self) -> Part {
        match self {
            Lamp::Button(_) => Part::Lights,
            Lamp::Buzzer => Part::Buzzer,
            Lamp::Status => Part::StatusLight,
        }
    }
}

/// What is wired to which pin. No pin occurs twice: the settings see to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wiring {
    /// For scores 1 to 5.
    pub buttons: Option<[u8; BUTTONS]>,
    /// For scores 1 to 5.
    pub lights: Option<[u8; BUTTONS]>,
    /// Scanning button "next".
    pub next: Option<u8>,
    /// Scanning button "select".
    pub select: Option<u8>,
    /// Housing switch.
    pub housing: Option<u8>,
    /// Switch of the headphone jack.
    pub headphones: Option<u8>,
    /// Presence sensor.
    pub presence: Option<u8>,
    /// Buzzer.
    pub buzzer: Option<u8>,
    /// Status light.
    pub status_light: Option<u8>,
    /// Backlight, one of [`PWM_PINS`].
    pub backlight: Option<u8>,
    /// What works the other way round than [`Part`] says.
    pub inverted: BTreeSet<Part>,
}

impl Wiring {
    /// The inputs with their pins.
    #[must_use]
    pub fn lines(&self) -> Vec<(Line, u8)> {
        let buttons = self.buttons.into_iter().flatten();
        let switches = [
            (Line::Next, self.next),
            (Line::Select, self.select),
            (Line::Housing, self.housing),
            (Line::Headphones, self.headphones),
            (Line::Presence, self.presence),
        ];
        let buttons = Score::ALL.into_iter().map(Line::Button).zip(buttons);
        buttons.chain(wired(switches)).collect()
    }

    /// The on-off outputs with their pins.
    #[must_use]
    pub fn lamps(&self) -> Vec<(Lamp, u8)> {
        let lights = self.lights.into_iter().flatten();
        let others = [
            (Lamp::Buzzer, self.buzzer),
            (Lamp::Status, self.status_light),
        ];
        let lights = Score::ALL.into_iter().map(Lamp::Button).zip(lights);
        lights.chain(wired(others)).collect()
    }

    /// Whether the screen can be operated with two scanning buttons.
    #[must_use]
    pub fn has_two_buttons(&self) -> bool {
        self.next.is_some() && self.select.is_some()
    }

    /// Whether an input is active while its pin is low.
    #[must_use]
    pub fn is_active_low(&self, line: Line) -> bool {
        let by_nature = !matches!(line, Line::Housing | Line::Presence);
        by_nature != self.inverted.contains(&line.part())
    }

    /// Whether an input's pin is held high by the Pi's own resistor. A sensor drives its pin
    /// itself; for the others the wire leads to a switch to ground.
    #[must_use]
    pub fn is_pulled_up(line: Line) -> bool {
        line != Line::Presence
    }

    /// Whether this output is on while its pin is low.
    #[must_use]
    pub fn is_on_low(&self, part: Part) -> bool {
        self.inverted.contains(&part)
    }
}

fn wired<T, const N: usize>(parts: [(T, Option<u8>); N]) -> impl Iterator<Item = (T, u8)> {
    parts
        .into_iter()
        .filter_map(|(part, pin)| Some((part, pin?)))
}
