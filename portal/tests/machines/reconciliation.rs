//! For each terminal and day: taken, received, counted, left out, missing, waiting.

use std::time::Duration;

use pikir_contract::Event;
use pikir_portal::domain::reconciliation::Reconciliation;
use pikir_portal::storage::Days;
use serde_json::json;

use crate::support::*;

const DAY_S: u64 = 86_400;

async fn only(portal: &Portal, days: Days) -> Reconciliation {
    let mut found = portal.state.storage.reconcile(None, days).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Two days of one boot: entries 1 to 6 on the first, 7 to 10 on the second.
fn two_days(terminal: &Terminal) -> Vec<Event> {
    let at = |seq: u64, kind: &str, members: serde_json::Value| {
        let day = if seq > 6 { DAY_S } else { 0 };
        let mut members = members;
        members["up_ms"] = json!((day + seq) * 1000);
        terminal.event(seq, kind, &members)
    };
    let rating =
        |flags: &[&str]| json!({"score": 4, "lang": "ky", "input": "keypad", "flags": flags});
    vec![
        at(1, "notice", json!({"what": "boot"})),
        at(2, "rating", rating(&[])),
        at(3, "rating", rating(&["burst"])),
        at(4, "rating", rating(&[])),
        at(5, "withdrawal", json!({"rating": terminal.event_id(4)})),
        at(
            6,
            "rating",
            json!({"score": 9, "lang": "ky", "input": "keypad"}),
        ),
        at(7, "rating", rating(&[])),
        at(8, "rating", rating(&[])),
        at(
            9,
            "notice",
            json!({"what": "journal-recovered", "detail": "1 of 9 could not be read"}),
        ),
        at(10, "rating", rating(&[])),
    ]
}

#[tokio::test]
async fn every_day_adds_up_and_what_is_missing_is_named() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(2 * DAY_S));
    let mut events = two_days(&terminal);
    events.remove(7);
    let mut delivery = terminal.delivery(&events);
    delivery["clock"]["up_ms"] = json!(2 * DAY_S * 1000);
    terminal.post(&portal, EVENTS, &delivery).await.ok();

    let found = only(&portal, Days::default()).await;
    assert_eq!(found.timezone, "Asia/Bishkek");
    let days: Vec<(String, u64, u64)> = found
        .days
        .iter()
        .map(|(day, of)| (day.to_string(), of.taken, of.received))
        .collect();
    // It booted at 2026-11-22 08:00 in Bishkek.
    assert_eq!(
        days,
        [
            ("2026-11-22".to_owned(), 6, 6),
            ("2026-11-23".to_owned(), 4, 3)
        ]
    );
    let (_, first) = &found.days[0];
    assert_eq!(
        (
            first.counted,
            first.flagged,
            first.withdrawn,
            first.other,
            first.rejected
        ),
        (1, 1, 1, 2, 1)
    );
    let total = found.total();
    assert_eq!(
        (total.counted, total.missing.as_slice()),
        (3, [(8, 8)].as_slice())
    );
    assert_eq!(
        portal.summary().await["total"],
        3,
        "as many as are published"
    );
    assert!(!found.agrees());
    assert_eq!(found.recoveries[0].detail, "1 of 9 could not be read");

    terminal
        .deliver(&portal, &two_days(&terminal)[7..8])
        .await
        .ok();
    let found = only(&portal, Days::default()).await;
    assert!(found.agrees(), "{found:?}");
    assert_eq!(found.total().taken, 10);
}

#[tokio::test]
async fn numbers_that_a_recovery_left_out_are_named_and_not_taken() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    terminal.hand_in(&portal, 1..=3).await;
    let notice = |seq, at| {
        let detail = format!("every event up to 3 could be read; numbering goes on at {at}");
        let members = json!({"what": "journal-recovered", "detail": detail});
        terminal.event(seq, "notice", &members)
    };
    terminal.deliver(&portal, &[notice(11, 11)]).await.ok();
    let found = only(&portal, Days::default()).await;
    let total = found.total();
    assert_eq!((total.taken, total.received), (4, 4));
    assert_eq!(total.missing, []);
    assert_eq!(total.skipped, [(4, 10)]);
    assert!(found.agrees() && !found.is_complete());
    // A notice speaks of the numbers right before it alone.
    terminal.deliver(&portal, &[notice(15, 11)]).await.ok();
    let found = only(&portal, Days::default()).await;
    assert_eq!(found.total().missing, [(12, 14)]);
    assert!(!found.agrees());
}

#[tokio::test]
async fn days_are_those_of_the_place_and_can_be_chosen() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(4 * DAY_S));
    let mut delivery = terminal.delivery(&two_days(&terminal));
    delivery["clock"]["up_ms"] = json!(4 * DAY_S * 1000);
    terminal.post(&portal, EVENTS, &delivery).await.ok();
    let day = |text: &str| Some(text.parse().unwrap());
    let days = Days {
        from: day("2026-11-23"),
        to: day("2026-11-30"),
    };
    let found = only(&portal, days).await;
    assert_eq!(found.days.len(), 1);
    assert_eq!((found.total().taken, found.total().missing.len()), (4, 0));
    // It booted at 02:00 UTC.
    portal
        .database()
        .execute("UPDATE places SET timezone = 'Pacific/Kiritimati'", [])
        .unwrap();
    let first = only(&portal, Days::default()).await.days[0].0;
    assert_eq!(first.to_string(), "2026-11-22");
    portal
        .database()
        .execute("UPDATE places SET timezone = 'Pacific/Honolulu'", [])
        .unwrap();
    let first = only(&portal, Days::default()).await.days[0].0;
    assert_eq!(first.to_string(), "2026-11-21");
}

#[tokio::test]
async fn what_waits_on_the_terminal_is_told_until_it_has_come() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    terminal.hand_in(&portal, 1..=3).await;
    let report = json!({
        "software": "pikir-kiosk 0.2.0",
        "clock": {"boot": terminal.boot, "up_ms": 3_600_000, "wall": "1970-01-01T00:00:01Z", "synced": false},
        "pending": 4, "rejected": 0, "disk_free_mb": 9000, "network": "wifi",
    });
    terminal.post(&portal, STATUS, &report).await.ok();
    terminal.hand_in(&portal, 4..=4).await;
    let found = only(&portal, Days::default()).await;
    let waiting = found.waiting.unwrap();
    assert_eq!(
        (waiting.pending, waiting.come_since, waiting.outstanding()),
        (4, 1, 3)
    );
    assert!(!found.agrees());
    terminal.hand_in(&portal, 5..=7).await;
    assert!(only(&portal, Days::default()).await.agrees());
}
