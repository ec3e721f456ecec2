//! The same visit by three ways: a finger, a keypad and an ear, two buttons and an eye.

use anyhow::{Result, bail};
use pikir_tests::kiosk::face;
use pikir_tests::speech::{Heard, Listener};
use pikir_tests::visitor::{DONE, NEXT, OPTIONS, Place, SAY_MORE, SEND, Visitor};
use pikir_tests::xvfb::symbols;

use crate::tongues::{CRITERIA, REASONS, SERVICES, Tongue};

/// More controls than any screen has.
const MAX_CONTROLS: usize = 40;

/// What a visitor uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Touch,
    Keypad,
    Buttons,
}

/// What a visitor enters, but for the comment.
#[derive(Debug)]
pub struct Entered {
    pub way: Way,
    pub score: u8,
    /// Index of the service.
    pub service: usize,
    /// One score for each criterion.
    pub criteria: [u8; CRITERIA.len()],
    /// Indices of reasons, in the order in which they are chosen; all of them are offered with the
    /// score.
    pub reasons: &'static [usize],
}

/// Something to choose on the screen.
enum Target<'a> {
    Language(&'a Tongue),
    /// A face.
    Score(u8),
    Named(Place, &'a str),
    Done,
}

/// A visitor's hand, or ear.
pub struct Hand<'a> {
    pub visitor: &'a Visitor,
    pub listener: &'a Listener,
    pub tongue: &'a Tongue,
    pub way: Way,
}

impl Hand<'_> {
    /// Enters everything and goes.
    pub fn visit(&self, entered: &Entered) -> Result<()> {
        let (visitor, tongue) = (self.visitor, self.tongue);
        let [more, next, send] = tongue.ways;
        visitor.rate(|| {
            if self.way == Way::Keypad {
                self.key(u32::from('#'))?;
            }
            self.select(&Target::Language(tongue))?;
            self.select(&Target::Score(entered.score))
        })?;
        visitor.leave_thanks("more", || self.select(&Target::Named(SAY_MORE, more)))?;
        let service = Target::Named(OPTIONS[entered.service], tongue.services[entered.service]);
        visitor.give(|| self.select(&service))?;
        let [first, second] = entered.criteria;
        visitor.give(|| self.select(&Target::Score(first)))?;
        visitor.give(|| self.select(&Target::Score(second)))?;
        for reason in entered.reasons {
            let place = OPTIONS[entered.place_of(*reason)];
            visitor.give(|| self.select(&Target::Named(place, tongue.reasons[*reason])))?;
        }
        visitor.turn_to_comment(|| self.select(&Target::Named(NEXT, next)))?;
        self.write(entered.comment(tongue))?;
        visitor.give(|| self.select(&Target::Named(SEND, send)))?;
        visitor.wait_for_screen("thanks")?;
        visitor.leave_thanks("rate", || self.select(&Target::Done))
    }

    fn write(&self, comment: &str) -> Result<()> {
        let language = self.tongue.code;
        match self.way {
            Way::Touch => self.visitor.write(language, comment),
            // The space completes the last word: a terminal that reads it out has time to before
            // the next key.
            Way::Keypad => self
                .visitor
                .write_by_arrows(language, &format!("{comment} ")),
            Way::Buttons => self.visitor.write_by_buttons(language, comment),
        }
    }

    fn select(&self, target: &Target<'_>) -> Result<()> {
        match self.way {
            Way::Touch => self.visitor.touch(self.place(target)?),
            Way::Keypad => self.select_by_ear(target),
            Way::Buttons => self.visitor.scan(self.place(target)?),
        }
    }

    fn place(&self, target: &Target<'_>) -> Result<Place> {
        match target {
            Target::Language(tongue) => self.visitor.language(tongue.code),
            Target::Score(score) => face(&self.visitor.display, *score),
            Target::Named(place, _) => Ok(*place),
            Target::Done => Ok(DONE),
        }
    }

    /// Nothing is seen here. Through a loudspeaker no answer is named, so scores are keys.
    fn select_by_ear(&self, target: &Target<'_>) -> Result<()> {
        match target {
            // From the screen itself the languages are the next ones backwards.
            Target::Language(tongue) => self.reach(symbols::LEFT, &format!("{}.", tongue.name))?,
            Target::Score(score) => return self.key(u32::from(b'0' + score)).map(|_| ()),
            // ↓ also leads out of the letters.
            Target::Named(_, name) => self.reach(symbols::DOWN, &format!("{name}."))?,
            // Nobody listens any more.
            Target::Done => return self.visitor.display.key('*'),
        }
        self.key(symbols::RETURN).map(|_| ())
    }

    /// Presses a key until something that begins so is heard.
    fn reach(&self, key: u32, name: &str) -> Result<()> {
        for _ in 0..MAX_CONTROLS {
            if self.key(key)?.text.starts_with(name) {
                return Ok(());
            }
        }
        bail!("{name:?} is not heard")
    }

    /// Presses a key and hears what it does.
    fn key(&self, symbol: u32) -> Result<Heard> {
        let before = self.listener.heard()?.len();
        self.visitor.display.key_symbol(symbol)?;
        self.listener.hears(before)
    }
}

impl Entered {
    /// Where a reason is among those that are offered with the score.
    fn place_of(&self, reason: usize) -> usize {
        let before = REASONS.iter().take(reason);
        before
            .filter(|(_, scores)| scores.contains(&self.score))
            .count()
    }

    /// What is written.
    pub fn comment(&self, tongue: &Tongue) -> &'static str {
        tongue.comments[self.way as usize]
    }

    /// The key of the service.
    pub fn service_key(&self) -> &'static str {
        SERVICES[self.service]
    }

    /// The keys of the reasons.
    pub fn reason_keys(&self) -> Vec<&'static str> {
        self.reasons.iter().map(|at| REASONS[*at].0).collect()
    }
}
