//! What a program and all its children take, by the kernel's account (proc(5)).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

/// Clock ticks a second in `/proc`, the same on every Linux (`USER_HZ`).
const TICKS_PER_S: f64 = 100.0;

/// Memory now, and what passes while nothing happens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Proportional set size of all processes (MB, 10⁶ bytes).
    pub memory_mb: f64,
    /// Processor time of all processes over the time of rest (ms).
    pub processor_ms: f64,
    /// Voluntary context switches of all threads a second.
    pub wakeups_per_s: f64,
}

impl Cost {
    /// Watches the process tree under `root` for `idle`.
    pub fn of(root: u32, idle: Duration) -> Result<Self> {
        let before = Account::of(root)?;
        std::thread::sleep(idle);
        let after = Account::of(root)?;
        Ok(Self {
            memory_mb: memory_kb(root)? * 1_024.0 / 1e6,
            processor_ms: (after.ticks - before.ticks) * 1_000.0 / TICKS_PER_S,
            wakeups_per_s: (after.switches - before.switches) / idle.as_secs_f64(),
        })
    }
}

struct Account {
    ticks: f64,
    switches: f64,
}

impl Account {
    fn of(root: u32) -> Result<Self> {
        let (mut ticks, mut switches) = (0.0, 0.0);
        for process in tree(root)? {
            let folder = PathBuf::from(format!("/proc/{process}"));
            // One that has just ended takes nothing any more.
            let Ok(stat) = fs::read_to_string(folder.join("stat")) else {
                continue;
            };
            let fields = fields(&stat).context("/proc/PID/stat is not as proc(5) says")?;
            // utime and stime: the 14th and 15th of the line, the 12th and 13th after the name.
            for at in [11, 12] {
                ticks += fields
                    .get(at)
                    .and_then(|it| it.parse::<f64>().ok())
                    .unwrap_or(0.0);
            }
            for thread in fs::read_dir(folder.join("task"))?.flatten() {
                let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
                switches += member(&status, "voluntary_ctxt_switches:").unwrap_or(0.0);
            }
        }
        Ok(Self { ticks, switches })
    }
}

fn memory_kb(root: u32) -> Result<f64> {
    let mut sum = 0.0;
    for process in tree(root)? {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
        sum += rollup
            .ok()
            .and_then(|it| member(&it, "Pss:"))
            .unwrap_or(0.0);
    }
    Ok(sum)
}

/// The number behind the line's name.
fn member(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What follows the name, which may hold spaces and brackets itself.
fn fields(stat: &str) -> Option<Vec<&str>> {
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().collect())
}

/// `root` and all that descend from it.
fn tree(root: u32) -> Result<BTreeSet<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = fields(&stat).and_then(|it| it.get(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (process, parent)));
    }
    let mut found = BTreeSet::from([root]);
    loop {
        let more: Vec<u32> = parents
            .iter()
            .filter(|(process, parent)| found.contains(parent) && !found.contains(process))
            .map(|(process, _)| *process)
            .collect();
        if more.is_empty() {
            return Ok(found);
        }
        found.extend(more);
    }
}
