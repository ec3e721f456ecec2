//! A child process that cannot outlive the value that stands for it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::wait;

/// Lines of a child's output shown when the test that owns it fails.
const SHOWN_LINES: usize = 60;

/// What programs get of the environment they are tested in: where programs and temporary files are.
const KEPT: [&str; 2] = ["PATH", "TMPDIR"];
/// What they get instead of the rest, so that no test depends on whose machine it runs.
const GIVEN: [(&str, &str); 2] = [("LANG", "C.UTF-8"), ("TZ", "UTC")];

/// A program that sees nothing of the environment here but what is set for it; every program starts
/// by this.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = inheriting(program);
    forget_the_machine(&mut command);
    command
}

/// A program of the machine that goes by its settings: its user's package registry or display.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that makes commands"
)]
pub fn inheriting(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

fn forget_the_machine(command: &mut Command) {
    command.env_clear().envs(GIVEN);
    command.envs(
        KEPT.iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?))),
    );
}

/// A running program in a process group of its own, its output in a file.
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts `command`; both of its outputs go to the file `log`, which is begun anew.
    ///
    /// The child is killed with its group when this value is dropped, and by the kernel should the
    /// starting thread die without unwinding.
    pub fn start(command: &Command, log: &Path) -> Result<Self> {
        let name = name(command);
        let output =
            File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
        // setpriv (util-linux) sets the parent-death signal and becomes the program: the same pid.
        let mut guarded = self::command("setpriv");
        // A home of its own, where the test's other files are.
        guarded.env("HOME", log.parent().unwrap_or(log));
        guarded
            .args(["--pdeathsig", "KILL", "--"])
            .arg(command.get_program())
            .args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(key, value),
                None => guarded.env_remove(key),
            };
        }
        let child = guarded
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        Ok(Self {
            name,
            child,
            log: log.to_owned(),
        })
    }

    /// Everything the program has written so far.
    pub fn output(&self) -> Result<String> {
        let bytes = std::fs::read(&self.log)
            .with_context(|| format!("cannot read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until `find` finds something in one whole line of the output; an early end is an
    /// error.
    pub fn wait_for_line<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let what = format!("{} to say {what}", self.name);
        let name = self.name.clone();
        // `None` inside: the program has ended, and waiting longer is of no use.
        let found = wait::until(&what, || {
            let ended = self.child.try_wait()?.is_some();
            let output = self.output()?;
            let whole = output.rfind('\n').map_or("", |end| &output[..end]);
            Ok(whole
                .lines()
                .find_map(&find)
                .map(Some)
                .or(ended.then_some(None)))
        })?;
        found.with_context(|| format!("{name} ended early: {}", self.tail()))
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for the program to end by itself.
    pub fn wait_for_end(&mut self) -> Result<ExitStatus> {
        wait::until(&format!("{} to end", self.name), || {
            Ok(self.child.try_wait()?)
        })
    }

    /// Asks the program to end (SIGTERM), as systemd does, and waits for it.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        kill_process(self.pid()?, Signal::TERM)
            .with_context(|| format!("cannot stop {}", self.name))?;
        self.wait_for_end()
    }

    /// Ends the program without a chance to do anything (SIGKILL), as a power cut does.
    pub fn kill(&mut self) -> Result<()> {
        self.child
            .kill()
            .with_context(|| format!("cannot kill {}", self.name))?;
        self.child.wait()?;
        Ok(())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Result<Pid> {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
            bail!("{} has no usable process id", self.name);
        };
        Ok(pid)
    }

    /// The last lines of the output.
    fn tail(&self) -> String {
        let output = self.output().unwrap_or_else(|error| format!("{error:#}"));
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(pid) = self.pid() {
            // The group may be gone already; what it started itself goes with it.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!(
                "--- the end of what {} said:\n{}\n---",
                self.name,
                self.tail()
            );
        }
    }
}

/// Runs `command` to its end and returns what it said, whatever its exit code.
pub fn finish(command: &mut Command) -> Result<Output> {
    let name = name(command);
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{name} cannot be started"))
}

/// Runs `command` to its end; anything but exit code 0 is an error that quotes what it said.
pub fn succeed(command: &mut Command) -> Result<Output> {
    let output = finish(command)?;
    check(&name(command), output)
}

/// Turns an exit code other than 0 into an error that quotes what the program said.
pub fn check(name: &str, output: Output) -> Result<Output> {
    if !output.status.success() {
        bail!(
            "{name} ended with {}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output)
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned()
}
