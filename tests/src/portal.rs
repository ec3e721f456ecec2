//! The real portal on a directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{self, Running};
use crate::{bins, door, http, wait};

/// A portal that can be stopped and started again at the same address.
pub struct Portal {
    dir: PathBuf,
    port: u16,
    running: Option<Running>,
}

/// One who signs in at the portal.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    /// What is typed at the sign-in page.
    pub login: &'a str,
    /// The name others see.
    pub name: &'a str,
    /// `technician`, `moderator` or `admin`.
    pub role: &'a str,
    /// In the clear, for a demonstration or a test.
    pub password: &'a str,
}

impl Portal {
    /// Starts a portal on a free loopback port; its data go into `dir`, which is made.
    pub fn start(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let mut portal = Self {
            dir: dir.to_owned(),
            port: door::free_port()?,
            running: None,
        };
        portal.restart()?;
        Ok(portal)
    }

    /// The address, `http://127.0.0.1:PORT`, the same for the portal's whole life.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The directory with its database.
    pub fn data_dir(&self) -> &Path {
        &self.dir
    }

    /// Starts it (again) and waits until it listens.
    pub fn restart(&mut self) -> Result<()> {
        self.running = None;
        let listen = format!("127.0.0.1:{}", self.port);
        let mut command = process::command(bins::path("pikir-portal")?);
        command
            .args(["serve", "--listen", &listen, "--data-dir"])
            .arg(&self.dir);
        let mut running = Running::start(&command, &self.log())?;
        running.wait_for_line("that it listens", |line| {
            line.strip_prefix("listening on ").map(|_| ())
        })?;
        self.running = Some(running);
        Ok(())
    }

    /// Stops it as systemd does. Whoever connects now is refused.
    pub fn stop(&mut self) -> Result<()> {
        match self.running.take() {
            Some(mut running) => running.stop().map(|_| ()),
            None => Ok(()),
        }
    }

    /// Imports the organisations of a CSV or JSON file.
    pub fn import_organizations(&self, file: &Path) -> Result<()> {
        process::succeed(self.command(&["organization", "import"])?.arg(file)).map(|_| ())
    }

    /// Adds a place with the further arguments of `place add`, and returns its code.
    pub fn add_place(&self, organization: &str, name: &str, further: &[&str]) -> Result<String> {
        let arguments = [
            &[
                "place",
                "add",
                "--organization",
                organization,
                "--name",
                name,
            ],
            further,
        ]
        .concat();
        text_member(&self.ask(&arguments)?, "code")
    }

    /// Makes a one-time enrolment token for a place.
    pub fn create_token(&self, place: &str) -> Result<String> {
        text_member(&self.ask(&["token", "create", "--place", place])?, "token")
    }

    /// Adds someone who can sign in.
    pub fn add_user(&self, user: User<'_>) -> Result<()> {
        let arguments = [
            "user",
            "add",
            "--login",
            user.login,
            "--name",
            user.name,
            "--role",
            user.role,
            "--password-stdin",
        ];
        let mut child = self
            .command(&arguments)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("pikir-portal cannot be started")?;
        let mut input = child
            .stdin
            .take()
            .context("pikir-portal has no standard input")?;
        std::io::Write::write_all(&mut input, format!("{}\n", user.password).as_bytes())?;
        drop(input);
        process::check("pikir-portal user add", child.wait_with_output()?).map(|_| ())
    }

    /// Takes a terminal out of service.
    pub fn retire(&self, terminal: &str) -> Result<()> {
        process::succeed(&mut self.command(&["terminal", "retire", terminal])?).map(|_| ())
    }

    /// Takes in what a terminal without a network has exported; returns what the portal says of it.
    pub fn import(&self, file: &Path) -> Result<Value> {
        let output = process::succeed(self.command(&["import", "--json"])?.arg(file))?;
        serde_json::from_slice(&output.stdout).context("pikir-portal import --json printed no JSON")
    }

    /// The public figures of an organisation.
    pub fn summary(&self, organization: &str) -> Result<Value> {
        http::get_json(&format!(
            "{}/api/v1/organizations/{organization}/summary",
            self.url()
        ))
    }

    /// Waits until the summary counts exactly `count` ratings of a channel (`terminal`, `phone`,
    /// `poster`, `link`), and returns it.
    pub fn wait_for_counted(&self, organization: &str, channel: &str, count: u64) -> Result<Value> {
        wait::until(
            &format!("{count} ratings by {channel} in the portal's summary"),
            || {
                let summary = self.summary(organization)?;
                ensure!(
                    counted(&summary, channel) == Some(count),
                    "it says {summary}"
                );
                Ok(Some(summary))
            },
        )
    }

    /// Runs a subcommand with `--json` and returns what it prints.
    fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let output = process::succeed(self.command(arguments)?.arg("--json"))?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "pikir-portal {} --json printed no JSON",
                arguments.join(" ")
            )
        })
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = process::command(bins::path("pikir-portal")?);
        command.args(arguments).arg("--data-dir").arg(&self.dir);
        Ok(command)
    }

    fn log(&self) -> PathBuf {
        self.dir.with_extension("log")
    }
}

/// How many ratings a summary counts for a channel.
pub fn counted(summary: &Value, channel: &str) -> Option<u64> {
    let of = match channel {
        "terminal" | "phone" => summary,
        _ => &summary["unverified"],
    };
    of["channels"][channel]["total"].as_u64()
}

/// A member of a JSON object that is a text.
fn text_member(value: &Value, name: &str) -> Result<String> {
    let text = value[name]
        .as_str()
        .with_context(|| format!("no `{name}` in {value}"))?;
    Ok(text.to_owned())
}
