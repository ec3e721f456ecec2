//! HTTP/1.1 with as little work as possible: a client that posts ready-made bytes, and a server
//! that only reads.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use pikir_contract::{SigningKey, sign_request};

/// Longest silence before a run is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// Largest answer that is read (bytes).
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;
/// How long after the end of a connection the server takes to notice.
const POLL: Duration = Duration::from_millis(100);

/// A whole request as it goes over the wire, packed and signed before the clock runs.
pub struct Ready(Vec<u8>);

impl Ready {
    /// A `POST` as the kiosk sends it: gzip, digest, signature.
    pub fn post(key: &SigningKey, keyid: &str, path: &str, json: &[u8]) -> Result<Self> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(json)?;
        let content = packer.finish()?;
        let signed = sign_request(key, keyid, "POST", path, Some(&content), 1_772_420_400);
        let digest = signed.content_digest.context("a body has a digest")?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: portal\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\
             content-length: {}\r\nsignature-input: {}\r\nsignature: {}\r\ncontent-digest: {digest}\r\n\r\n",
            content.len(),
            signed.signature_input,
            signed.signature,
        );
        Ok(Self([head.into_bytes(), content].concat()))
    }
}

/// One kept-alive connection.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects to `http://HOST:PORT`.
    pub fn open(url: &str) -> Result<Self> {
        let address = url.trim_start_matches("http://");
        let stream =
            TcpStream::connect(address).with_context(|| format!("{url} does not answer"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request and reads the whole answer: status and body.
    pub fn send(&mut self, request: &Ready) -> Result<(u16, Vec<u8>)> {
        self.0.get_mut().write_all(&request.0)?;
        let head = read_head(&mut self.0)?.context("the connection was closed")?;
        let status = head
            .first
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .with_context(|| format!("{:?} is no status line", head.first))?;
        let mut body = Vec::new();
        let length = head.length.min(MAX_ANSWER_BYTES);
        Read::take(&mut self.0, length).read_to_end(&mut body)?;
        Ok((status, body))
    }

    /// Sends a request that must be answered with 200.
    pub fn succeed(&mut self, request: &Ready) -> Result<Vec<u8>> {
        match self.send(request)? {
            (200, body) => Ok(body),
            (status, body) => bail!("answered {status}: {}", String::from_utf8_lossy(&body)),
        }
    }
}

struct Head {
    first: String,
    length: u64,
}

/// Reads up to the empty line; `None` when the other side has closed the connection.
fn read_head(stream: &mut impl BufRead) -> Result<Option<Head>> {
    let mut line = |line: &mut String| -> Result<bool> {
        line.clear();
        Ok(stream.read_line(line)? > 0)
    };
    let (mut first, mut field) = (String::new(), String::new());
    if !line(&mut first)? {
        return Ok(None);
    }
    let mut length = 0;
    while line(&mut field)? && field.trim_end() != "" {
        let Some((name, value)) = field.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().context("a content-length")?;
        }
    }
    Ok(Some(Head { first, length }))
}

/// A server that reads each request to its end and answers 200 with an empty object.
pub struct Sink {
    port: u16,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    /// Listens on a free loopback port; serves one connection after the other.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let port = listener.local_addr()?.port();
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if seen.load(Ordering::SeqCst) {
                    return;
                }
                // A client that breaks off is one that is done.
                let _ = swallow(stream, &seen);
            }
        });
        Ok(Self {
            port,
            ended,
            thread: Some(thread),
        })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn swallow(stream: TcpStream, ended: &AtomicBool) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(POLL))?;
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    while !ended.load(Ordering::SeqCst) {
        match stream.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(_) => {}
            Err(_) => continue,
        }
        stream.get_ref().set_read_timeout(Some(SILENCE))?;
        let Some(head) = read_head(&mut stream)? else {
            return Ok(());
        };
        std::io::copy(
            &mut Read::take(&mut stream, head.length),
            &mut std::io::sink(),
        )?;
        stream.get_mut().write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        )?;
        stream.get_ref().set_read_timeout(Some(POLL))?;
    }
    Ok(())
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is to end.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sink_answers_every_request_of_a_kept_connection() {
        let sink = Sink::start().unwrap();
        let key = SigningKey::from_bytes(&[1; 32]);
        let request = Ready::post(&key, "me", "/x", &vec![b'a'; 300_000]).unwrap();
        let mut connection = Connection::open(&sink.url()).unwrap();
        for _ in 0..3 {
            assert_eq!(connection.succeed(&request).unwrap(), b"{}");
        }
    }
}
