//! Files: where they lie, and how they are read and replaced. Nothing else opens one (SQLite
//! apart).

#![allow(clippy::disallowed_methods, reason = "this is the module that may")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::limits::MAX_FILE_BYTES;

/// The data directory (`/var/lib/pikir`, or what `--data-dir` names) and what lies in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir {
    root: PathBuf,
    /// The control socket lies in `/run` on a terminal, in the data directory where that was moved.
    control: PathBuf,
}

/// Where a terminal's data lies.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/pikir";
/// Where a terminal's control socket lies.
pub const DEFAULT_CONTROL_SOCKET: &str = "/run/pikir/control.sock";
/// Where a terminal's settings lie.
pub const DEFAULT_SETTINGS: &str = "/etc/pikir/terminal.toml";

impl DataDir {
    /// The data directory named by `--data-dir`, or the standard one.
    #[must_use]
    pub fn new(moved: Option<&Path>) -> Self {
        match moved {
            Some(root) => Self {
                root: root.to_owned(),
                control: root.join("control.sock"),
            },
            None => Self {
                root: DEFAULT_DATA_DIR.into(),
                control: DEFAULT_CONTROL_SOCKET.into(),
            },
        }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// The journal (SQLite).
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal.db")
    }
    /// Device key and terminal id.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.root.join("identity.json")
    }
    /// The key pair of an enrolment under way that must not use the present one.
    #[must_use]
    pub fn next_identity(&self) -> PathBuf {
        self.root.join("identity.next.json")
    }
    /// The newest `terminal.toml` that could be used.
    #[must_use]
    pub fn settings_copy(&self) -> PathBuf {
        self.root.join("terminal.copy.toml")
    }
    /// A future key of the journal's ratchet, for the day the journal cannot be read.
    #[must_use]
    pub fn spare_key(&self) -> PathBuf {
        self.root.join("spare-key.json")
    }
    /// The last good configuration from the portal.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.root.join("config.json")
    }
    /// The same once more.
    #[must_use]
    pub fn configuration_copy(&self) -> PathBuf {
        self.root.join("config.copy.json")
    }
    /// The control socket.
    #[must_use]
    pub fn control(&self) -> &Path {
        &self.control
    }
    /// How the housing stood when that was last recorded in the journal: `open` or `closed`.
    #[must_use]
    pub fn housing(&self) -> PathBuf {
        self.root.join("housing")
    }
    /// Where the panel touched itself when the terminal last ran.
    #[must_use]
    pub fn phantoms(&self) -> PathBuf {
        self.root.join("phantoms")
    }
    /// How often the program was started anew because a part was missing.
    #[must_use]
    pub fn restarts(&self) -> PathBuf {
        self.root.join("restarts.json")
    }
    /// Held by the running terminal: one for each data directory.
    #[must_use]
    pub fn kiosk_lock(&self) -> PathBuf {
        self.root.join("kiosk.lock")
    }
    /// Held while identity and journal are replaced.
    #[must_use]
    pub fn enrolment_lock(&self) -> PathBuf {
        self.root.join("enrolment.lock")
    }
    /// Identities this terminal had before, each a directory named by its terminal id with its own
    /// identity and journal. They stay: the journal is the proof of what was delivered.
    #[must_use]
    pub fn former(&self) -> PathBuf {
        self.root.join("former")
    }

    /// Says in plain words when the directory cannot be used.
    ///
    /// # Errors
    /// The directory is missing, is not a directory, or cannot be written.
    pub fn check(&self) -> Result<(), String> {
        let path = self.root.display();
        match fs::metadata(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!(
                "data directory {path} does not exist. Create it (mkdir -m 0700 {path}), install the package, or name another with --data-dir"
            )),
            Err(error) => Err(format!("data directory {path} cannot be read: {error}")),
            Ok(meta) if !meta.is_dir() => Err(format!(
                "data directory {path} is a file. Name a directory with --data-dir"
            )),
            Ok(_) => writable(&self.root),
        }
    }

    /// Whether the directory is there and cannot be written.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.root.is_dir() && writable(&self.root).is_err()
    }
}

/// Says in plain words when nothing can be written to a directory that is there: its file system is
/// read-only, or it is somebody else's.
///
/// # Errors
/// It cannot be written.
pub fn writable(directory: &Path) -> Result<(), String> {
    rustix::fs::access(
        directory,
        rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
    )
    .map_err(|error| {
        let path = directory.display();
        let remedy = if error == rustix::io::Errno::ROFS {
            "Look at the SD card (dmesg) and mount it for writing"
        } else {
            "Run as its owner (user pikir), or as root"
        };
        format!("data directory {path} cannot be written: {error}. {remedy}")
    })
}

