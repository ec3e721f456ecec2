//! What happens to the files of a terminal that is off.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::dice::Dice;

/// SQLite's page (bytes).
const PAGE: usize = 4_096;

/// The header of a write-ahead log, of each of its frames, and a whole frame (bytes;
/// <https://sqlite.org/fileformat2.html#walformat>).
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const FRAME: usize = FRAME_HEADER + PAGE;
/// Commits behind the place of a damage that a power cut may have left there: the one that was
/// under way.
const UNDER_WAY: usize = 1;

/// What was done.
pub struct Damage {
    /// In words.
    pub what: String,
    /// The files look as a power cut may leave them.
    pub cannot_be_seen: bool,
}

/// Damages the journal at `path` in one way or another.
///
/// # Errors
/// The files cannot be read or written.
pub fn damage(path: &Path, dice: &mut Dice) -> io::Result<Damage> {
    let log = beside(path, "-wal");
    let file = if log.exists() && dice.percent(30) {
        &log
    } else {
        path
    };
    let before = fs::read(&log).unwrap_or_default();
    let what = do_damage(path, file, dice)?;
    // A log that is gone although the database is there may have been emptied by a clean end.
    let is_log = *file == log && path.exists();
    let after = fs::read(&log).unwrap_or_default();
    Ok(Damage {
        what,
        cannot_be_seen: is_log && commits_behind(&before, &after) <= UNDER_WAY,
    })
}

/// How many commits stand intact behind the first damage of a log.
fn commits_behind(before: &[u8], after: &[u8]) -> usize {
    let salts = before.get(16..24);
    let frames = |log: &[u8]| -> Vec<Vec<u8>> {
        let frames = log.get(LOG_HEADER..).unwrap_or_default();
        frames.chunks_exact(FRAME).map(<[u8]>::to_vec).collect()
    };
    let (before_frames, after_frames) = (frames(before), frames(after));
    let intact = before_frames
        .iter()
        .enumerate()
        .map(|(at, frame)| after_frames.get(at) == Some(frame));
    let header_is_intact = before.get(..LOG_HEADER) == after.get(..LOG_HEADER);
    intact
        .zip(&before_frames)
        .skip_while(|(intact, _)| header_is_intact && *intact)
        .filter(|(intact, frame)| *intact && frame.get(8..16) == salts && frame[4..8] != [0; 4])
        .count()
}

fn do_damage(path: &Path, file: &Path, dice: &mut Dice) -> io::Result<String> {
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
