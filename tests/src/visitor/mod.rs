//! A visitor at a real terminal whose portal asks for everything.
//!
//! What takes nothing for a moment (fresh thanks, a fresh page) is waited for by the terminal's own
//! clock, so that nothing has to be done twice.

pub mod ring;
mod writing;

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use pikir_kiosk::limits::{PAGE_GUARD_MS, THANKS_GUARD_MS};
use serde_json::Value;

use crate::kiosk::{Kiosk, number};
use crate::scene::Scene;
use crate::wait;
use crate::xvfb::{Display, symbols};

/// A place on the screen, in pixels.
pub type Place = (u16, u16);

// Where things are on a screen of 800×480.
/// On the thanks after a rating.
pub const SAY_MORE: Place = (261, 400);
/// On the thanks after everything else.
pub const DONE: Place = (389, 400);
/// On the page with the reasons.
pub const NEXT: Place = (658, 436);
/// On the page with the comment.
pub const SEND: Place = (719, 151);
/// Options beside and below each other.
pub const OPTIONS: [Place; 3] = [(200, 215), (590, 215), (200, 301)];
/// Left, upper edge, width and height of where the keys are on the comment's page, and nothing on
/// the one before.
const KEYS: (u16, u16, u16, u16) = (16, 345, 768, 60);
/// The right end of the languages, the width of each, and how far down they are.
const LANGUAGES: (u16, u16, u16) = (712, 58, 42);

/// How long after the end of a visit the terminal may take nothing yet, and some more
/// (milliseconds).
const BETWEEN_VISITS_MS: u64 = 1_000;
/// How often it is looked at what has come of something.
const PERIOD: Duration = Duration::from_millis(10);
/// More controls than any screen has.
const MAX_CONTROLS: usize = 40;

/// A visitor; the portal and the display are there only for them.
pub struct Visitor {
    /// The terminal, not started.
    pub kiosk: Kiosk,
    /// Its screen.
    pub display: Display,
    /// The portal.
    pub scene: Scene,
    languages: Vec<String>,
}

impl Visitor {
    /// At a terminal with these languages, the first of which it shows by itself; `offer` is what
    /// an administrator imports.
    pub fn new(offer: &Value, languages: &[&str]) -> Result<Self> {
        let scene = Scene::speaking(languages)?;
        let file = scene.dir().join("offer.json");
        std::fs::write(&file, offer.to_string())?;
        scene.portal.import_organizations(&file)?;
        let display = scene.display()?;
        let kiosk = scene.terminal()?;
        Ok(Self {
            kiosk,
            display,
            scene,
            languages: languages.iter().map(ToString::to_string).collect(),
        })
    }

    fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.iter().map(String::as_str)
    }

    /// Where a language is chosen.
    pub fn language(&self, wanted: &str) -> Result<Place> {
        let (end, wide, down) = LANGUAGES;
        let after = self.languages().skip_while(|language| *language != wanted);
        let after = u16::try_from(after.count())?;
        ensure!(after > 0, "{wanted} is not offered");
        Ok((end - after * wide + wide / 2, down))
    }

    /// Touches a place.
    pub fn touch(&self, (x, y): Place) -> Result<()> {
        self.display.tap(x, y)
    }

    /// Presses the first of two buttons until what is at this place has the focus, seen by its
    /// ring.
    pub fn scan_to(&self, place: Place) -> Result<()> {
        for _ in 0..MAX_CONTROLS {
            let ring = ring::find(&self.display.picture()?);
            if ring.is_some_and(|ring| ring.surrounds(place)) {
                return Ok(());
            }
            self.move_focus(symbols::F11)?;
        }
        bail!("two buttons do not reach {place:?}")
    }

    /// Presses a key that moves the focus, and sees where it has gone: whoever pressed ahead of the
    /// picture would overshoot.
    fn move_focus(&self, key: u32) -> Result<()> {
        let reached = || anyhow::Ok(ring::find(&self.display.picture()?));
        let before = reached()?;
        self.display.key_symbol(key)?;
        wait::until_every(PERIOD, "the focus to move", || {
            let ring = reached()?;
            Ok((ring.is_some() && ring != before).then_some(()))
        })
    }

    /// The same, and presses the second one.
    pub fn scan(&self, place: Place) -> Result<()> {
        self.scan_to(place)?;
        self.display.key_symbol(symbols::F12)
    }

    /// Seq of the newest event in the journal.
    pub fn last_seq(&self) -> Result<u64> {
        number(&self.kiosk.ask()?, "last_seq")
    }

    /// Rates by `act` on a terminal that waits for its next visitor, until it says thanks.
    pub fn rate(&self, act: impl FnOnce() -> Result<()>) -> Result<()> {
        self.wait_for_screen("rate")?;
        self.kiosk.wait_ms(BETWEEN_VISITS_MS)?;
        act()?;
        self.wait_for_screen("thanks")
    }

    /// Does on the thanks what leads to this screen.
    pub fn leave_thanks(&self, to: &str, act: impl FnOnce() -> Result<()>) -> Result<()> {
        self.kiosk.wait_ms(THANKS_GUARD_MS)?;
        act()?;
        self.wait_for_screen(to)
    }

    /// Does something on a page of the questionnaire that is in the journal then.
    pub fn give(&self, act: impl FnOnce() -> Result<()>) -> Result<()> {
        self.kiosk.wait_ms(PAGE_GUARD_MS)?;
        let before = self.last_seq()?;
        act()?;
        wait::until_every(PERIOD, "what was given in the journal", || {
            Ok((self.last_seq()? > before).then_some(()))
        })
    }

    /// Turns to the comment's page, which gives nothing to the journal.
    pub fn turn_to_comment(&self, act: impl FnOnce() -> Result<()>) -> Result<()> {
        let (x, y, width, height) = KEYS;
        let keys = || self.display.part(x, y, width, height);
        self.kiosk.wait_ms(PAGE_GUARD_MS)?;
        let before = keys()?;
        act()?;
        wait::until_every(PERIOD, "the keys on the screen", || {
            Ok((keys()? != before).then_some(()))
        })
    }

    /// Waits until this screen is up.
    pub fn wait_for_screen(&self, screen: &str) -> Result<()> {
        wait::until_every(PERIOD, &format!("the screen {screen}"), || {
            let status = self.kiosk.ask()?;
            ensure!(status["screen"] == screen, "the status is {status}");
            Ok(Some(()))
        })
    }
}
