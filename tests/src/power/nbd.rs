//! Serves a [`Disk`] to QEMU over the Network Block Device protocol (the part of its specification,
//! <https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>, that QEMU uses: fixed newstyle handshake,
//! read, write, flush).

use std::io::{self, Error, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::Disk;

const GREETING: &[u8; 16] = b"NBDMAGICIHAVEOPT";
const OPTION_MAGIC: &[u8; 8] = b"IHAVEOPT";
const OPTION_REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;
const REQUEST_MAGIC: u32 = 0x2560_9513;
const REPLY_MAGIC: u32 = 0x6744_6698;

/// Fixed newstyle, and no zeroes after the old handshake.
const HANDSHAKE_FLAGS: u16 = 0b11;
/// Has flags, and has a cache that a flush empties.
const TRANSMISSION_FLAGS: u16 = 0b101;

const OPTION_ABORT: u32 = 2;
const OPTION_GO: u32 = 7;
const REPLY_ACK: u32 = 1;
const REPLY_INFO: u32 = 3;
const REPLY_UNSUPPORTED: u32 = 0x8000_0001;

const READ: u16 = 0;
const WRITE: u16 = 1;
const DISCONNECT: u16 = 2;
const FLUSH: u16 = 3;

/// EINVAL, as the protocol has it.
const INVALID: u32 = 22;
/// What a client may send or ask for at once (bytes): the protocol's own recommendation.
const MAX_REQUEST_BYTES: u32 = 32 * 1024 * 1024;

/// Answers one client until it disconnects or dies, which a power cut does at any byte.
///
/// `fuse` is how many writes the disk still takes, 0 for any number; with the last of them it goes
/// silent, so that the power can be cut while that write, and what else was not flushed, lies in
/// the disk's cache.
pub fn serve(
    stream: &mut (impl Read + Write),
    disk: &mut Disk,
    fuse: &AtomicU64,
) -> io::Result<()> {
    let outcome = negotiate(stream, disk.size()).and_then(|wanted| match wanted {
        true => transmit(stream, disk, fuse),
        false => Ok(()),
    });
    match outcome {
        Err(error) if is_end(&error) => Ok(()),
        outcome => outcome,
    }
}

fn is_end(error: &Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// Answers options until the client wants the disk (`true`) or goes (`false`).
fn negotiate(stream: &mut (impl Read + Write), size: usize) -> io::Result<bool> {
    stream.write_all(GREETING)?;
    stream.write_all(&HANDSHAKE_FLAGS.to_be_bytes())?;
    let _client_flags: [u8; 4] = take(stream)?;
    loop {
        if &take::<8>(stream)? != OPTION_MAGIC {
            return Err(Error::other("an NBD option does not begin with its magic"));
        }
        let option = u32::from_be_bytes(take(stream)?);
        take_bytes(stream)?;
        match option {
            OPTION_GO => {
                let mut info = vec![0, 0]; // NBD_INFO_EXPORT
                info.extend((size as u64).to_be_bytes());
                info.extend(TRANSMISSION_FLAGS.to_be_bytes());
                answer_option(stream, option, REPLY_INFO, &info)?;
                answer_option(stream, option, REPLY_ACK, &[])?;
                return Ok(true);
            }
            OPTION_ABORT => {
                answer_option(stream, option, REPLY_ACK, &[])?;
                return Ok(false);
            }
            _ => answer_option(stream, option, REPLY_UNSUPPORTED, &[])?,
        }
    }
}

fn answer_option(stream: &mut impl Write, option: u32, kind: u32, data: &[u8]) -> io::Result<()> {
    let mut reply = OPTION_REPLY_MAGIC.to_be_bytes().to_vec();
    reply.extend(option.to_be_bytes());
    reply.extend(kind.to_be_bytes());
    reply.extend((data.len() as u32).to_be_bytes());
    reply.extend(data);
    stream.write_all(&reply)
}

fn transmit(stream: &mut (impl Read + Write), disk: &mut Disk, fuse: &AtomicU64) -> io::Result<()> {
    loop {
        if u32::from_be_bytes(take(stream)?) != REQUEST_MAGIC {
            return Err(Error::other("an NBD request does not begin with its magic"));
        }
        let _flags: [u8; 2] = take(stream)?;
        let kind = u16::from_be_bytes(take(stream)?);
        let handle: [u8; 8] = take(stream)?;
        let offset = u64::from_be_bytes(take(stream)?) as usize;
        let mut data = Vec::new();
        let mut error = 0;
        if kind == WRITE {
            let written = take_bytes(stream)?;
            match disk.holds(offset, written.len()) {
                true => disk.write(offset, &written),
                false => error = INVALID,
            }
            if blows(fuse) {
                return io::copy(stream, &mut io::sink()).map(|_| ());
            }
        } else {
            let length = u32::from_be_bytes(take(stream)?);
            match kind {
                READ if length <= MAX_REQUEST_BYTES && disk.holds(offset, length as usize) => {
                    data.resize(length as usize, 0);
                    disk.read(offset, &mut data);
                }
                FLUSH => disk.flush(),
                DISCONNECT => return Ok(()),
                _ => error = INVALID,
            }
        }
        let mut reply = REPLY_MAGIC.to_be_bytes().to_vec();
        reply.extend(error.to_be_bytes());
        reply.extend(handle);
        reply.append(&mut data);
        stream.write_all(&reply)?;
    }
}

/// Counts one write; whether it was the last.
fn blows(fuse: &AtomicU64) -> bool {
    let counted = fuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    });
    counted == Ok(1)
}

fn take<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads a length and as many bytes.
fn take_bytes(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = u32::from_be_bytes(take(stream)?);
    if length > MAX_REQUEST_BYTES {
        return Err(Error::other(format!("{length} bytes at once are too many")));
    }
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
