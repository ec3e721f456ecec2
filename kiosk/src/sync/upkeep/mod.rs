//! Upkeep: the configuration from the portal and the status to it, every few minutes, spread by
//! jitter.

use std::sync::Arc;
use std::time::Duration;

use pikir_contract::{BootOffset, Event, Notice, StatusAnswer, StatusReport};
use serde_json::Value;
use tokio::sync::watch;

use crate::config::configuration::ConfigurationStore;
use crate::hardware::HardwareStatus;
use crate::journal::{JournalHandle, NewEvent};
use crate::limits::MIN_STATUS_S;
use crate::platform::clock::SharedClock;
use crate::platform::entropy::SharedEntropy;
use crate::platform::files;
use crate::platform::files::DataDir;
use crate::platform::network::NetworkChanges;
use crate::platform::true_time::TrueTime;
use crate::portal::backoff::{Backoff, StartSpread};
use crate::portal::{Failure, Portal, PortalHealth, Reply, Request, reply};
use crate::problems::{self, Problem, Problems};

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
    /// What is wrong, to be reported and added to.
    pub problems: Problems,
    /// Displays and touch panels.
    pub hardware: watch::Receiver<HardwareStatus>,
}

/// The configuration that the portal has and that cannot be used.
struct RefusedDocument {
    /// Its entity tag, where the portal gave one.
    etag: Option<String>,
    /// What is wrong with it.
    detail: String,
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
        let mut refused = None;
        loop {
            if self.network.take() {
                self.portal.forget_connections();
            }
            match self.once(&mut refused).await {
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
    async fn once(&self, refused: &mut Option<RefusedDocument>) -> Result<(), Failure> {
        let current = self.configuration.current();
        if current.is_none() {
            self.fetch_configuration(None, refused).await?;
        }
        let answer = self.report(refused.as_ref()).await;
        // A portal that has no ear for reports may still have a configuration.
        if let Err(failure) = &answer
            && (current.is_none() || !failure.is_an_answer())
        {
            return answer.map(drop);
        }
        let known = self
            .configuration
            .current()
            .and_then(|current| current.etag.clone());
        let told = answer.as_ref().ok();
        let is_news = match told.and_then(|answer| answer.config_etag.as_ref()) {
            Some(etag) => {
                let refused = refused.as_ref().and_then(|refused| refused.etag.as_ref());
                Some(etag) != known.as_ref() && Some(etag) != refused
            }
            // A portal that does not tell is asked; an unchanged document costs a 304.
            None => true,
        };
        if is_news {
            self.fetch_configuration(known, refused).await?;
        }
        answer.map(drop)
    }

    fn until_next_status(&self) -> Duration {
        let wanted = self
            .configuration
            .current()
            .map_or(MIN_STATUS_S, |current| current.document.limits.status_s);
        let seconds = wanted.max(MIN_STATUS_S) as f64;
        // Never earlier than the contract allows; up to a tenth later, so that a fleet does not
        // beat in time.
        Duration::from_secs_f64(seconds * (1.0 + self.entropy.fraction() / 10.0))
    }

    async fn fetch_configuration(
        &self,
        known: Option<String>,
        refused: &mut Option<RefusedDocument>,
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
            Ok(()) => {
                if refused.take().is_some() {
                    self.problems.set(Problem::ConfigurationRefused, None);
                }
                tracing::info!("new configuration");
            }
            Err(error) => {
                let detail = format!("configuration refused: {error:#}");
                tracing::error!(%detail, "the last good configuration stays");
                // Said once for each document, not at every status.
                let is_known = |refused: &RefusedDocument| refused.etag == etag;
                if etag.is_none() || !refused.as_ref().is_some_and(is_known) {
                    self.notice(Notice::CONFIG, detail.clone());
                }
                self.problems
                    .set(Problem::ConfigurationRefused, Some(detail.clone()));
                *refused = Some(RefusedDocument { etag, detail });
            }
        }
        Ok(())
    }

    fn notice(&self, what: &'static str, detail: String) {
        let event = NewEvent::notice(&self.clock, &self.entropy, what, detail);
        self.journal.append_and_forget(event);
    }

    async fn report(&self, refused: Option<&RefusedDocument>) -> Result<StatusAnswer, Failure> {
        let report = self.status_report(refused).await;
        let sent_up_ms = report.clock.up_ms;
        let answer: StatusAnswer = reply::read(
            self.portal
                .send(Request::post("/api/v1/status", &report))
                .await,
        )?;
        self.true_time.learn(answer.time, sent_up_ms);
        Ok(answer)
    }

    async fn status_report(&self, refused: Option<&RefusedDocument>) -> StatusReport {
        let clock = self.clock.reading();
        let state = self.journal.published().state;
        let last_rating_s = match state.last_rating {
            Some((boot, up_ms)) if boot == clock.boot => {
                Some(clock.up_ms.saturating_sub(up_ms) / 1_000)
            }
            _ => None,
        };
        let hardware = self.hardware.borrow().clone();
        StatusReport {
            software: crate::SOFTWARE.to_owned(),
            clock,
            pending: state.pending,
            rejected: state.rejected,
            oldest_pending_s: Some(self.oldest_pending_s(clock.up_ms).await),
            disk_free_mb: files::free_mb(self.data.root()).unwrap_or(0),
            temperature_c: temperature_c(),
            throttled: None,
            network: network(),
            config_version: Some(
                self.configuration
                    .current()
                    .map_or(0, |current| current.document.version),
            ),
            config_refused: refused.map(|refused| refused.detail.clone()),
            last_rating_s,
            problems: Some(problems::keys(&self.problems.found())),
            touch_panels: hardware.touch_panels.map(u64::from),
            displays: hardware.displays.map(u64::from),
            uptime_s: Some(clock.up_ms / 1_000),
        }
    }

    /// Age of the oldest pending event in seconds; 0 where none is. Of an earlier boot whose clock
    /// nobody knows: what is certain, the time since this boot began.
    async fn oldest_pending_s(&self, up_ms: u64) -> u64 {
        let Ok(oldest) = self.journal.oldest().await else {
            return 0;
        };
        // Before the portal has answered for the first time, the journal may offer what it knows
        // already.
        let received_through = self.journal.published().state.received_through;
        let waits = oldest.events.first();
        waits
            .filter(|event| event.seq > received_through)
            .map_or(0, |event| {
                self.age_s(event, &oldest.boots, up_ms)
                    .unwrap_or(up_ms / 1_000)
            })
    }

    /// How long ago an event was, in seconds, where its boot's clock is known.
    fn age_s(&self, event: &Event, boots: &[BootOffset], up_ms: u64) -> Option<u64> {
        let body = &event.body;
        let then_up_ms = body.get("up_ms")?.as_u64()?;
        let boot = body.get("boot")?.as_str()?;
        if boot == self.clock.boot().to_string() {
            return Some(up_ms.saturating_sub(then_up_ms) / 1_000);
        }
        let known = boots.iter().find(|known| known.boot.to_string() == boot)?;
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
