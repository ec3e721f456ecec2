//! The set-up of a terminal that shows its code and waits for a technician (RFC 8628 §3.3–3.5).

use std::time::Duration;

use anyhow::bail;
use pikir_contract::EnrolmentPending;
use tokio::sync::watch;

use super::{Asked, Enrolment, Polled};
use crate::config::identity::Identity;
use crate::limits::{SETUP_CAP, SETUP_POLL};
use crate::platform::clock::SharedClock;
use crate::platform::entropy::SharedEntropy;
use crate::platform::files::DataDir;
use crate::platform::network::NetworkChanges;
use crate::portal::backoff::Backoff;
use crate::portal::{Failure, PortalAddress, PortalHealth};
use crate::view::SetupView;

/// When to ask whether a code is approved.
#[derive(Debug)]
pub struct Polling {
    interval: Duration,
    left: Duration,
    asked: Duration,
}

impl Polling {
    /// As the portal wants it: no more often than once a second, and once at least while the code
    /// is good.
    #[must_use]
    pub fn of(pending: &EnrolmentPending) -> Self {
        Self {
            interval: Duration::from_secs(pending.interval.max(1)),
            left: Duration::from_secs(pending.expires_in),
            asked: Duration::ZERO,
        }
    }

    /// How long to wait before the next poll; `None`: the code's time is over.
    pub fn next_wait(&mut self) -> Option<Duration> {
        let wait = self.interval.max(std::mem::take(&mut self.asked));
        let wait = wait.min(self.left);
        self.left -= wait;
        (!wait.is_zero()).then_some(wait)
    }

    /// The portal wants fewer polls: five seconds more for this and every further one (RFC 8628
    /// §3.5).
    pub fn slow_down(&mut self) {
        self.interval += Duration::from_secs(5);
    }

    /// A poll failed: the next one comes no sooner than the portal asked for.
    pub fn failed(&mut self, failure: &Failure) {
        self.asked = failure.retry_after().unwrap_or_default();
    }
}

/// What a set-up goes by.
pub struct SetUp<'a, S> {
    /// Where keys and results are kept.
    pub data: &'a DataDir,
    /// The portal; `None`: the settings name none.
    pub address: Option<PortalAddress>,
    /// The clock.
    pub clock: SharedClock,
    /// For keys and jitter.
    pub entropy: SharedEntropy,
    /// Puts on the screen how far it is.
    pub show: S,
    /// Where to say how the portal answered.
    pub health: &'a watch::Sender<PortalHealth>,
    /// Ends waits that were for a network that is no more: a technician has just plugged in the
    /// cable.
    pub network: NetworkChanges,
}

