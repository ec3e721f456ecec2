//! Where the portal is, whom to trust there, and the connections that are open.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use pikir_contract::check_portal_url;
use reqwest::{Client, Url};
use rustls::ClientConfig;
use tokio::sync::watch;

use super::tls::Trust;
use crate::limits::{CONNECT_TIMEOUT, POOL_IDLE, READ_TIMEOUT, REQUEST_TIMEOUT};
use crate::platform::true_time::TrueTime;

/// What to do where TLS cannot be prepared.
const UNPREPARED: &str = "TLS cannot be prepared. Install ca-certificates, or name a ca_file";

/// How long each stage of a request may take, so that no half-open connection holds it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// To reach the portal: name, TCP and TLS.
    pub connect: Duration,
    /// Silence while the request is sent, before the answer begins, and within it.
    pub silence: Duration,
    /// The whole request, whoever trickles.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: CONNECT_TIMEOUT,
            silence: READ_TIMEOUT,
            whole: REQUEST_TIMEOUT,
        }
    }
}

/// Where the portal is and whom to trust there. Clones share their connections.
#[derive(Debug, Clone)]
pub struct PortalAddress {
    base: Url,
    road: Arc<Road>,
}

/// How the portal is reached.
#[derive(Debug)]
struct Road {
    /// `None`: no TLS, on loopback. A machine without any authority must still reach that.
    authorities: Option<Authorities>,
    /// By what certificates' dates are judged; `None`: by the wall clock.
    true_time: Option<Arc<TrueTime>>,
    patience: Patience,
    /// With the connections that are open; `None` until TLS could be prepared.
    http: Mutex<Option<Open>>,
    /// Why TLS cannot be prepared. Shared with the roads that come of this one.
    trouble: watch::Sender<Option<String>>,
}

/// What asks the portal.
#[derive(Debug)]
struct Open {
    client: Client,
    /// With the authorities as they were read; `None`: no TLS.
    tls: Option<ClientConfig>,
}

/// Who vouches for the portal.
#[derive(Debug, Clone)]
enum Authorities {
    System,
    /// Those in this file (PEM).
    File(PathBuf),
}

impl PortalAddress {
    /// Checks the address and prepares TLS. `ca_file` (PEM) replaces the system's authorities.
    ///
    /// # Errors
    /// The address is neither `https://` nor loopback, or no authority can be read.
    pub fn new(portal: &str, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        Self::with_patience(portal, ca_file, Patience::default())
    }

    /// The same, with other time limits.
    ///
    /// # Errors
    /// As [`PortalAddress::new`].
    pub fn with_patience(
        portal: &str,
        ca_file: Option<&Path>,
        patience: Patience,
    ) -> anyhow::Result<Self> {
        let address = Self::to_be_prepared(portal, ca_file, patience)?;
        address.http()?;
        Ok(address)
    }

    /// Checks the address alone. TLS is prepared with the first request, and again with each that
    /// comes while it could not be: authorities that are missing are no reason not to serve.
    ///
    /// # Errors
    /// The address is neither `https://` nor loopback.
    pub fn unprepared(portal: &str, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        Self::to_be_prepared(portal, ca_file, Patience::default())
    }

    fn to_be_prepared(
        portal: &str,
        ca_file: Option<&Path>,
        patience: Patience,
    ) -> anyhow::Result<Self> {
        check_portal_url(portal).with_context(|| format!("portal address {portal}"))?;
        let base = Url::parse(portal).with_context(|| format!("portal address {portal}"))?;
        // A second provider would be an error of the program; the first one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorities = match (ca_file, base.scheme()) {
            (None, "http") => None,
            (None, _) => Some(Authorities::System),
            (Some(path), _) => Some(Authorities::File(path.to_owned())),
        };
        let road = Road {
            authorities,
            true_time: None,
            patience,
            http: Mutex::new(None),
            trouble: watch::Sender::new(None),
        };
        Ok(Self {
            base,
            road: Arc::new(road),
        })
    }

    /// The same portal, whose certificate's dates are judged by what is known of the time, and
    /// leniently while nothing is ([`super::tls`] says at which price). For what an enrolled
    /// terminal sends; shares no connection with this one.
    #[must_use]
    pub fn judging_dates_by(&self, true_time: Arc<TrueTime>) -> Self {
        if self.road.authorities.is_none() {
            return self.clone();
        }
        let road = Road {
            authorities: self.road.authorities.clone(),
            true_time: Some(true_time),
            patience: self.road.patience,
            http: Mutex::new(None),
            trouble: self.road.trouble.clone(),
        };
        Self {
            base: self.base.clone(),
            road: Arc::new(road),
        }
    }

    /// Another portal by its address, over the same kind of road; this one where no other is named,
    /// or it cannot be used.
    #[must_use]
    pub fn or_of(&self, portal: Option<&str>, ca_file: Option<&Path>) -> Self {
        let Some(portal) = portal.filter(|portal| *portal != self.as_str()) else {
            return self.clone();
        };
        let other = Self::unprepared(portal, ca_file).map(|other| match &self.road.true_time {
            Some(true_time) => other.judging_dates_by(true_time.clone()),
            None => other,
        });
        other.unwrap_or_else(|error| {
            let detail = format!("{error:#}");
            tracing::warn!(portal, %detail, "the portal cannot be used; the present one is asked instead");
            self.clone()
        })
    }

    /// What asks the portal; prepares TLS where that has not been done.
    ///
    /// # Errors
    /// No authority can be read.
    pub(super) fn http(&self) -> anyhow::Result<Client> {
        let mut http = self.road.lock();
        if let Some(open) = &*http {
            return Ok(open.client.clone());
        }
        let made = self.road.tls().and_then(|tls| self.road.open(tls));
        let trouble = made.as_ref().err().map(|error| format!("{error:#}"));
        self.road.trouble.send_if_modified(|known| {
            let changed = *known != trouble;
            *known = trouble;
            changed
        });
        Ok(http.insert(made?).client.clone())
    }

    /// Prepares TLS ahead of the first request. What is wrong shows in [`PortalAddress::trouble`].
    pub fn prepare(&self) {
        // The first request tries it again.
        let _ = self.http();
    }

    /// Follows why TLS cannot be prepared; `None` where it can, or nobody has tried.
    #[must_use]
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.road.trouble.subscribe()
    }

    /// Leaves every open connection behind; requests under way are not touched. Authorities that
    /// can no longer be read stay as they were.
    pub(super) fn forget_connections(&self) {
        let mut http = self.road.lock();
        let Some(open) = &mut *http else {
            return;
        };
        let tls = self.road.tls().unwrap_or_else(|error| {
            let error = format!("{error:#}");
            tracing::warn!(
                error,
                "authorities cannot be read anew; they stay as they were"
            );
            open.tls.clone()
        });
        match self.road.open(tls) {
            Ok(made) => *open = made,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(
                    error,
                    "connections could not be given up; they are within seconds"
                );
            }
        }
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Host (and port), for people to read.
    #[must_use]
    pub fn host(&self) -> String {
        self.as_str()
            .split_once("://")
            .map_or_else(|| self.as_str().to_owned(), |(_, rest)| rest.to_owned())
    }
}

