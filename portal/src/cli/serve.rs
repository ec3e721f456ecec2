//! `pikir-portal serve`: runs the portal until it is told to stop.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Extension;
use pikir_contract::{UrlError, check_portal_url};
use sd_notify::NotifyState;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use url::Url;

use super::{CliError, Common};
use crate::app::AppState;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::proxies::{Cidr, TrustedProxies};
use crate::server::{router, serve};
use crate::storage::{Lane, Migrating, Storage};

/// How often it is looked whether ratings wait to be judged anew.
const JUDGE_EVERY: Duration = Duration::from_secs(60);

/// `pikir-portal serve`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address under which people and terminals reach the portal, such as `https://pikir.example`
    /// [default: the address it listens on, if that is a loopback one]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Proxy, or block of proxies, whose word on the address of a client is taken (Forwarded,
    /// X-Forwarded-For), such as 127.0.0.1 or 10.0.0.0/8; several with commas or given several
    /// times [default: nobody's]
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    trusted_proxy: Vec<Cidr>,
}

/// Runs `pikir-portal serve`.
pub async fn run(args: Args, common: &Common) -> Result<(), CliError> {
    let Args {
        listen,
        public_url,
        trusted_proxy,
    } = args;
    start_log();
    let public_url = public_url.map(|url| checked_url(&url)).transpose()?;
    if public_url.is_none() && !listen.ip().is_loopback() {
        return Err(CliError::usage(format_args!(
            "--listen {listen} is not a loopback address, so --public-url must say how the portal is reached, such as \
             https://pikir.example (a reverse proxy in front of it does the TLS)"
        )));
    }
    // From here on a signal ends the portal in order, not in the middle of something.
    let terminate = signal(SignalKind::terminate()).map_err(CliError::failed)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(CliError::failed)?;
    let storage = Storage::open_file(&common.database()?, Migrating::Yes)?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| CliError::failed(format_args!("cannot listen on {listen}: {error}")))?;
    let address = listener.local_addr().map_err(CliError::failed)?;
    let public_url = public_url.unwrap_or_else(|| format!("http://{address}"));
    let state = AppState {
        storage: storage.clone(),
        clock: Clock::system(),
        entropy: Entropy::system(),
        public_url: public_url.as_str().into(),
    };
    common.answer(
        &json!({"listening": format!("http://{address}"), "public_url": public_url}),
        format_args!("listening on http://{address}"),
    )?;
    tracing::info!(%address, public_url, version = env!("CARGO_PKG_VERSION"), "the portal is ready");
    tell_systemd(&[NotifyState::Ready]);
    let watchdog = tokio::spawn(feed_watchdog(storage.in_lane(Lane::Health)));
    let judge = tokio::spawn(judge_what_waits(storage));
    let router = router(state).layer(Extension(TrustedProxies::new(trusted_proxy)));
    serve(listener, router, stop_signal(terminate, interrupt)).await;
    watchdog.abort();
    judge.abort();
    Ok(())
}

fn start_log() {
    let asked = std::env::var("PIKIR_LOG").unwrap_or_default();
    let filter = match asked.parse::<Targets>() {
        Ok(filter) if !asked.is_empty() => filter,
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    // systemd's journal writes times itself; colours are for a terminal.
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(ansi);
    let log = tracing_subscriber::registry().with(filter).with(lines);
    // A second subscriber in the same process (a test) is no reason not to serve.
    let _ = log.try_init();
}

/// The address as a browser writes it: lower case, a host in ASCII, no port that goes without
/// saying.
///
/// A portal has its host to itself. Codes on screens are `HTTPS://HOST/Q/CODE`, terminals sign the
/// path they ask for, cookies and links begin at the root: behind a folder of another site none of
/// them fits.
fn checked_url(text: &str) -> Result<String, CliError> {
    let wrong = |why: &dyn Display| CliError::usage(format_args!("--public-url {text}: {why}"));
    let url = match text.contains("://").then(|| Url::parse(text.trim())) {
        Some(Ok(url)) if matches!(url.scheme(), "http" | "https") => url,
        Some(Err(error)) if text.starts_with("http") => return Err(wrong(&error)),
        _ => return Err(wrong(&UrlError::Scheme)),
    };
    let root = url.origin().ascii_serialization();
    if url.username() != "" || url.password().is_some() {
        return Err(wrong(
            &"must not hold a user name or password: everybody gets to see it",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(&format_args!(
            "must end after the host: without ? and #, such as {root}"
        )));
    }
    if url.path().bytes().any(|byte| byte != b'/') {
        return Err(wrong(&format_args!(
            "has the path {}, but the portal needs a host to itself (QR codes, the terminals' signatures and sign-in begin \
             at its root): give it a name or a port of its own, such as https://otzyv.{} or {root}:8443",
            url.path(),
            url.host_str().unwrap_or("gov.example"),
        )));
    }
    check_portal_url(&root).map_err(|error| wrong(&error))?;
    Ok(root)
}

/// Waits for SIGTERM or SIGINT, and tells systemd.
async fn stop_signal(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tell_systemd(&[NotifyState::Stopping]);
}

fn tell_systemd(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd was not told");
    }
}

/// Judges what an update of the portal, or a command that was cut off, left to be judged anew.
async fn judge_what_waits(storage: Storage) {
    let mut tick = tokio::time::interval(JUDGE_EVERY);
    loop {
        tick.tick().await;
        if let Err(error) = storage.judge_all(Clock::system().unix_ms()).await {
            tracing::error!(%error, "ratings wait to be judged");
        }
    }
}

/// Tells systemd's watchdog that the portal lives, as long as its database answers.
async fn feed_watchdog(storage: Storage) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut tick = tokio::time::interval(limit / 2);
    loop {
        tick.tick().await;
        match storage.check().await {
            Ok(()) => tell_systemd(&[NotifyState::Watchdog]),
            Err(error) => tracing::error!(%error, "the database does not answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_is_written_as_browsers_write_it() {
        for (given, kept) in [
            ("https://pikir.example", "https://pikir.example"),
            ("https://pikir.example/", "https://pikir.example"),
            ("HTTPS://Pikir.Example:443//", "https://pikir.example"),
            ("https://pikir.example:8443/", "https://pikir.example:8443"),
            ("https://пикир.example", "https://xn--h1aafsi.example"),
            ("https://xn--h1aafsi.example", "https://xn--h1aafsi.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("http://localhost:80", "http://localhost"),
        ] {
            assert_eq!(checked_url(given).ok().as_deref(), Some(kept), "{given}");
        }
    }

    #[test]
    fn an_address_under_which_nothing_would_work_is_refused_with_the_reason() {
        for (given, why) in [
            ("https://gov.example/otzyv", "has the path /otzyv"),
            ("https://gov.example/otzyv/", "https://otzyv.gov.example"),
            ("https://gov.example/%6ftzyv", "has the path"),
            ("https://gov.example/?lang=ky", "without ? and #"),
            ("https://gov.example/#top", "without ? and #"),
            ("https://user:secret@gov.example", "user name or password"),
            ("https://user@gov.example", "user name or password"),
            ("http://gov.example", "uses http://"),
            ("gov.example", "https://"),
            ("ftp://gov.example", "https://"),
            ("https://", "empty host"),
            ("https://gov.example:70000", "port"),
            ("https://gov_1.example", "no valid host"),
        ] {
            match checked_url(given) {
                Err(CliError::Usage(text)) => assert!(text.contains(why), "{given}: {text}"),
                other => panic!("{given}: {other:?}"),
            }
        }
    }
}
