//! What a program and all its children take, by the kernel's account (proc(5)).

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::Result;

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
            processor_ms: (after.processor_ns - before.processor_ns) / 1e6,
            wakeups_per_s: (after.switches - before.switches) / idle.as_secs_f64(),
        })
    }
}

struct Account {
    processor_ns: f64,
    switches: f64,
}

impl Account {
    fn of(root: u32) -> Result<Self> {
        let (mut processor_ns, mut switches) = (0.0, 0.0);
        for process in tree(root)? {
            // One that has just ended takes nothing any more.
            let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
                continue;
            };
            processor_ns += processor_ns_of(process).unwrap_or(0.0);
            for thread in threads.flatten() {
                let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
                switches += member(&status, "voluntary_ctxt_switches:").unwrap_or(0.0);
            }
        }
        Ok(Self {
            processor_ns,
            switches,
        })
    }
}

/// Processor time of all threads of a process, ended ones too (clock_getcpuclockid(3));
/// `/proc/PID/stat` has it only in steps of ten milliseconds, which is as much as the terminal
/// takes in a minute.
#[allow(unsafe_code, reason = "no library here has another process's clock")]
fn processor_ns_of(process: u32) -> Option<f64> {
    let (mut clock, mut time) = (
        0,
        libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
    );
    // SAFETY: both calls write to what they are given and keep nothing of it.
    let found = unsafe {
        libc::clock_getcpuclockid(i32::try_from(process).ok()?, &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    found.then_some(time.tv_sec as f64 * 1e9 + time.tv_nsec as f64)
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
