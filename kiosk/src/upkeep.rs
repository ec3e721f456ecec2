//! Upkeep: the configuration from the portal and the status to it, every few minutes, spread by jitter.

use std::sync::Arc;
use std::time::Duration;

use pikir_contract::{Notice, StatusAnswer, StatusReport};
use serde_json::Value;
use tokio::sync::watch;

use crate::backoff::{Backoff, StartSpread};
use crate::clock::SharedClock;
use crate::configuration::ConfigurationStore;
use crate::entropy::SharedEntropy;
use crate::files::{self, DataDir};
use crate::journal::{JournalHandle, NewEvent};
use crate::limits::MIN_STATUS_S;
use crate::network::NetworkChanges;
use crate::portal::{Failure, Portal, PortalHealth, Reply, Request, reply};
use crate::true_time::TrueTime;

/// What upkeep needs.
pub struct Upkeep<P> {
    /// The road to the portal.
    pub portal: P,
    /// Where the data lies, for the free space.
    pub data: DataDir,
    /// The journal, for its figures and for notices.
    pub journal: JournalHandle,
    /// The configuration in force.
    pub configuration: ConfigurationStore,
    /// The clock.
    pub clock: SharedClock,
    /// For jitter and ids.
    pub entropy: SharedEntropy,
    /// Learns from the answers.
    pub true_time: Arc<TrueTime>,
    /// Where to say how the portal answered.
    pub health: watch::Sender<PortalHealth>,
    /// Ends waits that were for a network that is no more.
    pub network: NetworkChanges,
    /// The first status comes at a random moment within this.
    pub start_spread: Duration,
}

impl<P: Portal> Upkeep<P> {
    /// Runs for ever. Stopping it at any moment loses nothing.
    pub async fn run(mut self) {
        let mut backoff = Backoff::default();
        let start = StartSpread::begin(self.start_spread);
        // Without a configuration nobody can rate, so that cannot wait.
        if self.configuration.current().is_some() {
            tokio::time::sleep(start.first(&*self.entropy)).await;
        }
        // What the portal said the entity tag is; unknown until it answered a status.
        let mut refused_etag = None;
        loop {
            if self.network.take() {
                self.portal.forget_connections();
            }
            match self.once(&mut refused_etag).await {
                Ok(()) => {
                    backoff.reset();
                    self.health.send_replace(PortalHealth::ok());
                    tokio::time::sleep(self.until_next_status()).await;
                }
                Err(failure) => {
                    tracing::warn!(reason = %failure, "upkeep with the portal failed");
                    self.health.send_replace(failure.health());
                    let asked = failure.retry_after();
                    if backoff.wait(&*self.entropy, asked, &mut self.network).await {
                        self.portal.forget_connections();
                        tokio::time::sleep(start.after_change(&*self.entropy)).await;
                    }
                }
            }
        }
    }

    /// One status, and the configuration where the portal has another.
    async fn once(&self, refused_etag: &mut Option<String>) -> Result<(), Failure> {
        let current = self.configuration.current();
        if current.is_none() {
            self.fetch_configuration(None, refused_etag).await?;
        }
        let answer = self.report().await?;
        let known = self
            .configuration
            .current()
            .and_then(|current| current.etag.clone());
        let is_news = match &answer.config_etag {
            Some(etag) => Some(etag) != known.as_ref() && Some(etag) != refused_etag.as_ref(),
            // A portal that does not tell is asked; an unchanged document costs a 304.
            None => true,
        };
        if is_news {
            self.fetch_configuration(known, refused_etag).await?;
        }
        Ok(())
    }

    fn until_next_status(&self) -> Duration {
        let wanted = self
            .configuration
            .current()
            .map_or(MIN_STATUS_S, |current| current.document.limits.status_s);
        let seconds = wanted.max(MIN_STATUS_S) as f64;
        // Never earlier than the contract allows; up to a tenth later, so that a fleet does not beat in time.
        Duration::from_secs_f64(seconds * (1.0 + self.entropy.fraction() / 10.0))
    }

