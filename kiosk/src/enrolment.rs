//! How a terminal gets its identity: by a technician's approval (the shape of RFC 8628) or by a one-time token.
//!
//! The key pair is on disk before the first request and the ratchet's first key is in the journal, so a crash at any
//! point is repaired by asking again: the same public key gets the same terminal id.
//!
//! Enrolling again under a new id (another portal, or one that forgot this terminal) begins a new journal. The former
//! identity moves with its journal to `former/<terminal id>/` and is delivered from there until it is drained.
//!
//! A terminal whose ratchet key is lost (a destroyed journal without a spare key) cannot go on with its chain. It
//! enrols with a new key pair (`identity.next.json` until that is done), so that it gets a new id and a new chain.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use pikir_contract::{
    Bytes, EnrolmentPending, EnrolmentRequest, EnrolmentResult, Hardware, PollError, PollErrorCode,
    PollRequest, SealKey,
};

use tokio::sync::watch;

use crate::clock::SharedClock;
use crate::configuration::ConfigurationStore;
use crate::entropy::{Entropy, SharedEntropy};
use crate::files::{self, DataDir, Lock};
use crate::identity::Identity;
use crate::journal::{Journal, make_spare_key};
use crate::limits::SETUP_POLL;
use crate::portal::{
    Failure, HttpPortal, Portal, PortalAddress, PortalHealth, Reply, Request, reply,
};
use crate::view::SetupView;

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

    /// Writes the result down. The terminal is enrolled once the identity is written, which comes last.
    ///
    /// # Errors
    /// Something could not be written; enrolling again repairs it.
    pub fn complete(&self, result: EnrolmentResult) -> anyhow::Result<Identity> {
        let _lock = lock(&self.data)?;
        let mut identity = Identity::load(&self.data.identity())?
            .context("the device key is gone; enrol again")?;
        match identity.terminal {
            Some(former) if former != result.terminal => {
                let mut next = Journal::open(&next_journal(&self.data))?;
                next.set_terminal(result.terminal)?;
                empty_log(&next)?;
                drop(next);
                make_former(&self.data, &identity)?;
            }
            Some(_) if self.new_key => {
                bail!(
                    "the portal gave the former terminal's id to a new key; ask its administrator to retire that terminal, then enrol again"
                )
            }
            Some(_) => remove_journal(&next_journal(&self.data))?,
            None => Journal::open(&self.data.journal())?.set_terminal(result.terminal)?,
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

/// The set-up of a terminal that shows its code and waits: asks, shows, polls, asks again. Also notices when somebody
/// else enrols it (`pikir-provision enroll --token`). Returns once the terminal is enrolled.
pub async fn set_up(
    data: &DataDir,
    address: Option<PortalAddress>,
    clock: SharedClock,
    entropy: SharedEntropy,
    show: impl Fn(SetupView) + Send,
    health: &watch::Sender<PortalHealth>,
) -> Identity {
    let mut backoff = crate::backoff::Backoff::default();
    loop {
        if let Some(identity) = enrolled(data) {
            return identity;
        }
        let Some(address) = address.clone() else {
            show(SetupView::NoPortal);
            wait_unless_enrolled(data, Duration::MAX).await;
            continue;
        };
        let name = address.as_str().to_owned();
        show(SetupView::Connecting {
            portal: name.clone(),
            problem: None,
        });
        let attempt = async {
            let enrolment = Enrolment::prepare(data, address, clock.clone(), &*entropy, None)?;
            let asked = enrolment.ask().await?;
            health.send_replace(PortalHealth::ok());
            match asked {
                Asked::Enrolled(result) => enrolment.complete(result).map(Some),
                Asked::Pending(pending) => approval(data, &enrolment, &pending, &show).await,
            }
        };
        match attempt.await {
            Ok(Some(identity)) => return identity,
            Ok(None) => backoff.reset(),
            Err(error) => {
                let problem = format!("{error:#}");
                tracing::warn!(%problem, "set-up");
                if let Some(failure) = error.downcast_ref::<Failure>() {
                    health.send_replace(failure.health());
                }
                show(SetupView::Connecting {
                    portal: name,
                    problem: Some(problem),
                });
                wait_unless_enrolled(data, backoff.next(&*entropy, None).max(SETUP_POLL)).await;
            }
        }
    }
}

/// Shows the code and polls until it is approved; `None`: the code is of no more use.
async fn approval(
    data: &DataDir,
    enrolment: &Enrolment,
    pending: &EnrolmentPending,
    show: &(impl Fn(SetupView) + Send),
) -> anyhow::Result<Option<Identity>> {
    let claim = |problem| SetupView::Claim {
        payload: pending.verification_uri_complete.clone(),
        address: pending.verification_uri.clone(),
        user_code: pending.user_code.clone(),
        problem,
    };
    show(claim(None));
    let mut interval = Duration::from_secs(pending.interval.max(1));
    let mut left = Duration::from_secs(pending.expires_in);
    while let Some(rest) = left.checked_sub(interval) {
        left = rest;
        if wait_unless_enrolled(data, interval).await {
            return Ok(enrolled(data));
        }
        match enrolment.poll(&pending.device_code).await {
            Ok(Polled::Enrolled(result)) => return enrolment.complete(result).map(Some),
            Ok(Polled::NotYet { slower }) => {
                // RFC 8628 §3.5: five seconds more for this and every further poll.
                interval += Duration::from_secs(if slower { 5 } else { 0 });
                show(claim(None));
            }
            Ok(Polled::Denied) => bail!("the technician refused this terminal"),
            Ok(Polled::Expired) => return Ok(None),
            Err(failure) => show(claim(Some(failure.to_string()))),
        }
    }
    Ok(None)
}

/// The identity, if the terminal is enrolled.
fn enrolled(data: &DataDir) -> Option<Identity> {
    Identity::load(&data.identity())
        .ok()
        .flatten()
        .filter(|identity| identity.terminal.is_some())
}

/// Waits, looking once a second whether somebody else enrolled the terminal. Returns whether somebody did.
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

/// Brings to its end what a crash interrupted while a former identity was put aside. Call it before the journal is
/// opened.
///
/// # Errors
/// A file cannot be moved.
pub fn finish_interrupted(data: &DataDir) -> anyhow::Result<()> {
    let Some(mut identity) = Identity::load(&data.identity())? else {
        return Ok(());
    };
    let Some(former) = identity.terminal else {
        return Ok(());
    };
    let kept = DataDir::new(Some(&data.former().join(former.to_string())));
    if !files::exists(&kept.identity()) {
        return Ok(());
    }
    let next = next_journal(data);
    let begins_another = |journal: Journal| {
        journal
            .state()
            .terminal
            .filter(|terminal| *terminal != former)
    };
    if files::exists(&next)
        && !files::exists(&data.journal())
        && begins_another(Journal::open(&next)?).is_some()
    {
        files::remove_if_there(&data.spare_key())?;
        files::rename(&next, &data.journal())?;
    }
    // A journal that cannot be opened is the journal's own matter: it is mended when the terminal starts.
    let Some(terminal) = Journal::open(&data.journal()).ok().and_then(begins_another) else {
        return Ok(());
    };
    if let Some(mut new) = Identity::load(&data.next_identity())? {
        new.portal = identity.portal;
        identity = new;
    }
    identity.terminal = Some(terminal);
    identity.save(data)?;
    files::remove_if_there(&data.next_identity())?;
    Ok(())
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

/// The key the chain of the next enrolment begins with: of the journal nothing was written to yet, or of a new one.
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

/// Moves everything into the journal's own file, because only that is moved.
fn empty_log(journal: &Journal) -> anyhow::Result<()> {
    ensure!(
        journal.checkpoint()?,
        "another program reads the journal (pikir-kiosk journal export or verify). Wait until it has ended, then enrol again"
    );
    Ok(())
}

/// Puts the identity and its journal aside and the next journal in its place.
fn make_former(data: &DataDir, identity: &Identity) -> anyhow::Result<()> {
    let Some(former) = identity.terminal else {
        return Ok(());
    };
    if files::exists(&data.journal()) {
        empty_log(&Journal::open(&data.journal())?)?;
    }
    let place = DataDir::new(Some(&data.former().join(former.to_string())));
    files::make_private_dir(&data.former())?;
    files::make_private_dir(place.root())?;
    identity.save(&place)?;
    if files::exists(&data.journal()) {
        files::rename(&data.journal(), &place.journal())?;
    }
    // The spare key is of the former chain, which has come to its end.
    files::remove_if_there(&data.spare_key())?;
    files::rename(&next_journal(data), &data.journal())?;
    Ok(())
}

fn next_journal(data: &DataDir) -> PathBuf {
    data.root().join("journal.next.db")
}

fn remove_journal(path: &Path) -> std::io::Result<()> {
    ["", "-wal", "-shm"].iter().try_for_each(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        files::remove_if_there(Path::new(&name))
    })
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
