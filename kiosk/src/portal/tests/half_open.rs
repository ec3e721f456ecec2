//! Connections on which the other end goes silent, at every stage of a request, over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::config::identity::Identity;
use crate::platform::clock::TestClock;
use crate::platform::entropy::{Entropy, TestEntropy};
use crate::platform::files;
use crate::portal::*;

/// An authority that signed nothing: what matters is that a handshake is tried.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBeDCCAR+gAwIBAgIUZD0EEo5NzNwIOT2r0MosNwywGJwwCgYIKoZIzj0EAwIw\n\
ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyMjA1NTkxOFoYDzIxMjYxMDI5MDU1\n\
OTE4WjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n\
AASItCc1JGHq14IJX6RKp34J/hkenx2W/rHHu++e+pIXRyXKrLumeSB3kIECFwYq\n\
g1Sw1N+z2Qx+5dewude/JOuZo1MwUTAdBgNVHQ4EFgQUrRYEIe+72NWo3MycsMJN\n\
Dxo8z+AwHwYDVR0jBBgwFoAUrRYEIe+72NWo3MycsMJNDxo8z+AwDwYDVR0TAQH/\n\
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiA9qrHhsoNR066aa5dFxBhRW4SzD/X0\n\
wPFPizrajuikawIgDjo/mVGDE5HFxa95rZV5FDfimX/WH6m6p5phc5pILx4=\n\
-----END CERTIFICATE-----\n";
/// Short enough for a test; what is tested is that each of them is kept.
const SHORT: Patience = Patience {
    connect: Duration::from_millis(300),
    silence: Duration::from_millis(300),
    whole: Duration::from_millis(1_200),
};
/// A test that waits longer than this has found a request that never ends.
const DEADLINE: Duration = Duration::from_secs(30);
/// What is sent to who does not read (bytes), and what of it the other end's kernel takes.
const LARGE: usize = crate::limits::MAX_BATCH_BYTES;
const TAKEN: u32 = 4_096;

/// What the other end does with its connections.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Reads everything and says nothing.
    Swallows,
    /// Does not even read.
    Deaf,
    /// Answers the half.
    Stops,
    /// Answers a byte at a time, for ever.
    Trickles,
    /// Answers the first request of the first connection, and swallows the next; other connections
    /// are good.
    GoesSilent,
    /// Answers everything.
    Good,
}

/// Something that listens, and how many connections it saw.
struct OtherEnd {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl OtherEnd {
    fn listen(manner: Manner) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(TAKEN).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(8).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let seen = connections.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let is_first = seen.fetch_add(1, Ordering::SeqCst) == 0;
                // It ends with an error when the terminal hangs up, as it should.
                tokio::spawn(behave(stream, manner, is_first));
            }
        });
        Self { port, connections }
    }

    /// Its file of authorities is gone as soon as it was read.
    fn portal(&self, scheme: &str, patience: Patience) -> HttpPortal {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        files::replace(&ca, AUTHORITY.as_bytes(), 0o600).unwrap();
        let url = format!("{scheme}://127.0.0.1:{}", self.port);
        let address = PortalAddress::with_patience(&url, Some(&ca), patience).unwrap();
        let key = Identity::generate(&*TestEntropy::new(1)).signing_key();
        let boot = "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap();
        HttpPortal::new(address, key, "nobody".into(), TestClock::new(boot, 0))
    }
}

async fn behave(mut stream: TcpStream, manner: Manner, is_first: bool) -> std::io::Result<()> {
    match manner {
        Manner::Deaf => std::future::pending().await,
        Manner::Swallows => swallow(&mut stream).await,
        Manner::Stops => {
            request(&mut stream).await?;
            let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"received";
            stream.write_all(half).await?;
            swallow(&mut stream).await
        }
        Manner::Trickles => {
            request(&mut stream).await?;
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n";
            stream.write_all(head).await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Manner::GoesSilent if is_first => {
            answer(&mut stream).await?;
            swallow(&mut stream).await
        }
        Manner::GoesSilent | Manner::Good => loop {
            answer(&mut stream).await?;
        },
    }
}

async fn swallow(stream: &mut TcpStream) -> std::io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// One request without content, or the beginning of one.
async fn request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

async fn answer(stream: &mut TcpStream) -> std::io::Result<()> {
    request(stream).await?;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        .await
}

fn get() -> Request {
    Request::get("/api/v1/terminal/config", None)
}

async fn send(portal: &HttpPortal, request: Request) -> Result<Reply, String> {
    tokio::time::timeout(DEADLINE, portal.send(request))
        .await
        .expect("the request ends")
}

#[tokio::test]
async fn silence_ends_a_request_at_every_stage() {
    for (stage, scheme, manner) in [
        ("TLS", "https", Manner::Swallows),
        ("first byte", "http", Manner::Swallows),
        ("body", "http", Manner::Stops),
        ("a byte at a time", "http", Manner::Trickles),
    ] {
        let other = OtherEnd::listen(manner);
        let reply = send(&other.portal(scheme, SHORT), get()).await;
        let reason = reply.expect_err(stage);
        assert!(reason.contains("timed out"), "{stage}: {reason}");
        assert!(other.connections.load(Ordering::SeqCst) > 0, "{stage}");
    }
}

#[tokio::test]
async fn a_portal_that_does_not_read_ends_the_sending() {
    let other = OtherEnd::listen(Manner::Deaf);
    // Content that does not compress, so that the connection's buffers cannot hold it.
    let mut content = vec![0; LARGE];
    TestEntropy::new(2).fill(&mut content);
    let large = Request {
        path: "/api/v1/events",
        body: RequestBody::Post(content.into()),
    };
    let reason = send(&other.portal("http", SHORT), large).await.unwrap_err();
    assert!(reason.contains("timed out"), "{reason}");
}

#[tokio::test]
async fn the_request_after_a_connection_went_silent_takes_another_one() {
    let other = OtherEnd::listen(Manner::GoesSilent);
    let patience = Patience {
        silence: Duration::from_secs(2),
        ..Patience::default()
    };
    let portal = other.portal("http", patience);
    assert_eq!(send(&portal, get()).await.unwrap().body, b"{}");
    assert!(send(&portal, get()).await.is_err());
    assert_eq!(send(&portal, get()).await.unwrap().body, b"{}");
    assert_eq!(other.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn after_a_network_change_no_connection_of_the_old_network_is_used() {
    let other = OtherEnd::listen(Manner::GoesSilent);
    let portal = other.portal("http", Patience::default());
    assert_eq!(send(&portal, get()).await.unwrap().body, b"{}");
    // A clone, as upkeep has one beside the uploader.
    portal.clone().forget_connections();
    assert_eq!(send(&portal, get()).await.unwrap().body, b"{}");
    assert_eq!(other.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_batches_of_a_backlog_share_a_connection() {
    let other = OtherEnd::listen(Manner::Good);
    let portal = other.portal("http", Patience::default());
    for _ in 0..3 {
        assert_eq!(send(&portal, get()).await.unwrap().body, b"{}");
    }
    assert_eq!(other.connections.load(Ordering::SeqCst), 1);
}
