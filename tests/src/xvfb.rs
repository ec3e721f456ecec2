//! A display in memory: pictures of it, taps on it, keys typed into it. The taps and keys are the
//! X server's own (XTEST), so the programs cannot tell them from a finger.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use image::RgbImage;
use pikir_kiosk::limits::{HAND_GAP, HAND_QUIET};
use x11rb::connection::Connection;
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, ImageFormat, KEY_PRESS_EVENT,
    KEY_RELEASE_EVENT, MOTION_NOTIFY_EVENT, MapState,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::process::{self, Running};
use crate::wait;

/// Symbols of keys that type no character (X11's `keysymdef.h`).
pub mod symbols {
    /// Return.
    pub const RETURN: u32 = 0xff0d;
    /// Escape.
    pub const ESCAPE: u32 = 0xff1b;
    /// Tab.
    pub const TAB: u32 = 0xff09;
    /// ←
    pub const LEFT: u32 = 0xff51;
    /// ↑
    pub const UP: u32 = 0xff52;
    /// →
    pub const RIGHT: u32 = 0xff53;
    /// ↓
    pub const DOWN: u32 = 0xff54;
    /// F2.
    pub const F2: u32 = 0xffbf;
    /// F3.
    pub const F3: u32 = 0xffc0;
    /// F11.
    pub const F11: u32 = 0xffc8;
    /// F12.
    pub const F12: u32 = 0xffc9;
    /// The left Shift key.
    pub const SHIFT: u32 = 0xffe1;
}

/// A running Xvfb and a connection to it.
pub struct Display {
    // Before the server, so that it is closed first.
    connection: RustConnection,
    root: u32,
    number: u32,
    size: (u16, u16),
    /// When a hand pressed a key last.
    last_key: Mutex<Option<Instant>>,
    server: Running,
}

/// What a hand takes beyond the least time between two keys: the terminal may be late.
const HAND_SLACK: u32 = 2;

impl Display {
    /// Starts an X server with one screen of `width` × `height` pixels; its log goes into `dir`.
    pub fn start(dir: &Path, width: u16, height: u16) -> Result<Self> {
        Self::start_with(process::command("Xvfb"), dir, width, height)
    }

    /// The same under a number that was given out before there was a server.
    pub fn start_as(number: u32, dir: &Path, width: u16, height: u16) -> Result<Self> {
        let mut command = process::command("Xvfb");
        command.arg(format!(":{number}"));
        Self::start_with(command, dir, width, height)
    }

    /// A number that no other test's server has: programs may be told it before there is one.
    pub fn number_to_come() -> u32 {
        // Servers that choose their own begin at 0.
        1_000 + std::process::id() % 50_000
    }

