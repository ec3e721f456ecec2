//! What happens to the files of a terminal that is off.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::dice::Dice;

/// SQLite's page (bytes).
const PAGE: usize = 4_096;

/// Damages the journal at `path` in one way or another; says how.
///
/// # Errors
/// The files cannot be read or written.
pub fn damage(path: &Path, dice: &mut Dice) -> io::Result<String> {
    let log = beside(path, "-wal");
    let file = if log.exists() && dice.percent(30) {
        &log
    } else {
        path
    };
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    match dice.below(8) {
        0 => {
            for suffix in ["", "-wal", "-shm"] {
                remove(&beside(path, suffix))?;
            }
            Ok("the journal is deleted".into())
        }
        1 => {
            remove(file)?;
            Ok(format!("{name} is deleted"))
        }
        _ => {
            let mut content = match fs::read(file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok("nothing is there to be damaged".into());
                }
                content => content?,
            };
            let what = harm(&mut content, dice);
            fs::write(file, content)?;
            Ok(format!("{name}: {what}"))
        }
    }
}

fn harm(content: &mut Vec<u8>, dice: &mut Dice) -> String {
    let (length, pages) = (content.len(), content.len() / PAGE);
    if length == 0 {
        return "is empty already".into();
    }
    match dice.below(6) {
        0 => {
            let bits = 1 + dice.below(40);
            for _ in 0..bits {
                let at = dice.index(length);
                content[at] ^= 1 << dice.below(8);
            }
            format!("{bits} bits flipped")
        }
        1 => {
            let page = dice.index(pages.max(1));
            let end = length.min((page + 1) * PAGE);
            content[page * PAGE..end].fill(0);
            format!("page {} zeroed", page + 1)
        }
        2 if pages > 1 => {
            let (one, other) = (dice.index(pages), dice.index(pages));
            for byte in 0..PAGE {
                content.swap(one * PAGE + byte, other * PAGE + byte);
            }
            format!("pages {} and {} swapped", one + 1, other + 1)
        }
        3 => {
            let keep = dice.index(length);
            content.truncate(keep);
            format!("cut off at {keep} of {length} bytes")
        }
        4 => {
            let start = dice.index(length);
            let end = length.min(start + 1 + dice.index(2 * PAGE));
            for byte in &mut content[start..end] {
                *byte = dice.below(256) as u8;
            }
            format!("bytes {start} to {end} overwritten by chance")
        }
        _ => {
            content[..length.min(100)].fill(0x5a);
            "the header overwritten".into()
        }
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
