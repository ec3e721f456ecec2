//! Changes of the network: a link that comes up, an address that is another one. They wake the
//! uploader.
//!
//! The kernel tells on a netlink socket (rtnetlink(7)) that something stirs; what changed is read
//! from where it stands then. So a message that says nothing new (an IPv6 router renews its
//! addresses every few minutes) wakes nobody, and none has to be understood.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use super::files;
use crate::limits::{NETWORK_PAUSE, NETWORK_SETTLE};

/// What is listened to: `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR`
/// (linux/rtnetlink.h).
const GROUPS: u32 = 0x1 | 0x10 | 0x100;
/// Where the links, addresses and routes are read.
const TABLES: [&str; 3] = [
    "/proc/net/fib_trie",
    "/proc/net/if_inet6",
    "/proc/net/route",
];
/// Where each link says whether it is up.
const LINKS: &str = "/sys/class/net";

/// Says that the network changed. What a watcher holds on a terminal, and a test in its hand.
#[derive(Debug)]
pub struct NetworkSignal(watch::Sender<()>);

/// Hears of changes of the network. Clones hear the same ones.
#[derive(Debug, Clone)]
pub struct NetworkChanges(watch::Receiver<()>);

/// A signal and who hears it.
#[must_use]
pub fn channel() -> (NetworkSignal, NetworkChanges) {
    let (sender, receiver) = watch::channel(());
    (NetworkSignal(sender), NetworkChanges(receiver))
}

impl NetworkSignal {
    /// The network is another one now.
    pub fn changed(&self) {
        self.0.send_replace(());
    }
}

impl NetworkChanges {
    /// Hears of nothing, ever: for a machine that does not tell.
    #[must_use]
    pub fn none() -> Self {
        channel().1
    }

    /// Whether something changed since it was last looked; looking marks it as seen.
    pub fn take(&mut self) -> bool {
        let changed = self.0.has_changed().unwrap_or(false);
        self.0.mark_unchanged();
        changed
    }

    /// Waits for the next change that was not seen yet, and marks it as seen; for ever where nobody
    /// tells.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The machine's network: [`Netlink`] on a terminal, a script in tests.
trait Network: Send + 'static {
    /// Waits until the network stirs, or may have.
    fn stirred(&mut self) -> impl Future<Output = io::Result<()>> + Send;
    /// How the network stands: any text that is another one when a link or an address is.
    fn picture(&self) -> String;
}

/// Follows the machine's network from now on. Must be called inside the runtime. Where the kernel
/// does not tell, the back-off alone finds a network that came back.
#[must_use]
pub fn watch() -> NetworkChanges {
    match Netlink::open() {
        Ok(network) => {
            let (signal, changes) = channel();
            tokio::spawn(follow(network, signal));
            changes
        }
        Err(error) => {
            tracing::warn!(%error, "the kernel does not tell of network changes; a network that comes back is found within minutes");
            NetworkChanges::none()
        }
    }
}

async fn follow(mut network: impl Network, signal: NetworkSignal) {
    let mut known = network.picture();
    loop {
        if let Err(error) = network.stirred().await {
            tracing::warn!(%error, "the kernel tells no more of network changes");
            return;
        }
        tokio::time::sleep(NETWORK_SETTLE).await;
        let now = network.picture();
        if now != known {
            known = now;
            tracing::info!("the network changed");
            signal.changed();
            tokio::time::sleep(NETWORK_PAUSE).await;
        }
    }
}

/// The kernel's messages about links and addresses.
struct Netlink(AsyncFd<OwnedFd>);

impl Netlink {
    fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        #[allow(
            unsafe_code,
            reason = "tokio wants it said that the descriptor stays what it is"
        )]
        // SAFETY: the `OwnedFd` goes into the `AsyncFd`, which gives out shared references to it
        // only.
        let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE)? };
        Ok(Self(socket))
    }
}

impl Network for Netlink {
    async fn stirred(&mut self) -> io::Result<()> {
        let mut ready = self.0.readable().await?;
        let mut message = [0; 4096];
        loop {
            match rustix::net::recv(self.0.get_ref(), &mut message, RecvFlags::empty()) {
                // Too many messages to keep, or one longer than the buffer, is news like any other.
                Ok(_) | Err(rustix::io::Errno::NOBUFS | rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    ready.clear_ready();
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn picture(&self) -> String {
        // A table that cannot be read is an empty one: the others still tell.
        let read = |path: &std::path::Path| files::read_text(path).unwrap_or_default();
        let mut picture: String = TABLES.iter().map(|table| read(table.as_ref())).collect();
        for link in files::directories_in(LINKS.as_ref()).unwrap_or_default() {
            picture += &format!("{} {}", link.display(), read(&link.join("operstate")));
        }
        picture
    }
}

#[cfg(test)]
mod tests;
