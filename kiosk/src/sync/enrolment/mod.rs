//! How a terminal gets its identity: by a technician's approval (the shape of RFC 8628) or by a
//! one-time token.
//!
//! The key pair is on disk before the first request and the ratchet's first key is in the journal,
//! so a crash at any point is repaired by asking again: the same public key gets the same terminal
//! id.
//!
//! Enrolling again under a new id (another portal, or one that forgot this terminal) begins a new
//! journal. The former identity moves with its journal to `former/<terminal id>/` and is delivered
//! from there until it is drained. A journal whose identity is gone goes there too: only
//! `journal export` can still bring it to the portal.
//!
//! A terminal whose ratchet key is lost (a destroyed journal without a spare key) cannot go on with
//! its chain. It enrols with a new key pair (`identity.next.json` until that is done), so that it
//! gets a new id and a new chain.

mod former;
mod set_up;

use std::path::PathBuf;

use anyhow::{Context, bail};
use pikir_contract::{
    Bytes, EnrolmentPending, EnrolmentRequest, EnrolmentResult, Hardware, PollError, PollErrorCode,
    PollRequest, SealKey,
};

use crate::config::configuration::ConfigurationStore;
use crate::config::identity::Identity;
use crate::journal::{Journal, make_spare_key};
use crate::platform::clock::SharedClock;
use crate::platform::entropy::Entropy;
use crate::platform::files;
use crate::platform::files::{DataDir, Lock};
use crate::portal::{Failure, HttpPortal, Portal, PortalAddress, Reply, Request, reply};

pub use former::finish_interrupted;
pub use set_up::{Polling, SetUp};

use former::{begin_next, make_former, next_journal, remove_journal, set_aside};

/// An enrolment under way at one portal.
pub struct Enrolment {
    data: DataDir,
    portal: HttpPortal,
    request: EnrolmentRequest,
    /// The request carries a new key pair, because the former chain cannot go on.
    new_key: bool,
}

/// What the portal said to the request.
#[derive(Debug)]
pub enum Asked {
    /// Enrolled at once, by token.
    Enrolled(EnrolmentResult),
    /// A technician has to approve.
    Pending(EnrolmentPending),
}

/// What the portal said to a poll.
#[derive(Debug)]
pub enum Polled {
    /// Approved.
    Enrolled(EnrolmentResult),
    /// Not yet; `slower`: poll less often from now on.
    NotYet {
        /// The portal wants fewer polls.
        slower: bool,
    },
    /// A technician said no.
    Denied,
    /// The code's time is over; ask for another.
    Expired,
}

impl Enrolment {
    /// Makes or finds the keys and prepares the request.
    ///
    /// # Errors
    /// Another enrolment is under way, or the data directory cannot be written.
    pub fn prepare(
        data: &DataDir,
        address: PortalAddress,
        clock: SharedClock,
        entropy: &dyn Entropy,
        token: Option<String>,
    ) -> anyhow::Result<Self> {
        let _lock = lock(data)?;
        finish_interrupted(data)?;
        let enrolled = Identity::load(&data.identity())?.is_some_and(|one| one.terminal.is_some());
        let new_key = enrolled && key_is_lost(data)?;
        let (place, journals) = if new_key {
            (data.next_identity(), vec![next_journal(data)])
        } else {
            (data.identity(), vec![data.journal(), next_journal(data)])
        };
        let identity = match Identity::load(&place)? {
            Some(identity) => identity,
            None => {
                let identity = Identity::generate(entropy);
                identity.save_to(&place)?;
                identity
            }
        };
        let seal_key = first_key(&journals, entropy)?;
        let key = identity.signing_key();
        let request = EnrolmentRequest {
            public_key: Bytes(key.verifying_key().to_bytes().to_vec()),
            seal_key: Bytes(seal_key.as_bytes().to_vec()),
            hardware: hardware(),
            software: crate::SOFTWARE.to_owned(),
            token,
        };
        let portal = HttpPortal::new(address, key, identity.public_key(), clock);
        Ok(Self {
            data: data.clone(),
            portal,
            request,
            new_key,
        })
    }

    /// Asks the portal.
    ///
    /// # Errors
    /// It could not be reached, or it refuses; a spent token is [`Failure::Refused`] with status 403.
    pub async fn ask(&self) -> Result<Asked, Failure> {
        let reply = self
            .portal
            .send(Request::post("/api/v1/enrolments", &self.request))
            .await;
        if matches!(&reply, Ok(Reply { status: 201, .. })) {
            return Ok(Asked::Pending(reply::read(reply)?));
        }
        Ok(Asked::Enrolled(reply::read(reply)?))
    }

