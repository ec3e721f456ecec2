//! What was rated cannot be changed, removed or moved without the portal noticing.

use axum::http::StatusCode;
use pikir_contract::Event;
use pikir_portal::domain::ingest::{MARK_EVERY, MAX_GAP, MAX_TURN};
use pikir_portal::services::journal_file::{Imported, import};
use pikir_portal::storage::{Breach, Integrity};
use serde_json::json;

use crate::support::*;

async fn integrity(portal: &Portal) -> Integrity {
    portal.only_terminal().await.integrity
}

fn broken(seq: u64, why: Breach) -> Integrity {
    Integrity::Broken { seq, why }
}

#[tokio::test]
async fn a_changed_event_is_rejected_for_its_seal_and_the_terminal_is_flagged() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut events = terminal.ratings(1..=5);
    events[2].body["score"] = json!(5);
    let answer = terminal.deliver(&portal, &events).await.ok();
    assert_eq!(answer["received_through"], 5);
    assert_eq!(
        answer["results"][2],
        json!({"seq": 3, "status": "rejected", "reason": "seal"})
    );
    assert_eq!(
        results(&answer)
            .iter()
            .filter(|(_, result)| result == "accepted")
            .count(),
        4
    );
    assert_eq!(integrity(&portal).await, broken(3, Breach::Changed));
    assert_eq!(portal.summary().await["total"], 4);

    let again = terminal.deliver(&portal, &events[2..3]).await.ok();
    assert_eq!(again["results"][0]["reason"], "seal", "rejected is final");
    assert_all(&terminal.hand_in(&portal, 6..=6).await, "accepted");
}

#[tokio::test]
async fn members_unknown_to_the_portal_are_covered_by_the_seal() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let members = json!({"score": 4, "lang": "ky", "input": "touch", "mood": "sunny"});
    let mut event = terminal.event(1, "rating", &members);
    assert_all(
        &terminal.deliver(&portal, &[event.clone()]).await.ok(),
        "accepted",
    );
    event = terminal.event(2, "rating", &members);
    event.body["mood"] = json!("rainy");
    assert_all(&terminal.deliver(&portal, &[event]).await.ok(), "seal");
}

#[tokio::test]
async fn a_removed_event_shows_as_missing_until_it_comes() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut events = terminal.ratings(1..=5);
    let removed = events.remove(1);
    assert_eq!(
        terminal.deliver(&portal, &events).await.ok()["received_through"],
        1
    );
    assert_eq!(integrity(&portal).await, broken(2, Breach::Missing));
    assert_eq!(
        terminal.deliver(&portal, &[removed]).await.ok()["received_through"],
        5
    );
    assert_eq!(integrity(&portal).await, Integrity::Intact);
}

#[tokio::test]
async fn events_that_changed_places_show_as_reordered() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut events = terminal.ratings(1..=4);
    (events[1].seq, events[2].seq) = (3, 2);
    events.swap(1, 2);
    let answer = terminal.deliver(&portal, &events).await.ok();
    assert_eq!(
        results(&answer)
            .iter()
            .filter(|(_, result)| result == "seal")
            .count(),
        2
    );
    assert_eq!(integrity(&portal).await, broken(2, Breach::Reordered));
}

#[tokio::test]
async fn the_same_seq_with_another_content_is_a_conflict_and_changes_nothing() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    terminal.hand_in(&portal, 1..=3).await;
    let before = portal.summary().await;
    let other: Event = terminal.rating(2, 1);
    assert_ne!(other, terminal.ratings(2..=2)[0]);
    let answer = terminal.deliver(&portal, &[other]).await.ok();
    assert_eq!(
        answer["results"],
        json!([{"seq": 2, "status": "duplicate"}])
    );
    assert_eq!(portal.summary().await, before);
    assert_eq!(integrity(&portal).await, broken(2, Breach::Conflict));
}

#[tokio::test]
async fn the_first_breach_is_the_one_that_is_shown() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut events = terminal.ratings(1..=9);
    events[7].body["score"] = json!(1);
    terminal.deliver(&portal, &events).await.ok();
    assert_eq!(integrity(&portal).await, broken(8, Breach::Changed));
    terminal
        .deliver(&portal, &[terminal.rating(4, 4)])
        .await
        .ok();
    assert_eq!(integrity(&portal).await, broken(4, Breach::Conflict));
    terminal
        .deliver(&portal, &[terminal.rating(6, 5)])
        .await
        .ok();
    assert_eq!(integrity(&portal).await, broken(4, Breach::Conflict));
}

#[tokio::test]
async fn a_portal_restored_from_a_backup_gets_again_what_it_lost() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    terminal.hand_in(&portal, 1..=10).await;
    let backup = tempfile::tempdir().unwrap();
    portal.back_up(backup.path());
    terminal.hand_in(&portal, 11..=30).await;

    let restored = Portal::open(backup);
    let answer = terminal
        .deliver(&restored, &terminal.ratings(31..=32))
        .await
        .ok();
    assert_eq!(answer["received_through"], 10, "the cursor goes back");
    let answer = terminal
        .deliver(&restored, &terminal.ratings(11..=32))
        .await
        .ok();
    assert_eq!(answer["received_through"], 32);
    assert_eq!(restored.summary().await["total"], 32);
    assert_eq!(integrity(&restored).await, Integrity::Intact);
}

