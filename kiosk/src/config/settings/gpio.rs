//! `[gpio]`: which pin is what. Every mistake is named with its line; a pin used twice names both
//! uses.

use serde::Deserialize;
use toml::Spanned;

use crate::hardware::wiring::{BUTTONS, HEADER_PINS, PWM_PINS};
use crate::hardware::{Part, Wiring};

/// A mistake: where it begins in the text (bytes), and what to do.
pub(super) type Mistake = (usize, String);

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct GpioTable {
    buttons: Option<Spanned<Vec<Spanned<i64>>>>,
    lights: Option<Spanned<Vec<Spanned<i64>>>>,
    next: Option<Spanned<i64>>,
    select: Option<Spanned<i64>>,
    housing: Option<Spanned<i64>>,
    headphones: Option<Spanned<i64>>,
    presence: Option<Spanned<i64>>,
    buzzer: Option<Spanned<i64>>,
    status_light: Option<Spanned<i64>>,
    backlight: Option<Spanned<i64>>,
    #[serde(default)]
    inverted: Vec<Spanned<String>>,
}

/// Pins taken so far, with their uses.
#[derive(Default)]
struct Taken(Vec<(u8, String)>);

impl Taken {
    fn take(&mut self, by: &str, number: &Spanned<i64>) -> Result<u8, Mistake> {
        let (at, number) = (number.span().start, *number.get_ref());
        let pin = u8::try_from(number)
            .ok()
            .filter(|pin| HEADER_PINS.contains(pin));
        let (first, last) = (HEADER_PINS.start(), HEADER_PINS.end());
        let pin = pin.ok_or_else(|| {
            let message = format!("{by}: {number} is not a BCM pin number from {first} to {last}");
            (at, message)
        })?;
        if let Some((_, other)) = self.0.iter().find(|(taken, _)| *taken == pin) {
            let message =
                format!("pin {pin} is used twice: for {other} and for {by}. Give each its own");
            return Err((at, message));
        }
        self.0.push((pin, by.to_owned()));
        Ok(pin)
    }

    fn one(&mut self, part: Part, number: &Option<Spanned<i64>>) -> Result<Option<u8>, Mistake> {
        let number = number.as_ref();
        number
            .map(|number| self.take(part.key(), number))
            .transpose()
    }

    fn five(
        &mut self,
        part: Part,
        numbers: &Option<Spanned<Vec<Spanned<i64>>>>,
    ) -> Result<Option<[u8; BUTTONS]>, Mistake> {
        let Some(numbers) = numbers else {
            return Ok(None);
        };
        let five: &[Spanned<i64>; BUTTONS] = numbers.get_ref().as_slice().try_into().map_err(|_| {
            let message = format!(
                "{}: give {BUTTONS} different BCM pin numbers, for scores 1 to 5, such as [5, 6, 13, 19, 26]",
                part.key()
            );
            (numbers.span().start, message)
        })?;
        let mut pins = [0; BUTTONS];
        for (index, (pin, number)) in pins.iter_mut().zip(five).enumerate() {
            *pin = self.take(&format!("{}[{index}]", part.key()), number)?;
        }
        Ok(Some(pins))
    }
}

impl GpioTable {
    /// The wiring it describes.
    pub(super) fn wiring(&self) -> Result<Wiring, Mistake> {
        let mut taken = Taken::default();
        let wiring = Wiring {
            buttons: taken.five(Part::Buttons, &self.buttons)?,
            lights: taken.five(Part::Lights, &self.lights)?,
            next: taken.one(Part::Next, &self.next)?,
            select: taken.one(Part::Select, &self.select)?,
            housing: taken.one(Part::Housing, &self.housing)?,
            headphones: taken.one(Part::Headphones, &self.headphones)?,
            presence: taken.one(Part::Presence, &self.presence)?,
            buzzer: taken.one(Part::Buzzer, &self.buzzer)?,
            status_light: taken.one(Part::StatusLight, &self.status_light)?,
            backlight: taken.one(Part::Backlight, &self.backlight)?,
            inverted: self.inverted.iter().map(part).collect::<Result<_, _>>()?,
        };
        if let (Some(pin), Some(number)) = (wiring.backlight, &self.backlight)
            && !PWM_PINS.contains(&pin)
        {
            let message = format!("backlight: pin {pin} has no PWM. Use one of 12, 13, 18, 19");
            return Err((number.span().start, message));
        }
        Ok(wiring)
    }
}

