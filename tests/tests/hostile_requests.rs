//! Whoever speaks wrongly to the portal is told so; nothing of it counts, and the honest go on.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use pikir_contract::{MAX_BATCH_EVENTS, PROBLEM_CONTENT_TYPE, Problem};
use pikir_tests::http::{self, Answer};
use pikir_tests::peer::{EVENTS, Peer};
use pikir_tests::records;
use pikir_tests::scene::{ORGANIZATION, Scene};
use pikir_tests::wait::DEADLINE;
use serde_json::{Value, json};

/// Far more than any batch needs, in bytes.
const OVERSIZED: usize = 64 * 1024 * 1024;

/// The answer is a problem that says what is wrong, with this status.
fn is_problem(answer: &Answer, status: u16) -> Result<Value> {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.content_type, PROBLEM_CONTENT_TYPE);
    let problem = answer.json()?;
    assert_eq!(problem["status"], status);
    assert!(
        problem["type"].is_string() && problem["title"].is_string(),
        "{problem}"
    );
    Ok(problem)
}

/// Nothing of what was tried counts, and the same terminal's next rating does.
fn the_terminal_goes_on(scene: &Scene, peer: &Peer, rating: &Value) -> Result<()> {
    assert_eq!(records::ratings_in_portal(&scene.portal)?, 0);
    let answer = peer.send(std::slice::from_ref(rating))?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()?["results"][0]["status"], "accepted");
    scene.portal.wait_for_counted(ORGANIZATION, "terminal", 1)?;
    Ok(())
}

fn scene() -> Result<(Scene, Peer)> {
    let scene = Scene::new()?;
    let token = scene.portal.create_token(&scene.place)?;
    let peer = Peer::enroll(&scene.portal.url(), &token)?;
    Ok((scene, peer))
}

#[test]
fn a_request_without_a_signature_is_not_let_in() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let rating = peer.rating(5)?;
    let content = peer.batch(std::slice::from_ref(&rating)).to_string();
    let url = format!("{}{EVENTS}", scene.portal.url());
    let answer = http::post(
        &url,
        &[("content-type", "application/json")],
        content.as_bytes(),
    )?;
    is_problem(&answer, 401)?;
    the_terminal_goes_on(&scene, &peer, &rating)
}

#[test]
fn a_body_that_was_changed_after_signing_is_not_let_in() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let rating = peer.rating(1)?;
    let content = peer.batch(std::slice::from_ref(&rating)).to_string();
    let signed = peer.sign(EVENTS, content.as_bytes())?;
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
    let changed = content.replace("\"score\":1", "\"score\":5");
    assert_ne!(changed, content);
    let answer = http::post(
        &format!("{}{EVENTS}", scene.portal.url()),
        &headers,
        changed.as_bytes(),
    )?;
    is_problem(&answer, 401)?;
    the_terminal_goes_on(&scene, &peer, &rating)
}

#[test]
fn a_terminal_the_portal_does_not_know_is_not_let_in() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let rating = peer.rating(5)?;
    let content = peer.batch(std::slice::from_ref(&rating)).to_string();
    let answer = peer.post_as(
        "0197f0a0-0000-7000-8000-000000000000",
        EVENTS,
        &[],
        content.as_bytes(),
    )?;
    is_problem(&answer, 401)?;
    the_terminal_goes_on(&scene, &peer, &rating)
}

#[test]
fn a_terminal_cannot_speak_under_the_name_of_another() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let token = scene.portal.create_token(&scene.place)?;
    let mut other = Peer::enroll(&scene.portal.url(), &token)?;
    let rating = peer.rating(5)?;
    let content = other.batch(std::slice::from_ref(&rating)).to_string();

    // The other's name with the own key.
    is_problem(
        &peer.post_as(&other.terminal, EVENTS, &[], content.as_bytes())?,
        401,
    )?;
    // The own name over the other's events.
    let answer = peer.post(EVENTS, &[], content.as_bytes())?;
    assert!(
        (400..500).contains(&answer.status),
        "{} {}",
        answer.status,
        answer.text
    );
    is_problem(&answer, answer.status)?;

    let honest = other.rating(2)?;
    the_terminal_goes_on(&scene, &other, &honest)
}

#[test]
fn a_retired_terminal_is_told_that_it_is() -> Result<()> {
    let (scene, mut peer) = scene()?;
    scene.portal.retire(&peer.terminal)?;
    let rating = peer.rating(5)?;
    let problem = is_problem(&peer.send(&[rating])?, 403)?;
    assert_eq!(problem["type"], Problem::TERMINAL_RETIRED);
    assert_eq!(records::ratings_in_portal(&scene.portal)?, 0);
    Ok(())
}

