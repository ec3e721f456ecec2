//! A line between terminal and portal as it is in the field: so many bits a second each way, and
//! the time they travel.
//!
//! All connections share it. What is counted is what the programs send; the headers of the packets
//! are not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What travels at once (bytes): about a packet of the internet.
const PACKET: usize = 1_400;
/// Packets under way at the same time, in each direction of a connection: more than any of these
/// lines holds.
const UNDER_WAY: usize = 4_096;
/// What may go at once after a silence, as the bucket is full then (bytes).
const BURST: u64 = 2 * PACKET as u64;

/// What a line is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bits a second, each way.
    pub bits_per_s: u64,
    /// There and back.
    pub round_trip: Duration,
}

/// A line to one server. It takes no further connection once it is dropped.
pub struct Line {
    port: u16,
    ended: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Line {
    /// Listens on a free loopback port; everything goes on to `upstream` (`http://HOST:PORT`) in
    /// this shape.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start(upstream: &str, shape: Shape) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port for the line")?;
        let port = listener.local_addr()?.port();
        let ended = Arc::new(AtomicBool::new(false));
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let seen = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let (there, back) = (Bucket::shared(shape), Bucket::shared(shape));
            for near in listener.incoming().flatten() {
                if seen.load(Ordering::SeqCst) {
                    return;
                }
                // A connection that breaks is for the programs at its ends to notice.
                let _ = connect(near, &upstream, &there, &back);
            }
        });
        Ok(Self {
            port,
            ended,
            listener: Some(thread),
        })
    }

    /// The server's address at the near end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is to end.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.listener.take() {
            let _ = thread.join();
        }
    }
}

/// Carries one connection, until its ends close it.
fn connect(
    near: TcpStream,
    upstream: &str,
    there: &Arc<Bucket>,
    back: &Arc<Bucket>,
) -> std::io::Result<()> {
    let far = TcpStream::connect(upstream)?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    carry(near.try_clone()?, far.try_clone()?, Arc::clone(there));
    carry(far, near, Arc::clone(back));
    Ok(())
}

/// One direction: a thread puts packets on the line, another takes them off when they arrive.
fn carry(from: TcpStream, to: TcpStream, bucket: Arc<Bucket>) {
    let (put, take) = sync_channel(UNDER_WAY);
    std::thread::spawn(move || send(from, &put, &bucket));
    std::thread::spawn(move || arrive(to, &take));
}

fn send(mut from: TcpStream, line: &SyncSender<(Instant, Vec<u8>)>, bucket: &Bucket) {
    let mut packet = vec![0; PACKET];
    while let Ok(bytes @ 1..) = from.read(&mut packet) {
        let sent = bucket.pour(bytes);
        // What reads no faster than the line makes whoever writes wait.
        std::thread::sleep(sent.saturating_duration_since(Instant::now()));
        let arrives = sent + bucket.travel;
        if line.send((arrives, packet[..bytes].to_vec())).is_err() {
            return;
        }
    }
}

fn arrive(mut to: TcpStream, line: &Receiver<(Instant, Vec<u8>)>) {
    while let Ok((at, packet)) = line.recv() {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        if to.write_all(&packet).is_err() {
            break;
        }
    }
    // The other end hears that there is no more.
    let _ = to.shutdown(Shutdown::Write);
}

/// A token bucket, as the time at which it will be full again.
struct Bucket {
    bits_per_s: u64,
    travel: Duration,
    full_at: Mutex<Instant>,
}

impl Bucket {
    fn shared(shape: Shape) -> Arc<Self> {
        Arc::new(Self {
            bits_per_s: shape.bits_per_s,
            travel: shape.round_trip / 2,
            full_at: Mutex::new(Instant::now()),
        })
    }

    fn takes(&self, bytes: u64) -> Duration {
        Duration::from_secs_f64((bytes * 8) as f64 / self.bits_per_s as f64)
    }

    /// When so many bytes more have gone.
    fn pour(&self, bytes: usize) -> Instant {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        *full_at = (*full_at).max(now) + self.takes(bytes as u64);
        (*full_at)
            .checked_sub(self.takes(BURST))
            .map_or(now, |gone| gone.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each byte with one, once it has them all.
    fn echo(bytes: usize) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut all = vec![0; bytes];
            stream.read_exact(&mut all).unwrap();
            stream.write_all(&all).unwrap();
        });
        (url, thread)
    }

    #[test]
    fn nothing_arrives_faster_than_the_line_carries_it_and_everything_arrives_as_it_was() {
        let shape = Shape {
            bits_per_s: 1_000_000,
            round_trip: Duration::from_millis(40),
        };
        let content: Vec<u8> = (0..20_000_u32).map(|n| (n % 251) as u8).collect();
        let (url, server) = echo(content.len());
        let line = Line::start(&url, shape).unwrap();
        let mut stream = TcpStream::connect(line.url().trim_start_matches("http://")).unwrap();
        let started = Instant::now();
        stream.write_all(&content).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, content);
        // 160,000 bits each way at 1 Mbit/s are 320 ms, less what the full buckets let through at
        // once.
        let least = Duration::from_millis(320 + 40 - 2 * 23);
        assert!(started.elapsed() >= least, "{:?}", started.elapsed());
        server.join().unwrap();
    }
}
