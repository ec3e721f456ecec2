//! One boot of the emulated machine.

use std::io::{BufRead, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use pikir_contract::{Id, SealKey, base64url_encode};

use super::disk::Disk;
use super::parts::{Parts, QEMU};
use super::{initramfs, nbd};
use crate::process::{self, Running};
use crate::wait;

/// Memory of the machine (MiB).
const MEMORY_MB: u32 = 256;
/// How long the machine may say nothing: a boot takes 3 s on an idle machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Lines of the kernel's log that an error shows.
const SHOWN_LINES: usize = 25;

/// Which journal the guest writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalKind {
    /// The kiosk's own.
    Kiosk,
    /// The control: the same file without an fsync for each append.
    Unsafe,
}

/// What stays the same from boot to boot.
pub struct Machine {
    dir: PathBuf,
    arguments: Vec<String>,
}

impl Machine {
    /// A machine whose files lie in `dir` and whose journal belongs to `terminal`.
    pub fn new(
        parts: &Parts,
        dir: &Path,
        kind: JournalKind,
        terminal: Id,
        first_key: &SealKey,
    ) -> Result<Self> {
        let first_files = dir.join("initramfs");
        std::fs::write(&first_files, initramfs::build(parts)?)?;
        let journal = match kind {
            JournalKind::Kiosk => "kiosk",
            JournalKind::Unsafe => "unsafe",
        };
        let key = base64url_encode(first_key.as_bytes());
        let kernel_line = format!(
            "console=ttyAMA0 loglevel=4 panic=-1 pikir.terminal={terminal} pikir.key={key} pikir.journal={journal}"
        );
        let path = |name: &str| dir.join(name).display().to_string();
        let arguments = [
            "-M virt -cpu cortex-a72 -accel tcg -smp 1 -nodefaults -no-user-config -display none -no-reboot",
            &format!("-m {MEMORY_MB}"),
            &format!("-serial file:{}", path("kernel.log")),
            &format!(
                "-drive file=nbd:unix:{},format=raw,if=none,id=data,cache=writeback",
                path("disk.sock")
            ),
            "-device virtio-blk-device,drive=data -device virtio-serial-device",
            &format!("-chardev socket,id=words,path={}", path("words.sock")),
            "-device virtserialport,chardev=words",
            &format!(
                "-kernel {} -initrd {}",
                parts.kernel.display(),
                first_files.display()
            ),
        ];
        let mut arguments: Vec<String> = arguments
            .iter()
            .flat_map(|group| group.split(' '))
            .map(str::to_owned)
            .collect();
        arguments.extend(["-append".to_owned(), kernel_line]);
        Ok(Self {
            dir: dir.to_owned(),
            arguments,
        })
    }

    /// Switches it on.
    pub fn boot(&self, mut disk: Disk) -> Result<Powered> {
        let (disk_door, words_door) = (self.listen("disk.sock")?, self.listen("words.sock")?);
        let fuse = Arc::new(AtomicU64::new(0));
        let in_disk = fuse.clone();
        let disk = std::thread::spawn(move || {
            let mut qemu = accept(&disk_door)?;
            nbd::serve(&mut qemu, &mut disk, &in_disk)?;
            Ok(disk)
        });
        let mut command = process::command(QEMU);
        command.args(&self.arguments);
        let qemu = Running::start(&command, &self.dir.join("qemu.log"))?;
        let from_guest = accept(&words_door)
            .with_context(|| format!("the machine does not start: {}", self.logs()))?;
        let (to_test, words) = channel();
        std::thread::spawn(move || pass_on(from_guest, &to_test));
        Ok(Powered {
            qemu,
            words,
            disk,
            fuse,
        })
    }

    fn listen(&self, name: &str) -> Result<UnixListener> {
        let path = self.dir.join(name);
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        let listener = UnixListener::bind(&path).with_context(|| path.display().to_string())?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// The ends of what QEMU and the kernel said, for an error.
    pub fn logs(&self) -> String {
        ["qemu.log", "kernel.log"]
            .map(|name| self.end_of(name))
            .join("\n")
    }

    fn end_of(&self, name: &str) -> String {
        let text = std::fs::read(self.dir.join(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        format!("--- the end of {name}:\n{shown}")
    }
}

fn accept(door: &UnixListener) -> Result<UnixStream> {
    let stream = wait::until("QEMU to connect", || match door.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.into()),
    })?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Passes on whole lines; what the cut left of one is nothing the guest has said.
fn pass_on(from_guest: UnixStream, to_test: &Sender<String>) {
    let mut from_guest = BufReader::new(from_guest);
    let mut line = String::new();
    while from_guest.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        let Some(whole) = line.strip_suffix('\n') else {
            return;
        };
        if to_test.send(whole.to_owned()).is_err() {
            return;
        }
        line.clear();
    }
}

/// A machine that has power.
pub struct Powered {
    qemu: Running,
    words: Receiver<String>,
    disk: JoinHandle<Result<Disk>>,
    fuse: Arc<AtomicU64>,
}

impl Powered {
    /// The next line of the guest, at the latest until `end`; `None` when it said nothing more by
    /// then.
    pub fn line(&self, end: Instant) -> Result<Option<String>> {
        match self
            .words
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the machine has ended by itself"),
        }
    }

    /// The next line of the guest, however long it takes within reason.
    pub fn awaited_line(&self) -> Result<String> {
        self.line(Instant::now() + PATIENCE)?
            .with_context(|| format!("the machine has said nothing for {} s", PATIENCE.as_secs()))
    }

    /// Lets the disk take so many more writes and go silent with the last, before it can be
    /// flushed. The power is then still to be cut.
    pub fn silence_disk_after(&self, writes: u64) {
        self.fuse.store(writes, Ordering::SeqCst);
    }

    /// Cuts the power. Returns what the guest had said until then, the disk as it shows itself
    /// afterwards, and how many blocks of the disk's cache are gone.
    pub fn cut(mut self) -> Result<(Vec<String>, Disk, usize)> {
        self.qemu.kill()?;
        let said = self.words.iter().collect();
        let served = self.disk.join();
        let mut disk = served.map_err(|_| anyhow!("the disk's thread panicked"))??;
        let forgotten = disk.cut()?;
        Ok((said, disk, forgotten))
    }
}
