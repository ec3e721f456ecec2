//! SQLite's table of file functions with a [`Disk`](super::Disk) in front of the real ones. The
//! only unsafe code here.
//!
//! It becomes the default of this process, so that programs under test need not name it. A file
//! that lies on no [`Disk`](super::Disk) is passed straight through. Renames are the program's own:
//! they come by the C library's function, before which one of the same name stands.

#![allow(
    unsafe_code,
    reason = "SQLite takes a file system as C functions; what they decide is safe code elsewhere"
)]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Mutex, Once, PoisonError};

use rusqlite::ffi::{
    SQLITE_ACCESS_EXISTS, SQLITE_FULL, SQLITE_IOERR, SQLITE_IOERR_ACCESS, SQLITE_IOERR_DELETE,
    SQLITE_IOERR_FSYNC, SQLITE_IOERR_READ, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE, SQLITE_OK,
    sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs,
    sqlite3_vfs_find, sqlite3_vfs_register,
};

use super::{Fault, Inode, Shared, lock};

/// The disks of this process, by the directory they are mounted at.
static MOUNTED: Mutex<Vec<(PathBuf, Shared)>> = Mutex::new(Vec::new());

pub(super) fn mount(root: PathBuf, disk: Shared) {
    mounted().push((root, disk));
}

pub(super) fn unmount(root: &Path) {
    mounted().retain(|(mounted, _)| mounted != root);
}

fn mounted() -> std::sync::MutexGuard<'static, Vec<(PathBuf, Shared)>> {
    MOUNTED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn disk_of(path: &Path) -> Option<Shared> {
    let mounted = mounted();
    let found = mounted.iter().find(|(root, _)| path.starts_with(root));
    found.map(|(_, disk)| disk.clone())
}

/// Makes this the file system of every database that the process opens from now on.
pub(super) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: SQLite's own table lives as long as the process, and so does the copy, which is
        // leaked. A copied function that ignores its table (all that are not replaced below do) may
        // be called with the copy.
        unsafe {
            let real = sqlite3_vfs_find(ptr::null());
            let mut shim = *real;
            shim.zName = c"pikir-disk".as_ptr();
            shim.pNext = ptr::null_mut();
            shim.pAppData = real.cast();
            shim.szOsFile += size_of::<File>() as c_int;
            shim.xOpen = Some(open);
            shim.xDelete = Some(delete);
            shim.xAccess = Some(access);
            assert_eq!(
                sqlite3_vfs_register(Box::leak(Box::new(shim)), 1),
                SQLITE_OK
            );
        }
    });
}

/// What SQLite allocates for one open file: this, and behind it the real one's.
#[repr(C)]
struct File {
    base: sqlite3_file,
    /// Null where the file lies on no disk of ours.
    tracked: *mut Tracked,
}

struct Tracked {
    disk: Shared,
    inode: Inode,
    path: PathBuf,
}

impl Tracked {
    fn step(&self, call: &str) -> Result<(), Fault> {
        lock(&self.disk).step(call, &self.path)
    }
}

// The real file begins where this one ends, so this one must not break its alignment.
const _: () = assert!(size_of::<File>().is_multiple_of(16));

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // Version 2: shared memory, but no memory-mapped pages, which could not be watched.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock_file),
    xUnlock: Some(unlock_file),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Calls a function of the real table or file; SQLite's unix files have all of them.
macro_rules! real {
    ($object:expr, $function:ident $(, $argument:expr)*) => {
        match (*$object).$function {
            Some(function) => function($($argument),*),
            None => SQLITE_IOERR,
        }
    };
}

// SAFETY, for every function below: SQLite calls them with the pointers its documentation promises:
// a table and names that are valid during the call, and a file of `szOsFile` bytes that `open` has
// initialised and `close` has not yet ended. `real_file` stays within those bytes.

unsafe fn real_vfs(vfs: *mut sqlite3_vfs) -> *mut sqlite3_vfs {
    unsafe { (*vfs).pAppData.cast() }
}

unsafe fn real_file(file: *mut sqlite3_file) -> *mut sqlite3_file {
    unsafe { file.cast::<File>().add(1).cast() }
}

unsafe fn tracked<'a>(file: *mut sqlite3_file) -> Option<&'a Tracked> {
    unsafe { (*file.cast::<File>()).tracked.as_ref() }
}

unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    Some(PathBuf::from(OsStr::from_bytes(bytes)))
}

