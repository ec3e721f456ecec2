//! Changes of the network: a link that comes up, an address that is another one.

use tokio::sync::watch;

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

    /// Waits for the next change that was not seen yet, and marks it as seen; for ever where nobody tells.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_is_heard_once_by_everybody_even_if_it_came_before_they_waited() {
        let (signal, mut one) = channel();
        let mut other = one.clone();
        signal.changed();
        one.changed().await;
        assert!(!one.take());
        assert!(other.take() && !other.take());
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_tells_the_wait_never_ends() {
        let mut silent = NetworkChanges::none();
        let day = std::time::Duration::from_secs(86_400);
        assert!(!silent.take());
        assert!(tokio::time::timeout(day, silent.changed()).await.is_err());
    }
}
