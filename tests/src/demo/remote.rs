//! A virtual display that a browser on this machine can watch and tap.

use std::path::Path;

use anyhow::{Context, Result};

use crate::door;
use crate::process::{self, Running};
use crate::xvfb::Display;

/// Debian's folder with the browser's side of noVNC.
const NOVNC: &str = "/usr/share/novnc";

/// The display and the two programs between it and the browser; loopback only.
pub struct RemoteDisplay {
    // Ended in this order: what looks before what is looked at.
    _web: Running,
    _vnc: Running,
    pub display: Display,
    port: u16,
}

impl RemoteDisplay {
    /// Starts a display of 800×480 and what shows it.
    pub fn start(dir: &Path) -> Result<Self> {
        let display = Display::start(dir, 800, 480)?;
        let vnc_port = door::free_port()?;
        let mut x11vnc = process::command("x11vnc");
        x11vnc.args([
            "-display",
            &display.name(),
            "-rfbport",
            &vnc_port.to_string(),
        ]);
        x11vnc.args(["-localhost", "-forever", "-shared", "-nopw", "-quiet"]);
        let mut vnc = Running::start(&x11vnc, &dir.join("x11vnc.log"))?;
        vnc.wait_for_line("its port", |line| line.strip_prefix("PORT=").map(|_| ()))
            .context("watching the virtual display needs Debian's packages x11vnc and novnc: run `cargo xtask demo`")?;

        let port = door::free_port()?;
        let mut websockify = process::command("websockify");
        websockify.args([
            "--web",
            NOVNC,
            &format!("127.0.0.1:{port}"),
            &format!("127.0.0.1:{vnc_port}"),
        ]);
        let mut web = Running::start(&websockify, &dir.join("websockify.log"))?;
        web.wait_for_line("that it is ready", |line| {
            line.contains("proxying from").then_some(())
        })?;
        Ok(Self {
            _web: web,
            _vnc: vnc,
            display,
            port,
        })
    }

    /// The address to open in a browser.
    pub fn address(&self) -> String {
        format!(
            "http://127.0.0.1:{}/vnc.html?autoconnect=1&resize=scale",
            self.port
        )
    }
}
