//! Answers that are packed for whoever asks for it.
//!
//! A full delivery is answered with 15 KB that say nearly the same 500 times. Packed they are a
//! tenth of that, which a terminal on a slow line, paid for by the byte, does not have to wait for
//! before it sends what comes next.

use std::io::Write;

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

/// Answers shorter than this go as they are (bytes): packing would not save a packet.
const PACK_FROM_BYTES: usize = 1_024;

/// A message as the answer to a request with these headers.
pub fn answer<T: Serialize>(asked: &HeaderMap, message: &T) -> Response {
    pack(asked, message).unwrap_or_else(|| Json(message).into_response())
}

/// `None` where it goes as it is.
fn pack<T: Serialize>(asked: &HeaderMap, message: &T) -> Option<Response> {
    if !takes_gzip(asked) {
        return None;
    }
    let json = serde_json::to_vec(message).ok()?;
    if json.len() < PACK_FROM_BYTES {
        return None;
    }
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CONTENT_ENCODING, HeaderValue::from_static("gzip")),
    ];
    Some((headers, gzip(&json)?).into_response())
}

/// Bytes packed with gzip.
pub fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).ok()?;
    packer.finish().ok()
}

/// Whether `Accept-Encoding` (RFC 9110, 12.5.3) names gzip, and not to rule it out.
pub fn takes_gzip(asked: &HeaderMap) -> bool {
    let values = asked.get_all(ACCEPT_ENCODING).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
            name.trim().eq_ignore_ascii_case("gzip")
                && weight.parse::<f32>().is_ok_and(|weight| weight > 0.0)
        })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::body::to_bytes;
    use flate2::read::GzDecoder;

    use super::*;

    fn asks(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(encoding))])
    }

    #[test]
    fn gzip_is_sent_to_whoever_asks_for_it_and_to_nobody_else() {
        for asked in ["gzip", "br, GZIP;q=0.5", "gzip ; q=1, identity"] {
            assert!(takes_gzip(&asks(asked)), "{asked}");
        }
        for asked in ["", "br", "gzip;q=0", "gzip;q=0.0", "identity, gzipped"] {
            assert!(!takes_gzip(&asks(asked)), "{asked}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_long_answer_says_the_same_packed_and_a_short_one_is_not_packed() {
        let long = vec!["accepted"; 500];
        let response = answer(&asks("gzip"), &long);
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut json = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut json).unwrap();
        assert_eq!(json, serde_json::to_vec(&long).unwrap());
        assert!(body.len() < json.len() / 5);
        for plain in [
            answer(&asks("gzip"), &["accepted"]),
            answer(&HeaderMap::new(), &long),
        ] {
            assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        }
    }
}
