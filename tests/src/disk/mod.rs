//! A disk that can lose power between any two calls of SQLite, for programs that run inside this
//! process.
//!
//! SQLite reaches the file system through a table of functions; `vfs.rs` puts its own in front of
//! the real ones, so that every SQLite file below the directory of a [`Disk`] is written for real
//! *and* remembered here: what was synced, and what was only written since. When the power is cut,
//! at a call chosen beforehand, every further call fails; [`Disk::power_on`] then leaves in the
//! directory what a disk might show: each write since the last sync kept, dropped or torn at
//! sectors, in any order ([`platter`]).
//!
//! The program under test is not changed and does not know: opening a database by its path is
//! enough. Files that are not SQLite's (identity, keys) and renames count as durable at once, as
//! the terminal syncs each of those itself; so does a database that was built elsewhere and renamed
//! into its place. Between two renames the power may be cut, too.

pub mod platter;
mod vfs;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context, Result, ensure};
use platter::Platter;
use tempfile::TempDir;

use crate::dice::Dice;

/// Memory, where there is such a file system: a simulated disk has no use for a real one.
const MEMORY: &str = "/dev/shm";

/// Why a call of SQLite does not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The device reports an error.
    Io,
    /// The device is full.
    Full,
}

/// What a power cut of a lying disk may have lost although it was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// What was appended to a log since this sync of the disk.
    Since(u64),
    /// Parts of a database, which hold what is older, too.
    Anything,
}

/// A disk, and the directory that lies on it. Both go with this value.
pub struct Disk {
    root: PathBuf,
    state: Shared,
    _dir: TempDir,
}

type Shared = Arc<Mutex<State>>;

/// Files are known by their number, because they may be renamed.
type Inode = u64;

struct State {
    root: PathBuf,
    dice: Dice,
    files: HashMap<Inode, Platter>,
    /// Under which names they were opened.
    names: HashMap<Inode, PathBuf>,
    /// Deleted files whose deletion is not durable yet, by name.
    ghosts: BTreeMap<PathBuf, Ghost>,
    open: usize,
    calls: u64,
    /// The calls themselves, for a person.
    made: Vec<String>,
    syncs: u64,
    /// How many of its last syncs the disk only claims to have done.
    lies: u64,
    cut_at: Option<u64>,
    faults: BTreeMap<u64, Fault>,
    /// What the disk shows when the power is back; `Some` while it is off.
    image: Option<Image>,
    /// What the last power cut may have lost although it was confirmed.
    forgotten: Option<Forgotten>,
}

struct Ghost {
    platter: Platter,
    /// The database it belonged to: replacing that one makes the deletion durable.
    database: Option<Inode>,
}

/// Files (with content) and directories (without), parents first.
type Image = Vec<(PathBuf, Option<Vec<u8>>)>;

impl Disk {
    /// An empty disk; `seed` decides what its power cuts leave.
    pub fn new(seed: u64) -> Result<Self> {
        vfs::register();
        let place = Path::new(MEMORY);
        let dir = if place.is_dir() {
            tempfile::tempdir_in(place)
        } else {
            tempfile::tempdir()
        }
        .context("no temporary directory")?;
        // SQLite asks by the resolved path.
        let root = dir.path().canonicalize()?;
        let state = Arc::new(Mutex::new(State::new(root.clone(), seed)));
        vfs::mount(root.clone(), state.clone());
        Ok(Self {
            root,
            state,
            _dir: dir,
        })
    }

    /// The directory on it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// How many calls there were that the power could have been cut before.
    #[must_use]
    pub fn calls(&self) -> u64 {
        lock(&self.state).calls
    }

