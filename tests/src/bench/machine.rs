//! What the figures were taken on, and what the kernel counts of the bytes written.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Bytes of a sector in the kernel's block statistics, whatever the device's own sectors are.
const SECTOR_BYTES: u64 = 512;

/// The machine a run was made on.
#[derive(Debug, Clone)]
pub struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    file_system: String,
    /// Programs waiting to run, averaged over the last minute, when the run began.
    load: String,
    when: String,
}

impl Machine {
    /// Looks at the machine; `folder` is where the data of the run lie.
    pub fn here(folder: &Path) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or_else(|| "unknown processor".into(), |(_, name)| name.to_owned());
        let load = read("/proc/loadavg");
        Self {
            processor,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: Mount::of(folder).map_or_else(|_| "unknown".into(), |mount| mount.kind),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            when: jiff::Timestamp::now()
                .strftime("%Y-%m-%d %H:%M UTC")
                .to_string(),
        }
    }

    /// One line for people.
    pub fn text(&self) -> String {
        let Self {
            processor,
            cores,
            kernel,
            file_system,
            load,
            when,
        } = self;
        format!(
            "{when} · {processor}, {cores} cores · Linux {kernel} · data on {file_system} · load at the start {load}"
        )
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        json!({
            "processor": self.processor, "cores": self.cores, "kernel": self.kernel,
            "file_system": self.file_system, "load": self.load, "when": self.when,
        })
    }
}

/// The file system a folder lies on.
struct Mount {
    /// `ext4`, `tmpfs`, …
    kind: String,
    /// `major:minor` of its device.
    device: String,
}

impl Mount {
    fn of(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize()?;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        // proc(5): id parent major:minor root mount-point options … - type source options
        let parsed = mounts.lines().filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let mut left = left.split(' ').skip(2);
            let device = left.next()?.to_owned();
            let point = PathBuf::from(left.nth(1)?);
            let kind = right.split(' ').next()?.to_owned();
            folder
                .starts_with(&point)
                .then_some((point, Self { kind, device }))
        });
        parsed
            // Of two mounts on one point the later one is in force.
            .max_by_key(|(point, _)| point.components().count())
            .map(|(_, mount)| mount)
            .context("no mount holds the folder")
    }
}

/// Bytes written so far, as the kernel counts them.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// By this process, in pages that were made dirty (`write_bytes` of proc_pid_io(5)).
    pub process: u64,
    /// By the whole machine to the device the folder lies on, the file system's own log included;
    /// `None` where the device cannot be told.
    pub device: Option<u64>,
}

impl Written {
    /// Reads both counters.
    ///
    /// # Errors
    /// The kernel keeps no account of this process's writes.
    pub fn now(folder: &Path) -> Result<Self> {
        let io = std::fs::read_to_string("/proc/self/io").context("no /proc/self/io")?;
        let process = io
            .lines()
            .find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok())
            .context("no write_bytes in /proc/self/io")?;
        Ok(Self {
            process,
            device: device_bytes(folder),
        })
    }

    /// What was written since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            process: self.process - earlier.process,
            device: self
                .device
                .zip(earlier.device)
                .map(|(now, then)| now.saturating_sub(then)),
        }
    }
}

fn device_bytes(folder: &Path) -> Option<u64> {
    let mount = Mount::of(folder).ok()?;
    let stat = std::fs::read_to_string(format!("/sys/dev/block/{}/stat", mount.device)).ok()?;
    // Documentation/block/stat.rst: the seventh number is sectors written.
    let sectors: u64 = stat.split_whitespace().nth(6)?.parse().ok()?;
    Some(sectors * SECTOR_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_of_proc_is_told_from_that_of_the_root() {
        let kind = |path: &str| Mount::of(path.as_ref()).map(|mount| mount.kind);
        assert_eq!(kind("/proc/self").ok().as_deref(), Some("proc"));
        assert_ne!(kind("/").ok().as_deref(), Some("proc"));
    }
}
