//! Every rating has a time and says how sure that is, whatever the terminal's clock thinks.

use std::time::Duration;

use pikir_contract::{BootId, Event};
use serde_json::{Value, json};

use crate::support::*;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn boot(number: u8) -> BootId {
    Terminal::new(number).boot
}

/// A rating in another boot, an hour after that began.
fn rated_in(terminal: &Terminal, of: u8, seq: u64) -> Event {
    let members =
        json!({"score": 5, "lang": "ky", "input": "keypad", "boot": boot(of), "up_ms": HOUR_MS});
    terminal.event(seq, "rating", &members)
}

/// A delivery by a boot that has been up for an hour.
fn sent_in(terminal: &Terminal, of: u8, events: &[Event]) -> Value {
    let mut delivery = terminal.delivery(events);
    delivery["clock"]["boot"] = json!(boot(of));
    delivery
}

fn time_of(portal: &Portal, seq: u64) -> (i64, String, Option<i64>) {
    portal
        .database()
        .query_row(
            "SELECT rated_at, time_quality, uncertainty_ms FROM ratings WHERE seq = ?1",
            [seq],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap()
}

#[tokio::test]
async fn boots_that_never_knew_the_time_are_bounded_by_their_neighbours() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(86_400));
    let first = sent_in(&terminal, 11, &[rated_in(&terminal, 11, 1)]);
    terminal.post(&portal, EVENTS, &first).await.ok();
    assert_eq!(
        time_of(&portal, 1),
        (NOW_MS + DAY_MS, "portal".to_owned(), Some(5_000))
    );
    // Two boots without a network, ten days later one with it.
    portal.clock.advance(Duration::from_secs(10 * 86_400));
    let late = [rated_in(&terminal, 12, 2), rated_in(&terminal, 13, 3)];
    terminal
        .post(&portal, EVENTS, &sent_in(&terminal, 14, &late))
        .await
        .ok();
    // From the end of the first (day 1) to the beginning of the last (day 11, less an hour) they
    // share ten days less three hours, of which each ran for an hour.
    let slack = (10 * DAY_MS - 3 * HOUR_MS) / 2;
    let earliest = NOW_MS + DAY_MS;
    assert_eq!(
        time_of(&portal, 2),
        (
            earliest + slack + HOUR_MS,
            "estimated".to_owned(),
            Some(slack)
        )
    );
    assert_eq!(
        time_of(&portal, 3),
        (
            earliest + slack + 2 * HOUR_MS,
            "estimated".to_owned(),
            Some(slack)
        )
    );
}

#[tokio::test]
async fn better_knowledge_sets_earlier_ratings_and_their_neighbours_right() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(10 * 86_400));
    let events = [rated_in(&terminal, 12, 1), rated_in(&terminal, 13, 2)];
    let delivery = sent_in(&terminal, 14, &events);
    terminal.post(&portal, EVENTS, &delivery).await.ok();
    let (before, ..) = time_of(&portal, 1);
    let mut told = sent_in(&terminal, 14, &[]);
    let offset_ms = NOW_MS + 2 * DAY_MS;
    told["boots"] = json!([{"boot": boot(13), "offset_ms": offset_ms, "quality": "synced"}]);
    terminal.post(&portal, EVENTS, &told).await.ok();
    assert_eq!(
        time_of(&portal, 2),
        (offset_ms + HOUR_MS, "synced".to_owned(), Some(1_000))
    );
    let (after, quality, uncertainty) = time_of(&portal, 1);
    assert!(after < before && after <= offset_ms, "{after} {before}");
    assert_eq!((&*quality, uncertainty), ("estimated", Some(DAY_MS)));
}

#[tokio::test]
async fn a_synchronised_clock_replaces_what_the_portal_s_clock_said() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    terminal
        .deliver(&portal, &[terminal.rating(1, 5)])
        .await
        .ok();
    assert_eq!(time_of(&portal, 1).2, Some(5_000));
    let mut told = terminal.delivery(&[]);
    let offset_ms = NOW_MS - HOUR_MS - 700;
    told["boots"] = json!([{"boot": terminal.boot, "offset_ms": offset_ms, "quality": "synced"}]);
    terminal.post(&portal, EVENTS, &told).await.ok();
    assert_eq!(
        time_of(&portal, 1),
        (offset_ms + 1_000, "synced".to_owned(), Some(1_000))
    );
}