    /// Asks whether a technician has approved.
    ///
    /// # Errors
    /// The portal could not be reached, or refuses for another reason than those of [`Polled`].
    pub async fn poll(&self, device_code: &str) -> Result<Polled, Failure> {
        let request = PollRequest {
            device_code: device_code.to_owned(),
        };
        let reply = self
            .portal
            .send(Request::post("/api/v1/enrolments/poll", &request))
            .await;
        match reply::read(reply) {
            Ok(result) => Ok(Polled::Enrolled(result)),
            Err(Failure::Refused {
                status: 400,
                detail,
                body,
            }) => match serde_json::from_slice(&body) {
                Ok(PollError {
                    error: PollErrorCode::AuthorizationPending,
                }) => Ok(Polled::NotYet { slower: false }),
                Ok(PollError {
                    error: PollErrorCode::SlowDown,
                }) => Ok(Polled::NotYet { slower: true }),
                Ok(PollError {
                    error: PollErrorCode::AccessDenied,
                }) => Ok(Polled::Denied),
                Ok(PollError {
                    error: PollErrorCode::ExpiredToken,
                }) => Ok(Polled::Expired),
                Err(_) => Err(Failure::Refused {
                    status: 400,
                    detail,
                    body,
                }),
            },
            Err(failure) => Err(failure),
        }
    }

    /// Writes the result down. The terminal is enrolled once the identity is written, which comes
    /// last.
    ///
    /// # Errors
    /// Something could not be written; enrolling again repairs it.
    pub fn complete(&self, result: EnrolmentResult) -> anyhow::Result<Identity> {
        let _lock = lock(&self.data)?;
        let mut identity = Identity::load(&self.data.identity())?
            .context("the device key is gone; enrol again")?;
        match identity.terminal {
            Some(former) if former != result.terminal => {
                begin_next(&self.data, result.terminal)?;
                make_former(&self.data, &identity)?;
            }
            Some(_) if self.new_key => {
                bail!(
                    "the portal gave the former terminal's id to a new key; ask its administrator to retire that terminal, then enrol again"
                )
            }
            Some(_) => remove_journal(&next_journal(&self.data))?,
            None => {
                let mut journal = Journal::open(&self.data.journal())?;
                if journal.first_key()?.is_some() {
                    journal.set_terminal(result.terminal)?;
                } else {
                    // Written to under an identity that is gone: the portal was told the key of the
                    // next one.
                    drop(journal);
                    begin_next(&self.data, result.terminal)?;
                    set_aside(&self.data)?;
                }
            }
        }
        if let Err(error) = ConfigurationStore::load(self.data.clone()).accept(result.config, None)
        {
            // The terminal says so on its screen and asks again; it is enrolled all the same.
            tracing::error!(
                error = format!("{error:#}"),
                "the portal's configuration cannot be used"
            );
        }
        if self.new_key {
            identity = Identity::load(&self.data.next_identity())?
                .context("the new device key is gone; enrol again")?;
        }
        make_spare_key(&self.data.journal(), result.terminal)?;
        identity.terminal = Some(result.terminal);
        identity.portal = Some(self.portal.address().as_str().to_owned());
        identity.save(&self.data)?;
        files::remove_if_there(&self.data.next_identity())?;
        Ok(identity)
    }
}

/// Whether the chain of this enrolled terminal cannot go on.
fn key_is_lost(data: &DataDir) -> anyhow::Result<bool> {
    if files::exists(&data.journal()) {
        return Ok(Journal::open(&data.journal())?.key_is_lost());
    }
    anyhow::ensure!(
        !files::exists(&data.spare_key()),
        "{} is missing, but the terminal can write a new one: start pikir-kiosk once, then enrol again",
        data.journal().display()
    );
    Ok(true)
}

/// The key the chain of the next enrolment begins with: of the journal nothing was written to yet,
/// or of a new one.
fn first_key(journals: &[PathBuf], entropy: &dyn Entropy) -> anyhow::Result<SealKey> {
    for path in journals {
        if !files::exists(path) {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes);
            let key = SealKey::from_bytes(bytes);
            Journal::create(path, &key)?.checkpoint()?;
            return Ok(key);
        }
        if let Some(key) = Journal::open(path)?.first_key()? {
            return Ok(key);
        }
    }
    let last = journals.last().map(|path| path.display().to_string());
    bail!(
        "{} holds events already; move it away and enrol again",
        last.unwrap_or_default()
    )
}

fn lock(data: &DataDir) -> anyhow::Result<Lock> {
    Lock::try_take(&data.enrolment_lock())
        .with_context(|| format!("{} cannot be made", data.enrolment_lock().display()))?
        .context("another enrolment of this terminal is under way; wait a moment and try again")
}

/// What the machine says of itself.
fn hardware() -> Hardware {
    let first = |paths: &[&str]| {
        let found = paths
            .iter()
            .find_map(|path| files::read_text(path.as_ref()).ok());
        let text = found.unwrap_or_default();
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if text.is_empty() {
            "unknown".to_owned()
        } else {
            text.to_owned()
        }
    };
    Hardware {
        model: first(&["/proc/device-tree/model", "/sys/class/dmi/id/product_name"]),
        serial: first(&[
            "/proc/device-tree/serial-number",
            "/sys/class/dmi/id/product_serial",
        ]),
    }
}

#[cfg(test)]
mod tests;
