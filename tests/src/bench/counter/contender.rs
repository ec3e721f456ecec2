//! The two that are compared: the terminal, and a browser that shows the same screen as a page.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use qrcode::{Color, QrCode};

use crate::framebuffer::Framebuffer;
use crate::kiosk::{Kiosk, number};
use crate::process::{self, Running};
use crate::scene::Scene;
use crate::xvfb::Display;
use crate::{bins, wait};

/// As long as a real address with a presence token.
const PAYLOAD: &str = "HTTPS://OTZYV.EXAMPLE/Q/K7M4Q2PX/0123456789ABCDEFG";
/// Where the page takes the code.
const PLACE_OF_CODE: &str = "<!-- code -->";

/// One of the two.
pub trait Contender {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// Starts it on the display and returns its process id at once.
    fn start(&mut self, display: &Display) -> Result<u32>;
    /// Ends it.
    fn stop(&mut self) -> Result<()>;
    /// Its size on the disk (MB, 10⁶ bytes).
    fn disk_mb(&self) -> Result<f64>;
}

/// The terminal as it is shipped, enrolled at a real portal.
pub struct Terminal {
    kiosk: Kiosk,
}

impl Terminal {
    pub fn new(scene: &Scene) -> Result<Self> {
        let kiosk = scene.terminal()?;
        Ok(Self { kiosk })
    }

    pub fn journal(&self) -> PathBuf {
        self.kiosk.data_dir().join("journal.db")
    }

    /// Starts it on a screen without a window system.
    pub fn start_on(&mut self, screen: &Framebuffer) -> Result<u32> {
        self.kiosk.start_on(screen)
    }

    /// What it still has to deliver.
    pub fn pending(&self) -> Result<u64> {
        number(&self.kiosk.ask()?, "pending")
    }
}

impl Contender for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn start(&mut self, display: &Display) -> Result<u32> {
        self.kiosk.launch(display)
    }

    fn stop(&mut self) -> Result<()> {
        // It listens for SIGTERM once it answers.
        wait::until("an answer of the terminal", || Ok(self.kiosk.ask().ok()))?;
        self.kiosk.stop().map(|_| ())
    }

    fn disk_mb(&self) -> Result<f64> {
        let bytes = std::fs::metadata(bins::path("pikir-kiosk")?)?.len();
        Ok(bytes as f64 / 1e6)
    }
}

/// Debian's Chromium in kiosk mode with the page.
pub struct Browser {
    directory: PathBuf,
    page: PathBuf,
    running: Option<Running>,
}

impl Browser {
    /// Puts the code into the page. The copy lies beside the page, because the page names its
    /// artwork from there.
    pub fn new(directory: &Path) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench");
        let template = std::fs::read_to_string(folder.join("counter.html"))
            .context("the page of the bench is not there")?;
        let artwork = folder.join("../../assets").canonicalize()?;
        let page = directory.join("counter.html");
        let text = template
            .replace(PLACE_OF_CODE, &code()?)
            .replace("../../assets", &artwork.display().to_string());
        std::fs::write(&page, text)?;
        Ok(Self {
            directory: directory.to_owned(),
            page,
            running: None,
        })
    }
}

impl Contender for Browser {
    fn name(&self) -> &'static str {
        "page in Chromium"
    }

    fn start(&mut self, display: &Display) -> Result<u32> {
        let (width, height) = display.size();
        let mut command = process::command("chromium");
        command
            .args([
                "--kiosk",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--window-position=0,0",
            ])
            .arg(format!("--window-size={width},{height}"))
            .arg(format!(
                "--user-data-dir={}",
                self.directory.join("chromium").display()
            ))
            .arg(format!("file://{}", self.page.display()))
            .env("DISPLAY", display.name())
            .env_remove("WAYLAND_DISPLAY");
        let running = Running::start(&command, &self.directory.join("chromium.log"))
            .context("Chromium cannot be started: it is Debian's package chromium")?;
        let process = running.id();
        self.running = Some(running);
        Ok(process)
    }

    fn stop(&mut self) -> Result<()> {
        match self.running.take() {
            Some(mut running) => running.stop().map(|_| ()),
            None => Ok(()),
        }
    }

    fn disk_mb(&self) -> Result<f64> {
        let mut query = process::command("dpkg-query");
        query.args([
            "--show",
            "--showformat",
            "${Installed-Size}\n",
            "chromium",
            "chromium-common",
        ]);
        let said = process::succeed(&mut query)?;
        // In KiB each.
        let sizes = String::from_utf8_lossy(&said.stdout).into_owned();
        let kibibytes: u64 = sizes
            .lines()
            .map(str::parse::<u64>)
            .sum::<Result<_, _>>()
            .context("dpkg-query gave no sizes")?;
        Ok(kibibytes as f64 * 1_024.0 / 1e6)
    }
}

/// The code as SVG.
fn code() -> Result<String> {
    let code = QrCode::new(PAYLOAD).context("the address can be a code")?;
    let (side, colors) = (code.width(), code.to_colors());
    let dark = colors
        .iter()
        .enumerate()
        .filter(|(_, color)| **color == Color::Dark);
    let modules: String = dark
        .map(|(at, _)| format!("M{} {}h1v1h-1z", at % side + 4, at / side + 4))
        .collect();
    let box_side = side + 8;
    Ok(format!(
        r#"<svg viewBox="0 0 {box_side} {box_side}" shape-rendering="crispEdges"><path d="{modules}"/></svg>"#
    ))
}
