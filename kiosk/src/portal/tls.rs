//! Whom the terminal takes for its portal, also when it does not know what time it is.
//!
//! A terminal whose clock stands at 1970, or ten years ahead, and whose NTP is blocked finds no
//! certificate valid. It would never reach its portal, and the portal's answers are what it could
//! learn the time from. So the dates are judged at the best time known:
//!
//! 1. the kernel's, where that is synchronised;
//! 2. what the portal told within the last day ([`TOLD_TIME_BINDS_MS`]), unless that is before the
//!    program was made;
//! 3. while neither is known: at the wall clock, and where nothing but a date is wrong, at the
//!    nearest moment at which the certificates are valid, never before [`EARLIEST_NOW_S`].
//!
//! Names, signatures, authorities and purposes are judged in every case by the ordinary verifier,
//! whole, at one moment: what it refuses at every moment since the program was made is refused.
//!
//! What is given up: whoever holds the key of a certificate that expired since the program was
//! made, and sits on the way, can pose as the portal to a terminal that does not know the time.
//! They would read the comments sent meanwhile, could have texts and a QR address of their own
//! shown, tell a wrong time, and acknowledge events that the portal does not have; those the
//! terminal keeps for another 30 days, and delivers when the portal says what it lacks. They cannot
//! forge an event or make figures: nothing that an enrolled terminal sends contains its keys. It is
//! worth that: events that wait for a clock that nobody sets never arrive, and such a key in such a
//! place is rare.
//!
//! Enrolment is not judged so: it hands over the first seal key and the token, and somebody is
//! there to set the clock. Without a [`TrueTime`] the wall clock alone decides.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use pikir_contract::OffsetQuality;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};

use super::tls_sessions::Sessions;
use crate::limits::{EARLIEST_NOW_S, MAX_DATE_TRIES, TOLD_TIME_BINDS_MS};
use crate::platform::files;
use crate::platform::true_time::TrueTime;

/// Whom to trust, and by which time.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Instead of the system's.
    authorities: Option<Vec<CertificateDer<'static>>>,
    /// `None`: the wall clock decides.
    true_time: Option<Arc<TrueTime>>,
}

impl Trust {
    /// The authorities in `ca_file` (PEM), or the system's; dates by the wall clock.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub fn new(ca_file: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self {
            authorities: ca_file.map(authorities_in).transpose()?,
            true_time: None,
        })
    }

    /// The same authorities; dates by what is known of the time, leniently while nothing is.
    #[must_use]
    pub fn judging_dates_by(self, true_time: Arc<TrueTime>) -> Self {
        Self {
            true_time: Some(true_time),
            ..self
        }
    }

    /// TLS for one set of connections, with the authorities as they are now, and no session
    /// remembered yet.
    ///
    /// # Errors
    /// No authority can be used.
    pub fn config(&self) -> anyhow::Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let ordinary: Arc<dyn ServerCertVerifier> = match &self.authorities {
            None => Arc::new(rustls_platform_verifier::Verifier::new(provider.clone())?),
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in authorities {
                    roots.add(authority.clone())?;
                }
                WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone())
                    .build()?
            }
        };
        let dates_bent = Arc::new(AtomicBool::new(false));
        let judge = Judge {
            ordinary,
            true_time: self.true_time.clone(),
            dates_bent: dates_bent.clone(),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::store(Arc::new(Sessions::new(dates_bent)));
        Ok(config)
    }
}

fn authorities_in(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let pem = files::read_text(path)
        .with_context(|| format!("CA file {} cannot be read", path.display()))?;
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|found| !found.is_empty())
        .with_context(|| format!("CA file {} holds no PEM certificate", path.display()))
}

/// The ordinary verifier, asked at the right moment.
#[derive(Debug)]
struct Judge {
    ordinary: Arc<dyn ServerCertVerifier>,
    true_time: Option<Arc<TrueTime>>,
    /// Whether certificates were accepted that are not valid at the wall clock: see [`Sessions`].
    dates_bent: Arc<AtomicBool>,
}

/// The moment to judge at (Unix seconds).
enum Moment {
    Known(u64, Teller),
    Guessed(u64),
}

/// Who says what time it is.
#[derive(Debug, Clone, Copy)]
enum Teller {
    WallClock,
    Kernel,
    Portal,
}

impl Judge {
    fn moment(&self, wall: UnixTime) -> Moment {
        let Some(truth) = &self.true_time else {
            return Moment::Known(wall.as_secs(), Teller::WallClock);
        };
        match truth.known() {
            Some((now, OffsetQuality::Synced)) => Moment::Known(seconds(now), Teller::Kernel),
            Some((now, _))
                if seconds(now) >= EARLIEST_NOW_S && truth.heard_within(TOLD_TIME_BINDS_MS) =>
            {
                Moment::Known(seconds(now), Teller::Portal)
            }
            Some((now, _)) => Moment::Guessed(seconds(now)),
            None => Moment::Guessed(seconds(truth.wall_ms())),
        }
    }