    async fn fetch_configuration(
        &self,
        known: Option<String>,
        refused: &mut Option<String>,
    ) -> Result<(), Failure> {
        let reply = self
            .portal
            .send(Request::get("/api/v1/terminal/config", known))
            .await;
        if matches!(&reply, Ok(Reply { status: 304, .. })) {
            return Ok(());
        }
        let etag = reply.as_ref().ok().and_then(|reply| reply.etag.clone());
        let document: Value = reply::read(reply)?;
        match self.configuration.accept(document, etag.clone()) {
            Ok(()) => tracing::info!("new configuration"),
            Err(error) => {
                let detail = format!("configuration refused: {error:#}");
                tracing::error!(%detail, "the last good configuration stays");
                // Said once for each document, not at every status.
                if etag.is_none() || *refused != etag {
                    self.notice(Notice::CONFIG, detail);
                }
                *refused = etag;
            }
        }
        Ok(())
    }

    fn notice(&self, what: &'static str, detail: String) {
        let event = NewEvent::notice(&self.clock, &self.entropy, what, detail);
        self.journal.append_and_forget(event);
    }

    async fn report(&self) -> Result<StatusAnswer, Failure> {
        let report = self.status_report().await;
        let sent_up_ms = report.clock.up_ms;
        let answer: StatusAnswer = reply::read(
            self.portal
                .send(Request::post("/api/v1/status", &report))
                .await,
        )?;
        self.true_time.learn(answer.time, sent_up_ms);
        Ok(answer)
    }

    async fn status_report(&self) -> StatusReport {
        let clock = self.clock.reading();
        let state = self.journal.published().state;
        let last_rating_s = match state.last_rating {
            Some((boot, up_ms)) if boot == clock.boot => {
                Some(clock.up_ms.saturating_sub(up_ms) / 1_000)
            }
            _ => None,
        };
        StatusReport {
            software: crate::SOFTWARE.to_owned(),
            clock,
            pending: state.pending,
            rejected: state.rejected,
            oldest_pending_s: self.oldest_pending_s(clock.up_ms).await,
            disk_free_mb: files::free_mb(self.data.root()).unwrap_or(0),
            temperature_c: temperature_c(),
            throttled: None,
            network: network(),
            config_version: self
                .configuration
                .current()
                .map(|current| current.document.version),
            last_rating_s,
        }
    }

    /// Age of the oldest pending event in seconds, where its boot's clock is known.
    async fn oldest_pending_s(&self, up_ms: u64) -> Option<u64> {
        let oldest = self.journal.oldest().await.ok()?;
        // Before the portal has answered for the first time, the journal may offer what it knows already.
        let received_through = self.journal.published().state.received_through;
        let oldest_event = oldest.events.first()?;
        if oldest_event.seq <= received_through {
            return None;
        }
        let body = &oldest_event.body;
        let then_up_ms = body.get("up_ms")?.as_u64()?;
        let boot = body.get("boot")?.as_str()?;
        if boot == self.clock.boot().to_string() {
            return Some(up_ms.saturating_sub(then_up_ms) / 1_000);
        }
        let mut boots = oldest.boots.iter();
        let known = boots.find(|known| known.boot.to_string() == boot)?;
        let then_ms = then_up_ms as i64 + known.offset_ms;
        u64::try_from((self.true_time.unix_ms()? - then_ms) / 1_000).ok()
    }
}

/// The processor's temperature in whole degrees, where the machine tells.
fn temperature_c() -> Option<i64> {
    let millidegrees = files::read_text("/sys/class/thermal/thermal_zone0/temp".as_ref()).ok()?;
    Some(millidegrees.trim().parse::<i64>().ok()? / 1_000)
}

/// The interface the default route goes through, or `none`.
fn network() -> String {
    let routes = files::read_text("/proc/net/route".as_ref()).unwrap_or_default();
    let default = routes
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut interfaces = default.filter(|fields| fields.get(1) == Some(&"00000000"));
    interfaces
        .next()
        .and_then(|fields| fields.first().map(ToString::to_string))
        .unwrap_or_else(|| "none".into())
}

#[cfg(test)]
mod tests;
