//! A terminal that is set up anew begins a new chain of seals and says which one it follows.

use std::time::Duration;

use pikir_contract::Id;
use serde_json::json;

use crate::support::*;

async fn links(portal: &Portal, id: Id) -> (Option<Id>, Option<Id>) {
    let terminals = portal.state.storage.terminals().await.unwrap();
    let found = terminals.into_iter().find(|terminal| terminal.id == id);
    let found = found.unwrap();
    (found.follows, found.followed_by)
}

/// Enrols at [`PLACE`] a machine with the serial number of terminal `like`.
async fn enrolled_like(portal: &Portal, number: u8, like: u8) -> Terminal {
    let mut terminal = Terminal::new(number);
    let mut request = terminal.enrolment();
    request["hardware"]["serial"] = json!(format!("serial-{like}"));
    request["token"] = json!(portal.token(PLACE).await);
    let result = terminal.post_as_machine(portal, ENROLMENTS, &request).await;
    terminal.id = result.ok()["terminal"].as_str().unwrap().parse().unwrap();
    terminal
}

#[tokio::test]
async fn the_same_machine_under_a_new_key_follows_its_former_id() {
    let portal = Portal::start().await;
    let former = portal.terminal(1).await;
    former.hand_in(&portal, 1..=3).await;
    let anew = enrolled_like(&portal, 2, 1).await;
    assert_eq!(links(&portal, anew.id).await, (Some(former.id), None));
    assert_eq!(links(&portal, former.id).await, (None, Some(anew.id)));
    // Both chains are whole, and the former one can still be delivered.
    assert_all(&anew.hand_in(&portal, 1..=2).await, "accepted");
    assert_all(&former.hand_in(&portal, 4..=5).await, "accepted");
    assert_eq!(portal.summary().await["total"], 7);
    let again = enrolled_like(&portal, 3, 1).await;
    assert_eq!(links(&portal, again.id).await.0, Some(anew.id));
}

#[tokio::test]
async fn another_machine_follows_the_one_whose_place_it_takes_but_not_a_neighbour() {
    let portal = Portal::start().await;
    let (one, two) = (portal.terminal(1).await, portal.terminal(2).await);
    assert_eq!(
        links(&portal, two.id).await,
        (None, None),
        "they stand side by side"
    );
    portal.retire(&one).await;
    let three = portal.terminal(3).await;
    assert_eq!(links(&portal, three.id).await.0, Some(one.id));
    portal.clock.advance(Duration::from_secs(2 * 86_400));
    three.deliver(&portal, &[]).await.ok();
    let four = portal.terminal(4).await;
    assert_eq!(
        links(&portal, four.id).await.0,
        Some(two.id),
        "the one that has been silent for days"
    );
}
