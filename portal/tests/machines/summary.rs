//! The public figures.

use std::time::Duration;

use pikir_contract::Texts;
use pikir_portal::storage::OrganizationRecord;
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn flagged_and_withdrawn_ratings_are_shown_but_do_not_count() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let flagged = json!({"score": 1, "lang": "ru", "input": "touch", "flags": ["burst"]});
    let events = [
        terminal.rating(1, 5),
        terminal.rating(2, 4),
        terminal.rating(3, 4),
        terminal.event(4, "rating", &flagged),
        terminal.rating(5, 1),
        terminal.event(6, "withdrawal", &json!({"rating": terminal.event_id(5)})),
    ];
    assert_all(&terminal.deliver(&portal, &events).await.ok(), "accepted");
    let summary = portal.summary().await;
    assert_eq!(
        summary["counts"],
        json!({"1": 0, "2": 0, "3": 0, "4": 2, "5": 1})
    );
    assert_eq!(
        (&summary["total"], &summary["average"]),
        (&json!(3), &json!("4.33"))
    );
    assert_eq!(
        (&summary["flagged"], &summary["withdrawn"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(summary["channels"]["terminal"]["total"], 3);
    assert_eq!(
        summary["channels"]["phone"],
        json!({"counts": {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0}, "total": 0, "average": null})
    );
}

#[tokio::test]
async fn units_have_figures_of_their_own() {
    let portal = Portal::start().await;
    let unit = OrganizationRecord {
        code: "con-1".to_owned(),
        parent: Some("con".to_owned()),
        names: Texts::from([("ru", "Отдел 1")]),
        version: 1,
    };
    portal
        .state
        .storage
        .put_organizations(vec![unit], Vec::new())
        .await
        .unwrap();
    portal.add_place("con-1", "D8RN").await;
    let mut terminal = Terminal::new(3);
    let token = portal.token("D8RN").await;
    terminal.enrol_with(&portal, &token).await;
    terminal
        .deliver(&portal, &[terminal.rating(1, 2)])
        .await
        .ok();
    assert_eq!(portal.summary().await["total"], 0);
    let with_units = portal
        .get("/api/v1/organizations/con/summary?include=units")
        .await
        .ok();
    assert_eq!(with_units["units"][0]["organization"], "con-1");
    assert_eq!(with_units["units"][0]["average"], "2.00");
}

#[tokio::test]
async fn the_time_the_terminals_ran_stands_beside_the_figures() {
    let portal = Portal::start().await;
    assert_eq!(
        portal.summary().await["uptime"],
        json!({"terminals": 0, "since": null, "within": "all-hours", "percent": null})
    );
    let terminal = portal.terminal(1).await;
    portal.clock.advance(Duration::from_secs(4 * 3600));
    // Heard of at one second and at one hour of this boot.
    terminal.hand_in(&portal, 1..=1).await;
    let uptime = portal.summary().await["uptime"].clone();
    assert_eq!(
        uptime,
        json!({"terminals": 1, "since": "2026-11-22T02:00:00.000Z", "within": "all-hours", "percent": "24.9"})
    );
    // A terminal that claims to have run for ever has run until now at most; clocks may differ by
    // minutes.
    let mut boasting = terminal.delivery(&[]);
    boasting["clock"]["up_ms"] = json!(9_007_199_254_740_991_u64);
    terminal.post(&portal, EVENTS, &boasting).await.ok();
    assert_eq!(portal.summary().await["uptime"]["percent"], "27.0");
}

#[tokio::test]
async fn every_boot_of_every_terminal_counts_towards_the_time() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let token = portal.token(OTHER_PLACE).await;
    Terminal::new(2).enrol_with(&portal, &token).await;
    portal.clock.advance(Duration::from_secs(4 * 3600));
    terminal.hand_in(&portal, 1..=1).await;
    portal.clock.advance(Duration::from_secs(2 * 3600));
    let boot = Terminal::new(9).boot;
    let rated = json!({"score": 5, "lang": "ky", "input": "keypad", "boot": boot, "up_ms": 0});
    let mut delivery = terminal.delivery(&[terminal.event(2, "rating", &rated)]);
    delivery["clock"]["boot"] = json!(boot);
    terminal.post(&portal, EVENTS, &delivery).await.ok();
    // One ran for two hours less a second, the other was never heard of: of twelve hours.
    let uptime = portal.summary().await["uptime"].clone();
    assert_eq!(
        (&uptime["terminals"], &uptime["percent"]),
        (&json!(2), &json!("16.6"))
    );
}

#[tokio::test]
async fn where_opening_hours_are_known_only_they_are_to_be_covered() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    // Sunday, 8:00 in Bishkek: open from 9:00 to 11:00.
    let hours = "sun 09:00-11:00".parse().unwrap();
    let code = "B4XK".parse().unwrap();
    let storage = &portal.state.storage;
    assert!(storage.set_hours(&code, hours).await.unwrap());
    portal.clock.advance(Duration::from_secs(4 * 3600));
    // The boot ran from 11:00:01 of that clock until noon: after hours.
    terminal.hand_in(&portal, 1..=1).await;
    let uptime = portal.summary().await["uptime"].clone();
    assert_eq!(
        (&uptime["within"], &uptime["percent"]),
        (&json!("opening-hours"), &json!("0.0"))
    );
    storage
        .set_hours(&code, "sun 10:30-11:30".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(portal.summary().await["uptime"]["percent"], "49.9");
}
