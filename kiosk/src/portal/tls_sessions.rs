//! TLS sessions, so that the next connection costs less.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;

use crate::limits::TLS_SESSIONS;

/// Sessions of one set of connections. A resumed session shows no certificate, so none is resumed
/// once certificates were accepted whose dates did not fit the clock: as soon as the time is known
/// they are to be judged again.
#[derive(Debug)]
pub struct Sessions {
    kept: ClientSessionMemoryCache,
    dates_bent: Arc<AtomicBool>,
}

impl Sessions {
    /// None yet; `dates_bent` is set by whoever accepts certificates.
    pub fn new(dates_bent: Arc<AtomicBool>) -> Self {
        Self {
            kept: ClientSessionMemoryCache::new(TLS_SESSIONS),
            dates_bent,
        }
    }

    fn may_resume(&self) -> bool {
        !self.dates_bent.load(Ordering::SeqCst)
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.kept.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.kept.set_tls12_session(server_name, value);
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.may_resume()
            .then(|| self.kept.tls12_session(server_name))
            .flatten()
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.kept.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(
        &self,
        server_name: ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        self.kept.insert_tls13_ticket(server_name, value);
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        self.may_resume()
            .then(|| self.kept.take_tls13_ticket(server_name))
            .flatten()
    }
}
