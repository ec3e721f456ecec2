//! What is heard of a network that changes, and of one that only talks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::*;

/// The machine's network, played by a test.
struct Script {
    stirs: mpsc::UnboundedReceiver<()>,
    picture: Arc<Mutex<String>>,
}

impl Network for Script {
    async fn stirred(&mut self) -> io::Result<()> {
        self.stirs
            .recv()
            .await
            .ok_or_else(|| io::Error::other("no more"))?;
        while self.stirs.try_recv().is_ok() {}
        Ok(())
    }

    fn picture(&self) -> String {
        self.picture.lock().unwrap().clone()
    }
}

struct Hand {
    stirs: mpsc::UnboundedSender<()>,
    picture: Arc<Mutex<String>>,
}

impl Hand {
    fn play() -> (Self, NetworkChanges) {
        let (stirs, received) = mpsc::unbounded_channel();
        let picture = Arc::new(Mutex::new("eth0 down".to_owned()));
        let script = Script {
            stirs: received,
            picture: picture.clone(),
        };
        let (signal, changes) = channel();
        tokio::spawn(follow(script, signal));
        (Self { stirs, picture }, changes)
    }

    fn becomes(&self, picture: &str) {
        *self.picture.lock().unwrap() = picture.to_owned();
        self.stirs.send(()).unwrap();
    }
}

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
    let day = Duration::from_secs(86_400);
    assert!(!silent.take());
    assert!(tokio::time::timeout(day, silent.changed()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_link_that_comes_up_is_told_once_it_has_settled() {
    let (hand, mut changes) = Hand::play();
    tokio::task::yield_now().await;
    hand.becomes("eth0 up");
    hand.becomes("eth0 up, an address");
    let start = Instant::now();
    changes.changed().await;
    assert_eq!(start.elapsed(), NETWORK_SETTLE);
    let day = Duration::from_secs(86_400);
    assert!(tokio::time::timeout(day, changes.changed()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn messages_that_say_nothing_new_wake_nobody() {
    let (hand, mut changes) = Hand::play();
    tokio::task::yield_now().await;
    for _ in 0..100 {
        hand.becomes("eth0 down");
        tokio::time::sleep(Duration::from_secs(7)).await;
    }
    assert!(!changes.take());
}

#[tokio::test(start_paused = true)]
async fn a_flapping_link_is_told_a_few_times_a_minute_and_its_last_state_for_sure() {
    let (hand, mut changes) = Hand::play();
    tokio::task::yield_now().await;
    let mut told = 0;
    for flap in 0..600 {
        hand.becomes(&format!("eth0 {flap}"));
        tokio::time::sleep(Duration::from_millis(100)).await;
        told += usize::from(changes.take());
    }
    assert!((1..=6).contains(&told), "told {told} times in a minute");
    hand.becomes("eth0 up");
    changes.changed().await;
}

#[tokio::test]
async fn the_kernel_lets_its_messages_be_heard_and_its_tables_be_read() {
    let network = Netlink::open().unwrap();
    assert!(network.picture().contains("/sys/class/net/lo "));
}