impl<S: Fn(SetupView) + Send> SetUp<'_, S> {
    /// Asks, shows the code, polls, asks again. Also notices when somebody else enrols the terminal
    /// (`pikir-provision enroll --token`). Returns once the terminal is enrolled.
    pub async fn run(mut self) -> Identity {
        let mut backoff = Backoff::default();
        loop {
            if let Some(identity) = enrolled(self.data) {
                return identity;
            }
            let Some(address) = self.address.clone() else {
                (self.show)(SetupView::NoPortal);
                wait_unless_enrolled(self.data, Duration::MAX).await;
                continue;
            };
            let name = address.as_str().to_owned();
            (self.show)(SetupView::Connecting {
                portal: name.clone(),
                problem: None,
            });
            let (asked, jitter) = match self.attempt(address).await {
                Ok(Some(identity)) => return identity,
                Ok(None) => {
                    backoff.reset();
                    (None, SETUP_POLL)
                }
                Err(error) => {
                    let asked = self.tell(name, &error);
                    (asked, backoff.next(&*self.entropy, None).min(SETUP_CAP))
                }
            };
            wait_unless_enrolled(self.data, asked.unwrap_or_default()).await;
            tokio::select! {
                _ = wait_unless_enrolled(self.data, jitter.max(SETUP_POLL)) => {}
                () = self.network.changed() => backoff.reset(),
            }
        }
    }

    /// One code, from asking for it to its end; `None`: it is of no more use.
    async fn attempt(&self, address: PortalAddress) -> anyhow::Result<Option<Identity>> {
        let clock = self.clock.clone();
        let enrolment = Enrolment::prepare(self.data, address, clock, &*self.entropy, None)?;
        let asked = enrolment.ask().await?;
        self.health.send_replace(PortalHealth::ok());
        match asked {
            Asked::Enrolled(result) => enrolment.complete(result).map(Some),
            Asked::Pending(pending) => self.approval(&enrolment, &pending).await,
        }
    }

    /// Says what is wrong. Returns how long the portal asked to be left alone.
    fn tell(&self, portal: String, error: &anyhow::Error) -> Option<Duration> {
        let problem = format!("{error:#}");
        tracing::warn!(%problem, "set-up");
        let failure = error.downcast_ref::<Failure>();
        if let Some(failure) = failure {
            self.health.send_replace(failure.health());
        }
        (self.show)(SetupView::Connecting {
            portal,
            problem: Some(problem),
        });
        failure.and_then(Failure::retry_after)
    }

    /// Shows the code and polls until it is approved; `None`: the code is of no more use.
    async fn approval(
        &self,
        enrolment: &Enrolment,
        pending: &EnrolmentPending,
    ) -> anyhow::Result<Option<Identity>> {
        let claim = |problem| SetupView::Claim {
            payload: pending.verification_uri_complete.clone(),
            address: pending.verification_uri.clone(),
            user_code: pending.user_code.clone(),
            problem,
        };
        (self.show)(claim(None));
        let mut polling = Polling::of(pending);
        while let Some(wait) = polling.next_wait() {
            if wait_unless_enrolled(self.data, wait).await {
                return Ok(enrolled(self.data));
            }
            match enrolment.poll(&pending.device_code).await {
                Ok(Polled::Enrolled(result)) => return enrolment.complete(result).map(Some),
                Ok(Polled::NotYet { slower }) => {
                    if slower {
                        polling.slow_down();
                    }
                    (self.show)(claim(None));
                }
                Ok(Polled::Denied) => bail!("the technician refused this terminal"),
                Ok(Polled::Expired) => return Ok(None),
                Err(failure) => {
                    polling.failed(&failure);
                    (self.show)(claim(Some(failure.to_string())));
                }
            }
        }
        Ok(None)
    }
}

/// The identity, if the terminal is enrolled.
fn enrolled(data: &DataDir) -> Option<Identity> {
    Identity::load(&data.identity())
        .ok()
        .flatten()
        .filter(|identity| identity.terminal.is_some())
}

/// Waits, looking once a second whether somebody else enrolled the terminal. Returns whether
/// somebody did.
async fn wait_unless_enrolled(data: &DataDir, wait: Duration) -> bool {
    let mut left = wait;
    while !left.is_zero() {
        let step = left.min(SETUP_POLL);
        tokio::time::sleep(step).await;
        left -= step;
        if enrolled(data).is_some() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(interval: u64, expires_in: u64) -> Vec<u64> {
        let mut polling = Polling::of(&EnrolmentPending {
            device_code: "d".into(),
            user_code: "K7M3-Q9TX".into(),
            verification_uri: "https://otzyv.example/activate".into(),
            verification_uri_complete: "https://otzyv.example/activate?code=K7M3-Q9TX".into(),
            expires_in,
            interval,
        });
        std::iter::from_fn(|| polling.next_wait().map(|wait| wait.as_secs())).collect()
    }

    #[test]
    fn a_code_is_polled_to_its_end_and_once_at_least() {
        assert_eq!(waits(5, 17), [5, 5, 5, 2]);
        assert_eq!(waits(5, 2), [2]);
        assert_eq!(waits(0, 2), [1, 1]);
        assert_eq!(waits(5, 0), [] as [u64; 0]);
    }

    #[test]
    fn a_busy_portal_is_left_alone_as_long_as_it_asks_and_slowed_down_for_good() {
        let mut polling = Polling {
            interval: Duration::from_secs(5),
            left: Duration::from_secs(600),
            asked: Duration::ZERO,
        };
        polling.failed(&Failure::Busy {
            status: 503,
            retry_after: Some(Duration::from_secs(120)),
        });
        assert_eq!(polling.next_wait(), Some(Duration::from_secs(120)));
        polling.slow_down();
        assert_eq!(polling.next_wait(), Some(Duration::from_secs(10)));
        assert_eq!(polling.next_wait(), Some(Duration::from_secs(10)));
    }
}
