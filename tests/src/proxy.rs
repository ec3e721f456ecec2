//! A network between terminal and portal that fails in the ways networks fail, one scripted request
//! at a time.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Largest request passed on, in bytes.
const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// How long either side may stay silent within one exchange.
const SILENCE: Duration = Duration::from_secs(30);

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is passed on and answered.
    None,
    /// The portal answers, but the terminal never hears it: the connection is closed.
    LoseAnswer,
    /// The portal never sees it: 500 instead.
    ServerError,
    /// The portal never sees it: 503, to be tried again after so many seconds.
    Unavailable {
        /// The value of `Retry-After`.
        retry_after_s: u64,
    },
    /// The portal never sees it: a redirect to the log-in page of a Wi-Fi network.
    RedirectToLogin,
    /// The portal never sees it: that log-in page itself, with 200.
    LoginPage,
    /// The portal answers, and half of the answer arrives.
    HalfAnswer,
}

/// The proxy; it stops listening when dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    upstream: String,
    path: String,
    script: Mutex<VecDeque<Fault>>,
    happened: Mutex<Vec<Fault>>,
    ended: AtomicBool,
}

impl Proxy {
    /// Listens on a free loopback port and passes everything on to `upstream` (`http://HOST:PORT`).
    /// The scripted faults befall requests whose path is `path`.
    pub fn start(upstream: &str, path: &str) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port for the proxy")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            upstream: upstream.trim_start_matches("http://").to_owned(),
            path: path.to_owned(),
            script: Mutex::default(),
            happened: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let thread = std::thread::spawn(move || accept(&listener, &accepting));
        Ok(Self {
            port,
            shared,
            listener: Some(thread),
        })
    }

    /// The address the terminal is given as its portal's.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Adds faults for the next requests, one each.
    pub fn script(&self, faults: &[Fault]) {
        self.shared
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(faults);
    }

    /// What happened so far to the requests the script is for, oldest first.
    pub fn happened(&self) -> Vec<Fault> {
        self.shared
            .happened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is to end.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.listener.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        let shared = Arc::clone(shared);
        // A broken exchange is the terminal's to live with; it shows in what the terminal does
        // next.
        std::thread::spawn(move || exchange(&client, &shared));
    }
}

/// One request and its answer; every connection carries one only.
fn exchange(client: &TcpStream, shared: &Shared) -> Result<()> {
    client.set_read_timeout(Some(SILENCE))?;
    let request = read_request(client)?;
    let fault = if request.path == shared.path {
        let next = shared
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let fault = next.unwrap_or(Fault::None);
        shared
            .happened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
        fault
    } else {
        Fault::None
    };
    let answer = match fault {
        Fault::None => ask(shared, &request)?,
        Fault::LoseAnswer => {
            ask(shared, &request)?;
            Vec::new()
        }
        Fault::HalfAnswer => {
            let whole = ask(shared, &request)?;
            let body = whole
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
                .map_or(0, |end| end + 4);
            whole[..body + (whole.len() - body) / 2].to_vec()
        }
        Fault::ServerError => answer("500 Internal Server Error", "", "it broke"),
        Fault::Unavailable { retry_after_s } => answer(
            "503 Service Unavailable",
            &format!("Retry-After: {retry_after_s}\r\n"),
            "later",
        ),
        Fault::RedirectToLogin => answer("302 Found", "Location: http://192.0.2.1/login\r\n", ""),
        Fault::LoginPage => answer(
            "200 OK",
            "Content-Type: text/html\r\n",
            "<html>Welcome to the hotel</html>",
        ),
    };
    let mut client = client;
    client.write_all(&answer)?;
    client.shutdown(Shutdown::Both)?;
    Ok(())
}

/// A request as it came, its connection headers replaced by `Connection: close`.
struct Request {
    path: String,
    bytes: Vec<u8>,
}

fn read_request(client: &TcpStream) -> Result<Request> {
    let mut reader = BufReader::new(client);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || head.len() > MAX_REQUEST_BYTES {
            bail!("the request ended within its head");
        }
        if line.trim_end().is_empty() {
            break;
        }
        let name = line
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if name == "content-length" {
            length = line[name.len() + 1..]
                .trim()
                .parse()
                .context("Content-Length is no number")?;
        }
        if name != "connection" {
            head.push_str(&line);
        }
    }
    if length > MAX_REQUEST_BYTES {
        bail!("the request is larger than this proxy passes on");
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut bytes = format!("{head}Connection: close\r\n\r\n").into_bytes();
    let start = bytes.len();
    bytes.resize(start + length, 0);
    reader.read_exact(&mut bytes[start..])?;
    Ok(Request { path, bytes })
}

/// The upstream's whole answer, as it came.
fn ask(shared: &Shared, request: &Request) -> Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(&shared.upstream)?;
    upstream.set_read_timeout(Some(SILENCE))?;
    upstream.write_all(&request.bytes)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
