//! The real program under load and abuse: what it holds is bounded and given back, and others go
//! on.

#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot do without, it stops for"
)]

mod portal;

use std::io::{Cursor, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use image::{ImageFormat, RgbImage};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use portal::{MIB, Portal, multipart};

/// How long a client that gives up waits: as long as a thumb on "Back".
const CUT_AFTER: Duration = Duration::from_millis(100);

/// A picture of one colour: small as a file, large in memory.
fn picture(side: u32) -> Vec<u8> {
    let mut png = Vec::new();
    RgbImage::new(side, side)
        .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
        .unwrap();
    png
}

/// Sends a request and hangs up before it is answered.
fn send_and_hang_up(portal: &Portal, request: &[u8]) {
    let mut client = portal.connect();
    client.write_all(request).unwrap();
    client.set_read_timeout(Some(CUT_AFTER)).unwrap();
    // Whether an answer came or not, nobody is there any more.
    let _ = client.read(&mut [0]);
}

#[test]
fn uploads_that_are_cut_off_take_bounded_memory_and_give_it_back() {
    let portal = Portal::start();
    let fields = portal.form();
    let upload = multipart(&portal.path(), &fields, &picture(5_600));
    let before = portal.memory();
    portal.forget_peak();
    for _ in 0..50 {
        send_and_hang_up(&portal, &upload);
    }
    // It still takes a photo, and whatever was under way has ended then.
    let small = multipart(&portal.path(), &portal.form(), &picture(64));
    portal.until("a photo is taken", || {
        portal.ask(&small).starts_with("HTTP/1.1 303")
    });
    let peak = portal.peak().saturating_sub(before);
    assert!(peak < 700 * MIB, "{} MiB more at the most", peak / MIB);
    portal.until("memory is given back", || {
        portal.memory() < before + 150 * MIB
    });
    println!(
        "at the most {} MiB more, in the end {}",
        peak / MIB,
        portal.memory().saturating_sub(before) / MIB
    );
}

#[test]
fn sign_ins_that_are_cut_off_take_bounded_memory_and_give_it_back() {
    let portal = Portal::start();
    let page = portal.ask(b"GET /sign-in HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let cookie = page
        .split_once("set-cookie: ")
        .unwrap()
        .1
        .split(';')
        .next()
        .unwrap();
    let csrf = page
        .split_once("name=\"csrf\" value=\"")
        .unwrap()
        .1
        .split('"')
        .next()
        .unwrap();
    let body = format!("login=nobody&password=wrong+password&csrf={csrf}");
    let request = format!(
        "POST /sign-in HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let before = portal.memory();
    portal.forget_peak();
    for _ in 0..60 {
        send_and_hang_up(&portal, request.as_bytes());
    }
    portal.until("memory is given back", || {
        portal.memory() < before + 50 * MIB
    });
    let peak = portal.peak().saturating_sub(before);
    assert!(peak < 150 * MIB, "{} MiB more at the most", peak / MIB);
    println!(
        "at the most {} MiB more, in the end {}",
        peak / MIB,
        portal.memory().saturating_sub(before) / MIB
    );
}

#[test]
fn a_photo_that_breaks_off_costs_nothing_that_was_typed() {
    let portal = Portal::start();
    let mut fields = portal.form();
    fields.push(("score".to_owned(), "2".to_owned()));
    fields.push(("comment".to_owned(), "The queue was long".to_owned()));
    let upload = multipart(&portal.path(), &fields, &picture(2_000));
    let mut client = portal.connect();
    client.write_all(&upload[..upload.len() - 1_000]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    let read = client.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 422"), "{read:?} {answer}");
    assert!(answer.contains("The queue was long"), "{answer}");
    assert!(
        answer.contains("The photo did not come through"),
        "{answer}"
    );
}

#[test]
fn a_client_with_two_thousand_connections_leaves_room_for_others() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let portal = Portal::with_open_files(400);
    let many: Vec<TcpStream> = (0..2_000).map(|_| portal.connect()).collect();
    for _ in 0..3 {
        let answer = portal.ask(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    drop(many);
}

#[test]
fn a_portal_with_a_path_is_refused_at_the_start_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let said = portal::command(dir.path())
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--public-url",
            "https://gov.example/otzyv",
        ])
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(2));
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(
        text.contains("path /otzyv") && text.contains("https://otzyv.gov.example"),
        "{text}"
    );
}