#[test]
fn an_oversized_body_is_refused_before_all_of_it_has_been_read() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let rating = peer.rating(5)?;
    let body = vec![b' '; OVERSIZED];
    let mut head =
        format!("POST {EVENTS} HTTP/1.1\r\nHost: portal\r\nContent-Length: {OVERSIZED}\r\n");
    for (name, value) in peer.sign(EVENTS, &body)? {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let address = scene.portal.url();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://"))?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    write!(stream, "{head}Content-Type: application/json\r\n\r\n")?;
    let sent = stream.write_all(&body);
    let mut answer = [0; 12];
    stream
        .read_exact(&mut answer)
        .context("the portal closed the connection without an answer")?;
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
    assert!(sent.is_err(), "the portal has read all of it");
    the_terminal_goes_on(&scene, &peer, &rating)
}

#[test]
fn a_small_body_that_unpacks_to_an_oversized_one_is_refused() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let rating = peer.rating(5)?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&vec![b' '; OVERSIZED])?;
    let packed = packed.finish()?;
    assert!(packed.len() < 128 * 1024);
    is_problem(
        &peer.post(EVENTS, &[("content-encoding", "gzip")], &packed)?,
        413,
    )?;
    the_terminal_goes_on(&scene, &peer, &rating)
}

#[test]
fn what_is_not_json_or_not_a_batch_is_refused_with_the_reason() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let rating = peer.rating(5)?;
    for content in [
        "{\"terminal\": ",
        "[]",
        "null",
        "{\"terminal\": 7}",
        "\u{0}",
    ] {
        let answer = peer.post(EVENTS, &[], content.as_bytes())?;
        assert!(
            [400, 422].contains(&answer.status),
            "{content}: {} {}",
            answer.status,
            answer.text
        );
        is_problem(&answer, answer.status)?;
    }
    let not_gzip = peer.post(EVENTS, &[("content-encoding", "gzip")], b"plain")?;
    is_problem(&not_gzip, 400)?;
    the_terminal_goes_on(&scene, &peer, &rating)
}

#[test]
fn more_events_than_a_batch_may_have_are_refused_as_a_whole() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let rating = peer.rating(5)?;
    let many = vec![rating.clone(); MAX_BATCH_EVENTS + 1];
    let answer = peer.send(&many)?;
    assert!(
        [413, 422].contains(&answer.status),
        "{} {}",
        answer.status,
        answer.text
    );
    is_problem(&answer, answer.status)?;
    the_terminal_goes_on(&scene, &peer, &rating)
}

#[test]
fn a_score_of_six_is_set_aside_and_the_rest_of_its_batch_counts() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let bad = peer.rating(6)?;
    let good = peer.rating(5)?;
    let answer = peer.send(&[bad.clone(), good])?.json()?;
    assert_eq!(answer["received_through"], 2, "{answer}");
    let told: Vec<_> = answer["results"]
        .as_array()
        .context("results")?
        .iter()
        .map(|result| &result["status"])
        .collect();
    assert_eq!(told, [&json!("rejected"), &json!("accepted")]);
    assert_eq!(answer["results"][0]["reason"], "malformed");

    assert_eq!(records::ratings_in_portal(&scene.portal)?, 1);
    let kept = records::rejected_in_portal(&scene.portal, &peer.terminal)?;
    assert_eq!(
        kept.len(),
        1,
        "it is kept as it came, for a person to look at"
    );
    assert_eq!(kept[0].body, bad["body"]);
    scene.portal.wait_for_counted(ORGANIZATION, "terminal", 1)?;
    Ok(())
}

#[test]
fn a_body_that_does_not_fit_its_seal_is_set_aside_and_never_counted() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let mut forged = peer.rating(1)?;
    forged["body"]["score"] = json!(5);
    let good = peer.rating(2)?;
    let answer = peer.send(&[forged, good])?.json()?;
    assert_eq!(answer["results"][0]["reason"], "seal", "{answer}");
    assert_eq!(answer["results"][1]["status"], "accepted", "{answer}");
    assert_eq!(records::ratings_in_portal(&scene.portal)?, 1);
    assert!(
        records::check_seals(&scene.portal, &peer.terminal).is_err(),
        "the terminal is flagged"
    );
    Ok(())
}

#[test]
fn the_same_events_again_change_nothing() -> Result<()> {
    let (scene, mut peer) = scene()?;
    let events = [
        peer.rating(4)?,
        peer.event("notice", json!({"what": "boot"}))?,
        peer.event("from-the-future", json!({}))?,
    ];
    let first = peer.send(&events)?.json()?;
    let again = peer.send(&events)?.json()?;
    for (answer, status) in [(&first, "accepted"), (&again, "duplicate")] {
        assert_eq!(answer["received_through"], 3, "{answer}");
        let results = answer["results"].as_array().context("results")?;
        assert!(
            results.iter().all(|result| result["status"] == status),
            "{answer}"
        );
    }
    assert_eq!(records::in_portal(&scene.portal, &peer.terminal)?.len(), 3);
    assert_eq!(records::ratings_in_portal(&scene.portal)?, 1);
    records::check_seals(&scene.portal, &peer.terminal)
}