#[tokio::test]
async fn a_terminal_that_is_sure_of_a_wrong_time_loses_no_event_and_is_not_believed() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(86_400));
    for (seq, wrong_ms) in [(1, -3_650 * DAY_MS), (2, 3_650 * DAY_MS), (3, -DAY_MS)] {
        let mut delivery = terminal.delivery(&[terminal.rating(seq, 5)]);
        let offset_ms = NOW_MS + wrong_ms;
        delivery["boots"] =
            json!([{"boot": terminal.boot, "offset_ms": offset_ms, "quality": "synced"}]);
        assert_all(
            &terminal.post(&portal, EVENTS, &delivery).await.ok(),
            "accepted",
        );
        assert_eq!(time_of(&portal, seq).1, "portal");
    }
    assert_eq!(portal.summary().await["total"], 3);
}

/// A delivery without events, this long after the boot.
fn sign_of_life(terminal: &Terminal, up_ms: i64) -> Value {
    let mut delivery = terminal.delivery(&[]);
    delivery["clock"]["up_ms"] = json!(up_ms);
    delivery
}

#[tokio::test]
async fn a_slow_first_request_is_set_right_by_a_quicker_one_and_a_slow_one_changes_nothing() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(9));
    terminal
        .deliver(&portal, &[terminal.rating(1, 5)])
        .await
        .ok();
    let right = NOW_MS - HOUR_MS + 1_000;
    assert_eq!(time_of(&portal, 1).0, right + 9_000);
    // A minute after the boot sent first; then another, of which the request takes 20 s.
    for (advance_s, up_ms) in [(51, HOUR_MS + 60_000), (80, HOUR_MS + 120_000)] {
        portal.clock.advance(Duration::from_secs(advance_s));
        let later = sign_of_life(&terminal, up_ms);
        terminal.post(&portal, EVENTS, &later).await.ok();
        assert_eq!(
            time_of(&portal, 1),
            (right, "portal".to_owned(), Some(5_000))
        );
    }
}

#[tokio::test]
async fn a_portal_clock_that_was_behind_is_made_good_and_a_request_repeated_is_not_believed() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let first = terminal.delivery(&[terminal.rating(1, 5)]);
    terminal.post(&portal, EVENTS, &first).await.ok();
    // The portal's clock was two hours behind.
    portal.clock.advance(Duration::from_secs(2 * 3_600 + 60));
    let later = sign_of_life(&terminal, HOUR_MS + 60_000);
    terminal.post(&portal, EVENTS, &later).await.ok();
    let right = NOW_MS + HOUR_MS + 1_000;
    assert_eq!(time_of(&portal, 1).0, right);
    portal.clock.advance(Duration::from_secs(86_400));
    for repeated in [&first, &later] {
        terminal.post(&portal, EVENTS, repeated).await.ok();
        assert_eq!(time_of(&portal, 1).0, right);
    }
}

#[tokio::test]
async fn what_the_portal_measured_stands_against_what_a_later_boot_tells() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let first = sent_in(&terminal, 11, &[rated_in(&terminal, 11, 1)]);
    terminal.post(&portal, EVENTS, &first).await.ok();
    let measured = time_of(&portal, 1);
    assert_eq!(measured.1, "portal");
    portal.clock.advance(Duration::from_secs(86_400));
    let began = NOW_MS - HOUR_MS;
    let tell = async |offset_ms: i64| {
        let mut told = sent_in(&terminal, 12, &[]);
        told["boots"] = json!([{"boot": boot(11), "offset_ms": offset_ms, "quality": "synced"}]);
        terminal.post(&portal, EVENTS, &told).await.ok();
        time_of(&portal, 1)
    };
    for wrong_ms in [-3 * 365 * DAY_MS, -HOUR_MS, HOUR_MS / 2] {
        assert_eq!(tell(began + wrong_ms).await, measured, "{wrong_ms}");
    }
    let synced = tell(began - 2_000).await;
    assert_eq!((synced.0, &*synced.1), (measured.0 - 2_000, "synced"));
}

