//! What a terminal says about itself.

use serde_json::{Value, json};

use crate::support::*;

fn report(terminal: &Terminal) -> Value {
    json!({
        "software": "pikir-kiosk 0.2.0",
        "clock": {"boot": terminal.boot, "up_ms": 1000, "wall": "1970-01-01T00:00:01Z", "synced": false},
        "pending": 3, "rejected": 0, "oldest_pending_s": 40, "disk_free_mb": 9000, "network": {"wifi": "up"},
        "config_version": 2, "config_refused": "qr: is missing", "from_a_newer_terminal": {"fan": "loud"},
    })
}

#[tokio::test]
async fn the_latest_report_is_kept_as_it_came() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let etag = terminal.get(&portal, CONFIG, &[]).await.headers["etag"]
        .to_str()
        .unwrap()
        .to_owned();
    let answer = terminal
        .post(&portal, STATUS, &report(&terminal))
        .await
        .ok();
    assert_eq!(answer["config_etag"], etag.as_str());
    assert_eq!(
        answer["time"]
            .as_str()
            .unwrap()
            .parse::<pikir_contract::Time>()
            .unwrap()
            .unix_ms(),
        NOW_MS
    );
    let state = portal.only_terminal().await;
    assert_eq!(state.software, "pikir-kiosk 0.2.0");
    assert_eq!(state.seen_at, Some(NOW_MS));
    let kept: Value = serde_json::from_str(&state.report.unwrap()).unwrap();
    assert_eq!(kept, report(&terminal));
}

#[tokio::test]
async fn a_report_that_lacks_something_is_422() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut report = report(&terminal);
    report.as_object_mut().unwrap().remove("pending");
    let problem = terminal.post(&portal, STATUS, &report).await.problem(422);
    assert!(
        problem["detail"].as_str().unwrap().contains("pending"),
        "{problem}"
    );
}
