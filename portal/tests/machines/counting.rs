//! What should not count is marked by a rule, never deleted, and staff can reverse it.

use pikir_contract::Event;
use pikir_portal::domain::rules::Rule;
use pikir_portal::storage::{
    Exclusion, ExclusionDecision, ExclusionFilter, ExclusionFoundBy, ExclusionKey,
};
use serde_json::{Value, json};

use crate::support::*;

/// A rating at this position; `seq` decides when (see [`Terminal::head`]) unless `up_ms` is given.
fn touched(terminal: &Terminal, seq: u64, up_ms: u64, x: u64, y: u64) -> Event {
    let members =
        json!({"score": 5, "lang": "ky", "input": "touch", "up_ms": up_ms, "x": x, "y": y});
    terminal.event(seq, "rating", &members)
}

async fn exclusions(portal: &Portal, reversed: bool) -> Vec<Exclusion> {
    let filter = ExclusionFilter {
        reversed,
        ..ExclusionFilter::default()
    };
    let found = portal.state.storage.exclusions(filter, 0, 1_000).await;
    found.unwrap()
}

async fn decide(portal: &Portal, keys: Vec<ExclusionKey>, reversed: bool) -> usize {
    let decision = ExclusionDecision {
        reversed,
        reason: "a school class".to_owned(),
        decided_by: "aida".to_owned(),
        decided_at: NOW_MS,
    };
    let changed = portal.state.storage.decide_exclusions(keys, decision).await;
    changed.unwrap()
}

fn figures(summary: &Value) -> (u64, u64, u64) {
    let figure = |value: &Value| value.as_u64().unwrap();
    (
        figure(&summary["total"]),
        figure(&summary["flagged"]),
        figure(&summary["withdrawn"]),
    )
}

#[tokio::test]
async fn ten_in_a_row_at_one_position_are_left_out_back_to_the_first() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let at = |seq| touched(&terminal, seq, seq * seq * 7_777, 400 + seq % 3, 600);
    let early: Vec<Event> = (1..=9).map(at).collect();
    terminal.deliver(&portal, &early).await.ok();
    assert_eq!(figures(&portal.summary().await), (9, 0, 0));
    terminal.deliver(&portal, &[at(10)]).await.ok();
    let summary = portal.summary().await;
    assert_eq!(figures(&summary), (0, 10, 0));
    assert_eq!(summary["flagged_by_rule"]["position"], 10);
    assert!(
        exclusions(&portal, false)
            .await
            .iter()
            .all(|found| found.found_by == ExclusionFoundBy::Portal
                && found.key.rule == Rule::Position)
    );
}

#[tokio::test]
async fn a_phantom_touch_is_left_out_from_its_first_rating_also_where_a_gap_is_filled() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let phantom = |seq| touched(&terminal, seq, seq * 12_864, 300 + seq % 5, 700);
    let mut events: Vec<Event> = (1..=5).map(phantom).collect();
    let held_back = events.remove(2);
    terminal.deliver(&portal, &events).await.ok();
    // Four touches and a double pause: a period all the same only with the fifth.
    assert_eq!(figures(&portal.summary().await), (4, 0, 0));
    terminal.deliver(&portal, &[held_back]).await.ok();
    let summary = portal.summary().await;
    assert_eq!(figures(&summary), (0, 5, 0));
    assert_eq!(summary["flagged_by_rule"]["periodic"], 5);
}

#[tokio::test]
async fn every_flag_is_an_exclusion_with_its_rule_and_a_withdrawn_rating_is_only_withdrawn() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let flagged = |seq, flags: Value| {
        let members = json!({"score": 1, "lang": "ru", "input": "keypad", "flags": flags});
        terminal.event(seq, "rating", &members)
    };
    let events = [
        flagged(1, json!(["burst", "closed"])),
        flagged(2, json!(["mood"])),
        flagged(3, json!(["repeat"])),
        terminal.event(4, "withdrawal", &json!({"rating": terminal.event_id(3)})),
        terminal.rating(5, 4),
    ];
    assert_all(&terminal.deliver(&portal, &events).await.ok(), "accepted");
    let summary = portal.summary().await;
    assert_eq!(figures(&summary), (1, 2, 1));
    assert_eq!(
        summary["flagged_by_rule"],
        json!({"repeat": 0, "burst": 1, "periodic": 0, "position": 0, "closed": 1, "rush": 0, "network": 0, "replay": 0,
            "opinion": 0, "other": 1})
    );
}

#[tokio::test]
async fn a_reversed_exclusion_counts_stays_reversed_and_can_be_applied_again() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let at = |seq| touched(&terminal, seq, seq * seq * 7_777, 400, 600);
    let events: Vec<Event> = (1..=10).map(at).collect();
    terminal.deliver(&portal, &events).await.ok();
    let keys: Vec<ExclusionKey> = exclusions(&portal, false)
        .await
        .iter()
        .map(|found| found.key)
        .collect();
    assert_eq!(decide(&portal, keys[..4].to_vec(), true).await, 4);
    assert_eq!(decide(&portal, keys[..4].to_vec(), true).await, 0);
    assert_eq!(figures(&portal.summary().await), (4, 6, 0));
    // The rule finds the same ratings again with the next one, and leaves the decision alone.
    terminal.deliver(&portal, &[at(11)]).await.ok();
    assert_eq!(figures(&portal.summary().await), (4, 7, 0));
    assert_eq!(decide(&portal, keys[..1].to_vec(), false).await, 1);
    assert_eq!(figures(&portal.summary().await), (3, 8, 0));
    let reversed = exclusions(&portal, true).await;
    assert_eq!(reversed.len(), 3);
    let decision = reversed[0].decision.clone().unwrap();
    assert_eq!(
        (&*decision.decided_by, &*decision.reason),
        ("aida", "a school class")
    );
    let decisions: u64 = portal
        .database()
        .query_row("SELECT count(*) FROM exclusion_decisions", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(decisions, 5, "every decision is kept");
}

#[tokio::test]
async fn a_rating_two_rules_mark_counts_only_once_both_are_reversed() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let members = json!({"score": 3, "lang": "ru", "input": "touch", "flags": ["burst", "closed"]});
    terminal
        .deliver(&portal, &[terminal.event(1, "rating", &members)])
        .await
        .ok();
    let keys: Vec<ExclusionKey> = exclusions(&portal, false)
        .await
        .iter()
        .map(|found| found.key)
        .collect();
    decide(&portal, keys[..1].to_vec(), true).await;
    assert_eq!(figures(&portal.summary().await), (0, 1, 0));
    decide(&portal, keys, true).await;
    assert_eq!(figures(&portal.summary().await), (1, 0, 0));
}
