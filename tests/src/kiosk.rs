//! The real terminal in a window on a display of the harness.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use image::RgbImage;
use pikir_contract::rules::REPEAT_MS;
use pikir_kiosk::limits::THANKS_GUARD_MS;
use serde_json::Value;

use crate::framebuffer::Framebuffer;
use crate::process::{self, Running};
use crate::xvfb::Display;
use crate::{bins, wait};

/// A terminal: its data, its `terminal.toml`, and the program while it runs.
pub struct Kiosk {
    data_dir: PathBuf,
    config: PathBuf,
    environment: Vec<(String, String)>,
    private_disk: Option<String>,
    read_only: bool,
    /// Where the data directory is seen from outside, while the program has a disk of its own.
    seen: Option<PathBuf>,
    running: Option<Running>,
}

impl Kiosk {
    /// A terminal in `dir` whose portal is `portal`; nothing runs yet.
    pub fn new(dir: &Path, portal: &str) -> Result<Self> {
        let data_dir = dir.join("terminal");
        std::fs::create_dir_all(&data_dir)
            .with_context(|| format!("cannot create {}", data_dir.display()))?;
        let config = dir.join("terminal.toml");
        std::fs::write(
            &config,
            format!(
                "portal = \"{portal}\"\n\n[screen]\nrotation = 0\n\n[network]\nstart_spread_s = 0\n"
            ),
        )?;
        Ok(Self {
            data_dir,
            config,
            environment: Vec::new(),
            private_disk: None,
            read_only: false,
            seen: None,
            running: None,
        })
    }

    /// Where its journal and identity lie.
    pub fn data_dir(&self) -> &Path {
        self.seen.as_deref().unwrap_or(&self.data_dir)
    }

    /// Sets an environment variable of the program, from its next start on.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// From its next start on the data directory is a disk in memory of this size (mount's
    /// `size=`), which only the program sees and which goes with it. It begins with what lies in
    /// the directory now.
    pub fn give_private_disk(&mut self, size: &str) {
        self.private_disk = Some(size.to_owned());
    }

    /// From its next start on the data directory is read-only to the program, until
    /// [`Kiosk::make_writable`].
    pub fn make_read_only(&mut self) {
        self.read_only = true;
    }

    /// The program may write to its data directory again.
    pub fn make_writable(&self) -> Result<()> {
        let running = self.running.as_ref().context("the terminal does not run")?;
        process::succeed(
            process::command("nsenter")
                .args(["--mount", "--target", &running.id().to_string()])
                .args(["mount", "-o", "remount,rw,bind"])
                .arg(&self.data_dir),
        )
        .map(|_| ())
    }

    /// Its `terminal.toml`.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Starts the program on a virtual display, which its window fills, and waits until it answers.
    pub fn start(&mut self, display: &Display) -> Result<()> {
        let (width, height) = display.size();
        let mut command = self.run_command(Some(&format!("{width}x{height}")))?;
        command.env("DISPLAY", display.name());
        self.start_with(&command).map(|_| ())
    }

    /// Starts the program with the whole screen of the X server of this name for itself, and waits
    /// until it answers.
    pub fn start_alone(&mut self, display: &str) -> Result<()> {
        let mut command = self.run_command(None)?;
        command
            .env("DISPLAY", display)
            .env_remove("WAYLAND_DISPLAY");
        self.start_with(&command).map(|_| ())
    }

    /// Starts the program and returns its process id at once, whatever becomes of it.
    pub fn launch(&mut self, display: &Display) -> Result<u32> {
        let (width, height) = display.size();
        let mut command = self.run_command(Some(&format!("{width}x{height}")))?;
        command.env("DISPLAY", display.name());
        self.run(&command)
    }

    /// Starts the program for a display that is not there (yet), and waits until it answers.
    pub fn start_for(&mut self, display: &str) -> Result<u32> {
        let mut command = self.run_command(Some("800x480"))?;
        command
            .env("DISPLAY", display)
            .env_remove("WAYLAND_DISPLAY");
        self.start_with(&command)
    }