    /// The calls counted by [`Disk::calls`], for a person.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        lock(&self.state).made.clone()
    }

    /// Cuts the power before the `calls`-th call from now (1 is the next).
    pub fn cut_after(&self, calls: u64) {
        let mut state = lock(&self.state);
        state.cut_at = Some(state.calls + calls.max(1));
    }

    /// Lets the `calls`-th call from now (1 is the next) fail, once.
    pub fn fail_after(&self, calls: u64, fault: Fault) {
        let mut state = lock(&self.state);
        let at = state.calls + calls.max(1);
        state.faults.insert(at, fault);
    }

    /// From now on the disk confirms syncs that it does only `syncs` syncs later.
    pub fn lie_about(&self, syncs: u64) {
        lock(&self.state).lies = syncs;
    }

    /// Takes back every misfortune that was prepared and has not happened; the disk does not lie
    /// from now on.
    pub fn behave(&self) {
        let mut state = lock(&self.state);
        state.cut_at = None;
        state.faults.clear();
        state.lies = 0;
    }

    /// Whether the disk lies about its syncs since the power came on.
    #[must_use]
    pub fn has_lied(&self) -> bool {
        lock(&self.state).lies > 0
    }

    /// Syncs that were confirmed so far, in truth or not.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        lock(&self.state).syncs
    }

    /// What the last power cut may have lost although it was confirmed; `None`: nothing.
    #[must_use]
    pub fn forgotten(&self) -> Option<Forgotten> {
        lock(&self.state).forgotten
    }

    /// Whether the power is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        lock(&self.state).image.is_some()
    }

    /// Cuts the power now, where that has not happened yet.
    pub fn cut(&self) -> Result<()> {
        Ok(lock(&self.state).cut()?)
    }

    /// Ends the program as SIGKILL does: no further call succeeds, and what was written stays,
    /// synced or not.
    pub fn kill(&self) -> Result<()> {
        Ok(lock(&self.state).kill()?)
    }

    /// Brings the power back, after a cut now where there was none: the directory holds what the
    /// disk shows.
    ///
    /// # Errors
    /// Something still has a file open: a program does not outlive its power.
    pub fn power_on(&self) -> Result<()> {
        let mut state = lock(&self.state);
        let open = state.open;
        ensure!(open == 0, "{open} files are still open");
        state.cut()?;
        let image = state.image.take().unwrap_or_default();
        state.show(image)?;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        vfs::unmount(&self.root);
    }
}

impl State {
    fn new(root: PathBuf, seed: u64) -> Self {
        Self {
            root,
            dice: Dice::new(seed),
            files: HashMap::new(),
            names: HashMap::new(),
            ghosts: BTreeMap::new(),
            open: 0,
            calls: 0,
            made: Vec::new(),
            syncs: 0,
            lies: 0,
            cut_at: None,
            faults: BTreeMap::new(),
            image: None,
            forgotten: None,
        }
    }

    /// Before every call that changes something, opens a file or syncs one.
    fn step(&mut self, call: &str, path: &Path) -> Result<(), Fault> {
        self.powered()?;
        self.calls += 1;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.made.push(format!("{call} {name}"));
        if self.cut_at == Some(self.calls) {
            self.cut_at = None;
            self.cut().map_err(|_| Fault::Io)?;
            return Err(Fault::Io);
        }
        let calls = self.calls;
        self.faults.remove(&calls).map_or(Ok(()), Err)
    }

    /// Before every other call.
    fn powered(&self) -> Result<(), Fault> {
        match self.image {
            Some(_) => Err(Fault::Io),
            None => Ok(()),
        }
    }

    fn opened(&mut self, path: &Path, is_new: bool) -> io::Result<Inode> {
        let inode = fs::metadata(path)?.ino();
        let is_moved = self
            .names
            .insert(inode, path.to_owned())
            .is_some_and(|name| name != path);
        if is_moved {
            self.files.remove(&inode);
        }
        if is_new {
            self.files.insert(inode, Platter::made());
        } else if let std::collections::hash_map::Entry::Vacant(unknown) = self.files.entry(inode) {
            unknown.insert(Platter::found(fs::read(path)?));
        }
        self.open += 1;
        Ok(inode)
    }

    fn closed(&mut self, inode: Inode) {
        self.open -= 1;
        // A settled file is what lies there; and numbers of deleted files come back for others.
        if self.files.get(&inode).is_some_and(Platter::is_settled) {
            self.files.remove(&inode);
            self.names.remove(&inode);
        }
    }

    fn wrote(&mut self, inode: Inode, offset: usize, bytes: &[u8]) {
        if let Some(file) = self.files.get_mut(&inode) {
            file.write(offset, bytes);
        }
    }

    fn resized(&mut self, inode: Inode, size: usize) {
        if let Some(file) = self.files.get_mut(&inode) {
            file.resize(size);
        }
    }

    fn synced(&mut self, inode: Inode, path: &Path) {
        self.syncs += 1;
        if let Some(file) = self.files.get_mut(&inode) {
            if !file.is_named() {
                // With a new file SQLite syncs the directory, and so every deletion in it.
                let directory = path.parent();
                self.ghosts.retain(|ghost, _| ghost.parent() != directory);
            }
            file.sync(self.syncs, self.lies, &mut self.dice);
        }
        if self.lies > 0 {
            let mut inodes: Vec<_> = self.files.keys().copied().collect();
            inodes.sort_unstable();
            for inode in inodes {
                if let Some(file) = self.files.get_mut(&inode) {
                    file.settle(self.syncs, self.lies, &mut self.dice);
                }
            }
        }
    }

