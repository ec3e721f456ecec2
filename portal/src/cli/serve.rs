//! `pikir-portal serve`: runs the portal until it is told to stop.

use std::net::SocketAddr;

use axum::Extension;
use pikir_contract::check_portal_url;
use sd_notify::NotifyState;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{CliError, Common};
use crate::app::AppState;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::proxies::{Cidr, TrustedProxies};
use crate::server::{router, serve};
use crate::storage::Storage;

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
    /// Proxy, or block of proxies, whose word on the address of a client is taken (Forwarded, X-Forwarded-For), such as
    /// 127.0.0.1 or 10.0.0.0/8; several with commas or given several times [default: nobody's]
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
    let storage = common.storage()?;
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
    let watchdog = tokio::spawn(feed_watchdog(storage));
    let router = router(state).layer(Extension(TrustedProxies::new(trusted_proxy)));
    serve(listener, router, stop_signal(terminate, interrupt)).await;
    watchdog.abort();
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

fn checked_url(url: &str) -> Result<String, CliError> {
    let url = url.trim_end_matches('/');
    check_portal_url(url)
        .map_err(|error| CliError::usage(format_args!("--public-url {url}: {error}")))?;
    Ok(url.to_owned())
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

/// Tells systemd's watchdog that the portal lives, as long as its database answers.
async fn feed_watchdog(storage: Storage) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut tick = tokio::time::interval(limit / 2);
    loop {
        tick.tick().await;
        match storage.organization("").await {
            Ok(_) => tell_systemd(&[NotifyState::Watchdog]),
            Err(error) => tracing::error!(%error, "the database does not answer"),
        }
    }
}
