//! Deliveries: taken in once, answered truthfully.

use std::time::Duration;

use pikir_contract::Id;
use pikir_portal::domain::ingest::MAX_GAP;
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_rating_is_accepted_and_counted_once_however_often_it_is_sent() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let events = terminal.ratings(1..=10);
    let first = terminal.deliver(&portal, &events).await.ok();
    assert_eq!(first["received_through"], 10);
    assert_eq!(first["time"], "2026-11-22T02:00:00.000Z");
    assert_all(&first, "accepted");
    let again = terminal.deliver(&portal, &events).await.ok();
    assert_eq!(again["received_through"], 10);
    assert_all(&again, "duplicate");
    let overlapping = terminal.hand_in(&portal, 9..=12).await;
    assert_eq!(
        results(&overlapping)
            .into_iter()
            .map(|(_, result)| result)
            .collect::<Vec<_>>(),
        ["duplicate", "duplicate", "accepted", "accepted"]
    );
    assert_eq!(portal.summary().await["total"], 12);
}

#[tokio::test]
async fn an_empty_delivery_tells_how_far_the_portal_is() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    assert_eq!(
        terminal.deliver(&portal, &[]).await.ok()["received_through"],
        0
    );
    terminal.hand_in(&portal, 1..=3).await;
    assert_eq!(
        terminal.deliver(&portal, &[]).await.ok()["received_through"],
        3
    );
}

#[tokio::test]
async fn a_malformed_event_is_set_aside_and_the_others_count() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let bad = terminal.event(
        2,
        "rating",
        &json!({"score": 6, "lang": "ky", "input": "touch"}),
    );
    let events = [terminal.rating(1, 5), bad.clone(), terminal.rating(3, 5)];
    let answer = terminal.deliver(&portal, &events).await.ok();
    assert_eq!(answer["received_through"], 3);
    assert_eq!(results(&answer)[1], (2, "malformed".to_owned()));
    assert_eq!(portal.summary().await["total"], 2);
    let state = portal.only_terminal().await;
    assert_eq!((state.accepted, state.rejected), (2, 1));

    let again = terminal.deliver(&portal, &[bad]).await.ok();
    assert_eq!(
        again["results"],
        json!([{"seq": 2, "status": "rejected", "reason": "malformed"}])
    );
    let (body, detail): (String, String) = portal
        .database()
        .query_row("SELECT body, detail FROM events WHERE seq = 2", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(
        body.contains("\"score\":6") && detail.contains("score"),
        "{body} {detail}"
    );
}

#[tokio::test]
async fn a_gap_is_waited_for_and_closed() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let beyond = terminal
        .deliver(
            &portal,
            &[
                terminal.rating(1, 5),
                terminal.rating(4, 5),
                terminal.rating(5, 5),
            ],
        )
        .await;
    assert_eq!(beyond.ok()["received_through"], 1);
    assert_all(&beyond.json(), "accepted");
    let closed = terminal.hand_in(&portal, 2..=3).await;
    assert_eq!(closed["received_through"], 5);
    let on = terminal.hand_in(&portal, 6..=6).await;
    assert_eq!(on["received_through"], 6);
    assert_eq!(portal.summary().await["total"], 6);
}

#[tokio::test]
async fn a_seq_far_ahead_is_refused_with_its_seq() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut far = terminal.rating(1, 5);
    far.seq = MAX_GAP + 2;
    let problem = terminal.deliver(&portal, &[far.clone()]).await.problem(422);
    assert_eq!(problem["seq"], MAX_GAP + 2);
    far.seq = 9_007_199_254_740_991;
    terminal.deliver(&portal, &[far]).await.problem(422);
    assert_eq!(portal.only_terminal().await.received_through, 0);
}

#[tokio::test]
async fn unknown_kinds_are_kept_and_counted_apart() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let event = terminal.sealed(1, "smile", json!({"width": 3, "more": {"of": ["it"]}}));
    assert_all(&terminal.deliver(&portal, &[event]).await.ok(), "accepted");
    assert_eq!(portal.only_terminal().await.unknown_kinds, 1);
    assert_eq!(portal.summary().await["total"], 0);
}

#[tokio::test]
async fn a_withdrawn_rating_does_not_count_whichever_arrives_first() {
    let portal = Portal::start().await;
    let (one, two) = (portal.terminal(1).await, portal.terminal(2).await);
    let withdraw = |seq, rating: Id| one.event(seq, "withdrawal", &json!({"rating": rating}));
    one.deliver(
        &portal,
        &[
            one.rating(1, 5),
            one.rating(2, 1),
            withdraw(3, one.event_id(1)),
        ],
    )
    .await
    .ok();
    one.deliver(&portal, &[withdraw(5, one.event_id(4))])
        .await
        .ok();
    one.deliver(&portal, &[one.rating(4, 1)]).await.ok();
    two.deliver(&portal, &[two.rating(1, 3)]).await.ok();
    one.deliver(&portal, &[withdraw(6, two.event_id(1))])
        .await
        .ok();
    let summary = portal.summary().await;
    assert_eq!(
        summary["withdrawn"], 2,
        "another terminal's rating cannot be withdrawn: {summary}"
    );
    assert_eq!(
        summary["counts"],
        json!({"1": 1, "2": 0, "3": 1, "4": 0, "5": 0})
    );
}

