//! Who may send what, in which size and encoding.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use hyper::body::Frame;
use pikir_contract::{Id, SigningKey};
use serde_json::{Value, json};

use crate::support::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

async fn nothing_kept(portal: &Portal) {
    assert_eq!(
        portal
            .database()
            .query_row("SELECT count(*) FROM events", [], |row| row.get(0)),
        Ok(0)
    );
}

#[tokio::test]
async fn plain_gzip_and_zstd_are_all_understood() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let body = |seq| {
        terminal
            .delivery(&[terminal.rating(seq, 5)])
            .to_string()
            .into_bytes()
    };
    for (seq, sent, encoding) in [
        (1, body(1), "identity"),
        (2, gzip(&body(2)), "gzip"),
        (3, zstd(&body(3)), "zstd"),
    ] {
        let answer = terminal
            .post_bytes(&portal, EVENTS, sent, &[("content-encoding", encoding)])
            .await
            .ok();
        assert_eq!(answer["received_through"], seq, "{encoding}");
    }
}

#[tokio::test]
async fn another_encoding_is_415_and_a_broken_one_400() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let body = terminal.delivery(&[]).to_string().into_bytes();
    for (encoding, status) in [
        ("br", 415),
        ("gzip, zstd", 415),
        ("deflate", 415),
        ("gzip", 400),
        ("zstd", 400),
    ] {
        let headers = [("content-encoding", encoding)];
        terminal
            .post_bytes(&portal, EVENTS, body.clone(), &headers)
            .await
            .problem(status);
    }
    let mut cut = gzip(&body);
    cut.truncate(cut.len() / 2);
    terminal
        .post_bytes(&portal, EVENTS, cut, &[("content-encoding", "gzip")])
        .await
        .problem(400);
}

#[tokio::test]
async fn a_body_too_large_as_sent_or_unpacked_is_413() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    terminal
        .post_bytes(&portal, EVENTS, large, &[])
        .await
        .problem(413);
    let bomb = vec![b' '; 16 * 1024 * 1024 + 1];
    terminal
        .post_bytes(
            &portal,
            EVENTS,
            gzip(&bomb),
            &[("content-encoding", "gzip")],
        )
        .await
        .problem(413);
    terminal
        .post_bytes(
            &portal,
            EVENTS,
            zstd(&bomb),
            &[("content-encoding", "zstd")],
        )
        .await
        .problem(413);
    let fits = vec![b' '; 16 * 1024 * 1024];
    terminal
        .post_bytes(
            &portal,
            EVENTS,
            zstd(&fits),
            &[("content-encoding", "zstd")],
        )
        .await
        .problem(400);
    terminal
        .post_bytes(&portal, STATUS, vec![b' '; 64 * 1024 + 1], &[])
        .await
        .problem(413);
}

#[tokio::test]
async fn what_is_not_json_is_400_and_what_is_not_a_delivery_422() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    for body in ["", "{", "not json", "[1,2"] {
        terminal
            .post_bytes(&portal, EVENTS, body.as_bytes().to_vec(), &[])
            .await
            .problem(400);
    }
    for body in [json!([]), json!({}), json!({"terminal": "x"}), json!(null)] {
        terminal.post(&portal, EVENTS, &body).await.problem(422);
    }
    nothing_kept(&portal).await;
}

#[tokio::test]
async fn an_envelope_at_fault_is_named_by_its_seq() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let faulty = |change: fn(&mut Value)| {
        let mut delivery = terminal.delivery(&terminal.ratings(1..=3));
        change(&mut delivery["events"][1]);
        delivery
    };
    let changes: [fn(&mut Value); 4] = [
        |event| event["seal"] = json!("short"),
        |event| event["kind"] = json!(7),
        |event| drop(event.as_object_mut().unwrap().remove("body")),
        |event| drop(event.as_object_mut().unwrap().remove("seal")),
    ];
    for change in changes {
        let problem = terminal
            .post(&portal, EVENTS, &faulty(change))
            .await
            .problem(422);
        assert_eq!(problem["seq"], 2, "{problem}");
    }
    for seq in [1, 0] {
        let mut delivery = terminal.delivery(&terminal.ratings(1..=2));
        delivery["events"][1]["seq"] = json!(seq);
        assert_eq!(
            terminal.post(&portal, EVENTS, &delivery).await.problem(422)["seq"],
            seq
        );
    }
    let too_many = terminal
        .deliver(&portal, &terminal.ratings(1..=501))
        .await
        .problem(422);
    assert!(
        too_many["detail"].as_str().unwrap().contains("501"),
        "{too_many}"
    );
    nothing_kept(&portal).await;
}

