//! A screen without a window system, on a machine that has none: the terminal's linuxkms backend draws to a framebuffer that
//! is a file (`tests/framebuffer/framebuffer.c`).
//!
//! What this cannot show: a real display's modes and page flips, and input, which libinput takes from devices only.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::{Rgb, RgbImage};

use crate::preload;

/// The screen; it is gone with its directory.
pub struct Framebuffer {
    library: PathBuf,
    memory: PathBuf,
    width: u32,
    height: u32,
}

impl Framebuffer {
    /// A dark screen of this size in pixels, whose files lie in `dir`.
    pub fn new(dir: &Path, width: u32, height: u32) -> Result<Self> {
        let library = preload::compile("framebuffer/framebuffer.c", dir)?;
        let memory = dir.join("framebuffer");
        let screen = Self {
            library,
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

    /// Takes it away from the machine, until [`Framebuffer::darken`]. For while nothing draws on it.
    pub fn unplug(&self) -> Result<()> {
        std::fs::remove_file(&self.memory).context("the framebuffer cannot be removed")
    }

    /// What makes a terminal draw here.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("PIKIR_FRAMEBUFFER", self.memory.display().to_string()),
            (
                "PIKIR_FRAMEBUFFER_SIZE",
                format!("{}x{}", self.width, self.height),
            ),
            ("SLINT_BACKEND", "linuxkms-software".to_owned()),
            ("SLINT_BACKEND_LINUXFB", "1".to_owned()),
        ]
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
