//! Numbers of SQLite's file format (<https://sqlite.org/fileformat2.html>).

/// Size of a page; the journal never had another.
pub(in crate::journal) const PAGE_BYTES: usize = 4096;

pub(super) fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// A variable-length integer and how many bytes it took.
pub(in crate::journal) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        if index == 8 {
            return Some((value << 8 | u64::from(*byte), 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}