    /// Starts the program on the user's own display.
    pub fn start_here(&mut self) -> Result<()> {
        let mut command = self.run_command(Some("800x480"))?;
        let of_the_user = ["DISPLAY", "XAUTHORITY", "HOME"];
        command.envs(
            of_the_user
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        );
        self.start_with(&command).map(|_| ())
    }

    /// Starts the program on a screen without a window system, and waits until it answers.
    pub fn start_on(&mut self, screen: &Framebuffer) -> Result<u32> {
        let mut command = self.run_command(None)?;
        command.envs(screen.environment());
        self.start_with(&command)
    }

    /// Ends it without warning, as a power cut does.
    pub fn kill(&mut self) -> Result<()> {
        self.running
            .take()
            .context("the terminal does not run")?
            .kill()
    }

    /// Ends it as systemd does and returns whether it ended well.
    pub fn stop(&mut self) -> Result<bool> {
        Ok(self
            .running
            .take()
            .context("the terminal does not run")?
            .stop()?
            .success())
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        self.running.as_mut().map_or(Ok(false), Running::is_running)
    }

    /// `pikir-kiosk status --json`.
    pub fn status(&self) -> Result<Value> {
        let output = process::succeed(
            self.command(&["status", "--json"])?
                .arg("--data-dir")
                .arg(self.data_dir()),
        )?;
        serde_json::from_slice(&output.stdout).context("pikir-kiosk status --json printed no JSON")
    }

    /// The same status from the control socket itself, without starting a program for it.
    pub fn ask(&self) -> Result<Value> {
        let mut socket = UnixStream::connect(self.data_dir().join("control.sock"))?;
        socket.set_read_timeout(Some(wait::DEADLINE))?;
        socket.write_all(b"{\"request\":\"status\"}\n")?;
        socket.shutdown(Shutdown::Write)?;
        let mut reply = String::new();
        socket.read_to_string(&mut reply)?;
        serde_json::from_str(&reply).context("the control socket answered with no JSON")
    }

    /// Waits until the status satisfies `holds`, and returns it.
    pub fn wait_for(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut last = Value::Null;
        wait::until(&format!("the terminal: {what}"), || {
            last = self.status()?;
            Ok(holds(&last).then(|| last.clone()))
        })
        .with_context(|| format!("the terminal's status is {last}"))
    }

    /// Waits until this screen is up (`rate`, `thanks`, …).
    pub fn wait_for_screen(&self, screen: &str) -> Result<Value> {
        self.wait_for(&format!("screen {screen}"), |status| {
            status["screen"] == screen
        })
    }

    /// Waits until everything in the journal is acknowledged.
    pub fn wait_until_delivered(&self) -> Result<Value> {
        self.wait_for("everything delivered", |status| status["pending"] == 0)
    }

    /// Waits until so much time has passed on the terminal's own clock.
    pub fn wait_ms(&self, ms: u64) -> Result<()> {
        let up_ms = || number(&self.ask()?, "up_ms");
        let until = up_ms()? + ms;
        wait::until_every(CLOCK_PERIOD, "time to pass at the terminal", || {
            Ok((up_ms()? > until).then_some(()))
        })
    }

    /// Rates as a visitor does, by `press`, and sees the thanks; leaves, and returns when the next
    /// can rate undoubted.
    pub fn rate(
        &self,
        display: &Display,
        press: impl FnOnce(&Display) -> Result<()>,
    ) -> Result<()> {
        let before = number(&self.wait_for_screen("rate")?, "last_seq")?;
        press(display)?;
        let thanked = |status: &Value| {
            status["screen"] == "thanks"
                && status["last_seq"].as_u64().is_some_and(|seq| seq > before)
        };
        self.wait_for("the thanks for a rating", thanked)?;
        // Fresh thanks take nothing.
        self.wait_ms(THANKS_GUARD_MS)?;
        let (x, y) = ASIDE;
        display.tap(x, y)?;
        self.wait_for_screen("rate")?;
        self.wait_ms(REPEAT_MS - THANKS_GUARD_MS)
    }

