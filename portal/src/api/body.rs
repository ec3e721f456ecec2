//! Request bodies within limits: read, then unpacked.

use std::io::Read;
use std::pin::Pin;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};

use super::problem::ApiProblem;

/// The largest body of a delivery as sent, in bytes (4 MiB).
pub const MAX_SENT_BYTES: usize = 4 * 1024 * 1024;
/// The largest body of a delivery once unpacked, in bytes (16 MiB).
pub const MAX_UNPACKED_BYTES: usize = 16 * 1024 * 1024;
/// The largest body of every other message, sent and unpacked alike, in bytes (64 KiB).
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Bytes of a refused body that are still read and thrown away, so that the sender gets to see the
/// refusal instead of a broken connection.
const MAX_DRAINED_BYTES: usize = 4 * MAX_SENT_BYTES;
/// zstd may ask for a window of 2^24 bytes (16 MiB), which is all that a body may unpack to.
const ZSTD_WINDOW_LOG: u32 = 24;

/// How large a body may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct SizeLimits {
    /// As sent.
    pub sent: usize,
    /// Once unpacked.
    pub unpacked: usize,
}

/// For a delivery of events.
pub const DELIVERY: SizeLimits = SizeLimits {
    sent: MAX_SENT_BYTES,
    unpacked: MAX_UNPACKED_BYTES,
};
/// For every other message.
pub const MESSAGE: SizeLimits = SizeLimits {
    sent: MAX_MESSAGE_BYTES,
    unpacked: MAX_MESSAGE_BYTES,
};

fn too_large(limit: usize) -> ApiProblem {
    ApiProblem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        &format!(
            "the body is larger than the {limit} bytes allowed here; send fewer events at once"
        ),
    )
}

/// Reads a body as sent, at most `limit` bytes.
pub async fn read_sent(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Vec<u8>, ApiProblem> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let mut excess = announced.is_some_and(|length| length > limit as u64);
    let (mut body, mut sent, mut drained) = (body, Vec::new(), 0);
    while let Some(part) = next_part(&mut body).await? {
        excess |= sent.len() + part.len() > limit;
        if excess {
            sent = Vec::new();
            drained += part.len();
            if drained > MAX_DRAINED_BYTES {
                break;
            }
        } else {
            sent.extend_from_slice(&part);
        }
    }
    if excess {
        Err(too_large(limit))
    } else {
        Ok(sent)
    }
}

/// Reads a body and throws it away, at most `limit` bytes of it.
pub async fn drain(mut body: Body, limit: usize) {
    let mut drained = 0;
    while let Ok(Some(part)) = next_part(&mut body).await {
        drained += part.len();
        if drained > limit {
            break;
        }
    }
}

async fn next_part(body: &mut Body) -> Result<Option<Bytes>, ApiProblem> {
    loop {
        match std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(Err(_)) => return Err(ApiProblem::bad_request("the body broke off")),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                // Trailers carry nothing here.
                Err(_) => continue,
            },
        }
    }
}

/// Unpacks a body by its `Content-Encoding`, to at most `limit` bytes.
pub fn unpack(headers: &HeaderMap, sent: Vec<u8>, limit: usize) -> Result<Vec<u8>, ApiProblem> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let encoding = match (encodings.next(), encodings.next()) {
        (None, _) => "identity".to_owned(),
        (Some(only), None) => only.to_str().unwrap_or("?").trim().to_ascii_lowercase(),
        (Some(_), Some(_)) => "several".to_owned(),
    };
    match encoding.as_str() {
        "identity" | "" if sent.len() > limit => Err(too_large(limit)),
        "identity" | "" => Ok(sent),
        "gzip" | "x-gzip" => {
            read_unpacked(flate2::read::MultiGzDecoder::new(sent.as_slice()), limit)
        }
        "zstd" => {
            let broken = |_| ApiProblem::bad_request("the body is not zstd");
            let mut decoder = zstd::stream::read::Decoder::new(sent.as_slice()).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
            read_unpacked(decoder, limit)
        }
        _ => Err(ApiProblem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this Content-Encoding is not known here; use zstd, gzip or none",
        )),
    }
}

fn read_unpacked(decoder: impl Read, limit: usize) -> Result<Vec<u8>, ApiProblem> {
    let mut unpacked = Vec::new();
    let read = decoder.take(limit as u64 + 1).read_to_end(&mut unpacked);
    if unpacked.len() > limit {
        return Err(too_large(limit));
    }
    read.map_err(|_| {
        ApiProblem::bad_request("the body cannot be unpacked by its Content-Encoding")
    })?;
    Ok(unpacked)
}