#[tokio::test]
async fn what_was_told_of_a_boot_before_it_sent_gives_way_where_the_portal_measures_otherwise() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut told = sent_in(&terminal, 12, &[rated_in(&terminal, 11, 1)]);
    told["boots"] =
        json!([{"boot": boot(11), "offset_ms": NOW_MS - 365 * DAY_MS, "quality": "synced"}]);
    terminal.post(&portal, EVENTS, &told).await.ok();
    assert_eq!(time_of(&portal, 1).1, "synced");
    let own = sent_in(&terminal, 11, &[]);
    terminal.post(&portal, EVENTS, &own).await.ok();
    assert_eq!(
        time_of(&portal, 1),
        (NOW_MS, "portal".to_owned(), Some(5_000))
    );
}

#[tokio::test]
async fn a_status_report_dates_a_boot_too() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(7_200));
    let report = json!({
        "software": "pikir-kiosk 0.2.0",
        "clock": {"boot": boot(12), "up_ms": 2 * HOUR_MS, "wall": "1970-01-01T00:00:01Z", "synced": false},
        "pending": 1, "rejected": 0, "disk_free_mb": 9000, "network": "wifi",
    });
    terminal.post(&portal, STATUS, &report).await.ok();
    portal.clock.advance(Duration::from_secs(86_400));
    let delivery = sent_in(&terminal, 13, &[rated_in(&terminal, 12, 1)]);
    terminal.post(&portal, EVENTS, &delivery).await.ok();
    assert_eq!(
        time_of(&portal, 1),
        (NOW_MS + HOUR_MS, "portal".to_owned(), Some(5_000))
    );
}

#[tokio::test]
async fn a_rating_set_right_counts_for_where_the_terminal_stood_then() {
    let portal = Portal::start().await;
    let mut terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(10 * 86_400));
    let token = portal.token(OTHER_PLACE).await;
    terminal.enrol_with(&portal, &token).await;
    portal.clock.advance(Duration::from_secs(10 * 86_400));
    let place = || -> String {
        portal
            .database()
            .query_row("SELECT place FROM ratings", [], |row| row.get(0))
            .unwrap()
    };
    let delivery = sent_in(&terminal, 13, &[rated_in(&terminal, 12, 1)]);
    terminal.post(&portal, EVENTS, &delivery).await.ok();
    let mut told = sent_in(&terminal, 13, &[]);
    told["boots"] =
        json!([{"boot": boot(12), "offset_ms": NOW_MS + 15 * DAY_MS, "quality": "portal"}]);
    terminal.post(&portal, EVENTS, &told).await.ok();
    assert_eq!(place(), OTHER_PLACE);
    told["boots"] = json!([{"boot": boot(12), "offset_ms": NOW_MS + DAY_MS, "quality": "synced"}]);
    terminal.post(&portal, EVENTS, &told).await.ok();
    assert_eq!(place(), PLACE);
}

#[tokio::test]
async fn a_long_backlog_is_dated_once_the_last_of_it_has_come() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(10 * 86_400));
    let all: Vec<Event> = (1..=501).map(|seq| rated_in(&terminal, 12, seq)).collect();
    let full = sent_in(&terminal, 14, &all[..500]);
    terminal.post(&portal, EVENTS, &full).await.ok();
    assert_eq!(time_of(&portal, 1).1, "unknown");
    let rest = sent_in(&terminal, 14, &all[500..]);
    terminal.post(&portal, EVENTS, &rest).await.ok();
    assert_eq!(time_of(&portal, 1).1, "estimated");
    assert_eq!(time_of(&portal, 500), time_of(&portal, 501));
}

#[tokio::test]
async fn a_backlog_that_fills_its_last_delivery_is_dated_by_the_next_report() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(10 * 86_400));
    let all: Vec<Event> = (1..=500).map(|seq| rated_in(&terminal, 12, seq)).collect();
    let full = sent_in(&terminal, 14, &all);
    terminal.post(&portal, EVENTS, &full).await.ok();
    let report = json!({
        "software": "pikir-kiosk 0.2.0",
        "clock": {"boot": boot(14), "up_ms": HOUR_MS, "wall": "1970-01-01T00:00:01Z", "synced": false},
        "pending": 0, "rejected": 0, "disk_free_mb": 9000, "network": "wifi",
    });
    terminal.post(&portal, STATUS, &report).await.ok();
    assert_eq!(time_of(&portal, 500).1, "estimated");
}