#[tokio::test]
async fn a_problem_never_repeats_what_a_visitor_wrote() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut delivery = terminal.delivery(&terminal.ratings(1..=1));
    delivery["events"][0]["seal"] = json!("мой телефон 0555 123456");
    let answer = terminal.post(&portal, EVENTS, &delivery).await;
    answer.problem(422);
    assert!(!answer.text.contains("0555"), "{}", answer.text);
}

#[tokio::test]
async fn a_request_nobody_signed_or_somebody_else_signed_is_401() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let body = terminal
        .delivery(&terminal.ratings(1..=1))
        .to_string()
        .into_bytes();
    let (id, stranger) = (terminal.id.to_string(), SigningKey::from_bytes(&[99; 32]));
    let post =
        |key: &SigningKey, keyid: &str| signed(key, keyid, "POST", EVENTS, body.clone(), &[]);

    portal
        .send(
            Request::post(EVENTS)
                .body(Body::from(body.clone()))
                .unwrap(),
        )
        .await
        .problem(401);
    portal.send(post(&stranger, &id)).await.problem(401);
    portal
        .send(post(&terminal.key, &Id::from_parts(5, [5; 10]).to_string()))
        .await
        .problem(401);
    portal
        .send(post(&terminal.key, "not an id"))
        .await
        .problem(401);
    let (parts, _) = post(&terminal.key, &id).into_parts();
    let other_body = terminal.delivery(&terminal.ratings(1..=2)).to_string();
    portal
        .send(Request::from_parts(parts, Body::from(other_body)))
        .await
        .problem(401);
    let (mut parts, sent) = post(&terminal.key, &id).into_parts();
    parts.uri = STATUS.parse().unwrap();
    portal
        .send(Request::from_parts(parts, sent))
        .await
        .problem(401);
    nothing_kept(&portal).await;
}

#[tokio::test]
async fn the_signature_is_checked_before_anything_else() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let stranger = SigningKey::from_bytes(&[99; 32]);
    let id = terminal.id.to_string();
    for (body, encoding) in [(b"{".to_vec(), "identity"), (b"x".to_vec(), "br")] {
        let request = signed(
            &stranger,
            &id,
            "POST",
            EVENTS,
            body,
            &[("content-encoding", encoding)],
        );
        portal.send(request).await.problem(401);
    }
    portal.retire(&terminal).await;
    portal
        .send(signed(&stranger, &id, "POST", EVENTS, b"{}".to_vec(), &[]))
        .await
        .problem(401);
}

/// A body that never comes.
struct Never;

impl HttpBody for Never {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_stranger_is_refused_before_a_byte_of_the_body_has_come() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let stranger = SigningKey::from_bytes(&[99; 32]);
    let id = terminal.id.to_string();
    for path in [EVENTS, STATUS, ENROLMENTS] {
        let request = signed(&stranger, &id, "POST", path, b"{}".to_vec(), &[]);
        let (parts, _) = request.into_parts();
        portal
            .send(Request::from_parts(parts, Body::new(Never)))
            .await
            .problem(401);
    }
}

#[tokio::test]
async fn a_retired_terminal_is_told_so_whatever_it_sends() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.retire(&terminal).await;
    let answers = [
        terminal.deliver(&portal, &terminal.ratings(1..=1)).await,
        terminal
            .post_bytes(
                &portal,
                EVENTS,
                b"not json".to_vec(),
                &[("content-encoding", "br")],
            )
            .await,
        terminal
            .post_bytes(&portal, EVENTS, vec![0; 5 * 1024 * 1024], &[])
            .await,
        terminal.get(&portal, CONFIG, &[]).await,
        terminal.post(&portal, STATUS, &json!({})).await,
    ];
    for answer in answers {
        assert_eq!(answer.problem(403)["type"], "terminal-retired");
    }
    nothing_kept(&portal).await;
}

#[tokio::test]
async fn events_of_another_terminal_are_403() {
    let portal = Portal::start().await;
    let (one, two) = (portal.terminal(1).await, portal.terminal(2).await);
    let answer = one
        .post(&portal, EVENTS, &two.delivery(&two.ratings(1..=1)))
        .await;
    assert_eq!(answer.problem(403)["type"], "wrong-terminal");
    nothing_kept(&portal).await;
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_method_are_problems_too() {
    let portal = Portal::start().await;
    portal.get("/api/v1/nothing").await.problem(404);
    portal.get("/api/v1/events").await.problem(405);
    portal
        .get("/api/v1/organizations/nobody/summary")
        .await
        .problem(404);
}
