//! The harness itself: what the other tests lean on holds weight.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::Result;
use pikir_tests::browser::{Browser, JavaScript, PHONE};
use pikir_tests::http;
use pikir_tests::proxy::{Fault, Proxy};
use pikir_tests::xvfb::Display;

/// Answers every request with the same small page.
fn page(body: &'static str) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        // A thread for each: browsers open connections ahead of need and leave them silent.
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || answer(client, body));
        }
    });
    Ok(port)
}

fn answer(mut client: TcpStream, body: &str) {
    let mut request = [0; 4096];
    let _ = client.read(&mut request);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = client.write_all(head.as_bytes());
}

#[test]
fn a_display_in_memory_has_the_size_that_was_asked_for_and_takes_taps_and_keys() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let display = Display::start(dir.path(), 800, 480)?;
    display.tap(400, 240)?;
    display.key('5')?;
    assert_eq!(display.picture()?.dimensions(), (800, 480));
    Ok(())
}

#[test]
fn the_phone_has_a_phones_window_and_runs_scripts_only_when_allowed() -> Result<()> {
    let port = page(
        "<meta name=viewport content='width=device-width'><p id=p>plain</p><script>document.getElementById('p').textContent='scripted'</script>",
    )?;
    let url = format!("http://127.0.0.1:{port}/");
    let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);

    let on = Browser::start(first.path(), "ky,ru", JavaScript::On)?;
    on.open(&url)?;
    assert_eq!(on.text()?, "scripted");
    assert_eq!(on.evaluate("return innerWidth")?, PHONE.0);

    let off = Browser::start(second.path(), "ky,ru", JavaScript::Off)?;
    off.open(&url)?;
    assert_eq!(off.text()?, "plain");
    Ok(())
}

#[test]
fn the_proxy_passes_on_breaks_and_remembers_in_the_order_of_its_script() -> Result<()> {
    let port = page("a page of some length")?;
    let proxy = Proxy::start(&format!("http://127.0.0.1:{port}"), "/x")?;
    let url = format!("{}/x", proxy.url());
    proxy.script(&[
        Fault::ServerError,
        Fault::Unavailable { retry_after_s: 7 },
        Fault::RedirectToLogin,
    ]);
    proxy.script(&[Fault::LoginPage, Fault::LoseAnswer, Fault::HalfAnswer]);

    assert_eq!(http::post(&url, &[], b"{}")?.status, 500);
    assert_eq!(http::post(&url, &[], b"{}")?.status, 503);
    assert_eq!(http::post(&url, &[], b"{}")?.status, 302);
    assert!(http::post(&url, &[], b"{}")?.text.contains("hotel"));
    assert!(
        http::post(&url, &[], b"{}").is_err(),
        "the answer was to be lost"
    );
    assert!(
        http::post(&url, &[], b"{}").is_err(),
        "the answer was to be cut"
    );
    assert_eq!(http::post(&url, &[], b"{}")?.text, "a page of some length");
    assert_eq!(proxy.happened().len(), 7);
    Ok(())
}
