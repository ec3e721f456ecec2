//! The first file system of the emulated machine: the program, the kernel modules it loads, and
//! empty folders to mount on, as the archive the kernel reads (cpio "newc",
//! Documentation/driver-api/early-userspace/buffer-format.rst).

use std::path::Path;

use anyhow::{Context, Result};

use super::parts::Parts;

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;

/// Builds the archive.
pub fn build(parts: &Parts) -> Result<Vec<u8>> {
    let read = |path: &Path| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut archive = Archive::default();
    for folder in ["dev", "proc", "data", "modules"] {
        archive.add(folder, FOLDER, &[]);
    }
    for (index, module) in parts.modules.iter().enumerate() {
        // The program loads them in the order of their names.
        archive.add(&format!("modules/{index:02}.ko"), FILE, &read(module)?);
    }
    archive.add("init", PROGRAM, &read(&parts.guest)?);
    Ok(archive.finish())
}

#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let name_bytes = name.len() as u32 + 1;
        let links = 1;
        // Inode, mode, owner, group, links, time, size, device, device of a special file, length of
        // the name, checksum.
        let header = [
            self.entries,
            mode,
            0,
            0,
            links,
            0,
            content.len() as u32,
            0,
            0,
            0,
            0,
            name_bytes,
            0,
        ];
        self.bytes.extend(b"070701");
        for field in header {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend(content);
        self.align();
    }

    /// Header with name, and content, each end on a multiple of 4.
    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_laid_out_as_the_kernel_reads_it() {
        let mut archive = Archive::default();
        archive.add("init", PROGRAM, b"hello");
        let text = String::from_utf8(archive.bytes).unwrap();
        let header = "07070100000001000081ed000000000000000000000001000000000000000500000000000000000000000000000000\
                      0000000500000000";
        assert_eq!(text, format!("{header}init\0\0hello\0\0\0"));
    }
}
