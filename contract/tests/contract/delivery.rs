//! Deliveries, answers and status reports as a whole.

use pikir_contract::{
    BatchError, Event, EventStatus, EventsAnswer, EventsRequest, Problem, Seal, StatusReport,
};
use serde_json::{Value, json};

fn request(seqs: &[u64]) -> EventsRequest {
    let event = |&seq: &u64| Event {
        seq,
        kind: "beacon".to_owned(),
        body: json!({}),
        seal: Seal::from_bytes([0; 16]),
    };
    let clock = json!({"boot": "6f1c9b0e-5d0a-4f7e-9d53-0b6c2a1e8f44", "up_ms": 1, "wall": "1970-01-01T00:00:00Z", "synced": false});
    let mut request: EventsRequest = serde_json::from_value(
        json!({"terminal": "019c0e05-ff40-7e68-aaf7-bdcc5ae005a2", "clock": clock, "events": []}),
    )
    .unwrap();
    request.events = seqs.iter().map(event).collect();
    request
}

#[test]
fn a_delivery_holds_at_most_500_events() {
    let seqs: Vec<u64> = (1..=501).collect();
    assert_eq!(request(&seqs[..500]).check(), Ok(()));
    assert_eq!(
        request(&seqs).check(),
        Err(BatchError::TooMany { count: 501 })
    );
}

#[test]
fn seqs_ascend_from_1_gaps_allowed() {
    assert_eq!(request(&[]).check(), Ok(()));
    assert_eq!(request(&[3, 4, 9]).check(), Ok(()));
    assert_eq!(request(&[0]).check(), Err(BatchError::Seq { seq: 0 }));
    assert_eq!(
        request(&[1 << 53]).check(),
        Err(BatchError::Seq { seq: 1 << 53 })
    );
    assert_eq!(
        request(&[2, 2]).check(),
        Err(BatchError::Order {
            previous: 2,
            seq: 2
        })
    );
    assert_eq!(request(&[2, 1]).check().unwrap_err().seq(), Some(1));
}

#[test]
fn boots_need_not_be_there() {
    assert!(request(&[]).boots.is_empty());
}

#[test]
fn integers_outside_2_53_minus_1_and_floats_are_refused_in_every_message() {
    let answer = |through: Value| {
        serde_json::from_value::<EventsAnswer>(
            json!({"received_through": through, "results": [], "time": "2026-01-31T08:30:00Z"}),
        )
    };
    assert!(answer(json!((1_u64 << 53) - 1)).is_ok());
    assert!(answer(json!(1_u64 << 53)).is_err());
    assert!(answer(json!(1.0)).is_err());
    assert!(answer(json!(-1)).is_err());
    let problem =
        |seq: Value| serde_json::from_value::<Problem>(json!({"status": 422, "seq": seq}));
    assert!(problem(json!(1)).is_ok());
    assert!(problem(json!(1_u64 << 53)).is_err());
}

#[test]
fn a_problem_without_type_is_about_blank() {
    let problem: Problem = serde_json::from_str(r#"{"status":503,"instance":"ignored"}"#).unwrap();
    assert_eq!(problem, Problem::new(Problem::ABOUT_BLANK, 503, ""));
    let full = Problem::new("x", 422, "t").with_detail("d").with_seq(3);
    assert_eq!(
        serde_json::to_value(full).unwrap(),
        json!({"type": "x", "title": "t", "status": 422, "detail": "d", "seq": 3})
    );
}

#[test]
fn a_status_report_says_null_for_what_it_always_carries_and_omits_the_rest() {
    let report: StatusReport = serde_json::from_value(json!({
        "software": "s", "pending": 0, "rejected": 0, "disk_free_mb": 1, "network": "none",
        "clock": {"boot": "6f1c9b0e-5d0a-4f7e-9d53-0b6c2a1e8f44", "up_ms": 1, "wall": "1970-01-01T00:00:00Z", "synced": false},
    }))
    .unwrap();
    let written = serde_json::to_value(report).unwrap();
    for name in ["oldest_pending_s", "config_version"] {
        assert_eq!(written.get(name), Some(&Value::Null), "{name}");
    }
    for name in [
        "temperature_c",
        "throttled",
        "config_refused",
        "last_rating_s",
        "problems",
        "touch_panels",
        "displays",
        "uptime_s",
    ] {
        assert_eq!(written.get(name), None, "{name}");
    }
}

#[test]
fn problems_are_short_keys_of_any_version_and_not_too_many() {
    let read = |problems: Value| {
        serde_json::from_value::<StatusReport>(json!({
            "software": "s", "pending": 0, "rejected": 0, "disk_free_mb": 1, "network": "none",
            "clock": {"boot": "6f1c9b0e-5d0a-4f7e-9d53-0b6c2a1e8f44", "up_ms": 1, "wall": "1970-01-01T00:00:00Z", "synced": false},
            "problems": problems,
        }))
        .map(|report| report.problems)
    };
    let keys = |keys: &[&str]| Some(keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
    assert_eq!(read(json!([])).unwrap(), keys(&[]));
    assert_eq!(read(Value::Null).unwrap(), None);
    let known = json!(["no-display", "of-the-future-2"]);
    assert_eq!(
        read(known).unwrap(),
        keys(&["no-display", "of-the-future-2"])
    );
    for wrong in [
        json!([""]),
        json!(["No display"]),
        json!(["ы"]),
        json!(["a".repeat(65)]),
        json!("no-display"),
        json!(vec!["a"; 101]),
    ] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn the_network_of_a_report_is_text_or_any_other_json_as_its_text() {
    let read = |network: Value| {
        let report: StatusReport = serde_json::from_value(json!({
            "software": "s", "pending": 0, "rejected": 0, "disk_free_mb": 1, "network": network,
            "clock": {"boot": "6f1c9b0e-5d0a-4f7e-9d53-0b6c2a1e8f44", "up_ms": 1, "wall": "1970-01-01T00:00:00Z", "synced": false},
        }))
        .unwrap();
        report.network
    };
    assert_eq!(read(json!("wifi")), "wifi");
    assert_eq!(read(json!({"up": true})), r#"{"up":true}"#);
    assert_eq!(read(json!(["eth0"])), r#"["eth0"]"#);
    assert_eq!(read(Value::Null), "null");
}

#[test]
fn a_reason_of_a_later_version_does_not_make_the_answer_unreadable() {
    let text = r#"{"received_through": 1, "time": "2026-11-20T08:30:00Z",
        "results": [{"seq": 1, "status": "rejected", "reason": "of the future"}]}"#;
    let answer: EventsAnswer = serde_json::from_str(text).unwrap();
    assert_eq!(
        (answer.results[0].status, answer.results[0].reason),
        (EventStatus::Rejected, None)
    );
}