    /// Rates with a tap on the face with this score.
    pub fn rate_by_touch(&self, display: &Display, score: u8) -> Result<()> {
        self.rate(display, |display| {
            let (x, y) = face(display, score)?;
            display.tap(x, y)
        })
    }

    /// Rates with the key of this score on the keypad.
    pub fn rate_by_key(&self, display: &Display, score: u8) -> Result<()> {
        self.rate(display, |display| press_key(display, score))
    }

    /// Rates with the keys of these scores, one after the other as soon as each is in the journal:
    /// the keypad does not wait for the thanks screen to go.
    pub fn rate_in_a_row(&self, display: &Display, scores: &[u8]) -> Result<()> {
        let mut last = number(&self.wait_for_screen("rate")?, "last_seq")?;
        for score in scores {
            press_key(display, *score)?;
            let taken = self.wait_for("a rating in the journal", |status| {
                status["last_seq"].as_u64().is_some_and(|seq| seq > last)
            })?;
            last = number(&taken, "last_seq")?;
        }
        Ok(())
    }

    /// Its id at the portal.
    pub fn terminal_id(&self) -> Result<String> {
        let status = self.status()?;
        let id = status["terminal"]
            .as_str()
            .with_context(|| format!("not enrolled: {status}"))?;
        Ok(id.to_owned())
    }

    /// `pikir-kiosk journal …` with the data directory of this terminal; anything but exit code 0
    /// is an error.
    pub fn journal(&self, arguments: &[&str]) -> Result<String> {
        let arguments = [&["journal"], arguments].concat();
        let output = process::succeed(
            self.command(&arguments)?
                .arg("--data-dir")
                .arg(self.data_dir()),
        )?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What the program said so far in this life.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(
            self.data_dir.with_extension("log"),
        )?)
    }

    fn run(&mut self, command: &Command) -> Result<u32> {
        let log = self.data_dir.with_extension("log");
        let running = match &self.private_disk {
            Some(size) => Running::start(&on_private_disk(command, &self.data_dir, size), &log)?,
            None if self.read_only => {
                Running::start(&on_read_only_disk(command, &self.data_dir), &log)?
            }
            None => Running::start(command, &log)?,
        };
        let id = running.id();
        self.seen = self.private_disk.is_some().then(|| {
            let own_root = PathBuf::from(format!("/proc/{id}/root"));
            own_root.join(self.data_dir.strip_prefix("/").unwrap_or(&self.data_dir))
        });
        self.running = Some(running);
        Ok(id)
    }

    fn start_with(&mut self, command: &Command) -> Result<u32> {
        let log = self.data_dir.with_extension("log");
        let id = self.run(command)?;
        let answers = self.wait_for("an answer to its status command", |_| true);
        if !self.is_running()? {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("the terminal ended at its start: {said}");
        }
        answers.map(|_| id)
    }

    /// `size`: that of its window; none where there are no windows.
    fn run_command(&self, size: Option<&str>) -> Result<Command> {
        let mut command = self.command(&["run"])?;
        if let Some(size) = size {
            command.args(["--windowed", size]);
        }
        command
            .arg("--config")
            .arg(&self.config)
            .arg("--data-dir")
            .arg(&self.data_dir);
        command.env("SLINT_BACKEND", "winit-software");
        command.envs(self.environment.iter().cloned());
        Ok(command)
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = process::command(bins::path("pikir-kiosk")?);
        command.args(arguments);
        Ok(command)
    }
}

/// Presses the key of this score (1–5), once a window has the keyboard: the screen is up a moment
/// earlier.
pub fn press_key(display: &Display, score: u8) -> Result<()> {
    wait::until("the keyboard", || Ok(display.has_focus()?.then_some(())))?;
    let key = char::from_digit(score.into(), 10).context("a score is a digit")?;
    display.key(key)
}

