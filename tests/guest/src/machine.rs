//! The emulated machine: its modules, file systems, parameters and end.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pikir_contract::{Id, SealKey, base64url_decode};
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, finit_module, reboot};

use crate::Port;

/// Kernel modules, in the order of their names.
const MODULES: &str = "/modules";
/// The port to the host: the first of the first virtio-serial device.
const PORT: &str = "/dev/vport0p1";
/// The data disk: the first virtio block device.
const DISK: &str = "/dev/vda";
/// How long the port may take to appear after its module was loaded.
const PORT_PATIENCE: Duration = Duration::from_secs(20);

/// What the host says on the kernel's command line.
pub struct Parameters {
    /// `pikir.terminal=UUID`: whose journal it is.
    pub terminal: Id,
    /// `pikir.key=base64url`: K_1, so that the host can verify every seal.
    pub first_key: SealKey,
    /// `pikir.journal=kiosk`, or `unsafe` for the control that has to lose ratings.
    pub safe: bool,
}

impl Parameters {
    /// Reads `/proc/cmdline`.
    pub fn read() -> Result<Self> {
        let line = std::fs::read_to_string("/proc/cmdline").context("/proc/cmdline")?;
        let value = |name: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
                .with_context(|| format!("{name} is not on the kernel's command line"))
        };
        let key = base64url_decode(value("pikir.key")?)?;
        Ok(Self {
            terminal: value("pikir.terminal")?.parse()?,
            first_key: SealKey::from_slice(&key).context("pikir.key is not 32 bytes")?,
            safe: match value("pikir.journal")? {
                "kiosk" => true,
                "unsafe" => false,
                other => bail!("pikir.journal={other} is neither kiosk nor unsafe"),
            },
        })
    }
}

/// Refuses to run anywhere else: this program mounts disks and switches the machine off.
pub fn must_be_emulated() -> Result<()> {
    ensure!(
        std::process::id() == 1 && Path::new(MODULES).is_dir(),
        "pikir-guest is the only program of an emulated machine; `cargo test -p pikir-tests --test power_cuts` starts it"
    );
    Ok(())
}

/// Mounts what the kernel offers, loads the modules and opens the port to the host.
pub fn prepare() -> Result<Port> {
    for (kind, target) in [("devtmpfs", "/dev"), ("proc", "/proc")] {
        mount(kind, target, kind, MountFlags::empty(), None)
            .with_context(|| format!("{target} cannot be mounted"))?;
    }
    load_modules()?;
    let started = Instant::now();
    loop {
        match File::options().read(true).write(true).open(PORT) {
            Ok(port) => return Ok(port),
            Err(error) if started.elapsed() > PORT_PATIENCE => {
                return Err(error).context(PORT);
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn load_modules() -> Result<()> {
    let mut modules = std::fs::read_dir(MODULES)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    modules.sort();
    for path in modules {
        finit_module(File::open(&path)?, c"", 0)
            .with_context(|| format!("{} cannot be loaded", path.display()))?;
    }
    Ok(())
}

/// Mounts the data disk, which replays the file system's journal after a power cut.
pub fn mount_data() -> Result<()> {
    mount(DISK, "/data", "ext4", MountFlags::empty(), None)
        .context("the data disk cannot be mounted")
}

/// Switches the machine off; what was not written stays unwritten.
pub fn power_off() -> ! {
    let _ = reboot(RebootCommand::PowerOff);
    // Process 1 must not end: the kernel would call that a panic, and the host waits for the
    // machine's end either way.
    loop {
        std::thread::park();
    }
}