    fn sync_failed(&mut self, inode: Inode) {
        if let Some(file) = self.files.get_mut(&inode) {
            file.sync_failed();
        }
    }

    /// Remembers a file that is about to be deleted; `is_durable`: the deletion is synced.
    fn deletes(&mut self, path: &Path, is_durable: bool) -> io::Result<()> {
        let Ok(metadata) = fs::metadata(path) else {
            return Ok(());
        };
        let platter = match self.files.remove(&metadata.ino()) {
            Some(platter) => platter,
            None => Platter::found(fs::read(path)?),
        };
        if !is_durable {
            let database = database_of(path).and_then(|path| inode_of(&path));
            let ghost = Ghost { platter, database };
            self.ghosts.insert(path.to_owned(), ghost);
        }
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        if self.image.is_some() {
            return Ok(());
        }
        self.forgotten = self.promises();
        let mut image = Image::new();
        self.read_directory(&self.root.clone(), &mut image)?;
        for (path, ghost) in std::mem::take(&mut self.ghosts) {
            let beside = database_of(&path).and_then(|path| inode_of(&path));
            if beside == ghost.database && !path.exists() && self.dice.percent(50) {
                let content = ghost.platter.after_cut(&mut self.dice);
                image.extend(content.map(|content| (path, Some(content))));
            }
        }
        self.image = Some(image);
        Ok(())
    }

    /// What was confirmed and is not done.
    fn promises(&self) -> Option<Forgotten> {
        let mut forgotten: Option<Forgotten> = None;
        for (inode, file) in &self.files {
            let Some(sync) = file.broken_promise() else {
                continue;
            };
            let is_log = self
                .names
                .get(inode)
                .is_some_and(|name| database_of(name).is_some());
            forgotten = Some(match (is_log, forgotten) {
                (true, None) => Forgotten::Since(sync),
                (true, Some(Forgotten::Since(other))) => Forgotten::Since(sync.min(other)),
                _ => Forgotten::Anything,
            });
        }
        forgotten
    }

    fn kill(&mut self) -> io::Result<()> {
        if self.image.is_some() {
            return Ok(());
        }
        self.forgotten = None;
        let mut image = Image::new();
        copy_directory(&self.root, &mut image)?;
        self.image = Some(image);
        Ok(())
    }

    fn read_directory(&mut self, directory: &Path, image: &mut Image) -> io::Result<()> {
        let mut entries: Vec<_> = fs::read_dir(directory)?.collect::<io::Result<_>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, metadata) = (entry.path(), entry.metadata()?);
            if metadata.is_dir() {
                image.push((path.clone(), None));
                self.read_directory(&path, image)?;
            } else if is_shared_memory(&path) {
                // Never synced: it is there or not, and SQLite must believe neither.
                if self.dice.percent(50) {
                    image.push((path.clone(), Some(fs::read(&path)?)));
                }
            } else if let Some(file) = self.files.get(&metadata.ino())
                && self.names.get(&metadata.ino()) == Some(&path)
            {
                let content = file.after_cut(&mut self.dice);
                image.extend(content.map(|content| (path, Some(content))));
            } else {
                image.push((path.clone(), Some(fs::read(&path)?)));
            }
        }
        Ok(())
    }

    /// Makes the directory hold exactly this.
    fn show(&mut self, image: Image) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        for (path, content) in image {
            match content {
                None => fs::create_dir(path)?,
                Some(content) => fs::write(path, content)?,
            }
        }
        self.files.clear();
        self.names.clear();
        self.ghosts.clear();
        self.faults.clear();
        self.cut_at = None;
        self.lies = 0;
        Ok(())
    }
}

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What lies in a directory now, parents first.
fn copy_directory(directory: &Path, image: &mut Image) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            image.push((path.clone(), None));
            copy_directory(&path, image)?;
        } else {
            image.push((path.clone(), Some(fs::read(&path)?)));
        }
    }
    Ok(())
}

fn inode_of(path: &Path) -> Option<Inode> {
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

/// The database that a log or journal belongs to.
fn database_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let database = name
        .strip_suffix("-wal")
        .or_else(|| name.strip_suffix("-journal"))?;
    Some(path.with_file_name(OsString::from(database)))
}

fn is_shared_memory(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.ends_with("-shm"))
}