/// `command` in a mount namespace of its own, where `directory` is a disk in memory.
fn on_private_disk(command: &Command, directory: &Path, size: &str) -> Command {
    const MOUNT: &str = r#"set -e
        cp -a "$1" "$1.before"
        mount -t tmpfs -o "size=$2" none "$1"
        cp -a "$1.before/." "$1"
        rm -r "$1.before"
        shift 2
        exec "$@""#;
    in_namespace(command, MOUNT, &[directory.as_os_str(), size.as_ref()])
}

/// `command` in a mount namespace of its own, where nothing can be written to `directory`.
fn on_read_only_disk(command: &Command, directory: &Path) -> Command {
    const MOUNT: &str = r#"set -e
        mount --bind "$1" "$1"
        mount -o remount,ro,bind "$1"
        shift
        exec "$@""#;
    in_namespace(command, MOUNT, &[directory.as_os_str()])
}

/// `command` in a mount namespace of its own, which `mount` prepares by these arguments, and then
/// runs the rest of them.
fn in_namespace(command: &Command, mount: &str, arguments: &[&OsStr]) -> Command {
    let mut private = process::command("unshare");
    private
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            mount,
            "sh",
        ])
        .args(arguments)
        .arg(command.get_program())
        .args(command.get_args());
    private.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    private
}

/// Whether this process may mount. Not every sandbox allows it.
pub fn can_mount() -> bool {
    let tried = process::command("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    tried.is_ok_and(|output| output.status.success())
}

/// How often a terminal is asked for its clock.
const CLOCK_PERIOD: Duration = Duration::from_millis(10);

/// A point of the thanks screen without a control, in pixels.
const ASIDE: (u16, u16) = (6, 6);

/// The colours of the faces 2, 3 and 4, which nothing else on the rate screen has.
const FACE_COLOURS: [[u8; 3]; 3] = [[0xb4, 0x55, 0x1b], [0x7d, 0x66, 0x08], [0x2f, 0x6f, 0x4f]];

/// Where the face with this score (1–5) is on the display, in pixels: found by the colours of the
/// inner three, which stand in one row at equal distances with the outer two.
pub fn face(display: &Display, score: u8) -> Result<(u16, u16)> {
    // The status may run a frame ahead of the picture.
    let [two, three, four] = wait::until("the faces on the screen", || {
        Ok(inner_faces(&display.picture()?))
    })?;
    let x = three.0 + (four.0 - two.0) / 2 * (i32::from(score) - 3);
    Ok((u16::try_from(x)?, u16::try_from(three.1)?))
}

/// The middles of the faces 2, 3 and 4 on the picture, in pixels.
pub fn inner_faces(picture: &RgbImage) -> Option<[(i32, i32); 3]> {
    match FACE_COLOURS.map(|colour| middle(picture, colour)) {
        [Some(two), Some(three), Some(four)] => Some([two, three, four]),
        _ => None,
    }
}

/// The middle of the pixels that have exactly this colour.
fn middle(picture: &RgbImage, colour: [u8; 3]) -> Option<(i32, i32)> {
    let found = picture
        .enumerate_pixels()
        .filter(|(_, _, pixel)| pixel.0 == colour);
    let (mut xs, mut ys): (Vec<_>, Vec<_>) = found.map(|(x, y, _)| (x, y)).unzip();
    let median = |values: &mut Vec<u32>| {
        values.sort_unstable();
        values
            .get(values.len() / 2)
            .and_then(|value| i32::try_from(*value).ok())
    };
    Some((median(&mut xs)?, median(&mut ys)?))
}

/// A member of the status that is a whole number.
pub fn number(status: &Value, name: &str) -> Result<u64> {
    status[name]
        .as_u64()
        .with_context(|| format!("no number `{name}` in {status}"))
}
