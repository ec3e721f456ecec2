//! Accepts connections and serves them until the portal is told to stop.
//!
//! Own, rather than `axum::serve`, for the limits: how many connections, how large the head of a
//! request may be, how long one may take to say what it wants, and how long an answer waits to be
//! read.

pub mod arrival;
pub mod middleware;
pub mod pace;
mod places;
mod router;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use places::{Answer, Place, Places};
use stream::ClientStream;

pub use self::router::router;

/// How long a connection may take to send the head of its next request; idle ones are closed then.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head, address and all headers together (64 KiB).
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long requests under way may take once the portal is told to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after a connection could not be accepted (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is there, then lets requests under way finish for a short while.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    serve_in(Places::new(), listener, router, stop).await;
}

async fn serve_in(
    places: Places,
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => match accepted {
                Ok((stream, address, place)) => spawn(stream, address, place, router.clone(), &graceful),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    tracing::info!("the portal stops");
    if tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way when the portal stopped");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Places,
) -> io::Result<(TcpStream, SocketAddr, Arc<Place>)> {
    let (stream, address) = listener.accept().await?;
    // A small answer must not wait for more to send.
    stream.set_nodelay(true)?;
    Ok((stream, address, places.take().await))
}

fn spawn(
    stream: TcpStream,
    address: SocketAddr,
    place: Arc<Place>,
    router: Router,
    graceful: &GracefulShutdown,
) {
    let at = Arc::clone(&place);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        let (work, answer) = (at.work(), router.clone().oneshot(request));
        async move {
            Ok::<_, std::convert::Infallible>(answer.await?.map(|body| Answer::new(body, work)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(ClientStream::new(stream)), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke off");
                }
            }
            () = place.needed() => tracing::debug!("a connection without a request gave way"),
        }
    });
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn a_request_under_way_is_answered_after_the_portal_is_told_to_stop() {
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (in_handler, released) = (Arc::clone(&reached), Arc::clone(&go_on));
        let router = Router::new().route(
            "/slow",
            get(async move || {
                in_handler.notify_one();
                released.notified().await;
                "done"
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, router, async { stopped.await.unwrap() }));

        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        reached.notified().await;
        stop.send(()).unwrap();
        go_on.notify_one();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
            "{answer}"
        );
        server.await.unwrap();
        TcpStream::connect(address).await.unwrap_err();
    }

    async fn ask(stream: &mut TcpStream, path: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn where_all_places_are_taken_those_without_a_request_give_way() {
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (in_handler, released) = (Arc::clone(&reached), Arc::clone(&go_on));
        let slow = async move || {
            in_handler.notify_one();
            released.notified().await;
        };
        let router = Router::new()
            .route("/slow", get(slow))
            .route("/", get(async || "done"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let places = Places::of(3);
        tokio::spawn(serve_in(places, listener, router, std::future::pending()));

        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        reached.notified().await;
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut client, "/").await, "HTTP/1.1 200");
        go_on.notify_one();
        let mut answer = vec![0; 12];
        busy.read_exact(&mut answer).await.unwrap();
        assert_eq!(
            answer, b"HTTP/1.1 200",
            "a request under way is not cut off"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_left() {
        let endless = || async {
            let part = axum::body::Bytes::from(vec![b'x'; 1 << 20]);
            axum::body::Body::new(Endless(part))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(endless));
        let places = Places::of(1);
        let free = places.clone();
        tokio::spawn(serve_in(places, listener, router, std::future::pending()));
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        while free.is_free() {
            tokio::task::yield_now().await;
        }
        // Its place is free again although it never hangs up.
        while !free.is_free() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// A body without an end.
    struct Endless(axum::body::Bytes);

    impl axum::body::HttpBody for Endless {
        type Data = axum::body::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(self.0.clone()))))
        }
    }

    #[tokio::test]
    async fn what_is_no_request_is_told_so_in_a_problem() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Router::new(), std::future::pending()));
        let long = "x".repeat(70_000);
        // The buffer is looked at between reads, of which the last may fill twice as much.
        let longer = "x".repeat(4 * MAX_HEAD_BYTES);
        for (request, status) in [
            ("nonsense\r\n\r\n".to_owned(), 400),
            (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), 414),
            (
                format!("GET / HTTP/1.1\r\nhost: x\r\nx: {longer}\r\n\r\n"),
                431,
            ),
            (
                format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200)),
                431,
            ),
        ] {
            let mut client = TcpStream::connect(address).await.unwrap();
            // The server may hang up before it has read everything.
            let _ = client.write_all(request.as_bytes()).await;
            let mut answer = String::new();
            let _ = client.read_to_string(&mut answer).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(
                head.contains(pikir_contract::PROBLEM_CONTENT_TYPE),
                "{answer}"
            );
            let problem: pikir_contract::Problem = serde_json::from_str(body).unwrap();
            assert_eq!(problem.status, status);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_kept_and_not_used_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "done"));
        tokio::spawn(serve(listener, router, std::future::pending()));
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut client, "/").await, "HTTP/1.1 200");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Router::new(), std::future::pending()));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HT").await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
    }
}