fn code(fault: Fault, otherwise: c_int) -> c_int {
    match fault {
        Fault::Io => otherwise,
        Fault::Full => SQLITE_FULL,
    }
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    unsafe {
        let shim = file.cast::<File>();
        (*shim).base.pMethods = ptr::null();
        (*shim).tracked = ptr::null_mut();
        let found = path_of(name).and_then(|path| Some((disk_of(&path)?, path)));
        let is_new = found.as_ref().is_some_and(|(_, path)| !path.exists());
        if let Some((disk, path)) = &found
            && lock(disk).step("open", path).is_err()
        {
            return SQLITE_IOERR;
        }
        let vfs = real_vfs(vfs);
        let result = real!(vfs, xOpen, vfs, name, real_file(file), flags, out_flags);
        if result != SQLITE_OK {
            return result;
        }
        if let Some((disk, path)) = found {
            let Ok(inode) = lock(&disk).opened(&path, is_new) else {
                let real = real_file(file);
                real!((*real).pMethods, xClose, real);
                return SQLITE_IOERR;
            };
            (*shim).tracked = Box::into_raw(Box::new(Tracked { disk, inode, path }));
        }
        (*shim).base.pMethods = &raw const METHODS;
        SQLITE_OK
    }
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, durable: c_int) -> c_int {
    unsafe {
        if let Some(path) = path_of(name)
            && let Some(disk) = disk_of(&path)
        {
            let mut disk = lock(&disk);
            let stepped = disk.step("delete", &path);
            if stepped.is_err() || disk.deletes(&path, durable != 0).is_err() {
                return SQLITE_IOERR_DELETE;
            }
        }
        let vfs = real_vfs(vfs);
        // The platter is ours: the real directory need not be synced.
        real!(vfs, xDelete, vfs, name, 0)
    }
}

unsafe extern "C" fn access(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        if let Some(path) = path_of(name)
            && disk_of(&path).is_some_and(|disk| lock(&disk).powered().is_err())
            && flags == SQLITE_ACCESS_EXISTS
        {
            return SQLITE_IOERR_ACCESS;
        }
        let vfs = real_vfs(vfs);
        real!(vfs, xAccess, vfs, name, flags, out)
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    unsafe {
        let shim = file.cast::<File>();
        if !(*shim).tracked.is_null() {
            let tracked = Box::from_raw((*shim).tracked);
            (*shim).tracked = ptr::null_mut();
            lock(&tracked.disk).closed(tracked.inode);
        }
        let real = real_file(file);
        real!((*real).pMethods, xClose, real)
    }
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    offset: sqlite3_int64,
) -> c_int {
    unsafe {
        if tracked(file).is_some_and(|tracked| lock(&tracked.disk).powered().is_err()) {
            return SQLITE_IOERR_READ;
        }
        let real = real_file(file);
        real!((*real).pMethods, xRead, real, into, amount, offset)
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: sqlite3_int64,
) -> c_int {
    unsafe {
        let tracked = tracked(file);
        if let Some(Err(fault)) = tracked.map(|tracked| tracked.step("write")) {
            return code(fault, SQLITE_IOERR_WRITE);
        }
        let real = real_file(file);
        let result = real!((*real).pMethods, xWrite, real, from, amount, offset);
        if let Some(tracked) = tracked
            && result == SQLITE_OK
        {
            let bytes = std::slice::from_raw_parts(from.cast::<u8>(), amount as usize);
            lock(&tracked.disk).wrote(tracked.inode, offset as usize, bytes);
        }
        result
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    unsafe {
        let tracked = tracked(file);
        if let Some(Err(fault)) = tracked.map(|tracked| tracked.step("truncate")) {
            return code(fault, SQLITE_IOERR_TRUNCATE);
        }
        let real = real_file(file);
        let result = real!((*real).pMethods, xTruncate, real, size);
        if let Some(tracked) = tracked
            && result == SQLITE_OK
        {
            lock(&tracked.disk).resized(tracked.inode, size as usize);
        }
        result
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    unsafe {
        let Some(tracked) = tracked(file) else {
            let real = real_file(file);
            return real!((*real).pMethods, xSync, real, flags);
        };
        let mut disk = lock(&tracked.disk);
        if let Err(fault) = disk.step("sync", &tracked.path) {
            disk.sync_failed(tracked.inode);
            return code(fault, SQLITE_IOERR_FSYNC);
        }
        disk.synced(tracked.inode, &tracked.path);
        SQLITE_OK
    }
}

/// A function of an open file that is passed on as it is.
macro_rules! passed_on {
    ($name:ident, $method:ident $(, $argument:ident: $type:ty)*) => {
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $type)*) -> c_int {
            unsafe {
                let real = real_file(file);
                real!((*real).pMethods, $method, real $(, $argument)*)
            }
        }
    };
}

passed_on!(file_size, xFileSize, size: *mut sqlite3_int64);
passed_on!(lock_file, xLock, level: c_int);
passed_on!(unlock_file, xUnlock, level: c_int);
passed_on!(check_reserved_lock, xCheckReservedLock, out: *mut c_int);
passed_on!(file_control, xFileControl, operation: c_int, argument: *mut c_void);
passed_on!(sector_size, xSectorSize);
passed_on!(device_characteristics, xDeviceCharacteristics);
passed_on!(shm_map, xShmMap, page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void);
passed_on!(shm_lock, xShmLock, offset: c_int, count: c_int, flags: c_int);
passed_on!(shm_unmap, xShmUnmap, delete: c_int);

/// `rename(2)` of this whole process.
#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    unsafe {
        if let Some(path) = path_of(from)
            && disk_of(&path).is_some_and(|disk| lock(&disk).step("rename", &path).is_err())
        {
            *libc::__errno_location() = libc::EIO;
            return -1;
        }
        libc::renameat(libc::AT_FDCWD, from, libc::AT_FDCWD, to)
    }
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    unsafe {
        let real = real_file(file);
        if let Some(function) = (*(*real).pMethods).xShmBarrier {
            function(real);
        }
    }
}