fn part(name: &Spanned<String>) -> Result<Part, Mistake> {
    let found = Part::ALL
        .into_iter()
        .find(|part| part.key() == name.get_ref());
    found.ok_or_else(|| {
        let keys = Part::ALL.map(Part::key).join(", ");
        let message = format!("inverted: {:?} is not one of {keys}", name.get_ref());
        (name.span().start, message)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;
    use std::path::Path;

    fn parse(gpio: &str) -> Result<Wiring, String> {
        Settings::parse(&format!("[gpio]\n{gpio}\n"), Path::new("t"))
            .map(|settings| settings.gpio)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn everything_can_be_wired_at_once() {
        let wiring = parse(
            "buttons = [5, 6, 13, 19, 26]\nlights = [12, 16, 20, 21, 25]\nnext = 17\nselect = 27\nhousing = 22\n\
             headphones = 23\npresence = 24\nbuzzer = 4\nstatus_light = 7\nbacklight = 18\ninverted = [\"presence\", \"status_light\"]",
        )
        .unwrap();
        assert_eq!(wiring.buttons, Some([5, 6, 13, 19, 26]));
        assert_eq!(wiring.lines().len(), 10);
        assert_eq!(wiring.lamps().len(), 7);
        assert_eq!(wiring.backlight, Some(18));
        assert_eq!(wiring.inverted, [Part::Presence, Part::StatusLight].into());
        assert_eq!(parse("").unwrap(), Wiring::default());
    }

    #[test]
    fn a_pin_used_twice_is_named_with_both_its_uses_and_the_line_of_the_second() {
        let message = parse("buttons = [5, 6, 13, 19, 26]\nbuzzer = 13").unwrap_err();
        assert!(
            message.starts_with("t:3: pin 13 is used twice: for buttons[2] and for buzzer"),
            "{message}"
        );
        let message = parse("buttons = [5, 5, 13, 19, 26]").unwrap_err();
        assert!(
            message.contains("t:2: ")
                && message.contains("buttons[0]")
                && message.contains("buttons[1]"),
            "{message}"
        );
    }

    #[test]
    fn a_number_that_is_no_pin_of_the_header_is_named_with_its_line() {
        for bad in ["next = 0", "next = 28", "next = -1", "next = 5000"] {
            let message = parse(bad).unwrap_err();
            assert!(message.starts_with("t:2: next: "), "{message}");
        }
        let message = parse("buttons = [\n5, 6,\n28, 19, 26]").unwrap_err();
        assert!(message.starts_with("t:4: buttons[2]: 28"), "{message}");
    }

    #[test]
    fn buttons_and_lights_are_five() {
        for key in ["buttons", "lights"] {
            let message = parse(&format!("{key} = [5, 6, 13, 19]")).unwrap_err();
            assert!(
                message.starts_with(&format!("t:2: {key}: give 5")),
                "{message}"
            );
        }
    }

    #[test]
    fn a_backlight_needs_a_pin_with_pwm_and_only_known_parts_are_inverted() {
        let message = parse("backlight = 17").unwrap_err();
        assert!(message.starts_with("t:2: backlight: pin 17"), "{message}");
        let message = parse("inverted = [\"lamp\"]").unwrap_err();
        assert!(
            message.contains("\"lamp\"") && message.contains("status_light"),
            "{message}"
        );
        assert!(parse("bell = 4").unwrap_err().contains("`bell`"));
    }
}