    /// Verifies at the guess, and as long as only a date is wrong, at the nearest moment that suits
    /// it.
    fn verify_near(
        &self,
        guess: u64,
        verify: impl Fn(u64) -> Result<ServerCertVerified, Error>,
    ) -> Result<ServerCertVerified, Error> {
        let mut at = guess.max(EARLIEST_NOW_S);
        for _ in 0..MAX_DATE_TRIES {
            let error = match verify(at) {
                Ok(verified) => {
                    if at != guess {
                        self.dates_bent.store(true, Ordering::SeqCst);
                    }
                    return Ok(verified);
                }
                Err(error) => error,
            };
            let nearest = match date_in(&error) {
                Some(WrongDate::Began(start)) => start,
                Some(WrongDate::Ended(end)) => end.max(EARLIEST_NOW_S),
                None => return Err(error),
            };
            if nearest == at {
                return Err(DateFault::EndedBeforeTheProgram.into());
            }
            at = nearest;
        }
        Err(DateFault::NeverTogether.into())
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |at| {
            let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at));
            self.ordinary.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                at,
            )
        };
        match self.moment(now) {
            Moment::Known(now, teller) => verify(now).map_err(|error| match date_in(&error) {
                Some(wrong) => DateFault::Wrong { wrong, now, teller }.into(),
                None => error,
            }),
            Moment::Guessed(guess) => self.verify_near(guess, verify),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.ordinary.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.ordinary.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.ordinary.supported_verify_schemes()
    }
}

/// Unix seconds; before 1970 counts as 1970.
fn seconds(unix_ms: i64) -> u64 {
    u64::try_from(unix_ms.div_euclid(1_000)).unwrap_or(0)
}

/// The date for which a certificate is refused (Unix seconds).
#[derive(Debug, Clone, Copy)]
enum WrongDate {
    /// It is valid only from then on.
    Began(u64),
    /// It is valid no longer than until then.
    Ended(u64),
}

fn date_in(error: &Error) -> Option<WrongDate> {
    match error {
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            Some(WrongDate::Began(not_before.as_secs()))
        }
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            Some(WrongDate::Ended(not_after.as_secs()))
        }
        _ => None,
    }
}

/// What is wrong with the dates, and what a technician can do.
#[derive(Debug, thiserror::Error)]
enum DateFault {
    #[error("{}", describe(*.wrong, *.now, *.teller))]
    Wrong {
        wrong: WrongDate,
        now: u64,
        teller: Teller,
    },
    #[error(
        "the portal's certificate expired before this program was made ({}). Renew it on the portal",
        day(EARLIEST_NOW_S)
    )]
    EndedBeforeTheProgram,
    #[error(
        "the portal's certificates were never valid together since this program was made ({}). Renew them on the portal",
        day(EARLIEST_NOW_S)
    )]
    NeverTogether,
}

impl From<DateFault> for Error {
    fn from(fault: DateFault) -> Self {
        Self::Other(OtherError(Arc::new(fault)))
    }
}

fn describe(wrong: WrongDate, now: u64, teller: Teller) -> String {
    let fault = match wrong {
        WrongDate::Ended(end) => format!("the portal's certificate expired on {}", day(end)),
        WrongDate::Began(start) => {
            format!("the portal's certificate is valid only from {}", day(start))
        }
    };
    let now = day(now);
    match teller {
        Teller::WallClock => format!(
            "{fault}, and this terminal's clock says {now}. If the clock is wrong, set it; else renew the certificate"
        ),
        Teller::Kernel => format!(
            "{fault}, and by this terminal's synchronised clock it is {now}. Renew the certificate on the portal"
        ),
        Teller::Portal => format!(
            "{fault}, and by what the portal told before it is {now}. Renew the certificate, or correct the portal's clock and restart this terminal"
        ),
    }
}

/// The day of a moment (Unix seconds) in UTC.
fn day(unix_s: u64) -> String {
    i64::try_from(unix_s)
        .ok()
        .and_then(|unix_s| jiff::Timestamp::from_second(unix_s).ok())
        .map_or_else(
            || format!("second {unix_s}"),
            |at| at.strftime("%Y-%m-%d").to_string(),
        )
}

/// What is wrong with the portal's dates, in plain words, where an error of the connection is that.
#[must_use]
pub fn date_fault(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut inner = error;
    // What an I/O error wraps is not its source, and it is wrapped twice.
    while let Some(wrapping) = inner.downcast_ref::<std::io::Error>() {
        inner = wrapping.get_ref()?;
    }
    match inner.downcast_ref::<Error>()? {
        Error::Other(other) => other.0.downcast_ref::<DateFault>().map(ToString::to_string),
        _ => None,
    }
}