    fn start_with(mut command: Command, dir: &Path, width: u16, height: u16) -> Result<Self> {
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            &format!("{width}x{height}x24"),
            "-nolisten",
            "tcp",
        ]);
        let mut server = Running::start(&command, &dir.join("xvfb.log"))
            .context("the virtual display needs Debian's package xvfb: run `cargo xtask test`")?;
        let number: u32 =
            server.wait_for_line("its display number", |line| line.trim().parse().ok())?;
        let (connection, screen) = RustConnection::connect(Some(&format!(":{number}")))?;
        let root = connection.setup().roots[screen].root;
        Ok(Self {
            connection,
            root,
            number,
            size: (width, height),
            last_key: Mutex::default(),
            server,
        })
    }

    /// The value of `DISPLAY` for programs that are to appear here.
    pub fn name(&self) -> String {
        format!(":{}", self.number)
    }

    /// The server's process id.
    pub fn server_id(&self) -> u32 {
        self.server.id()
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// What is on the screen now.
    pub fn picture(&self) -> Result<RgbImage> {
        let (width, height) = self.size;
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, self.root, 0, 0, width, height, !0)?
            .reply()?;
        // 24 bits deep in 32-bit units: blue, green, red, unused.
        let rgb = image
            .data
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
            .collect();
        RgbImage::from_raw(width.into(), height.into(), rgb)
            .context("the X server sent a picture of another size")
    }

    /// The bytes of a part of the screen as the server has them, four a pixel: blue, green, red,
    /// unused.
    pub fn part(&self, x: u16, y: u16, width: u16, height: u16) -> Result<Vec<u8>> {
        let (x, y) = (i16::try_from(x)?, i16::try_from(y)?);
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, self.root, x, y, width, height, !0)?
            .reply()?;
        Ok(image.data)
    }

    /// A short press and release at a point, in pixels.
    pub fn tap(&self, x: u16, y: u16) -> Result<()> {
        self.press(x, y)?;
        self.release(x, y)
    }

    /// A finger comes down at a point, in pixels.
    pub fn press(&self, x: u16, y: u16) -> Result<()> {
        let (x, y) = (i16::try_from(x)?, i16::try_from(y)?);
        self.fake(MOTION_NOTIFY_EVENT, 0, x, y)?;
        self.fake(BUTTON_PRESS_EVENT, 1, x, y)
    }

    /// The finger goes up again.
    pub fn release(&self, x: u16, y: u16) -> Result<()> {
        self.fake(
            BUTTON_RELEASE_EVENT,
            1,
            i16::try_from(x)?,
            i16::try_from(y)?,
        )
    }

    /// Whether a window has the keyboard: keys typed before that go nowhere.
    pub fn has_focus(&self) -> Result<bool> {
        let focus = self.connection.get_input_focus()?.reply()?.focus;
        // 0 and 1 stand for nobody and for whatever the pointer is over.
        Ok(focus > 1 && focus != self.root)
    }

    /// A press and release of the key that types `character`, with Shift where it takes that.
    pub fn key(&self, character: char) -> Result<()> {
        self.key_symbol(u32::from(character))
    }

    /// A press and release of the key with this symbol ([`symbols`]), with Shift where it takes
    /// that, by a hand, which is not as fast as the program that moves it.
    pub fn key_symbol(&self, symbol: u32) -> Result<()> {
        let is_digit = char::from_u32(symbol).is_some_and(|sign| sign.is_ascii_digit());
        let apart: Duration = HAND_SLACK * if is_digit { HAND_QUIET } else { HAND_GAP };
        let mut last = self.last_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = *last {
            wait::for_moment(last + apart);
        }
        self.strike(symbol)?;
        *last = Some(Instant::now());
        Ok(())
    }

    fn strike(&self, symbol: u32) -> Result<()> {
        let (code, shifted) = self.key_code(symbol)?;
        let shift = match shifted {
            true => Some(self.key_code(symbols::SHIFT)?.0),
            false => None,
        };
        let down = shift.into_iter().chain([code]);
        let up = [code].into_iter().chain(shift);
        for code in down {
            self.fake(KEY_PRESS_EVENT, code, 0, 0)?;
        }
        for code in up {
            self.fake(KEY_RELEASE_EVENT, code, 0, 0)?;
        }
        Ok(())
    }

    /// Presses these keys one after the other, as fast as a barcode scanner.
    pub fn burst(&self, symbols: &[u32]) -> Result<()> {
        for symbol in symbols {
            self.strike(*symbol)?;
        }
        Ok(())
    }

    /// The pointer goes to a point, in pixels.
    pub fn point(&self, x: u16, y: u16) -> Result<()> {
        self.fake(MOTION_NOTIFY_EVENT, 0, i16::try_from(x)?, i16::try_from(y)?)
    }

    /// Whether anything of the pointer can be seen where it is.
    pub fn shows_pointer(&self) -> Result<bool> {
        self.connection.xfixes_query_version(4, 0)?.reply()?;
        let image = self.connection.xfixes_get_cursor_image()?.reply()?;
        // The highest byte says how much of a pixel is drawn.
        Ok(image.cursor_image.iter().any(|pixel| pixel >> 24 > 0))
    }

    /// The windows on the screen: number, width and height.
    pub fn windows(&self) -> Result<Vec<(u32, u16, u16)>> {
        let children = self.connection.query_tree(self.root)?.reply()?.children;
        let mut windows = Vec::new();
        for window in children {
            let attributes = self.connection.get_window_attributes(window)?.reply()?;
            if attributes.map_state == MapState::VIEWABLE {
                let seen = self.connection.get_geometry(window)?.reply()?;
                windows.push((window, seen.width, seen.height));
            }
        }
        Ok(windows)
    }

    /// The screen gets another size, no larger than it began with.
    pub fn resize(&mut self, width: u16, height: u16) -> Result<()> {
        let connection = &self.connection;
        connection.randr_query_version(1, 2)?.reply()?;
        let parts = connection.randr_get_screen_resources(self.root)?.reply()?;
        let (crtc, output) = (parts.crtcs[0], parts.outputs[0]);
        let name = format!("{width}x{height}");
        let known = parts
            .modes
            .iter()
            .find(|mode| (mode.width, mode.height) == (width, height));
        let mode = match known {
            Some(mode) => mode.id,
            None => {
                let info = randr::ModeInfo {
                    width,
                    height,
                    htotal: width,
                    vtotal: height,
                    name_len: u16::try_from(name.len())?,
                    ..Default::default()
                };
                let made = connection.randr_create_mode(self.root, info, name.as_bytes())?;
                let mode = made.reply()?.mode;
                connection.randr_add_output_mode(output, mode)?.check()?;
                mode
            }
        };
        let show = |mode, outputs: &[u32]| {
            let upright = randr::Rotation::ROTATE0;
            let now = x11rb::CURRENT_TIME;
            let asked =
                connection.randr_set_crtc_config(crtc, now, now, 0, 0, mode, upright, outputs)?;
            anyhow::Ok(asked.reply()?)
        };
        // Nothing may be shown outside of the screen while its size changes.
        show(x11rb::NONE, &[])?;
        let millimetres = |pixels: u16| u32::from(pixels) * 254 / 960;
        connection
            .randr_set_screen_size(
                self.root,
                width,
                height,
                millimetres(width),
                millimetres(height),
            )?
            .check()?;
        show(mode, &[output])?;
        self.size = (width, height);
        Ok(())
    }

    fn fake(&self, kind: u8, detail: u8, x: i16, y: i16) -> Result<()> {
        self.connection
            .xtest_fake_input(kind, detail, x11rb::CURRENT_TIME, self.root, x, y, 0)?
            .check()?;
        Ok(())
    }

    /// The key with this symbol, and whether it takes Shift; for Latin-1 characters the symbol is
    /// their code.
    fn key_code(&self, symbol: u32) -> Result<(u8, bool)> {
        let setup = self.connection.setup();
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let mapping = self
            .connection
            .get_keyboard_mapping(first, last - first + 1)?
            .reply()?;
        let per_key = usize::from(mapping.keysyms_per_keycode);
        let position = |level: usize| {
            let mut keys = mapping.keysyms.chunks_exact(per_key);
            keys.position(|symbols| symbols.get(level) == Some(&symbol))
        };
        let plain = position(0).map(|key| (key, false));
        let (offset, shifted) = plain
            .or_else(|| position(1).map(|key| (key, true)))
            .with_context(|| format!("no key of the virtual display types {symbol:#x}"))?;
        Ok((first + u8::try_from(offset)?, shifted))
    }
}