#[tokio::test]
async fn verification_goes_on_over_many_deliveries_and_reopenings() {
    let mut portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    for part in 0..5 {
        let events = terminal.ratings(part * 7 + 1..=part * 7 + 7);
        assert_all(&terminal.deliver(&portal, &events).await.ok(), "accepted");
        let Portal { dir, .. } = portal;
        portal = Portal::open(dir);
    }
    assert_eq!(furthest_key(&portal), 35);
}

#[tokio::test]
async fn beyond_a_gap_that_never_closes_a_terminal_goes_on_as_before() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    terminal.hand_in(&portal, 1..=10).await;
    // Its journal was lost; numbering goes on where nothing can collide.
    for first in [1_001, 1_011, 1_021] {
        let events = terminal.ratings(first..=first + 9);
        let answer = terminal.deliver(&portal, &events).await.ok();
        assert_eq!(answer["received_through"], 10);
        assert_all(&answer, "accepted");
        assert_all(&terminal.deliver(&portal, &events).await.ok(), "duplicate");
    }
    assert_eq!(furthest_key(&portal), 1_030, "nothing is turned twice");
    assert_eq!(integrity(&portal).await, broken(11, Breach::Missing));
    // The limit for wild numbers counts from the last one held, not from the gap.
    let mut far = terminal.rating(1, 5);
    far.seq = 1_030 + MAX_GAP + 2;
    let problem = terminal.deliver(&portal, &[far]).await.problem(422);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("ahead of 1030"),
        "{problem}"
    );
}

/// The furthest seq whose key the portal has.
fn furthest_key(portal: &Portal) -> u64 {
    portal
        .database()
        .query_row("SELECT ratchet_seq FROM terminals", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn an_event_far_ahead_is_verified_over_several_requests_and_what_fills_the_gap_at_once() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let far = [terminal.rating(2 * MAX_TURN + 7, 5)];
    let mut requests = 1;
    loop {
        let answer = terminal.deliver(&portal, &far).await;
        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
            assert_all(&answer.ok(), "accepted");
            break;
        }
        assert!(answer.headers.contains_key("retry-after"));
        assert!(requests < 5, "there is no end");
        requests += 1;
    }
    assert_eq!(requests, 3);
    for seq in [3 * MARK_EVERY - 1, 3 * MARK_EVERY, MARK_EVERY + 1] {
        let answer = terminal.deliver(&portal, &[terminal.rating(seq, 5)]).await;
        assert_all(&answer.ok(), "accepted");
    }
    let mut forged = terminal.rating(MARK_EVERY + 3, 1);
    forged.body["score"] = json!(5);
    let answer = terminal.deliver(&portal, &[forged]).await.ok();
    assert_all(&answer, "seal");
}

#[tokio::test]
async fn what_fills_a_gap_late_is_verified_by_whichever_road_it_comes() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    for part in [1..=10, 31..=40, 61..=70] {
        terminal.hand_in(&portal, part).await;
    }
    let mut forged = terminal.ratings(50..=50);
    forged[0].body["score"] = json!(5);
    let file = journal_file(&terminal, &[terminal.ratings(41..=49), forged].concat());
    let mut done = Imported::default();
    import(&portal.state.storage, file.as_bytes(), NOW_MS, &mut done)
        .await
        .unwrap();
    assert_eq!((done.accepted, done.changed), (9, 1));
    let answer = terminal.hand_in(&portal, 11..=30).await;
    assert_eq!(answer["received_through"], 49);
    assert_all(&answer, "accepted");
    let answer = terminal.hand_in(&portal, 45..=65).await;
    assert_eq!(answer["received_through"], 70);
    assert_eq!(portal.summary().await["total"], 70);
    assert_eq!(integrity(&portal).await, Integrity::Intact);
    assert_eq!(furthest_key(&portal), 70);
    assert_all(&terminal.hand_in(&portal, 71..=72).await, "accepted");
}

#[tokio::test]
async fn an_event_the_portal_lost_of_its_own_is_verified_from_the_first_key_and_kept() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    terminal.hand_in(&portal, 1..=20).await;
    portal
        .database()
        .execute_batch("DELETE FROM events WHERE seq = 5; DELETE FROM ratings WHERE seq = 5")
        .unwrap();
    let answer = terminal.hand_in(&portal, 4..=6).await;
    assert_eq!(answer["received_through"], 20);
    assert_eq!(
        results(&answer)
            .into_iter()
            .map(|(_, result)| result)
            .collect::<Vec<_>>(),
        ["duplicate", "accepted", "duplicate"]
    );
    assert_eq!(portal.summary().await["total"], 20);
}