impl Road {
    /// TLS with the authorities as they are now; `None` where none is needed.
    fn tls(&self) -> anyhow::Result<Option<ClientConfig>> {
        let trust = match &self.authorities {
            None => return Ok(None),
            Some(Authorities::System) => Trust::new(None)?,
            Some(Authorities::File(path)) => Trust::new(Some(path))?,
        };
        let trust = match &self.true_time {
            Some(true_time) => trust.judging_dates_by(true_time.clone()),
            None => trust,
        };
        trust.config().map(Some).context(UNPREPARED)
    }

    /// What asks the portal so, with no connection yet.
    fn open(&self, tls: Option<ClientConfig>) -> anyhow::Result<Open> {
        let client = client(tls.clone(), self.patience).context(UNPREPARED)?;
        Ok(Open { client, tls })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.http.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(tls: Option<ClientConfig>, patience: Patience) -> anyhow::Result<Client> {
    let builder = Client::builder()
        .connect_timeout(patience.connect)
        .read_timeout(patience.silence)
        .timeout(patience.whole)
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(POOL_IDLE)
        // The kernel gives up at the same time as the program, so that no dead socket stays behind.
        .tcp_user_timeout(patience.silence)
        .tcp_keepalive(patience.silence);
    let builder = match tls {
        Some(tls) => builder.tls_backend_preconfigured(tls),
        None => builder.tls_certs_only([]),
    };
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::files;

    #[test]
    fn plain_http_to_another_machine_is_refused() {
        assert!(PortalAddress::new("http://otzyv.example", None).is_err());
        assert!(PortalAddress::new("http://127.0.0.1:8080", None).is_ok());
    }

    #[test]
    fn a_former_identity_is_delivered_to_its_own_portal_where_that_can_be() {
        let present = PortalAddress::new("http://127.0.0.1:8080", None).unwrap();
        let of = |portal| present.or_of(portal, None).as_str().to_owned();
        assert_eq!(of(Some("http://127.0.0.1:9090")), "http://127.0.0.1:9090");
        assert_eq!(of(None), present.as_str());
        assert_eq!(of(Some("http://otzyv.example")), present.as_str());
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        files::replace(&path, b"not a certificate", 0o644).unwrap();
        let message = PortalAddress::new("https://otzyv.example", Some(&path))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("ca.pem holds no PEM certificate"),
            "{message}"
        );
    }

    #[test]
    fn authorities_that_are_missing_are_told_with_each_request_until_they_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let address = PortalAddress::unprepared("https://otzyv.example", Some(&path)).unwrap();
        let trouble = address.trouble();
        assert_eq!(*trouble.borrow(), None, "nobody has asked yet");
        for _ in 0..2 {
            let told = format!("{:#}", address.http().unwrap_err());
            assert!(told.contains("ca.pem cannot be read"), "{told}");
            assert_eq!(trouble.borrow().as_deref(), Some(told.as_str()));
        }
        let authority = rcgen::generate_simple_self_signed(vec!["otzyv.example".into()]).unwrap();
        files::replace(&path, authority.cert.pem().as_bytes(), 0o644).unwrap();
        assert!(address.http().is_ok());
        assert_eq!(*trouble.borrow(), None);
        std::fs::remove_file(&path).unwrap();
        address.forget_connections();
        assert!(address.http().is_ok(), "what was read once stays of use");
    }
}
