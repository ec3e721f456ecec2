//! A connection whose client has to read, and whose every answer says why.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pikir_contract::{PROBLEM_CONTENT_TYPE, Problem};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::pace::Pace;

/// What every answer of the router carries, and none that hyper makes by itself.
const OUR_MARK: &[u8] = b"x-content-type-options";

/// A stream that ends when its client takes nothing for too long.
///
/// What cannot be read as a request at all is answered by hyper, in bare words: those are replaced
/// by a problem on their way.
#[derive(Debug)]
pub struct ClientStream {
    stream: TcpStream,
    pace: Pace,
    /// What still has to be written in place of a bare answer.
    instead: Vec<u8>,
}

impl ClientStream {
    /// Takes over a connection.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            pace: Pace::default(),
            instead: Vec::new(),
        }
    }

    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let write = Pin::new(&mut self.stream).poll_write(context, &self.instead);
            let written = ready!(self.pace.watch(context, write, |bytes| *bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_instead(context))?;
        if let Some(problem) = explained(bytes) {
            this.instead = problem;
            return Poll::Ready(Ok(bytes.len()));
        }
        let write = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.pace.watch(context, write, |bytes| *bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_instead(context))?;
        if let [only] = parts
            && let Some(problem) = explained(only)
        {
            this.instead = problem;
            return Poll::Ready(Ok(only.len()));
        }
        let write = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.pace.watch(context, write, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_instead(context))?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_instead(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

/// The answer to write in place of a bare one; `None` for every other.
fn explained(head: &[u8]) -> Option<Vec<u8>> {
    let text = head
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    let (title, detail) = match text.get(..3)? {
        b"400" => (
            "Bad Request",
            "this is not HTTP, or holds what HTTP does not allow",
        ),
        b"414" => (
            "URI Too Long",
            "the address is longer than any of this portal",
        ),
        b"431" => (
            "Request Header Fields Too Large",
            "the head of the request is larger than any that this portal reads",
        ),
        _ => return None,
    };
    let is_ours = head
        .windows(OUR_MARK.len())
        .any(|part| part.eq_ignore_ascii_case(OUR_MARK));
    if is_ours || !head.ends_with(b"\r\n\r\n") {
        return None;
    }
    let status: u16 = std::str::from_utf8(&text[..3]).ok()?.parse().ok()?;
    let problem = Problem::new(Problem::ABOUT_BLANK, status, title).with_detail(detail);
    let body = serde_json::to_string(&problem).ok()?;
    let length = body.len();
    Some(
        format!(
            "HTTP/1.1 {status} {title}\r\ncontent-type: {PROBLEM_CONTENT_TYPE}\r\ncontent-length: {length}\r\n\
             x-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}
