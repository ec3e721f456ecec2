//! A screen without a window system, on a machine that has none: the terminal's linuxkms backend
//! draws to a framebuffer that is a file (`tests/framebuffer/framebuffer.c`), and takes input from
//! a pipe (`tests/framebuffer/input.c`).
//!
//! What this cannot show: a real display's modes and page flips, and what libinput makes of a
//! device's own reports.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::{Rgb, RgbImage};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::preload;

/// What happens at an input device, as libinput numbers it.
#[derive(Debug, Clone, Copy)]
pub enum Input {
    /// A key goes down or up; its number is of linux/input-event-codes.h.
    Key = 300,
    /// A mouse moves by so many pixels.
    Motion = 400,
    /// A button of a mouse goes down or up.
    Button = 402,
    /// A finger comes down in its slot.
    Down = 500,
    /// A finger leaves.
    Up = 501,
    /// A finger moves.
    Move = 502,
    /// The panel takes a finger back.
    Cancel = 503,
}

/// The screen; it is gone with its directory.
pub struct Framebuffer {
    libraries: [PathBuf; 2],
    pipe: PathBuf,
    input: File,
    memory: PathBuf,
    width: u32,
    height: u32,
}

impl Framebuffer {
    /// A dark screen of this size in pixels, whose files lie in `dir`.
    pub fn new(dir: &Path, width: u32, height: u32) -> Result<Self> {
        let compile = |source| preload::compile(source, dir);
        let libraries = [
            compile("framebuffer/framebuffer.c")?,
            compile("framebuffer/input.c")?,
        ];
        let (memory, pipe) = (dir.join("screen.raw"), dir.join("input.pipe"));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        // For both, so that neither this nor the program waits for the other end.
        let input = File::options().read(true).write(true).open(&pipe)?;
        let screen = Self {
            libraries,
            pipe,
            input,
            memory,
            width,
            height,
        };
        screen.darken()?;
        Ok(screen)
    }

    /// Makes it dark, so that whatever is seen next was drawn since. For while nothing draws on it.
    pub fn darken(&self) -> Result<()> {
        let dark = vec![0; (self.width * self.height * 4) as usize];
        // There as a whole or not at all: a program may be waiting for it.
        let beside = self.memory.with_extension("new");
        std::fs::write(&beside, dark)
            .and_then(|()| std::fs::rename(&beside, &self.memory))
            .context("the framebuffer cannot be written")
    }

    /// Takes it away from the machine, until [`Framebuffer::darken`]. For while nothing draws on
    /// it.
    pub fn unplug(&self) -> Result<()> {
        std::fs::remove_file(&self.memory).context("the framebuffer cannot be removed")
    }

    /// What makes a terminal draw here.
    pub fn environment(&self) -> [(&'static str, String); 6] {
        let [screen, input] = &self.libraries;
        [
            (
                "LD_PRELOAD",
                format!("{}:{}", screen.display(), input.display()),
            ),
            ("PIKIR_INPUT", self.pipe.display().to_string()),
            ("PIKIR_FRAMEBUFFER", self.memory.display().to_string()),
            (
                "PIKIR_FRAMEBUFFER_SIZE",
                format!("{}x{}", self.width, self.height),
            ),
            ("SLINT_BACKEND", "linuxkms-software".to_owned()),
            ("SLINT_BACKEND_LINUXFB", "1".to_owned()),
        ]
    }

    /// Something happens at an input device: to a slot, key or button of this number, at a place in
    /// pixels.
    pub fn happen(
        &self,
        input: Input,
        number: u32,
        pressed: bool,
        (x, y): (u16, u16),
    ) -> Result<()> {
        let record = [
            input as i32,
            number.cast_signed(),
            i32::from(pressed),
            x.into(),
            y.into(),
        ];
        let bytes: Vec<u8> = record.iter().flat_map(|it| it.to_ne_bytes()).collect();
        // In one piece: it is shorter than what a pipe divides.
        (&self.input).write_all(&bytes)?;
        Ok(())
    }

    /// A key goes down and up again.
    pub fn key(&self, code: u32) -> Result<()> {
        self.happen(Input::Key, code, true, (0, 0))?;
        self.happen(Input::Key, code, false, (0, 0))
    }

    /// The picture on it now.
    pub fn picture(&self) -> Result<RgbImage> {
        let memory = std::fs::read(&self.memory)?;
        Ok(RgbImage::from_fn(self.width, self.height, |x, y| {
            let at = ((y * self.width + x) * 4) as usize;
            Rgb([memory[at + 2], memory[at + 1], memory[at]])
        }))
    }
}