/// Reads a whole file of at most [`MAX_FILE_BYTES`].
///
/// # Errors
/// The file cannot be read, or is too large.
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "the file is larger than 4 MiB",
        ));
    }
    Ok(bytes)
}

/// Reads a whole text file of at most [`MAX_FILE_BYTES`].
///
/// # Errors
/// As [`read_bytes`], or the file is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_bytes(path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// Reads a text file; `None` where there is none.
///
/// # Errors
/// As [`read_text`], except that a missing file is no error.
pub fn read_text_if_there(path: &Path) -> io::Result<Option<String>> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether anything lies there.
#[must_use]
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// Whether anything lies there, or nobody can say.
#[must_use]
pub fn may_exist(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

/// Which file lies there: its device and number; `None` where there is none.
#[must_use]
pub fn which(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

/// Length of a file in bytes; 0 where there is none.
///
/// # Errors
/// The directory cannot be searched.
pub fn len(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(meta) => Ok(meta.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Opens a file to read from any place in it.
///
/// # Errors
/// It cannot be opened.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Makes what was written to a file durable.
///
/// # Errors
/// The disk says no.
pub fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Replaces a file in one step that survives a power cut: written beside it, synced, renamed,
/// directory synced. `mode` are its permission bits.
///
/// # Errors
/// Any step failed; the old file is then still whole.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_directory_of(path)
}

/// Puts what a file shows on the disk once more, as [`replace`] does, with the permissions of a
/// private file.
///
/// # Errors
/// Any step failed; the file is then as it was.
pub fn write_again(path: &Path) -> io::Result<()> {
    replace(path, &fs::read(path)?, 0o600)
}

/// Writes a value to a file of the kernel (sysfs), which must be there.
///
/// # Errors
/// There is no such file, it may not be written, or the driver refuses the value.
pub fn write_value(path: &Path, value: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
    file.write_all(value.as_bytes())
}

/// Moves a file or directory durably.
///
/// # Errors
/// The move or a sync failed.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory_of(from)?;
    sync_directory_of(to)
}

/// Removes a file; a missing one is no error.
///
/// # Errors
/// The file is there and cannot be removed.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a directory that everybody may read, such as `/etc/pikir`; one that is there already is no
/// error.
///
/// # Errors
/// It cannot be made.
pub fn make_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Makes a directory for its owner alone; one that is there already is no error.
///
/// # Errors
/// It cannot be made.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory_of(path),
    }
}

/// The directories inside `path`, none where it does not exist.
///
/// # Errors
/// `path` is there and cannot be listed.
pub fn directories_in(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Opens a file for writing from the start, for an export a person asked for.
///
/// # Errors
/// It cannot be created.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Holds a lock file until dropped, also through a crash: the kernel lets go of it with the
/// process.
pub struct Lock(#[allow(dead_code, reason = "held, not read")] File);

impl Lock {
    /// Takes the lock at once; `None` when another process holds it.
    ///
    /// # Errors
    /// The lock file cannot be opened.
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        Self::try_lock(file)
    }

    /// Takes the lock of a directory itself, for where no file can be made in it.
    ///
    /// # Errors
    /// The directory cannot be opened.
    pub fn try_take_directory(path: &Path) -> io::Result<Option<Self>> {
        Self::try_lock(File::open(path)?)
    }

    fn try_lock(file: File) -> io::Result<Option<Self>> {
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Free space on the file system of `path`, as an unprivileged process may use it (MiB).
///
/// # Errors
/// The file system does not answer.
pub fn free_mb(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize) / (1024 * 1024))
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_replaced_file_has_the_new_content_and_the_mode_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.json");
        replace(&path, b"one", 0o600).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(read_text(&path).unwrap(), "two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn leftovers_of_an_interrupted_replacement_do_not_stop_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        fs::write(path.with_extension("new"), b"half").unwrap();
        replace(&path, b"whole", 0o600).unwrap();
        assert_eq!(read_text(&path).unwrap(), "whole");
    }

    #[test]
    fn a_lock_is_held_once_and_free_again_after_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kiosk.lock");
        let held = Lock::try_take(&path).unwrap();
        assert!(held.is_some());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_take(&path).unwrap().is_some());
    }

    #[test]
    fn a_missing_data_directory_is_named_with_its_remedy() {
        let message = DataDir::new(Some(Path::new("/nonexistent/pikir")))
            .check()
            .unwrap_err();
        assert!(
            message.contains("/nonexistent/pikir") && message.contains("mkdir"),
            "{message}"
        );
    }
}