#[tokio::test]
async fn an_answer_is_kept_with_its_rating() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let members = json!({"rating": terminal.event_id(1), "criteria": {"courtesy": 4}, "reasons": ["waiting"], "comment": "долго"});
    let events = [terminal.rating(1, 2), terminal.event(2, "answer", &members)];
    assert_all(&terminal.deliver(&portal, &events).await.ok(), "accepted");
    let answer: (String, String, String) = portal
        .database()
        .query_row(
            "SELECT a.criteria, a.reasons, a.comment FROM answers a JOIN ratings r
             ON r.terminal = a.terminal AND r.event_id = a.rating",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(
        answer,
        (
            r#"{"courtesy":4}"#.to_owned(),
            r#"["waiting"]"#.to_owned(),
            "долго".to_owned()
        )
    );
}

#[tokio::test]
async fn a_rating_whose_id_repeats_is_not_counted_twice() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let members = json!({"id": terminal.event_id(1), "score": 5, "lang": "ky", "input": "touch"});
    let events = [terminal.rating(1, 5), terminal.event(2, "rating", &members)];
    let answer = terminal.deliver(&portal, &events).await.ok();
    assert_eq!(results(&answer)[1].1, "malformed");
    assert_eq!(portal.summary().await["total"], 1);
}

#[tokio::test]
async fn the_true_time_of_the_sending_boot_comes_from_the_portal_s_clock() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    terminal
        .deliver(&portal, &[terminal.rating(10, 5)])
        .await
        .ok();
    assert_eq!(
        time_of(&portal, 10),
        (NOW_MS - 3_600_000 + 55_000, "portal".to_owned())
    );
}

#[tokio::test]
async fn an_unknown_boot_is_set_right_when_its_offset_is_learnt() {
    let portal = Portal::start().await;
    let mut terminal = portal.terminal(1).await;
    let now_boot = terminal.boot;
    terminal.boot = Terminal::new(99).boot;
    let old = terminal.rating(1, 5);
    let old_boot = std::mem::replace(&mut terminal.boot, now_boot);
    terminal.deliver(&portal, &[old]).await.ok();
    assert_eq!(time_of(&portal, 1), (NOW_MS, "unknown".to_owned()));

    portal.clock.advance(Duration::from_secs(60));
    let learn = |offset_ms: i64, quality: &str| {
        let mut delivery = terminal.delivery(&[]);
        delivery["boots"] = json!([{"boot": old_boot, "offset_ms": offset_ms, "quality": quality}]);
        delivery
    };
    let offset = NOW_MS - 86_400_000;
    terminal
        .post(&portal, EVENTS, &learn(offset - 500, "estimated"))
        .await
        .ok();
    assert_eq!(
        time_of(&portal, 1),
        (offset - 500 + 1_000, "estimated".to_owned())
    );
    terminal
        .post(&portal, EVENTS, &learn(offset, "synced"))
        .await
        .ok();
    assert_eq!(time_of(&portal, 1), (offset + 1_000, "synced".to_owned()));
    terminal
        .post(&portal, EVENTS, &learn(offset - 999, "estimated"))
        .await
        .ok();
    assert_eq!(
        time_of(&portal, 1),
        (offset + 1_000, "synced".to_owned()),
        "a worse offset changes nothing"
    );
}

#[tokio::test]
async fn an_offset_that_makes_no_sense_is_not_believed() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    for offset_ms in [
        0,
        NOW_MS + 10 * 365 * 86_400_000,
        9_007_199_254_740_991,
        -9_007_199_254_740_991,
    ] {
        let mut delivery = terminal.delivery(&terminal.ratings(1..=1));
        delivery["boots"] =
            json!([{"boot": terminal.boot, "offset_ms": offset_ms, "quality": "synced"}]);
        terminal.post(&portal, EVENTS, &delivery).await.ok();
    }
    assert_eq!(time_of(&portal, 1).1, "portal");
}

fn time_of(portal: &Portal, seq: u64) -> (i64, String) {
    portal
        .database()
        .query_row(
            "SELECT rated_at, time_quality FROM ratings WHERE seq = ?1",
            [seq],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap()
}

#[tokio::test]
async fn deliveries_at_the_same_time_lose_and_double_nothing() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let all: Vec<_> = (0..8)
        .map(|part| terminal.ratings(part * 10 + 1..=part * 10 + 20))
        .collect();
    let deliveries = all.iter().map(|events| terminal.deliver(&portal, events));
    for answer in join_all(deliveries).await {
        answer.ok();
    }
    assert_eq!(
        terminal.deliver(&portal, &[]).await.ok()["received_through"],
        90
    );
    assert_eq!(portal.summary().await["total"], 90);
    assert_eq!(
        portal.only_terminal().await.integrity,
        pikir_portal::storage::Integrity::Intact
    );
}

/// Runs futures side by side on this task.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut waiting {
            if output.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(context)
            {
                *output = Some(done);
            }
        }
        if waiting.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    waiting
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
