//! Reads the display back until it shows what is waited for: what a visitor would see, and when.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use pikir_kiosk::limits::LEFT_GUARD_MS;

use super::super::milliseconds;
use crate::kiosk::face;
use crate::xvfb::Display;

/// What comes at once after the thanks is taken for their double tap. A time and no condition: the
/// page beside it has no clock to be asked, and both get the same.
const GUARD: Duration = Duration::from_millis(LEFT_GUARD_MS + 200);
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// Side of the square that is watched around a face (pixels).
const WATCHED: u16 = 64;
/// How long a finger stays down.
const FINGER: Duration = Duration::from_millis(60);
/// A point without a control, in pixels.
const ASIDE: (u16, u16) = (6, 6);
/// The colour of the face that is looked for, as the X server gives it: blue, green, red.
const COLOUR_OF_2: [u8; 3] = [0x1b, 0x55, 0xb4];

/// How long a touch took, from the finger's coming down, but for the time that the finger stayed.
pub struct Touch {
    /// Until any pixel around the finger changed (ms).
    pub pressed_ms: f64,
    /// Until the faces were gone (ms).
    pub thanked_ms: f64,
}

/// Where the faces are.
pub struct Eye {
    two: (u16, u16),
    four: (u16, u16),
}

impl Eye {
    /// Waits for the faces and remembers where they are.
    pub fn find(display: &Display) -> Result<Self> {
        Ok(Self {
            two: face(display, 2)?,
            four: face(display, 4)?,
        })
    }

    fn around(display: &Display, (x, y): (u16, u16)) -> Result<Vec<u8>> {
        let half = WATCHED / 2;
        display.part(
            x.saturating_sub(half),
            y.saturating_sub(half),
            WATCHED,
            WATCHED,
        )
    }

    fn sees_faces(&self, display: &Display) -> Result<bool> {
        let part = Self::around(display, self.two)?;
        Ok(part.chunks_exact(4).any(|pixel| pixel[..3] == COLOUR_OF_2))
    }

    /// Waits until the faces are on the screen.
    pub fn wait_for_faces(&self, display: &Display) -> Result<()> {
        until("the faces", || self.sees_faces(display))
    }

    /// Waits until they are not.
    pub fn wait_for_darkness(&self, display: &Display) -> Result<()> {
        until("an empty screen", || Ok(!self.sees_faces(display)?))
    }

    /// Touches the fourth face.
    pub fn touch(&self, display: &Display) -> Result<Touch> {
        let (x, y) = self.four;
        let before = Self::around(display, self.four)?;
        let down = Instant::now();
        display.press(x, y)?;
        until("a sign of the touch", || {
            Ok(Self::around(display, self.four)? != before)
        })?;
        let pressed_ms = milliseconds(down.elapsed());
        std::thread::sleep(FINGER);
        let up = Instant::now();
        display.release(x, y)?;
        self.wait_for_darkness(display)?;
        Ok(Touch {
            pressed_ms,
            thanked_ms: pressed_ms + milliseconds(up.elapsed()),
        })
    }

    /// Goes back to the faces for the next visitor.
    pub fn leave_thanks(&self, display: &Display) -> Result<()> {
        // Thanks ignore the second half of a double tap, so the first touches may not count.
        let started = Instant::now();
        while !self.sees_faces(display)? {
            if started.elapsed() > PATIENCE {
                bail!("the thanks do not go");
            }
            display.tap(ASIDE.0, ASIDE.1)?;
            std::thread::sleep(FINGER);
        }
        std::thread::sleep(GUARD);
        Ok(())
    }
}

/// Looks as often as the X server answers.
fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !holds()? {
        if started.elapsed() > PATIENCE {
            bail!("waited {} s for {what}", PATIENCE.as_secs());
        }
    }
    Ok(())
}
