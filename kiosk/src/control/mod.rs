//! The control socket: one line of JSON in, one line of JSON out. For root and the group `pikir`.

pub mod status;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use self::status::{Status, StatusSource};
use crate::limits::{CONTROL_TIMEOUT, MAX_CONTROL_REQUEST_BYTES};
use crate::platform::files;

/// What may be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
enum ControlRequest {
    Status,
}

#[derive(Serialize)]
struct ControlError {
    error: String,
}

/// Listens on the control socket. Must be called inside the runtime.
///
/// # Errors
/// The socket cannot be made.
pub fn listen(path: &Path) -> anyhow::Result<UnixListener> {
    // Whoever holds the data directory's lock may take the place of a socket that a crash left
    // behind.
    files::remove_if_there(path)?;
    let listener = UnixListener::bind(path)
        .with_context(|| format!("control socket {} cannot be made", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Answers for ever.
pub async fn serve(listener: UnixListener, status: StatusSource) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let status = status.clone();
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(CONTROL_TIMEOUT, answer(stream, &status)).await;
                });
            }
            Err(error) => {
                // Out of file descriptors; one is free again soon.
                tracing::warn!(%error, "the control socket does not accept");
                tokio::time::sleep(CONTROL_TIMEOUT).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, status: &StatusSource) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(MAX_CONTROL_REQUEST_BYTES as u64))
        .read_line(&mut line)
        .await?;
    let mut reply = match serde_json::from_str(&line) {
        Ok(ControlRequest::Status) => serde_json::to_vec(&status.now())?,
        Err(error) => serde_json::to_vec(&ControlError {
            error: format!("not a request: {error}"),
        })?,
    };
    reply.push(b'\n');
    write.write_all(&reply).await
}

/// Asks the running terminal for its status.
///
/// # Errors
/// No terminal is running on this socket, or it does not answer in time.
pub async fn ask_status(path: &Path) -> anyhow::Result<Status> {
    let exchange = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(b"{\"request\":\"status\"}\n").await?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await?;
        anyhow::Ok(line)
    };
    let line = tokio::time::timeout(CONTROL_TIMEOUT, exchange)
        .await
        .with_context(|| format!("the terminal on {} does not answer. Restart it: systemctl restart pikir-kiosk", path.display()))?
        .with_context(|| {
            format!("no terminal answers on {}. Is it running (systemctl status pikir-kiosk), and may you ask (root or group pikir)?", path.display())
        })?;
    serde_json::from_str(&line).context("the terminal answered with something else than its status")
}
