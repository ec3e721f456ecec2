//! Where the files of a journal lie beside each other.

use std::path::{Path, PathBuf};

/// Where a journal is built before it takes its place.
pub(super) fn building_place(path: &Path) -> PathBuf {
    with_suffix(path, ".new")
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
