//! Keys that prove presence change, and the former ones count only while a terminal may still show
//! them.

use pikir_contract::TerminalConfig;
use pikir_portal::storage::{FORMER_KEY_MS, PRESENCE_KEY_AGE_MS};

use crate::support::*;

async fn configuration(portal: &Portal, terminal: &Terminal) -> TerminalConfig {
    let document = terminal.get(portal, CONFIG, &[]).await.ok();
    TerminalConfig::from_value(&document).unwrap()
}

async fn key_of(portal: &Portal, terminal: &Terminal) -> Vec<u8> {
    configuration(portal, terminal)
        .await
        .qr
        .presence_key
        .unwrap()
        .0
}

/// The keys that count at a place.
async fn valid(portal: &Portal, place: &str) -> Vec<Vec<u8>> {
    let storage = &portal.state.storage;
    let now_ms = portal.state.clock.unix_ms();
    storage
        .presence_keys(&place.parse().unwrap(), now_ms)
        .await
        .unwrap()
}

async fn rotate(portal: &Portal) {
    let now_ms = portal.state.clock.unix_ms();
    let place = PLACE.parse().unwrap();
    let storage = &portal.state.storage;
    assert!(storage.rotate_presence_key(&place, now_ms).await.unwrap());
}

async fn advance(portal: &Portal, ms: i64) {
    portal
        .clock
        .advance(std::time::Duration::from_millis(ms.unsigned_abs()));
}

#[tokio::test]
async fn a_former_key_counts_until_every_terminal_of_the_place_has_fetched_the_newer_one() {
    let portal = Portal::start().await;
    let (one, two) = (portal.terminal(1).await, portal.terminal(2).await);
    let before = key_of(&portal, &one).await;
    assert_eq!(valid(&portal, PLACE).await, std::slice::from_ref(&before));
    advance(&portal, 1_000).await;
    rotate(&portal).await;
    let now = valid(&portal, PLACE).await;
    assert!(now.len() == 2 && now[1] == before && now[0] != before);
    let config = configuration(&portal, &one).await;
    assert_eq!(config.qr.presence_key.unwrap().0, now[0]);
    assert_eq!(config.qr.valid_from.unwrap().unix_ms(), NOW_MS + 1_000);
    assert_eq!(valid(&portal, PLACE).await, now, "one has not fetched it");
    key_of(&portal, &two).await;
    assert_eq!(valid(&portal, PLACE).await, now[..1]);
}

#[tokio::test]
async fn a_terminal_without_a_network_is_believed_for_thirty_five_days() {
    let portal = Portal::start().await;
    let _terminal = portal.terminal(1).await;
    rotate(&portal).await;
    advance(&portal, FORMER_KEY_MS - 1).await;
    assert_eq!(valid(&portal, PLACE).await.len(), 2);
    advance(&portal, 1).await;
    assert_eq!(valid(&portal, PLACE).await.len(), 1);
}

#[tokio::test]
async fn the_key_of_a_retired_terminal_counts_for_as_long_as_its_neighbours_need_and_no_longer() {
    let portal = Portal::start().await;
    let (stolen, neighbour) = (portal.terminal(1).await, portal.terminal(2).await);
    let known = key_of(&portal, &stolen).await;
    portal.retire(&stolen).await;
    assert!(
        valid(&portal, PLACE).await.contains(&known),
        "the neighbour shows it"
    );
    key_of(&portal, &neighbour).await;
    assert!(!valid(&portal, PLACE).await.contains(&known));
    let last = key_of(&portal, &neighbour).await;
    portal.retire(&neighbour).await;
    let now = valid(&portal, PLACE).await;
    assert!(
        now.len() == 1 && !now.contains(&last),
        "nobody needs the former"
    );
}

#[tokio::test]
async fn a_terminal_that_is_moved_or_replaced_leaves_another_key_behind() {
    let portal = Portal::start().await;
    let mut moved = portal.terminal(1).await;
    let known = key_of(&portal, &moved).await;
    let token = portal.token(OTHER_PLACE).await;
    moved.enrol_with(&portal, &token).await;
    assert!(!valid(&portal, PLACE).await.contains(&known));
    let other = key_of(&portal, &moved).await;
    assert_eq!(
        valid(&portal, OTHER_PLACE).await,
        std::slice::from_ref(&other)
    );
    // Silent for more than a day: whoever is set up here follows it.
    advance(&portal, 2 * 86_400_000).await;
    let token = portal.token(OTHER_PLACE).await;
    let mut follower = Terminal::new(3);
    follower.enrol_with(&portal, &token).await;
    assert!(!valid(&portal, OTHER_PLACE).await.contains(&other));
}

#[tokio::test]
async fn a_key_changes_by_itself_after_a_year() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let known = key_of(&portal, &terminal).await;
    advance(&portal, PRESENCE_KEY_AGE_MS - 1).await;
    assert_eq!(key_of(&portal, &terminal).await, known);
    advance(&portal, 1).await;
    assert_ne!(key_of(&portal, &terminal).await, known);
    assert!(!valid(&portal, PLACE).await.contains(&known));
    // Where no terminal asks any more, the key is none in the end.
    advance(&portal, PRESENCE_KEY_AGE_MS + FORMER_KEY_MS - 1).await;
    assert_eq!(valid(&portal, PLACE).await.len(), 1);
    advance(&portal, 1).await;
    assert_eq!(valid(&portal, PLACE).await.len(), 0);
}
